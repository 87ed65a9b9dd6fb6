"""Which lines of a log are errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from assertions.checks.conduct.service_log import is_error, service_log
from assertions.limits import load
from tests.assertions.healthy.records import changed, healthy

ERRORS = (
    '{"level":"error","event":"x"}',
    '{"level":"ERROR"}',
    '{"severity":"CRITICAL"}',
    '{"levelname":"FATAL"}',
    '{"level":50,"msg":"pino"}',
    '{"level":60}',
    "2026-01-02 03:04:05,678 ERROR aiohttp.server: Error handling request",
    "ERROR: [Errno 98] address already in use",
    "time=2026-01-02 level=error msg=broken",
    'time=2026-01-02 level="fatal" msg=broken',
    "Traceback (most recent call last):",
    "Uncaught TypeError: x is not a function",
)
OTHERS = (
    '{"level":"info","error":"CancelledError: "}',
    '{"level":"warning"}',
    '{"level":49}',
    '{"level":true}',
    '{"level":null}',
    '{"event":"export-refused","error":"`records` is wrong","status":400}',
    '{"event":"no level", "text":"ERROR"}',
    "2026-01-02 03:04:05 INFO 0 errors, no failures",
    "export-refused status=400 error=wrong",
    "WARNING: slow",
    "[1, 2]",
)


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_is_found_by_its_level_or_words(line: str) -> None:
    """Levels from error upwards, tracebacks and uncaught exceptions are errors."""
    assert is_error(line)


@pytest.mark.parametrize("line", OTHERS)
def test_what_is_below_is_none(line: str) -> None:
    """A refused request, a client that disconnected, a warning and a line without a level are no errors."""
    assert not is_error(line)


def test_a_broken_json_line_is_judged_as_text() -> None:
    """A line that begins like JSON and is none is judged by its words."""
    assert is_error('{"level":"error", ERROR')
    assert not is_error('{"level":"error"')


@pytest.mark.parametrize(
    ("before_s", "said"),
    [
        (
            (2.0, 1.0),
            "none of 5 lines of smoke-service.log is marked as an error (by level or words), 4 of them from "
            "before the first request",
        ),
        (
            (2.0, -1.0),
            "none of 5 lines of smoke-service.log is marked as an error (by level or words), 2 of them from "
            "before the first request",
        ),
        ((-1.0, -2.0), "none of 5 lines of smoke-service.log is marked as an error (by level or words)"),
    ],
)
def test_lines_of_the_start_are_counted(before_s: tuple[float, float], said: str) -> None:
    """Lines up to the last one whose time is before the first request are the start's, with those that have no time."""
    record = healthy("smoke")
    first = min(hit.start for hit in record.posts)
    times = [datetime.fromtimestamp(first - before, UTC).isoformat() for before in before_s]
    lines = (
        "[BOOT] listened",
        json.dumps({"timestamp": times[0]}),
        "ready",
        json.dumps({"timestamp": times[1]}),
        "done",
    )
    assert service_log(changed(record, log=lines), load()).reason == said
    assert service_log(changed(record, log=("a line without a time",)), load()).reason.endswith("(by level or words)")
