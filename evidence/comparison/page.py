"""A comparison as one self-contained page, with the latencies of both runs by case. Pure but for its templates."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from evidence.comparison.samples import Samples
from evidence.comparison.text import LIMITS_OF_IT, METHOD, hidden, in_order, named, percent_change, summary
from evidence.comparison.types import MEASURES, OUTCOMES, Comparison, Outcome, Row
from evidence.reports.faces.html import inlined, scripts, template
from evidence.reports.plots.baseline import distributions, ratios
from evidence.reports.plots.static import svg
from evidence.reports.units import plain, quantity

COLUMNS = (
    *("outcome", "scenario, phase", "measure", "baseline", "newer", "change", "95 % interval", "samples", "p"),
    "reason",
)
CLASSES: dict[Outcome, str] = {"worse": "fail", "better": "pass", "undecided": "none", "no change": ""}


def comparison_page(comparison: Comparison, before: Samples, after: Samples, measured: str) -> str:
    """Return the page. before, after: samples of both runs; measured: one line on the test's own error rates."""
    against = ratios(comparison)
    drawings = [] if comparison.problems else [*([] if against is None else [against]), *distributions(before, after)]
    word, colour = _word(comparison)
    return template("comparison.html.j2").render(
        word=word,
        colour=colour,
        headline=_headline(comparison),
        runs=[(label, named(run)) for label, run in (("baseline", comparison.baseline), ("newer", comparison.newer))],
        problems=[plain(problem) for problem in comparison.problems],
        notes=[plain(note) for note in (*hidden(comparison), *comparison.notes)],
        columns=COLUMNS,
        outcomes=CLASSES,
        rows=[tuple(_cells(row)) for row in in_order(comparison)],
        drawings=drawings,
        pictures={drawing.name: Markup(inlined(svg(drawing))) for drawing in drawings},
        method=(METHOD, measured, LIMITS_OF_IT),
        **scripts(drawings),
    )


def _word(comparison: Comparison) -> tuple[str, str]:
    """Return the word on top, and the class of its colour."""
    if comparison.problems:
        return "NOT COMPARED", "NODATA"
    worse, better = comparison.count("worse"), comparison.count("better")
    if worse:
        return f"{worse} WORSE", "RED"
    if hidden(comparison):
        return "UNDECIDED", "NODATA"
    return (f"{better} BETTER", "GREEN") if better else ("NOTHING WORSE", "GREEN")


def _headline(comparison: Comparison) -> str:
    if comparison.problems:
        return "The two runs can't be compared"
    return plain(summary(comparison))


def _cells(row: Row) -> Iterable[str]:
    unit = MEASURES[row.measure].unit
    assert row.outcome in OUTCOMES
    yield row.outcome
    yield plain(f"{row.scenario}, {row.phase}")
    yield plain(f"{row.case} {'median latency' if row.measure == 'latency' else row.measure}".strip())
    yield quantity(row.baseline, unit)
    yield quantity(row.newer, unit)
    yield "–" if row.ratio is None else percent_change(row.ratio)
    known = row.low is not None and row.high is not None
    yield f"{percent_change(row.low or 0.0)} to {percent_change(row.high or 0.0)}" if known else "–"
    yield f"{row.baseline_count:,} and {row.newer_count:,}"
    yield "–" if row.p_adjusted is None else f"{row.p_adjusted:.2g}" if row.p_adjusted >= 1e-4 else "under 0.0001"
    yield plain(row.reason)
