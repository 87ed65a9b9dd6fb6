"""Limits as data: read from TOML, validated whole before anything runs, applied to finite numbers only."""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
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


Statistic = Literal["p50", "p95", "p99", "max", "mean", "rate", "success"]
Format = Literal["csv", "pdf"]

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
"""The share of exports at or below each percentile."""

EDGE_CASES = frozenset(
    {
        "csv-empty",
        "csv-heavy",
        "csv-one",
        "csv-single",
        "csv-special",
        "csv-wide",
        "pdf-empty",
        "pdf-nocolumns",
        "pdf-one",
        "pdf-special",
        "pdf-wide",
    }
)
"""Cases that are no size, by name; `loadtests.datasets` makes their records."""

MOST_RECORDS = 1_000_000
"""Records of the largest case."""

_SIZE = re.compile(r"(?:csv|pdf)-(?P<count>[0-9]{1,7})(?P<k>k?)")
_RELATIVE = re.compile(r"([+-])\s*(\d{1,3}(?:\.\d+)?)\s*%")
_RULE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


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


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user's own pass condition on the exports of a run: `statistic op target`."""

    id: str = ""
    """Unique among the rules; without one in the file, the rule's place there, from 1."""
    case: str | None = None
    """`csv-10k`, `pdf-unicode` …; None: exports of every case."""
    format: Format | None = None
    """None: exports of both formats."""
    statistic: Statistic
    """p50, p95, p99, max, mean: latency in ms; rate: finished exports per second; success: their share of all."""
    op: Operator
    target: float | None = None
    """In ms, exports per second, or as a share from 0 to 1. None: relative, and the baseline's figure is not known."""
    baseline: str | None = None
    """How far from the baseline's figure the bound lies, such as `+15 %`; None: `target` is the bound."""
    critical: float | None = None
    """Beyond this a failure is critical; None: no such step."""
    reason: str
    """Why this bound."""
    scenario: str | None = None
    """Whose exports; None: those of smoke, load and batch together."""
    phase: str | None = None
    """Exports of which phase; None: of those that the harness's own checks of this statistic take."""

    @property
    def verdict_id(self) -> str:
        """The id of the rule's verdict, which no check of the harness has."""
        return f"rule-{self.id}"

    @property
    def unit(self) -> str:
        """The unit of its reading."""
        return {"rate": "exports/s", "success": "ratio"}.get(self.statistic, "ms")

    @property
    def condition(self) -> str:
        """The pass condition in words: `<= 1 s`, or `<= baseline +15 %`."""
        return f"{self.op} baseline {self.baseline}" if self.baseline is not None else str(self.limit)

    @property
    def limit(self) -> Limit:
        """The pass condition; ValueError where it is relative and the baseline's figure is not known."""
        if self.target is None:
            raise ValueError(f"{self.verdict_id} has no bound without a baseline")
        return Limit(
            id=self.verdict_id,
            op=self.op,
            target=self.target,
            unit=self.unit,
            reason=self.reason,
            critical=self.critical,
        )


class Limits(msgspec.Struct, frozen=True):
    """All limits of a run."""

    by_id: dict[str, Limit]
    sha256: str
    """Of the file's bytes."""
    alerts: dict[str, AlertBound]
    """Bounds that only alert rules use, by id; those that the file leaves out are the default file's."""
    notes: tuple[str, ...] = ()
    """What was taken otherwise than it is written: former ids, and ids that the file lacks. Sentences that name it."""
    rules: tuple[Rule, ...] = ()
    """The user's own rules, in the file's order; the default file has none."""

    def __getitem__(self, limit_id: str) -> Limit:
        return self.by_id[limit_id]


def with_baseline(limits: Limits, figures: Mapping[str, float]) -> Limits:
    """Return the limits with the bounds of relative rules, from the baseline's figures by verdict id."""
    rules = tuple(
        msgspec.structs.replace(rule, target=figures[rule.verdict_id] * (1 + _share_of(rule.baseline)))
        if rule.baseline is not None and rule.verdict_id in figures
        else rule
        for rule in limits.rules
    )
    return msgspec.structs.replace(limits, rules=rules)


