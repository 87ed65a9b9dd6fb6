"""A comparison in words: lines for the report, and the text of `compare`. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable

from evidence.comparison.types import (
    ALPHA,
    FACTOR_LEAST,
    LEAST_EFFECT,
    MEASURES,
    OTHERS_APART,
    OTHERS_MOST,
    OUTCOMES,
    UNKNOWN_EFFECT,
    Comparison,
    Outcome,
    Row,
    RunName,
    is_hidden,
    left_of,
)
from evidence.reports.units import plain, quantity

_EFFECT, _UNKNOWN = (f"{share * 100:.3g} %" for share in (LEAST_EFFECT, UNKNOWN_EFFECT))
EXPLAINED_LEAST = 0.01
"""Change that CPU time or machine explain from which on a row says so."""
METHOD = (
    f"A change counts where p < {ALPHA} (two-sided Mann-Whitney U test on raw samples, for success Fisher's exact "
    f"test; p is shown with Holm's correction over all rows) and the figure grew by more than {_EFFECT}, or shrank by "
    f"as large a factor (success: by 1 point). Latency and throughput are compared without what the CPU time of an "
    f"export explains, which a slower machine makes longer as well; that CPU time is a separate row, in units of a "
    f"reference work that was timed meanwhile. Intervals of the ratio: bootstrap, 95 %."
)
LIMITS_OF_IT = (
    f"Where a run does not say how quick and busy its machine was (a target on another machine, a run of an older "
    f"version), a change of latency, throughput or CPU time counts beyond {_UNKNOWN} only, and on a busy machine even "
    f"that may be the machine. Where all processors were in use, and other work took more than "
    f"{OTHERS_MOST * 100:.3g} % of the machine's CPU time or not as much in both runs (by {OTHERS_APART * 100:.3g} "
    f"points), it must exceed what that work explains, too. A service that computes longer by less than {_EFFECT} is "
    f"not found. Disks and networks that became slower count as the service's. Confirm a change with a second run."
)


def changes(comparison: Comparison) -> tuple[str, ...]:
    """Return the lines of the report: a summary, then what changed, the worse first."""
    if comparison.problems:
        return (f"{_against(comparison)}not compared: {'; '.join(comparison.problems)}",)
    lines = [f"{_against(comparison)}{summary(comparison)}"]
    lines += [f"{row.outcome}: {sentence(row)}" for row in in_order(comparison) if row.outcome in ("worse", "better")]
    return tuple(plain(line) for line in (*lines, *hidden(comparison), *comparison.notes))


def text(comparison: Comparison, measured: str) -> str:
    """Return the whole comparison. measured: one line on the test's own false positives and power."""
    lines = [
        f"{label:<9} {named(run)}" for label, run in (("baseline", comparison.baseline), ("newer", comparison.newer))
    ]
    if comparison.problems:
        return "\n".join([*lines, *(f"can't be compared: {plain(problem)}" for problem in comparison.problems)])
    lines += [f"note: {plain(note)}" for note in comparison.notes]
    for outcome in OUTCOMES:
        rows = [row for row in comparison.rows if row.outcome == outcome]
        if rows:
            lines += ["", f"{outcome}:"]
            lines += [f"  {sentence(row)}{f': {row.reason}' if row.reason else ''}" for row in rows]
    return "\n".join([*lines, "", METHOD, measured, LIMITS_OF_IT, "", *hidden(comparison), summary(comparison)])


def hidden(comparison: Comparison) -> tuple[str, ...]:
    """Return a line on the changes that only the machine leaves undecided; none where there are none."""
    count = sum(is_hidden(row) for row in comparison.rows)
    if not count:
        return ()
    return (
        f"{count} undecided only because of the machine: p < {ALPHA} and more than {_EFFECT}, but other work on it "
        "may be the cause, or is not known; make both runs again on a quiet machine",
    )


def summary(comparison: Comparison) -> str:
    """Return how many rows have which outcome."""
    return ", ".join(f"{comparison.count(outcome)} {outcome}" for outcome in OUTCOMES)


def sentence(row: Row) -> str:
    """Return a row on one line: what, before and after, by how much and how sure."""
    measure = MEASURES[row.measure]
    name = row.measure if row.measure != "latency" else "median latency"
    what = f"{row.scenario}, {row.phase}: {f'{row.case} ' if row.case else ''}{name}"
    figures = f"{quantity(row.baseline, measure.unit)} → {quantity(row.newer, measure.unit)}"
    return plain(f"{what} {figures}{''.join(_details(row))}")


def _details(row: Row) -> Iterable[str]:
    parts = []
    if row.ratio is not None:
        parts.append(f"{percent_change(row.ratio)}")
    left = left_of(row)
    if row.expected is not None and left is not None and abs(row.expected - 1) >= EXPLAINED_LEAST:
        cause = "the machine" if row.measure == "CPU an export" else "its CPU time"
        parts.append(f"{cause} explains {percent_change(row.expected)}, left {percent_change(left)}")
    if row.low is not None and row.high is not None:
        parts.append(f"interval {_between(row.low, row.high)}")
    parts.append(f"n={row.baseline_count} and {row.newer_count}")
    if row.p_adjusted is not None:
        parts.append(f"p={row.p_adjusted:.2g}" if row.p_adjusted >= 1e-4 else "p<0.0001")
    yield f" ({', '.join(parts)})"


def _between(low: float, high: float) -> str:
    if low >= FACTOR_LEAST:
        return f"{low:.3g} to {high:.3g} times as much"
    return f"{percent_change(low)} to {percent_change(high)}"


def percent_change(ratio: float) -> str:
    """Return a ratio as a change in percent, a large one as a factor."""
    if ratio >= FACTOR_LEAST:
        return f"{ratio:.3g} times as much"
    return f"{(ratio - 1) * 100:+.3g} %" if abs(ratio - 1) >= 5e-4 else "±0 %"


def in_order(comparison: Comparison) -> list[Row]:
    """Return all rows: the worse first, of each outcome the largest change first."""

    def place(row: Row) -> tuple[int, float]:
        outcomes: tuple[Outcome, ...] = OUTCOMES
        return outcomes.index(row.outcome), -abs((row.ratio or 1.0) - 1)

    return sorted(comparison.rows, key=place)


def _against(comparison: Comparison) -> str:
    base = comparison.baseline
    return "" if base is None else f"Against the {base.colour or 'unjudged'} run {base.run_id} of {_began(base)}: "


def named(run: RunName | None) -> str:
    """Return which run: id, time, colour and subject; a dash where there is none."""
    if run is None:
        return "–"
    colour = "" if run.colour is None else f", {run.colour}"
    return plain(f"{run.run_id}, {_began(run)}{colour}, {run.subject}")


def _began(run: RunName) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.started))
