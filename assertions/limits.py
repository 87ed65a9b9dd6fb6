"""Limits as data: read from TOML, validated whole before anything runs, applied to finite numbers only."""

from __future__ import annotations

import hashlib
import math
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from assertions.alert_bounds import ALERT_IDS, AlertBound, read_alert_bounds
from assertions.units import show

Operator = Literal["<", "<=", ">", ">="]

BOUND_DIGITS = 10
"""Significant digits of a bound in words: as it was written."""

DEFAULT_PATH = Path(__file__).with_name("limits.toml")

IDS = frozenset(
    {
        "latency_p95_ms",
        "success_ratio",
        "concurrent_exports",
        "queue_depth",
        "exported_bytes",
        "throughput_per_s",
        "memory_bytes",
        "smoke_latency_ms",
        "batch_s",
        "health_p95_ms",
        "drift_ratio",
        "leak_memory_bytes_per_export",
        "leak_fds_per_export",
        "leak_threads_per_export",
        "leak_children_per_export",
        "generator_cpu_ratio",
        "generator_event_loop_lag_p99_ms",
        "generator_bias_p95_ms",
        "generator_scheduling_delay_p99_ms",
        "scrape_gap_p95_ms",
    }
)
"""Every limit that a check uses. A limits file names each at most once; one that is left out takes its default."""

FORMER_IDS = {
    "generator_lag_p99_ms": "generator_event_loop_lag_p99_ms",
    "generator_slip_p99_ms": "generator_scheduling_delay_p99_ms",
}
"""Ids that older limits files use, with their new names."""


class LimitsError(Exception):
    """The limits file can't be used; the message lists everything that is wrong with it."""


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pass condition: `reading op target`."""

    id: str
    op: Operator
    target: float
    unit: str
    reason: str
    """Why this bound."""
    critical: float | None = None
    """Beyond this a failure is critical; None: no such step."""

    def holds(self, value: float) -> bool:
        """Whether the value passes. NaN and infinities never do."""
        return math.isfinite(value) and _compare(self.op, value, self.target)

    def is_critical(self, value: float) -> bool:
        """Whether a failing value lies on or beyond the critical bound's bad side."""
        return self.critical is not None and not _compare(self.op, value, self.critical)

    def __str__(self) -> str:
        """The condition in words that people read: `< 10 s`, `>= 95 %`."""
        return f"{self.op} {show(self.target, self.unit, BOUND_DIGITS)}"


class Limits(msgspec.Struct, frozen=True):
    """All limits of a run."""

    by_id: dict[str, Limit]
    sha256: str
    """Of the file's bytes."""
    alerts: dict[str, AlertBound]
    """Bounds that only alert rules use, by id; those that the file leaves out are the default file's."""
    notes: tuple[str, ...] = ()
    """What was taken otherwise than it is written: former ids, and ids that the file lacks. Sentences that name it."""

    def __getitem__(self, limit_id: str) -> Limit:
        return self.by_id[limit_id]


def _compare(op: Operator, value: float, bound: float) -> bool:
    match op:
        case "<":
            return value < bound
        case "<=":
            return value <= bound
        case ">":
            return value > bound
        case ">=":
            return value >= bound


def load(path: Path = DEFAULT_PATH) -> Limits:
    """Read and validate a limits file; LimitsError when it can't be read or used."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise LimitsError(f"the limits file {path} can't be read: {error.strerror}") from error
    return parse(text, str(path))


def parse(text: bytes, name: str) -> Limits:
    """Validate a limits file's bytes; LimitsError lists all its problems, each with its entry or line."""
    try:
        document = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LimitsError(f"{name} is no TOML: {error}") from error
    problems = [
        f"unknown key {key!r}; only [[limit]] and [[alert]] tables belong here"
        for key in document
        if key not in {"limit", "alert"}
    ]
    entries = document.get("limit", [])
    if not isinstance(entries, list):
        raise LimitsError(f"{name}: `limit` must be an array of tables, written [[limit]]")
    found: dict[str, Limit] = {}
    notes: list[str] = []
    for number, entry in enumerate(entries, 1):
        try:
            limit = msgspec.convert(entry, Limit)
        except msgspec.ValidationError as error:
            problems.append(f"[[limit]] number {number} ({_id_of(entry)}): {error}")
            continue
        if limit.id in FORMER_IDS:
            notes.append(f"{name}: {limit.id!r} is called {FORMER_IDS[limit.id]!r} now, and is used as that")
            limit = msgspec.structs.replace(limit, id=FORMER_IDS[limit.id])
        problems += [f"[[limit]] number {number} ({limit.id}): {problem}" for problem in _problems(limit)]
        if limit.id in found:
            problems.append(f"[[limit]] number {number}: {limit.id!r} is there twice")
        found[limit.id] = limit
    alerts, alert_problems = read_alert_bounds(document.get("alert", []))
    problems += alert_problems
    if problems:
        raise LimitsError(f"{name} can't be used: " + "; ".join(problems))
    for kind, ids, present in (("limit", IDS, found), ("alert", ALERT_IDS, alerts)):
        missing = sorted(ids - present.keys())
        if missing:
            notes.append(f"{name} has no [[{kind}]] {', '.join(missing)}: the default is used")
    if IDS - found.keys() or ALERT_IDS - alerts.keys():
        default = _default(name)
        found, alerts = {**default.by_id, **found}, {**default.alerts, **alerts}
    return Limits(by_id=found, sha256=hashlib.sha256(text).hexdigest(), alerts=alerts, notes=tuple(notes))


def _default(asking: str) -> Limits:
    """Return the default file's limits, from which a limits file takes what it lacks."""
    if asking == str(DEFAULT_PATH):
        raise LimitsError(f"{DEFAULT_PATH} is the default limits file; it must hold every id")
    return load(DEFAULT_PATH)


def _id_of(entry: object) -> str:
    return str(entry.get("id", "no id")) if isinstance(entry, dict) else "no table"


def _problems(limit: Limit) -> list[str]:
    problems = []
    if limit.id not in IDS:
        problems.append(f"unknown limit; known are {', '.join(sorted(IDS))}")
    if not math.isfinite(limit.target):
        problems.append("target must be a finite number")
    if limit.critical is not None:
        worse = limit.critical <= limit.target if limit.op in (">", ">=") else limit.critical >= limit.target
        if not math.isfinite(limit.critical):
            problems.append("critical must be a finite number")
        elif not worse:
            problems.append("critical must lie on the bad side of target")
    return problems
