"""Comparing samples: a row for each key of either run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from evidence.comparison.conditions import Conditions, Place, expected_ratio, reference_ratio
from evidence.comparison.samples import Key, Samples
from evidence.comparison.statistics import (
    RESAMPLES,
    fisher_p,
    holm,
    mann_whitney_p,
    ratio_interval,
    statistic_of,
)
from evidence.comparison.types import MEASURES, SAMPLES_LEAST, Row, outcome_of

Both = tuple[Mapping[Place, Conditions], Mapping[Place, Conditions]]
"""Conditions of the baseline and of the newer run, by phase."""
UNKNOWN: Both = ({}, {})


def compare(
    baseline: Samples, newer: Samples, conditions: Both = UNKNOWN, resamples: int = RESAMPLES
) -> tuple[Row, ...]:
    """Return a row for each key, with its outcome. resamples: of the bootstrap; 0: no interval is made."""
    return decided(
        [
            _row(key, (baseline.get(key, ()), newer.get(key, ())), conditions, resamples)
            for key in _keys(baseline, newer)
        ]
    )


def decided(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return rows with the correction over all that were tested, and the outcomes that follow."""
    adjusted = iter(holm([row.p for row in rows if row.p is not None]))
    corrected = [replace(row, p_adjusted=None if row.p is None else next(adjusted)) for row in rows]
    return tuple(
        replace(row, outcome=outcome, reason=reason) for row in corrected for outcome, reason in [outcome_of(row)]
    )


def _keys(baseline: Samples, newer: Samples) -> Sequence[Key]:
    return list(dict.fromkeys((*baseline, *newer)))


def _row(key: Key, values: tuple[Sequence[float], Sequence[float]], conditions: Both, resamples: int) -> Row:
    before, after = values
    measure = MEASURES[key.measure]
    then_there, now_there = (each.get(Place(key.scenario, key.phase), Conditions()) for each in conditions)
    shared = measure.of_machine or measure.quiet_only
    expected = _expected(key, then_there, now_there)
    then = statistic_of(before, measure.statistic) if before else None
    now = statistic_of(after, measure.statistic) if after else None
    p, interval, reason = None, None, ""
    if not before or not after:
        reason = f"measured in the {'newer run' if after else 'baseline'} only"
    elif key.measure == "batch of five":
        reason = "one figure a run: no test"
    elif min(len(before), len(after)) < SAMPLES_LEAST:
        reason = f"{len(before)} and {len(after)} samples, and {SAMPLES_LEAST} of each are needed"
    elif key.measure == "success":
        p = fisher_p(before.count(0.0), len(before), after.count(0.0), len(after))
    else:
        p = mann_whitney_p(before, [value / (expected or 1.0) for value in after])
        interval = ratio_interval(before, after, measure.statistic, resamples) if resamples else None
    return Row(
        scenario=key.scenario,
        phase=key.phase,
        case=key.case,
        measure=key.measure,
        baseline=then,
        newer=now,
        baseline_count=len(before),
        newer_count=len(after),
        ratio=now / then if now is not None and then else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        expected=expected,
        baseline_others=then_there.others if shared else None,
        newer_others=now_there.others if shared else None,
        baseline_used=then_there.used if shared else None,
        newer_used=now_there.used if shared else None,
        p=p,
        p_adjusted=None,
        outcome="undecided",
        reason=reason,
    )


def _expected(key: Key, baseline: Conditions, newer: Conditions) -> float | None:
    """Return the ratio that follows from the CPU time of an export or the machine's speed alone, where it is known."""
    if key.measure == "CPU an export":
        return reference_ratio(baseline, newer)
    expected = expected_ratio(baseline, newer) if key.measure in ("latency", "throughput") else None
    return 1 / expected if expected and key.measure == "throughput" else expected
