"""What a comparison is: one row a measure, with the figures from which its outcome follows. Stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from assertions.record.types import Record
from evidence.comparison.statistics import Statistic
from evidence.reports.units import quantity

ALPHA: Final = 0.01
"""Probability of one false call or more among all rows of a comparison, by the test by itself (Holm)."""
LEAST_EFFECT: Final = 0.15
"""Share by which a measure must change to count: what two runs of one service differ by is no change."""
UNKNOWN_EFFECT: Final = 0.4
"""The same of what depends on the machine's speed, where a run does not say how quick and busy its machine was."""
USED_LEAST: Final = 0.85
"""Share of the machine's CPU time in use below which nobody waits for a processor, so other work changes nothing."""
OTHERS_MOST: Final = 0.25
"""Share of the machine's CPU time that other work may take: beyond it latencies are of that work too."""
OTHERS_APART: Final = 0.05
"""By how much that share may differ between two runs."""
LEAST_WALL: Final = 0.05
"""Share by which a figure must have changed as it was measured, whatever is left of it without the CPU time."""
SAMPLES_LEAST: Final = 8
"""Samples of each run below which nothing is called."""

FACTOR_LEAST: Final = 3.0
"""Ratio from which on a change is shown as a factor."""
Outcome = Literal["worse", "better", "no change", "undecided"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("worse", "better", "undecided", "no change")
"""What needs reading first."""
MeasureName = Literal[
    "latency",
    "success",
    "bytes a record",
    "memory an export",
    "CPU an export",
    "throughput",
    "/health P95",
    "batch of five",
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
    of_machine: bool = False
    """Whether the machine's speed and other work on it change the figure."""
    quiet_only: bool = False
    """Whether it counts only where other work is known to have left the machine to the service."""


MEASURES: Final[Mapping[MeasureName, Measure]] = {
    "latency": Measure(unit="ms", statistic="median", least_difference=1.0, of_machine=True),
    "success": Measure(unit="ratio", statistic="mean", higher_is_better=True, least_effect=0.0, least_difference=0.01),
    "bytes a record": Measure(unit="bytes", statistic="median"),
    "memory an export": Measure(unit="bytes", statistic="median", least_difference=2e6),
    "CPU an export": Measure(unit="ms", statistic="median", least_difference=1.0, of_machine=True),
    "throughput": Measure(unit="exports/s", statistic="mean", higher_is_better=True, of_machine=True),
    "/health P95": Measure(unit="ms", statistic="p95", least_difference=100.0, quiet_only=True),
    "batch of five": Measure(unit="s", statistic="mean"),
}
"""A millisecond of an export is the noise of a busy machine, and a hundred of `/health`, which waits for a processor
while exports use all; two megabytes are one of an allocator; of success, one export in a hundred counts."""


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
    expected: float | None = None
    """Ratio that follows from the CPU time of an export (latency, throughput) or the machine's speed (CPU time) alone;
    None: not known, or not of this measure. What is left of the ratio, divided by it, is tested and must be large."""
    baseline_others: float | None = None
    newer_others: float | None = None
    """Share of the machine's CPU time that other work took; None: not known, or not of this measure."""
    baseline_used: float | None = None
    newer_used: float | None = None
    """The same of all work, the target's included."""
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
    """Return the outcome that follows from a row's figures, and the reason where it is undecided or unchanged."""
    measure = MEASURES[row.measure]
    if row.baseline is None or row.newer is None:
        return "undecided", row.reason or "not measured in both runs"
    if row.p is None or row.p_adjusted is None:
        return "undecided", row.reason or "one figure a run: no test"
    effect = effect_of(row)
    if measure.quiet_only and not _known_quiet(row) and abs(row.newer - row.baseline) >= measure.least_difference:
        return "undecided", "it counts only where other work is known to have left the machine to the service"
    if row.p_adjusted < ALPHA and _counts(row, effect):
        left = left_of(row) if measure.least_effect else None
        higher = row.newer > row.baseline if left is None else left > 1
        return ("better" if higher == measure.higher_is_better else "worse"), ""
    if _inside(row):
        return "no change", ""
    if abs(row.newer - row.baseline) < measure.least_difference:
        return "no change", _too_close(row)
    if _counts(row, effect):
        return "undecided", f"large enough, but p = {row.p_adjusted:.2g} after correction is not below {ALPHA}"
    return "undecided", _too_small(row, effect)


def is_hidden(row: Row) -> bool:
    """Whether the change would count on a machine known to be quiet, so that only the machine leaves it undecided."""
    if row.outcome != "undecided" or row.p_adjusted is None or row.baseline is None or row.newer is None:
        return False
    measure = MEASURES[row.measure]
    return measure.of_machine and row.p_adjusted < ALPHA and _counts(row, measure.least_effect)


def left_of(row: Row) -> float | None:
    """Return what is left of a row's ratio without what was expected of the machine; None where there is no ratio."""
    return row.ratio / row.expected if row.ratio is not None and row.expected else row.ratio


def effect_of(row: Row) -> float:
    """Return the share by which what is left of a row's ratio must differ from 1 to count."""
    measure = MEASURES[row.measure]
    if not measure.of_machine:
        return measure.least_effect
    if row.expected is None or row.baseline_others is None or row.newer_others is None:
        return UNKNOWN_EFFECT
    if not is_busy(row):
        return measure.least_effect
    # it may have taken its share from the exports of one run, and come between those of the other
    return (1 + UNKNOWN_EFFECT) / max(0.01, 1 - max(row.baseline_others, row.newer_others)) - 1


def _known_quiet(row: Row) -> bool:
    return row.baseline_others is not None and row.newer_others is not None and not is_busy(row)


def is_busy(row: Row) -> bool:
    """Whether other work on the machine took too much of it, or not as much in both runs."""
    if row.baseline_others is None or row.newer_others is None:
        return False
    if max(row.baseline_used or 0.0, row.newer_used or 0.0) < USED_LEAST:
        return False
    highest, apart = max(row.baseline_others, row.newer_others), abs(row.baseline_others - row.newer_others)
    return highest > OTHERS_MOST or apart > OTHERS_APART


def _counts(row: Row, effect: float) -> bool:
    """Whether the change is large enough in both senses: its share, up or down by the same factor, and its size."""
    assert row.baseline is not None
    assert row.newer is not None
    if abs(row.newer - row.baseline) < MEASURES[row.measure].least_difference:
        return False
    if not effect:
        return True
    left = left_of(row)
    if left is None or row.ratio is None or not _beyond(left, effect):
        return False
    return row.expected is None or (_beyond(row.ratio, LEAST_WALL) and (row.ratio > 1) == (left > 1))


def _beyond(ratio: float, effect: float) -> bool:
    return ratio > 1 + effect or ratio < 1 / (1 + effect)


def _inside(row: Row) -> bool:
    if row.low is None or row.high is None:
        return False
    expected = row.expected or 1.0
    return row.low / expected >= 1 / (1 + LEAST_EFFECT) and row.high / expected <= 1 + LEAST_EFFECT


def _too_small(row: Row, effect: float) -> str:
    if row.ratio is None or not _beyond(row.ratio, LEAST_EFFECT):
        return f"a change of {_percent(LEAST_EFFECT)} lies within the interval of the ratio"
    if is_busy(row):
        shares = f"{_percent(row.baseline_others)} and {_percent(row.newer_others)}"
        return f"other work took {shares} of the machine's CPU time, so less than {_change(effect)} is no sign"
    if row.expected is None or effect == UNKNOWN_EFFECT:
        return f"how quick and busy the machine was is not known, so less than {_percent(effect)} is no sign"
    cause = "the machine" if row.measure == "CPU an export" else "the CPU time of an export"
    return f"{cause} by itself would make it {(row.expected - 1) * 100:+.3g} %"


def _too_close(row: Row) -> str:
    """Return below which difference the measure is unchanged; nothing where the figures are equal."""
    if row.newer == row.baseline:
        return ""
    measure = MEASURES[row.measure]
    least = "1 point" if measure.unit == "ratio" else quantity(measure.least_difference, measure.unit)
    return f"less than {least} apart"


def _change(effect: float) -> str:
    """Return a change in percent, a large one as a factor."""
    return _percent(effect) if 1 + effect < FACTOR_LEAST else f"a factor of {1 + effect:.3g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.3g} %"
