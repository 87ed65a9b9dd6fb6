"""Targets that fall asleep, lie about themselves, accept bad input or do not end; and generators that were not fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from assertions.probes.behaviour import AFTER_DISCONNECT, CASES, PAGE_BY_ACCEPT, REST_AFTER_DISCONNECT
from assertions.record.phases import DISCONNECTS
from assertions.record.types import INTERRUPTED, GeneratorClock, HealthProbe, Hit, Probe
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits
from tests.assertions.healthy.records import changed, drop_samples, each, values, with_hits, with_scenario, with_status

Change = Callable[[ScenarioRecord], ScenarioRecord]


def probes(path: str, count: int, phase: str = "measure", **fields: Any) -> Change:
    """A change of the first calls of a path that were made in a phase."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        mine = [one for one in record.health if one.path == path and one.phase == phase][:count]

        def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
            return fields if any(probe is one for one in mine) else None

        return changed(record, health=each(record.health, edit))

    return change


def no_calls(path: str) -> Change:
    """A change that drops all but four calls of a path under load."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        mine = [one for one in record.health if one.path == path and one.phase == "measure"][:4]
        others = [one for one in record.health if one.path != path]
        return changed(record, health=tuple(sorted([*mine, *others], key=lambda one: one.start)))

    return change


def behaving(case: str, **fields: Any) -> Change:
    """A change of one behaviour probe's hit."""
    return lambda record: with_hits(record, lambda hit: fields if hit.case == case else None)


def other_page(rewrite: Callable[[str], str]) -> Change:
    """A change of the page that is given to who asks for OpenMetrics."""
    return lambda record: with_hits(
        record, lambda hit: {"answer": rewrite(hit.answer or "")} if hit.case == PAGE_BY_ACCEPT else None
    )


def hung(*rises: int) -> Change:
    """A change by which clients hung up in so many rounds, and so many more descriptors were open after each."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        mine = [hit for hit in record.hits if hit.phase == DISCONNECTS]
        again = [hit for _ in rises[1:] for hit in mine]
        rest = record.probes[-1]

        def reading(number: int, rise: int) -> Probe:
            first, *others = rest.processes
            assert first.fds is not None
            more = msgspec.structs.replace(first, fds=first.fds + rise)
            return msgspec.structs.replace(
                rest, phase=DISCONNECTS, exports_done=rest.exports_done + number, processes=(more, *others)
            )

        read = tuple(reading(number, rise) for number, rise in enumerate((0, *rises)))
        return changed(record, hits=(*record.hits, *again), disconnect_probes=read)

    return change


def status(**fields: Any) -> Change:
    """A change of what every call of /export/status says; None drops a key."""

    def edit(body: dict[str, Any]) -> None:
        body.update(fields)
        for key in [key for key, value in fields.items() if value is None]:
            del body[key]

    return lambda record: with_status(record, edit)


def lost(count: int, error: str = "reset") -> Change:
    """A change by which the first requests under load had no answer."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        def edit(hit: Hit) -> Mapping[str, Any] | None:
            if hit.phase != "measure" or hit.index >= count:
                return None
            return {"status": None, "error": error, "answer": None, "headers": {}}

        return with_hits(record, edit)

    return change


def clock(drift_s: float | None) -> GeneratorClock:
    """That of a generator elsewhere, known to 1 ms, whose own time is another by hours."""
    return GeneratorClock(worker=1, host="far.example", offset_s=7200.0, error_s=0.001, drift_s=drift_s)


def generated(**fields: Any) -> Change:
    """A change of what the generator says of itself."""
    return lambda record: with_scenario(record, generator=msgspec.structs.replace(record.scenario.generator, **fields))


