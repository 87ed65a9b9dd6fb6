"""Targets whose pages stop answering or report wrong values, and targets that do not end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from assertions.record.types import INTERRUPTED, HealthProbe, Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, table
from tests.assertions.healthy.records import changed, each, with_hits, with_scenario, with_status

Change = Callable[[ScenarioRecord], ScenarioRecord]


def probes(path: str, count: int, phase: str = "measure", **fields: Any) -> Change:
    """A change of the first calls of a path that were made in a phase."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        mine = [one for one in record.health if one.path == path and one.phase == phase][:count]

        def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
            return fields if any(probe is one for one in mine) else None

        return changed(record, health=each(record.health, edit))

    return change


def newer_version(record: ScenarioRecord) -> ScenarioRecord:
    """A change of the version that /export/status names, from the middle of the calls on."""
    calls = [probe for probe in record.health if probe.path == "/export/status"]
    middle = calls[len(calls) // 2].start

    def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
        if probe.path != "/export/status" or probe.start < middle:
            return None
        return {"answer": json.dumps({**json.loads(probe.answer or ""), "version": "1.7.1"})}

    return changed(record, health=each(record.health, edit))


def no_calls(path: str) -> Change:
    """A change that drops all but four calls of a path under load."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        mine = [one for one in record.health if one.path == path and one.phase == "measure"][:4]
        others = [one for one in record.health if one.path != path]
        return changed(record, health=tuple(sorted([*mine, *others], key=lambda one: one.start)))

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


FAILS: tuple[Case, ...] = (
    *table(
        "health",
        "load",
        (
            "two calls refused",
            probes("/health", 2, status=None, error="refused", answer=None),
            "2 of 42 calls of /health under load failed, the first with refused: ''",
        ),
        ("no time", probes("/health", 42, answer='{"ok": true}'), "/health has no `ts`: '{\"ok\": true}'"),
        (
            "not ok",
            probes("/health", 2, answer=_ASLEEP),
            "2 of 42 calls of /health under load failed, the first with 200: '{\"ok\": false}'",
        ),
    ),
    *table(
        "health",
        "batch",
        (
            "not well when many wait",
            probes("/health", 2, "edge", status=503, answer=_ASLEEP),
            "2 calls of /health outside the steady load were answered wrongly, the first in edge with 503:",
        ),
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
    *table(
        "status-page",
        "load",
        (
            "another version from the middle on",
            newer_version,
            "`version` of /export/status was 1.7.0-export-scale at first and 1.7.1 later: the target was changed",
        ),
        (
            "two calls answered 500",
            probes("/export/status", 2, status=500),
            "2 of 84 calls of /export/status failed, the first with 500",
        ),
        (
            "two calls not answered",
            probes("/export/status", 2, status=None, error="timeout", answer=None),
            "2 of 84 calls of /export/status failed, the first with timeout",
        ),
        (
            "always idle",
            status(concurrentExports=0),
            "/export/status reports 0.0 exports running or waiting on average while 4.7 were certainly",
        ),
        (
            "always busy",
            status(concurrentExports=5, queueDepth=50),
            "/export/status reports 55 exports running or waiting while at most 13 requests were under way",
            ("rest",),
        ),
    ),
    *table(
        "answered",
        "load",
        ("three broken off", lost(3), "3 of 228 requests had no answer, the first was measure-0 (reset)"),
    ),
    *table(
        "shutdown",
        "load",
        (
            "does not end",
            lambda r: with_scenario(r, shutdown_exit_code=None),
            "the embedded service was still running when its time after SIGTERM was over",
        ),
        (
            "ends with 1",
            lambda r: with_scenario(r, shutdown_exit_code=1),
            "the embedded service ended with exit code 1 after SIGTERM",
        ),
    ),
)


BLIND: tuple[Case, ...] = (
    *table(
        "shutdown",
        "load",
        (
            "a target of others",
            lambda r: with_scenario(r, embedded=False, shutdown_exit_code=None),
            "the target was not started by this run, so it was not stopped either",
        ),
    ),
    *table(
        "health",
        "load",
        ("four calls", no_calls("/health"), "/health was called 4 times while exports ran, and 5 calls are needed"),
    ),
    *table(
        "status-page",
        "load",
        ("four calls", no_calls("/export/status"), "/export/status was called 4 times, and 5 calls are needed"),
    ),
    *table(
        "answered",
        "load",
        ("none sent", no_hits, "no request was sent"),
        (
            "all broken off by us",
            lambda r: with_hits(r, lambda _: {"status": None, "error": INTERRUPTED}),
            "every request was interrupted",
        ),
    ),
)
