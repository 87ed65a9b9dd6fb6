"""Check: the service wrote no errors into its log, where the log was captured."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from assertions.limits import Limits
from assertions.record.times import unix_time
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed

LEVEL_KEYS = ("level", "severity", "levelname", "log.level", "lvl")
"""Under one of these the usual libraries write the level of a JSON line."""
ERROR_LEVELS = frozenset({"error", "err", "critical", "crit", "fatal", "panic", "alert", "emerg", "emergency"})
ERROR_NUMBER = 50
"""pino and bunyan write the level as a number; 50 is error, 60 fatal. Python writes its 40 by name."""
SHOWN_CHARACTERS = 200
_TEXT = re.compile(
    r"\b(ERROR|CRITICAL|FATAL|PANIC)\b"
    r"|\blevel=\"?(error|critical|fatal|panic)\b"
    r"|^Traceback \(most recent call last\):"
    r"|^\s*(Uncaught|Unhandled)\b"
)


def service_log(record: ScenarioRecord, limits: Limits) -> Judgement:
    """No line of the log that the service wrote during the scenario is at level error or above."""
    if record.log is None:
        return no_data(
            "the service's log was not captured; for a target that is not embedded, `--log FILE` names its file"
        )
    lines = [line for line in record.log if line.strip()]
    if not lines:
        return no_data("the service wrote no line into its log during the scenario")
    errors = [line for line in lines if is_error(line)]
    if errors:
        return failed(
            f"{len(errors)} of {len(lines)} lines of {record.name}-service.log are errors, the first: "
            f"{errors[0].strip()[:SHOWN_CHARACTERS]}"
        )
    early = _before_the_first_request(lines, record)
    start = f", {early} of them from before the first request" if early else ""
    return passed(
        f"none of {len(lines)} lines of {record.name}-service.log is marked as an error (by level or words){start}",
        catches="one line at level error or above would not have passed",
    )


def _before_the_first_request(lines: Sequence[str], record: ScenarioRecord) -> int:
    """Return how many lines are surely of the start: up to the last one whose time is before the first request.

    0 where no line says its time.
    """
    first = min((hit.start for hit in record.posts), default=-math.inf)
    early = 0
    for place, line in enumerate(lines, 1):
        at = unix_time((_object(line) or {}).get("timestamp"))
        if at is not None and at >= first:
            break
        early = place if at is not None else early
    return early


def is_error(line: str) -> bool:
    """Return whether a log line is an error: by its level where the line is JSON, else by its words."""
    entry = _object(line)
    if entry is None:
        return _TEXT.search(line) is not None
    level = next((entry[key] for key in LEVEL_KEYS if key in entry), None)
    if isinstance(level, str):
        return level.lower() in ERROR_LEVELS
    return isinstance(level, int | float) and not isinstance(level, bool) and level >= ERROR_NUMBER


def _object(line: str) -> dict[str, Any] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