def phase(name: str, **fields: Any) -> Change:
    """A change of one phase's run."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        phases = each(record.scenario.phases, lambda one: fields if one.name == name else None)
        return with_scenario(record, phases=phases)

    return change


_ALL_FIELDS = (
    '{"success": false, "error": "check format, data, columns, source, title, user and colour", '
    '"timestamp": "2026-11-23T18:00:00Z"}'
)
_ASLEEP = json.dumps({"ok": False})
_STATUS: tuple[tuple[str, Change, str, tuple[str, ...]], ...] = (
    (
        "no running",
        status(concurrentExports=None),
        "concurrentExports must be a whole number of 0 or more, it is None",
        ("rest",),
    ),
    (
        "running a flag",
        status(concurrentExports=False),
        "concurrentExports must be a whole number of 0 or more, it is False",
        ("rest",),
    ),
    (
        "waiting below zero",
        status(queueDepth=-1),
        "queueDepth must be a whole number of 0 or more, it is -1",
        ("rest",),
    ),
    (
        "most as text",
        status(maxConcurrentExports="5"),
        "maxConcurrentExports must be a whole number of 0 or more, it is '5'",
        (),
    ),
    ("another most", status(maxConcurrentExports=10), "maxConcurrentExports is 10, not 5", ()),
    ("not ready", status(status="busy"), "status is 'busy', not 'ready'", ()),
    ("no version", status(version=""), "version must be a string, it is ''", ()),
    ("version a number", status(version=1.7), "version must be a string, it is 1.7", ()),
    (
        "no time",
        status(timestamp=None),
        "timestamp must be the time of the answer in ISO 8601, it is None",
        (),
    ),
    (
        "another day",
        status(timestamp="2020-01-01T00:00:00Z"),
        "timestamp must be the time of the answer in ISO 8601, it is '2020-01-01T00:00:00Z'",
        (),
    ),
)

FAILS = (
    Case(
        id="behaviour",
        name="an error of another century",
        on="smoke",
        change=behaving(
            "bad-columns-twice",
            answer='{"success": false, "error": "`columns` are not distinct", "timestamp": "1999-12-31T23:59:59Z"}',
        ),
        reason="bad-columns-twice: the error's timestamp is '1999-12-31T23:59:59Z', which is not the time of",
    ),
    Case(
        id="behaviour",
        name="a field not named",
        on="smoke",
        change=behaving(
            "bad-columns-twice",
            answer='{"success": false, "error": "bad request", "timestamp": "2026-11-23T18:00:00Z"}',
        ),
        reason=f"1 of {len(CASES)} behaviour probes went wrong; bad-columns-twice: ",
    ),
    Case(
        id="behaviour",
        name="a link to another file",
        on="smoke",
        change=behaving("download-get", answer='{"status": "ready", "downloadUrl": "/export/files/another.csv"}'),
        reason="leads to another file",
    ),
    Case(
        id="behaviour",
        name="one sentence for all",
        on="smoke",
        change=lambda r: with_hits(r, lambda hit: {"answer": _ALL_FIELDS} if hit.status == 400 else None),
        reason="2 kinds of faults: (1) bad colour, column, data, format, source, title, user are all answered",
    ),
    Case(
        id="behaviour",
        name="a file from outside",
        on="smoke",
        change=behaving("path-encoded", status=200),
        reason=f"1 of {len(CASES)} behaviour probes went wrong; path-encoded: status 200,",
    ),
    Case(
        id="behaviour",
        name="requests doubled for OpenMetrics",
        on="smoke",
        change=other_page(values("export_requests_total", lambda value: 2 * value)),
        reason="the metrics page in OpenMetrics format has 78",
    ),
    Case(
        id="behaviour",
        name="no buckets for OpenMetrics",
        on="smoke",
        change=other_page(drop_samples("export_latency_ms_bucket")),
        reason="the metrics page in OpenMetrics format lacks",
    ),
    Case(
        id="behaviour",
        name="places lost by a disconnect",
        on="smoke",
        change=behaving(REST_AFTER_DISCONNECT, answer='{"concurrentExports": 5, "queueDepth": 1}'),
        reason="disconnects: after 6 clients disconnected /export/status reports 5 running and 1 waiting with",
    ),
    Case(
        id="behaviour",
        name="no status after a disconnect",
        on="smoke",
        change=behaving(REST_AFTER_DISCONNECT, status=None, error="timeout", answer=None),
        reason="disconnects: after 6 clients disconnected /export/status was answered with timeout",
    ),
    Case(
        id="behaviour",
        name="dead after a disconnect",
        on="smoke",
        change=behaving(AFTER_DISCONNECT, status=None, error="timeout", answer=None),
        reason="disconnects: after 6 clients disconnected a valid export ended with timeout",
    ),
    Case(
        id="behaviour",
        name="descriptors lost by a disconnect",
        on="smoke",
        change=hung(6, 12),
        reason="disconnects: after 12 clients disconnected open descriptors rose by 12, and stayed",
    ),
    Case(
        id="behaviour",
        name="a gauge that a disconnect left behind",
        on="smoke",
        change=lambda r: changed(r, final_page=next(timed.page for timed in r.pages if timed.running)),
        reason="disconnects: after 6 clients disconnected export_concurrent_running still reads 1 with nothing",
    ),
    Case(
        id="health",
        name="two calls refused",
        on="load",
        change=probes("/health", 2, status=None, error="refused", answer=None),
        reason="2 of 42 calls of /health under load failed, the first with refused: ''",
    ),
    Case(
        id="health",
        name="no time",
        on="load",
        change=probes("/health", 42, answer='{"ok": true}'),
        reason="/health has no `ts`: '{\"ok\": true}'",
    ),
    Case(
        id="health",
        name="not ok",
        on="load",
        change=probes("/health", 2, answer=_ASLEEP),
        reason="2 of 42 calls of /health under load failed, the first with 200: '{\"ok\": false}'",
    ),
    Case(
        id="health",
        name="not well when many wait",
        on="batch",
        change=probes("/health", 2, "edge", status=503, answer=_ASLEEP),
        reason="2 calls of /health outside the steady load were answered wrongly, the first in edge with 503:",
    ),
    *(
        Case(
            id="health",
            name=f"a clock that stands still, {name}",
            on="load",
            change=lambda r, ts=ts: changed(  # type: ignore[misc]
                r,
                health=each(
                    r.health,
                    lambda one: {"answer": json.dumps({"ok": True, "ts": ts})} if one.path == "/health" else None,
                ),
            ),
            reason=f"`ts` of /health is {ts} in all 87 calls: the clock stands still",
        )
        for name, ts in (("in ms", 1_795_000_000_010), ("in words", "2026-11-18T10:00:01Z"))
    ),
    *(
        Case(
            id="status-page",
            name=name,
            on="smoke",
            change=change,
            reason=f"/export/status: {reason}",
            also=also,
        )
        for name, change, reason, also in _STATUS
    ),
    Case(
        id="behaviour",
        name="a link without a time",
        on="smoke",
        change=behaving("download-get", answer='{"status": "ready", "downloadUrl": "/export/files/after.csv"}'),
        reason="download-get: `timestamp` must be ISO 8601, it is None",
    ),
    Case(
        id="status-page",
        name="two calls answered 500",
        on="load",
        change=probes("/export/status", 2, status=500),
        reason="2 of 84 calls of /export/status failed, the first with 500",
    ),
    Case(
        id="status-page",
        name="two calls not answered",
        on="load",
        change=probes("/export/status", 2, status=None, error="timeout", answer=None),
        reason="2 of 84 calls of /export/status failed, the first with timeout",
    ),
    Case(
        id="status-page",
        name="always idle",
        on="load",
        change=status(concurrentExports=0),
        reason="/export/status reports 0.0 exports running or waiting on average while 4.7 were certainly",
    ),
    Case(
        id="status-page",
        name="always busy",
        on="load",
        change=status(concurrentExports=5, queueDepth=50),
        reason="/export/status reports 55 exports running or waiting while at most 13 requests were under way",
        also=("rest",),
    ),
    Case(
        id="answered",
        name="three broken off",
        on="load",
        change=lost(3),
        reason="3 of 228 requests had no answer, the first was measure-0 (reset)",
    ),
    Case(
        id="shutdown",
        name="does not end",
        on="load",
        change=lambda r: with_scenario(r, shutdown_exit_code=None),
        reason="the embedded service was still running when its time after SIGTERM was over",
    ),
    Case(
        id="shutdown",
        name="ends with 1",
        on="load",
        change=lambda r: with_scenario(r, shutdown_exit_code=1),
        reason="the embedded service ended with exit code 1 after SIGTERM",
    ),
)

BLIND = (
    Case(
        id="shutdown",
        name="a target of others",
        on="load",
        change=lambda r: with_scenario(r, embedded=False, shutdown_exit_code=None),
        reason="the target was not started by this run, so it was not stopped either",
    ),
    Case(
        id="behaviour",
        name="not made",
        on="smoke",
        change=no_hits,
        reason=f"{len(CASES)} of {len(CASES)} behaviour probes were not made, bad-not-json among them",
    ),
    Case(
        id="behaviour",
        name="nobody hung up",
        on="smoke",
        change=lambda r: changed(r, hits=tuple(hit for hit in r.hits if hit.phase != DISCONNECTS)),
        reason="the disconnect probe was not made",
    ),
    Case(
        id="health",
        name="four calls",
        on="load",
        change=no_calls("/health"),
        reason="/health was called 4 times while exports ran, and 5 calls are needed",
    ),
    Case(
        id="status-page",
        name="four calls",
        on="load",
        change=no_calls("/export/status"),
        reason="/export/status was called 4 times, and 5 calls are needed",
    ),
    Case(id="answered", name="none sent", on="load", change=no_hits, reason="no request was sent"),
    Case(
        id="answered",
        name="all broken off by us",
        on="load",
        change=lambda r: with_hits(r, lambda _: {"status": None, "error": INTERRUPTED}),
        reason="every request was interrupted",
    ),
    Case(
        id="generator",
        name="ended with 1",
        on="load",
        change=generated(exit_code=1),
        reason="the load generator ended with exit code 1, not 0",
    ),
    Case(
        id="generator",
        name="killed",
        on="load",
        change=generated(exit_code=None),
        reason="the load generator ended with exit code None, not 0",
    ),
    Case(
        id="generator",
        name="a worker gone",
        on="load",
        change=generated(workers=2),
        reason="1 of 2 load workers confirmed that they recorded everything",
    ),
    Case(
        id="generator",
        name="cut short",
        on="load",
        change=phase("measure", completed=False, note="interrupted"),
        reason="the phase measure was cut short: interrupted",
    ),
    Case(
        id="generator",
        name="fewer recorded than planned",
        on="load",
        change=phase("measure", planned=101),
        reason="the phase measure planned 101 requests and recorded 100",
    ),
    Case(
        id="generator",
        name="a hit lost",
        on="load",
        change=lambda r: changed(r, hits=r.hits[1:]),
        reason="the phase warmup planned 2 requests and recorded 1",
    ),
    Case(
        id="generator",
        name="a busy core",
        on="load",
        change=generated(cpu_ratio=0.91),
        reason="share of a core that the load generator used: 91 % (limit <= 90 %): its times include its own",
    ),
    Case(
        id="generator",
        name="a late loop",
        on="load",
        change=generated(event_loop_lag_p99_ms=251.0),
        reason="P99 of the load generator's event-loop lag: 251 ms (limit <= 250 ms): its times include its",
    ),
    Case(
        id="generator",
        name="nothing said",
        on="load",
        change=generated(cpu_ratio=None),
        reason="share of a core that the load generator used could not be read from scenario.json: its times",
    ),
    Case(
        id="generator",
        name="no number",
        on="load",
        change=generated(event_loop_lag_p99_ms=float("nan")),
        reason="P99 of the load generator's event-loop lag: nan ms (limit <= 250 ms): its times include its",
    ),
    Case(
        id="generator",
        name="a clock that ran off",
        on="load",
        change=generated(clocks=(clock(0.0), clock(-0.0095))),
        reason="the clock of generator 1 on far.example was wrong by up to 0.0105 s: its record is not",
    ),
    Case(
        id="generator",
        name="a clock read once",
        on="load",
        change=generated(clocks=(clock(None),)),
        reason="the clock of generator 1 on far.example was not read again",
    ),
    Case(
        id="generator",
        name="a clock that tells no time",
        on="load",
        change=generated(clocks=(clock(float("nan")),)),
        reason="the clock of generator 1 on far.example was wrong by up to nan s: its record is not comparable",
    ),
)
