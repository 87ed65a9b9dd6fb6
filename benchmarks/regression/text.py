"""The comparison as people read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.regression.rates import Rates
from benchmarks.regression.types import Comparison, Outcome, Row

FIRST: dict[Outcome, int] = {"slower": 0, "NO DATA": 1, "faster": 2, "no change": 3}


def comparison_text(comparison: Comparison) -> str:
    """Return the table, what counts as a change, and the outcome."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.now} against {comparison.before}, {comparison.blocks} blocks, interleaved"
    yield ""
    yield f"{'benchmark':<20}{'time':<6}{'before':>11}{'now':>11}{'ratio':>8}{'p':>9}{'by wall':>9}  outcome"
    for row in sorted(comparison.rows, key=lambda row: (FIRST[row.outcome], row.name)):
        yield _line(row)
    yield ""
    yield (
        f"A change counts when its p, over all benchmarks (Holm), is below {comparison.alpha:g}, and it is larger than "
        f"{comparison.least_effect:.0%}."
    )
    words = [row.outcome for row in comparison.rows]
    yield ", ".join(f"{words.count(word)} {word}" for word in FIRST)


def _line(row: Row) -> str:
    if row.ratio is None or row.before_ms is None or row.now_ms is None or row.wall_ratio is None:
        return f"{row.name:<20}{row.clock:<6}{'':>48}  {row.outcome}: {row.reason}"
    return (
        f"{row.name:<20}{row.clock:<6}{row.before_ms:>8.2f} ms{row.now_ms:>8.2f} ms{row.ratio:>8.3f}{row.p:>9.3g}"
        f"{row.wall_ratio:>9.3f}  {row.outcome}"
    )


def rates_text(rates: Rates) -> str:
    """Return the error rates in one sentence."""
    return (
        f"{rates.runs} runs without a change: {rates.false_alarms} with a false alarm; {rates.runs} runs with the CSV "
        f"writer {rates.planted:.0%} slower: found in {rates.found} (commit {rates.commit[:12]}, {rates.blocks} "
        f"blocks, {len(rates.workloads)} benchmarks)."
    )
