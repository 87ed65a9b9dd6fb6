"""What a comparison is: one row a measure, with the figures from which its outcome follows. Stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from assertions.record.types import Record
from evidence.comparison.statistics import Statistic

ALPHA: Final = 0.01
"""Probability of one false call or more among all rows of a comparison, by the test by itself (Holm)."""
LEAST_EFFECT: Final = 0.15
"""Share by which a measure must change to count: what two runs of one service differ by is no change."""
SAMPLES_LEAST: Final = 8
"""Samples of each run below which nothing is called."""

Outcome = Literal["worse", "better", "no change", "undecided"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("worse", "better", "undecided", "no change")
"""What needs reading first."""
MeasureName = Literal[
    "latency", "success", "bytes a record", "memory an export", "throughput", "/health P95", "batch of five"
]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How one kind of figure is compared."""

    unit: str
    statistic: Statistic
    higher_is_better: bool = False
    least_effect: float = LEAST_EFFECT
    """Relative; 0: the least difference decides by itself."""
    least_difference: float = 0.0
    """In the measure's unit: less is no change, however large its share."""


MEASURES: Final[Mapping[MeasureName, Measure]] = {
    "latency": Measure(unit="ms", statistic="median", least_difference=1.0),
    "success": Measure(unit="ratio", statistic="mean", higher_is_better=True, least_effect=0.0, least_difference=0.01),
    "bytes a record": Measure(unit="bytes", statistic="median"),
    "memory an export": Measure(unit="bytes", statistic="median", least_difference=1e6),
    "throughput": Measure(unit="exports/s", statistic="mean", higher_is_better=True),
    "/health P95": Measure(unit="ms", statistic="p95", least_difference=5.0),
    "batch of five": Measure(unit="s", statistic="mean"),
}
"""A millisecond of an export and five of `/health` are the noise of a busy machine; a megabyte is one of an allocator;
of success, one export in a hundred counts."""


class Row(Record, frozen=True, kw_only=True):
    """One measure in one phase of one scenario, in both runs."""

    scenario: str
    phase: str
    case: str
    """Empty: of the whole phase."""
    measure: MeasureName
    baseline: float | None
    """None: not measured, as the reason says."""
    newer: float | None
    baseline_count: int
    newer_count: int
    ratio: float | None
    """newer / baseline; None where there is none."""
    low: float | None
    high: float | None
    """Of the ratio: bootstrap interval at 95 %, of resampled samples."""
    p: float | None
    """Two-sided; None: nothing was tested."""
    p_adjusted: float | None
    """By Holm's method over all rows that were tested."""
    outcome: Outcome
    reason: str
    """Why it is undecided; empty otherwise."""


class RunName(Record, frozen=True, kw_only=True):
    """Which run was compared."""

    run_id: str
    started: float
    colour: str | None
    """By `verdict.json`; None: it was not judged yet when it was compared."""
    subject: str


class Comparison(Record, frozen=True, kw_only=True):
    """What changed between two runs, or why they can't be compared."""

    schema: Literal[1] = 1
    baseline: RunName | None
    """None: there was none that could be read."""
    newer: RunName
    problems: tuple[str, ...]
    """Why the runs can't be compared; then there are no rows."""
    notes: tuple[str, ...]
    """What else differs, and what was not compared."""
    alpha: float = ALPHA
    least_effect: float = LEAST_EFFECT
    rows: tuple[Row, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many rows have this outcome."""
        return sum(row.outcome == outcome for row in self.rows)


def outcome_of(row: Row) -> tuple[Outcome, str]:
    """Return the outcome that follows from a row's figures, and the reason where it is undecided."""
    measure = MEASURES[row.measure]
    if row.baseline is None or row.newer is None:
        return "undecided", row.reason or "not measured in both runs"
    if row.p is None or row.p_adjusted is None:
        return "undecided", row.reason or "one figure a run: no test"
    higher = row.newer > row.baseline
    if row.p_adjusted < ALPHA and _counts(row, measure):
        return ("better" if higher == measure.higher_is_better else "worse"), ""
    if abs(row.newer - row.baseline) < measure.least_difference or _inside(row):
        return "no change", ""
    if _counts(row, measure):
        return "undecided", f"large enough, but p = {row.p_adjusted:.2g} after correction is not below {ALPHA}"
    return "undecided", f"a change of {LEAST_EFFECT * 100:.3g} % lies within the interval of the ratio"


def _counts(row: Row, measure: Measure) -> bool:
    """Whether the change is large enough in both senses: its share, up or down by the same factor, and its size."""
    assert row.baseline is not None
    assert row.newer is not None
    if abs(row.newer - row.baseline) < measure.least_difference:
        return False
    if not measure.least_effect:
        return True
    if row.ratio is None:
        return False
    return row.ratio > 1 + measure.least_effect or row.ratio < 1 / (1 + measure.least_effect)


def _inside(row: Row) -> bool:
    if row.low is None or row.high is None:
        return False
    return row.low >= 1 / (1 + LEAST_EFFECT) and row.high <= 1 + LEAST_EFFECT
