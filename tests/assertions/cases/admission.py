"""Too many at once, too many waiting, and gauges that say otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from assertions.record.phases import OVER_ADMISSION
from assertions.record.types import HealthProbe, Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import ALL, Case, no_hits, on_moment, table, without
from tests.assertions.healthy.records import (
    changed,
    drop,
    each,
    healthy,
    values,
    with_hits,
    with_pages,
    with_scenario,
    with_status,
)


def _in_phase(record: ScenarioRecord, phase: str, change: Callable[[dict[str, Any]], None]) -> ScenarioRecord:
    """What /export/status said during one phase, edited."""

    def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
        if probe.phase != phase or probe.path != "/export/status":
            return None
        body = json.loads(probe.answer or "")
        change(body)
        return {"answer": json.dumps(body)}

    return changed(record, health=each(record.health, edit))


def _once(record: ScenarioRecord, phase: str, **reported: int) -> ScenarioRecord:
    """/export/status said this once during a phase."""
    bodies: list[dict[str, Any]] = []

    def change(body: dict[str, Any]) -> None:
        if not bodies:
            body.update(reported)
        bodies.append(body)

    return _in_phase(record, phase, change)


def _capped(record: ScenarioRecord, most: int) -> ScenarioRecord:
    """Whatever runs beyond so many is reported as waiting."""

    def page(text: str) -> str:
        running = float(re.findall(r"^export_concurrent_running (\S+)$", text, re.MULTILINE)[0])
        hidden = max(0.0, running - most)
        text = values("export_concurrent_running", lambda value: value - hidden)(text)
        return values("export_queue_depth", lambda value: value + hidden)(text)

    def status(body: dict[str, Any]) -> None:
        hidden = max(0, body["concurrentExports"] - most)
        body["concurrentExports"] -= hidden
        body["queueDepth"] += hidden

    return with_status(with_pages(record, page), status)


def _told(record: ScenarioRecord, running: int | None, waiting: int | None) -> ScenarioRecord:
    """Page and status say these numbers whenever load runs."""
    for gauge, key, value in (
        ("export_concurrent_running", "concurrentExports", running),
        ("export_queue_depth", "queueDepth", waiting),
    ):
        if value is not None:
            record = with_pages(record, values(gauge, lambda _, value=value: value), on_moment("during"))  # type: ignore[misc]
            record = with_status(record, lambda body, key=key, value=value: body.update({key: value}))  # type: ignore[misc]
    return record


def refused(record: ScenarioRecord, change: Callable[[Hit], Mapping[str, Any]], all_of_them: bool = False) -> Any:
    """The first 429, or all of them, edited."""
    first = next(hit.id for hit in record.hits if hit.status == 429)
    return with_hits(
        record, lambda hit: change(hit) if hit.id == first or (all_of_them and hit.status == 429) else None
    )


def full(hit: Hit, **fields: Any) -> str:
    """What a 429 says; fields: its own fields, in addition to those that each error has."""
    at = datetime.fromtimestamp(hit.end, UTC).isoformat()
    return json.dumps({"success": False, "error": "full", "timestamp": at, **fields})


def with_over_admission(
    record: ScenarioRecord,
    took_s: float,
    left_s: float,
    rounds: int = 2,
    reported: Mapping[str, object] | None = None,
    five: int = 5,
    status: int = 200,
) -> ScenarioRecord:
    """Behind all else rounds of five exports and one more, which took so long, while the five had so long to go.

    reported: by the status page before the extra export was sent, where not five running, none waiting; five: how many
    there were; status: of the first of them.
    """
    like = next(hit for hit in record.hits if hit.phase == "solo")
    body = {"concurrentExports": 5, "queueDepth": 0} if reported is None else reported
    more: list[Hit] = []
    for number in range(rounds):
        start = max(hit.end for hit in (*record.hits, *more)) + 1
        asked = start + 0.2
        for place in range(five):
            end = asked + left_s + 0.1 * place
            more.append(_again(like, number * 6 + place, start, end, status=status if place == 0 else 200))
        page = {"method": "GET", "path": "/export/status", "answer": json.dumps(body)}
        more.append(_again(like, 1_000 + number, asked - 0.1, asked - 0.05, **page))
        more.append(_again(like, number * 6 + 5, asked, asked + took_s))
    return changed(record, hits=(*record.hits, *more))


def _again(hit: Hit, index: int, start: float, end: float, **fields: Any) -> Hit:
    fields = {
        "id": f"{OVER_ADMISSION}-{index}",
        "phase": OVER_ADMISSION,
        "index": index,
        "start": start,
        "end": end,
    } | fields
    return msgspec.structs.replace(hit, **fields)


def _no_solo(record: ScenarioRecord) -> ScenarioRecord:
    return changed(record, hits=tuple(hit for hit in record.hits if hit.phase != "solo"))


def _deaf(record: ScenarioRecord) -> ScenarioRecord:
    return changed(with_pages(record, drop("export_concurrent_running")), health=())


FAILS = (
    *table(
        "concurrency-target",
        "batch",
        (
            "six at once",
            lambda _: healthy("batch", servers=6),
            "most exports running at once in 302 readings: 6 exports (limit <= 5 exports)",
        ),
        (
            "fewer than none",
            lambda r: with_pages(r, values("export_concurrent_running", lambda _: -1), on_moment("before")),
            "export_concurrent_running fell to -1",
        ),
    ),
    *table(
        "concurrency-outside",
        "batch",
        (
            "twenty at once, reported as five",
            lambda _: _capped(healthy("batch", servers=20), 5),
            "80 exports, each of which takes 0.258 s by itself, were finished within 1.1 s: at least 18.8",
        ),
        (
            "one more with five",
            lambda r: with_over_admission(r, 0.05, 1.0),
            "more than five ran at once, 2 times: over-admission-5, sent while /export/status reported five",
            # no page counts these exports, and their files are those of others
            ("downloads", "latency-counts", "latency-sum", "names", "requests"),
        ),
    ),
    *table(
        "concurrency-agree",
        "load",
        (
            "twenty more waiting than asked",
            lambda r: with_pages(r, values("export_queue_depth", lambda value: value + 20), on_moment("during")),
            "the target reports 5 running and 20 waiting exports while at most 5 requests were under way",
            ("identity",),
        ),
        (
            "none running",
            lambda r: _told(r, 0, None),
            "export_concurrent_running was 0 in all 29 readings while exports were certainly under way",
            ("identity", "status-page"),
        ),
        (
            "one of five reported",
            lambda r: _in_phase(
                with_pages(r, values("export_concurrent_running", lambda value: value and 1), on_moment("during")),
                "measure",
                lambda body: body.update(concurrentExports=1),
            ),
            "the target reports 1.0 exports running or waiting on average while 4.6 were certainly under",
            ("identity", "status-page"),
        ),
    ),
    *table(
        "queue-target",
        "batch",
        (
            "101 waiting once",
            lambda r: _once(r, "burst", queueDepth=101),
            "most exports waiting in 334 readings: 101 exports (limit <= 100 exports)",
        ),
        (
            "101 waiting by a 429",
            lambda r: refused(r, lambda hit: {"answer": full(hit, queueDepth=101)}),
            "most exports waiting in 334 readings: 101 exports (limit <= 100 exports)",
        ),
    ),
    *table(
        "queue-outside",
        "batch",
        (
            "a queue without end",
            lambda _: healthy("batch", queue=1_000, slow_edge=40.0),
            "120 exports were inside for a whole second without a 429, where 5 may run and 100 wait",
            ("queue-target",),
        ),
    ),
    *table(
        "queue-agree",
        "batch",
        (
            "nobody waits",
            lambda r: _told(r, None, 0),
            "the target reports 0.0 waiting exports on average where 14.4 must wait (18 readings)",
            ("concurrency-agree", "identity", "status-page"),
        ),
    ),
    *table(
        "rejections",
        "batch",
        (
            "a 503",
            lambda r: refused(r, lambda hit: {"status": 503}),
            "edge-105 was refused with 503, though the service was not shutting down",
        ),
        (
            "within the limits",
            lambda r: with_hits(r, lambda hit: {"status": 429, "answer": "{}"} if hit.id == "solo-0" else None),
            "3 kinds of faults: (1) solo-0 was refused with 429 while at most 0 exports ran or waited; (2)",
            ("answers", "bytes-agree", "latency-counts", "requests"),
        ),
        (
            "an empty queue",
            lambda r: refused(r, lambda hit: {"answer": full(hit, queueDepth=0)}),
            "the 429 of edge-105 reports 0 waiting, where 100 must wait",
        ),
        (
            "a queue of 99",
            lambda r: refused(r, lambda hit: {"answer": full(hit, queueDepth=99)}, True),
            "none of the 25 answers with 429 reports more than 99 waiting, where 100 must wait",
        ),
        (
            "no queueDepth",
            lambda r: refused(r, lambda hit: {"answer": full(hit)}),
            "the 429 of edge-105 lacks success false, an error or queueDepth",
        ),
    ),
    *(
        Case(
            id="rejections",
            name=name,
            on="batch",
            change=lambda r, reported=reported: refused(r, lambda hit: {"headers": reported}, True),  # type: ignore[misc]
            reason=f"the 429 of edge-105 has no usable Retry-After: {reported.get('retry-after')!r}",
        )
        for name, reported in (
            ("no Retry-After", {}),
            ("a Retry-After of words", {"retry-after": "soon"}),
            ("a Retry-After of years", {"retry-after": "99999999"}),
            ("a Retry-After of years ago", {"retry-after": "Fri, 20 Nov 2015 10:00:00 GMT"}),
        )
    ),
    *table(
        "rest",
        "load",
        (
            "one still waits",
            lambda r: with_pages(r, values("export_queue_depth", lambda _: 1), on_moment("after")),
            "export_queue_depth still reads 1 after the last export has ended",
            ("identity",),
        ),
        (
            "status still reports one",
            lambda r: with_status(
                r, lambda body: body.update(queueDepth=1) if body["concurrentExports"] == 0 else None
            ),
            "/export/status still reports 0 running and 1 waiting exports after the last one has ended",
        ),
    ),
)

BLIND = (
    *table(
        "concurrency-target",
        ALL,
        (
            "no gauge",
            _deaf,
            "export_concurrent_running was read 135 times under load, and 5 are needed to see its peak",
        ),
        (
            "nothing read under load",
            without("during"),
            "export_concurrent_running was read 0 times under load, and 5 are needed to see its peak",
        ),
    ),
    *table(
        "concurrency-outside",
        "batch",
        ("no burst", no_hits, "no burst was sent; 10 exports"),
        ("none by itself", _no_solo, "no pdf-5k was exported by itself, so there is nothing to compare the burst with"),
    ),
    *table(
        "concurrency-outside",
        ALL,
        ("no gauge", _deaf, "the gauge of running exports could not be compared with requests under way"),
    ),
    *table(
        "concurrency-agree",
        "load",
        (
            "no phases",
            lambda r: with_scenario(r, phases=()),
            "an export was certainly under way in only 0 of 0 readings; 8 are needed to compare the",
        ),
        (
            "nothing under way",
            lambda r: _told(no_hits(r), 0, 0),
            "an export was certainly under way in only 0 of 30 readings; 8 are needed to compare the",
        ),
    ),
    *table(
        "queue-target",
        ALL,
        (
            "nothing read under load",
            without("during"),
            "export_queue_depth was read 0 times under load, and 5 are needed to see its peak",
        ),
    ),
    *table(
        "queue-outside",
        "batch",
        ("no batch", no_hits, "the batch scenario is needed, in which more ask than may run and wait"),
    ),
    *table(
        "queue-agree",
        "batch",
        ("no crowd", no_hits, "0 readings were taken while more than 10 exports were inside, and 3 are needed"),
    ),
    *table(
        "rejections",
        "load",
        ("none asked", no_hits, "no export was requested"),
    ),
    *table(
        "rest",
        "load",
        ("none after", without("after"), "no readable page from after the last"),
        (
            "no gauge",
            lambda r: with_pages(r, drop("export_queue_depth")),
            "export_queue_depth can't be read on the page after the last request",
        ),
    ),
)
