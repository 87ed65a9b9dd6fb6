"""This run against the baseline: the ratio of each measure with its interval, and what counts as a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evidence.comparison.samples import Key, Samples
from evidence.comparison.text import in_order, sentence, summary
from evidence.comparison.types import ALPHA, LEAST_EFFECT, Comparison, Outcome, Row, left_of
from evidence.reports.plots.distribution import spread_by_row
from evidence.reports.plots.model import LEAST_LOG, Drawing, Panel, Rule, Series, series, spread, x_values
from evidence.reports.units import plain

MOST_ROWS = 40
OUTCOME_COLOURS: Mapping[Outcome, str] = {
    "worse": "#b2182b",
    "better": "#1b7837",
    "undecided": "#7d4e00",
    "no change": "#2166ac",
}


def ratios(comparison: Comparison) -> Drawing | None:
    """Return the plot of all ratios; None where there is no ratio to draw."""
    rows = [row for row in in_order(comparison) if row.ratio is not None and row.ratio > 0][:MOST_ROWS]
    if not rows:
        return None
    panel = Panel(
        title="newer run divided by baseline, without what CPU time or machine explain, 95 % interval (log scale)",
        unit="times the baseline",
        log=True,
        series=tuple(
            one
            for outcome, colour in OUTCOME_COLOURS.items()
            if (having := [(place, row) for place, row in enumerate(rows) if row.outcome == outcome])
            for one in (
                series(outcome, "points", [(left_of(row) or 1.0, float(place)) for place, row in having], colour,
                       size=5, names=[sentence(row) for _, row in having]),
                *_intervals(outcome, having, colour),
            )
        ),
        rules=(
            Rule(1.0, "no change", "#444444", "dotted", upright=True),
            Rule(1 + LEAST_EFFECT, f"a change counts beyond ×/÷ {1 + LEAST_EFFECT:.3g}", upright=True),
            Rule(1 / (1 + LEAST_EFFECT), "", upright=True),
        ),
        categories=tuple(_named(row) for row in rows),
        height_in=0.9 + 0.24 * max(len(rows), 3),
    )  # fmt: skip
    return Drawing(
        name="baseline-ratios",
        title="this run against the baseline",
        caption=plain(
            f"{summary(comparison)} (p < {ALPHA} after correction, and more than {LEAST_EFFECT * 100:.3g} % apart)."
        ),
        panels=(panel,),
        x_label="times the baseline",
        axis="baseline-ratios",
        x_range=spread(x_values(panel), log=True),
        x_log=True,
    )


def _intervals(outcome: str, having: Sequence[tuple[int, Row]], colour: str) -> list[Series]:
    known = [(place, row) for place, row in having if row.low is not None and row.high is not None]
    if not known:
        return []
    points = [(max((row.low or 0.0) / (row.expected or 1.0), LEAST_LOG), float(place)) for place, row in known]
    ends = [max((row.high or 0.0) / (row.expected or 1.0), LEAST_LOG) for _, row in known]
    names = [sentence(row) for _, row in known]
    return [series(f"interval, {outcome}", "spans", points, colour, ends=ends, names=names, size=1.4)]


def _named(row: Row) -> str:
    name = row.measure if row.measure != "latency" else "median latency"
    return plain(f"{row.scenario}, {row.phase}: {f'{row.case} ' if row.case else ''}{name}")


def distributions(before: Samples, after: Samples) -> list[Drawing]:
    """Return a plot for each phase: the latencies of both runs by case, a row for each run."""
    keys = [key for key in dict.fromkeys((*before, *after)) if key.measure == "latency"]
    drawings: list[Drawing] = []
    for scenario, phase in dict.fromkeys((key.scenario, key.phase) for key in keys):
        rows: dict[str, Sequence[float]] = {}
        for key in keys:
            if (key.scenario, key.phase) == (scenario, phase):
                rows[f"{key.case}, baseline"] = _drawable(before, key)
                rows[f"{key.case}, newer"] = _drawable(after, key)
        panel = spread_by_row("latency of each export by case, both runs (log scale)", rows)
        name = f"latency-{len(drawings) + 1}"
        drawings.append(
            Drawing(
                name=name,
                title=plain(f"{scenario}, {phase}: latency by case in both runs"),
                caption=f"{sum(map(len, rows.values())):,} exports: each one, its median, and P95 with its interval.",
                panels=(panel,),
                x_label="ms",
                axis=name,
                x_range=spread(x_values(panel), log=True),
                x_log=True,
            )
        )
    return drawings


def _drawable(samples: Samples, key: Key) -> list[float]:
    return [max(value, LEAST_LOG) for value in samples.get(key, ())]