def _share_of(baseline: str) -> float:
    """Return `+15 %` as 0.15. ValueError for other text."""
    found = _RELATIVE.fullmatch(baseline)
    if found is None:
        raise ValueError(f"baseline must be a signed percentage such as '+15 %', not {baseline!r}")
    return float(found[1] + found[2]) / 100


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
        f"unknown key {key!r}; only [[limit]], [[alert]] and [[rule]] tables belong here"
        for key in document
        if key not in {"limit", "alert", "rule"}
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
    rules, rule_problems = _read_rules(document.get("rule", []))
    problems += [*alert_problems, *rule_problems]
    if problems:
        raise LimitsError(f"{name} can't be used: " + "; ".join(problems))
    for kind, ids, present in (("limit", IDS, found), ("alert", ALERT_IDS, alerts)):
        missing = sorted(ids - present.keys())
        if missing:
            notes.append(f"{name} has no [[{kind}]] {', '.join(missing)}: the default is used")
    if IDS - found.keys() or ALERT_IDS - alerts.keys():
        default = _default(name)
        found, alerts = {**default.by_id, **found}, {**default.alerts, **alerts}
    return Limits(
        by_id=found, sha256=hashlib.sha256(text).hexdigest(), alerts=alerts, notes=tuple(notes), rules=tuple(rules)
    )


def _default(asking: str) -> Limits:
    """Return the default file's limits, from which a limits file takes what it lacks."""
    if asking == str(DEFAULT_PATH):
        raise LimitsError(f"{DEFAULT_PATH} is the default limits file; it must hold every id")
    return load(DEFAULT_PATH)


def _id_of(entry: object) -> str:
    return str(entry.get("id", "no id")) if isinstance(entry, dict) else "no table"


def _problems(limit: Limit) -> list[str]:
    unknown = [] if limit.id in IDS else [f"unknown limit; known are {', '.join(sorted(IDS))}"]
    return [*unknown, *_bound_problems(limit.op, limit.target, limit.critical)]


def _bound_problems(op: Operator, target: float, critical: float | None) -> list[str]:
    problems = []
    if not math.isfinite(target):
        problems.append("target must be a finite number")
    if critical is not None:
        worse = critical <= target if op in (">", ">=") else critical >= target
        if not math.isfinite(critical):
            problems.append("critical must be a finite number")
        elif not worse:
            problems.append("critical must lie on the bad side of target")
    return problems


def _read_rules(entries: object) -> tuple[list[Rule], list[str]]:
    """Return the `[[rule]]` entries that can be used, and everything that is wrong with the others."""
    if not isinstance(entries, list):
        return [], ["`rule` must be an array of tables, written [[rule]]"]
    rules: list[Rule] = []
    problems: list[str] = []
    for number, entry in enumerate(entries, 1):
        try:
            rule = msgspec.convert(entry, Rule)
        except msgspec.ValidationError as error:
            problems.append(f"[[rule]] number {number} ({_id_of(entry)}): {error}")
            continue
        if "id" not in entry:
            rule = msgspec.structs.replace(rule, id=str(number))
        problems += [f"[[rule]] number {number} ({rule.id}): {problem}" for problem in _rule_problems(rule)]
        if any(rule.id == other.id for other in rules):
            problems.append(f"[[rule]] number {number}: {rule.id!r} is there twice")
        rules.append(rule)
    return rules, problems


def _bound_of_rule_problems(rule: Rule) -> list[str]:
    if rule.baseline is None:
        return (
            ["needs target or baseline"]
            if rule.target is None
            else _bound_problems(rule.op, rule.target, rule.critical)
        )
    problems = [f"a relative rule has no {key}" for key in ("target", "critical") if getattr(rule, key) is not None]
    try:
        share = _share_of(rule.baseline)
    except ValueError as error:
        return [*problems, str(error)]
    return [*problems, *(["baseline must be above -100 %"] if share <= -1 else [])]


def _rule_problems(rule: Rule) -> list[str]:
    problems = _bound_of_rule_problems(rule)
    if not _RULE_ID.fullmatch(rule.id):
        problems.append("an id is up to 40 lower-case letters, digits and hyphens")
    if rule.case is not None:
        if not _is_case(rule.case):
            problems.append(
                f"unknown case {rule.case!r}; known are csv-N, csv-Nk, pdf-N and pdf-Nk with up to {MOST_RECORDS:,} "
                f"records, and {', '.join(sorted(EDGE_CASES))}"
            )
        elif rule.format is not None and not rule.case.startswith(f"{rule.format}-"):
            problems.append(f"no export of the case {rule.case} has the format {rule.format}")
    if (
        rule.statistic == "success"
        and rule.target is not None
        and math.isfinite(rule.target)
        and not 0 < rule.target < 1
    ):
        problems.append(
            "target of success must lie between 0 and 1, as no number of exports proves a share of exactly 0 or 1"
        )
    problems += [
        f"{name} must not be empty"
        for name in ("reason", "scenario", "phase")
        if (value := getattr(rule, name)) is not None and not value.strip()
    ]
    return problems


def _is_case(name: str) -> bool:
    size = _SIZE.fullmatch(name)
    if size is None:
        return name in EDGE_CASES
    return int(size["count"]) * (1_000 if size["k"] else 1) <= MOST_RECORDS
