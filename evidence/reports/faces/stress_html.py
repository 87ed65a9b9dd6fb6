"""A stress session as one HTML page that needs no other file: a function of what was found."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from assertions.stats import median
from evidence.reports.plots.model import COLOURS
from loadtests.stress.search import CaseResult, Percentiles, Step, Stress, deciding
from loadtests.stress.table import held_text

SHADES = ("#9ecae1", "#4292c6", "#2166ac", "#08306b"), ("#fcae91", "#fb6a4a", "#b2182b", "#67000d")
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: right; vertical-align: top; }
th:first-child, td:first-child, td.why, th.why { text-align: left; }
td.broke { color: #b2182b; } td.held { color: #1b7837; }
svg { height: auto; max-width: 100%; }
"""


def html(stress: Stress) -> str:
    """The page."""
    title = "Stress: how much until a limit breaks"
    parts = [
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1>",
        f"<p>Target: {escape(stress.target)}. Open arrivals at even distances, one rate after the other, until P95 "
        f"from the intended start ({escape(stress.latency_limit)}) or success ({escape(stress.success_limit)}) does "
        "not hold, a request is rejected, or the target falls behind. An exploration of seconds a rate: it says "
        "where to look, and makes nothing GREEN.</p>",
        _summary(stress.found),
        *(f"<h2>{escape(name)}</h2>\n{svg}" for name, svg in plots(stress)),
        "<h2>All steps</h2>",
        _steps(stress.found),
        "<p>Latencies in ms; percentiles by nearest rank from all raw hits. P50 to P99 are taken from the intended "
        "start, those marked sent from the real one; growth is how many seconds the latency gained each second; others "
        "is the share of the machine that neither target nor load used, where the target's processes can be seen.</p>",
        "</body></html>\n",
    ]
    return "\n".join(parts)


def plots(stress: Stress) -> Iterable[tuple[str, str]]:
    """(title, SVG) of each plot that has something to show."""
    if any(_measured(one) for one in stress.found):
        yield "Latency against rate", _figure("latency against rate", _against_rate(stress))
    if any(one.unloaded_ms for one in stress.found):
        yield "Latency against size", _figure("latency against size", _against_size(stress.found))
    if any(one.highest_held_per_s for one in stress.found):
        yield "Highest rate against size", _figure("rate against size", _rates(stress.found))


def _measured(found: CaseResult) -> list[Step]:
    """The steps that say something of the target, by rate."""
    steps = [step for step in found.steps if step.intended and step.word != "no data"]
    return sorted(steps, key=lambda step: step.rate_per_s)


def _figure(salt: str, paint: Callable[[Any], None]) -> str:
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, only needed here
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    paint(axes)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="best")
    # words stay words, to be searched and read aloud; equal records give equal files
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Title": salt})
    return out.getvalue()[out.getvalue().index("<svg") :]


def _colours(found: Sequence[CaseResult]) -> dict[str, str]:
    """The larger the darker, blue for csv and red for pdf."""
    colours: dict[str, str] = {}
    for fmt, shades in zip(COLOURS, SHADES, strict=True):
        mine = sorted((one for one in found if one.format == fmt), key=lambda one: one.records)
        colours |= {one.case: shades[min(place, len(shades) - 1)] for place, one in enumerate(mine)}
    return colours


def _against_rate(stress: Stress) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        colours = _colours(stress.found)
        for found in filter(_measured, stress.found):
            steps = _measured(found)
            xs, ys = [step.rate_per_s for step in steps], [_p95(step) for step in steps]
            axes.plot(xs, ys, "o-", color=colours[found.case], markersize=4, linewidth=1.1, label=found.case)
            broke = [step for step in steps if step.word == "broke"]
            axes.plot([step.rate_per_s for step in broke], [_p95(step) for step in broke], "x", color="black", ms=9)
            if found.outcome == "held":
                step = next(one for one in steps if one.rate_per_s == found.lowest_broke_per_s)
                axes.annotate(f"breaks: {found.case}", (step.rate_per_s, _p95(step)), fontsize=7, xytext=(5, 5),
                              textcoords="offset points")  # fmt: skip
        _limit(axes, stress)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("arrivals asked for, exports/s")
        axes.set_ylabel("P95 from the intended start, ms")

    return paint


def _p95(step: Step) -> float:
    return max(step.intended.p95_ms, 0.01) if step.intended else 0.01


def _limit(axes: Any, stress: Stress) -> None:
    bound = float(stress.latency_limit.split()[1].replace(",", ""))
    axes.axhline(bound, color="#333333", linestyle="--", linewidth=0.9, label=f"limit {stress.latency_limit}")


def _against_size(all_found: Sequence[CaseResult]) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        for fmt, colour in COLOURS.items():
            mine = sorted((one for one in all_found if one.format == fmt), key=lambda one: one.records)
            unloaded = [(one.records, median(one.unloaded_ms)) for one in mine if one.unloaded_ms]
            loaded = [(one.records, _p95(step)) for one in mine if one.highest_held_per_s and (step := deciding(one))]
            for points, style, label in (
                (unloaded, "o:", "unloaded, median"),
                (loaded, "o-", "P95 at the highest rate"),
            ):
                if points:
                    axes.plot(*zip(*points, strict=True), style, color=colour, markersize=4, label=f"{fmt} {label}")
        _sizes(axes, "ms")

    return paint


def _rates(all_found: Sequence[CaseResult]) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        for fmt, colour in COLOURS.items():
            points = [
                (one.records, one.highest_held_per_s)
                for one in sorted(all_found, key=lambda one: one.records)
                if one.format == fmt and one.highest_held_per_s
            ]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=colour, markersize=4, label=fmt)
        _sizes(axes, "exports/s")

    return paint


def _sizes(axes: Any, unit: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("records an export")
    axes.set_ylabel(unit)


def _summary(all_found: Sequence[CaseResult]) -> str:
    rows = [
        (one.case, f"{one.body_bytes / 1e6:,.1f}", f"{median(one.unloaded_ms):,.0f}" if one.unloaded_ms else "–",
         held_text(one), "–" if one.lowest_broke_per_s is None else f"{one.lowest_broke_per_s:g}",
         *_three(deciding(one)), one.reason)
        for one in all_found
    ]  # fmt: skip
    head = ("case", "body, MB", "unloaded, ms", "held, /s", "broke, /s", *_THREE, "why it broke, or what is known")
    return _table(head, rows)


_THREE = ("P50", "P95", "P99", "P50 sent", "P95 sent", "P99 sent")


def _three(step: Step | None) -> tuple[str, ...]:
    def of(values: Percentiles | None) -> tuple[str, str, str]:
        if values is None:
            return "–", "–", "–"
        return f"{values.p50_ms:,.0f}", f"{values.p95_ms:,.0f}", f"{values.p99_ms:,.0f}"

    return (*of(step.intended if step else None), *of(step.sent if step else None))


def _steps(all_found: Sequence[CaseResult]) -> str:
    rows = [
        (one.case, f"{step.rate_per_s:g}", f"{step.seconds:.0f}", str(step.planned), str(step.done), str(step.refused),
         str(step.failed), *_three(step), "–" if step.growth is None else f"{step.growth:.2f}",
         "–" if step.start_delay_p99_ms is None else f"{step.start_delay_p99_ms:.1f}",
         "–" if step.others_ratio is None else f"{step.others_ratio:.0%}", step.word.upper(), step.reason)
        for one in all_found
        for step in one.steps
    ]  # fmt: skip
    head = (
        "case",
        "rate, /s",
        "s",
        "planned",
        "done",
        "refused",
        "failed",
        *_THREE,
        "growth",
        "late P99",
        "others",
        "",
        "why",
    )
    return _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def cell(text: str, place: int) -> str:
        why = ' class="why"' if place == len(head) - 1 else ""
        word = {"HELD": ' class="held"', "BROKE": ' class="broke"'}.get(text, why)
        return f"<td{word}>{escape(text)}</td>"

    heads = "".join(f"<th{' class=why' if name == head[-1] else ''}>{escape(name)}</th>" for name in head)
    lines = ["<tr>" + "".join(cell(text, place) for place, text in enumerate(row)) + "</tr>" for row in rows]
    return "\n".join(["<table>", f"<tr>{heads}</tr>", *lines, "</table>"])
