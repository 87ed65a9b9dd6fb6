"""The kept runs over time: the run in a run directory and those in its history, each with its main figures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from assertions.record.files import read_one
from assertions.record.types import RecordError
from assertions.verdicts import Verdict
from evidence.bundle.layout import CONTEXT, VERDICT
from evidence.bundle.run_folder import history_of
from evidence.collect.provenance import Context
from evidence.reports.units import percent, quantity
from evidence.settings import EMBEDDED
from evidence.subject import named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NONE = "–"
P95_10K, P95_1K = ("load", "latency-outside"), ("smoke", "smoke-latency")
SUCCESS = ("run", "success-outside")
PLOT_ENDINGS = (".png", ".svg")
_COLOURS = {"GREEN": "green", "RED": "red"}


class HistoryError(Exception):
    """There is no history that can be shown; one sentence."""


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run that was kept."""

    run_id: str
    started: float
    """Unix seconds."""
    folder: str
    """Its name: the run directory's, or the run's in the history."""
    subject: str
    colour: str
    headline: str
    p95_10k_ms: float | None
    p95_1k_ms: float | None
    success_ratio: float | None
    """Exports done of those asked for. None: not measured, as the two above."""
    commit: str | None = None
    """Of the harness."""


def read_history(out: Path) -> tuple[list[PastRun], list[str]]:
    """Return the runs of a run directory and its history, oldest first, and a sentence for each that can't be read.

    Nothing is verified: each run says what its own verdict says. OSError.
    """
    older = history_of(out)
    folders = [path for path in (sorted(older.iterdir()) if older.is_dir() else []) if path.is_dir()]
    runs, problems = [], []
    for folder in [*folders, *([out] if (out / VERDICT).exists() else [])]:
        try:
            runs.append(_read(folder))
        except (RecordError, msgspec.DecodeError, UnicodeDecodeError) as error:
            problems.append(f"{folder.name} can't be read: {str(error).replace(f'{folder}/', '')}")
    return sorted(runs, key=lambda run: run.started), problems


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a verdict; a run that could not begin has no more than its colour."""

    colour: str
    headline: str
    verdicts: tuple[Verdict, ...] = ()


def _read(folder: Path) -> PastRun:
    context = read_one(folder / CONTEXT, Context)
    report = msgspec.json.decode((folder / VERDICT).read_bytes(), type=_Said)
    figures = {
        (verdict.scenario, verdict.id): verdict.judgement.readings[0].value
        for verdict in report.verdicts
        if verdict.judgement.readings
    }
    return PastRun(
        run_id=context.run_id,
        started=context.started,
        folder=folder.name,
        subject=named(context.subject, embedded=context.target == EMBEDDED, target=context.target, version=None),
        colour=report.colour,
        headline=report.headline,
        p95_10k_ms=figures.get(P95_10K),
        p95_1k_ms=figures.get(P95_1K),
        success_ratio=figures.get(SUCCESS),
        commit=context.commit,
    )


def when(run: PastRun) -> str:
    """Return when a run began, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(run.started))


def table(runs: Sequence[PastRun]) -> Table:
    """Return the runs as a table, newest last."""
    made = Table()
    for column in ("begun (UTC)", "subject", "colour"):
        made.add_column(column)
    for column in ("P95 10k", "P95 1k", "success"):
        made.add_column(column, justify="right", no_wrap=True)
    made.add_column("run", overflow="fold")
    for run in runs:
        style = _COLOURS.get(run.colour, "yellow")
        made.add_row(when(run), run.subject, f"[{style}]{run.colour}[/]", *_figures(run), run.folder)
    return made


def _figures(run: PastRun) -> tuple[str, str, str]:
    times = tuple(NONE if value is None else quantity(value, "ms") for value in (run.p95_10k_ms, run.p95_1k_ms))
    return times[0], times[1], NONE if run.success_ratio is None else percent(run.success_ratio)


def as_json(runs: Sequence[PastRun]) -> bytes:
    """Return the runs as an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(runs), indent=2) + b"\n"


def plot(runs: Sequence[PastRun], path: Path) -> None:
    """Draw P95s and success over the runs, each point in its run's colour. HistoryError, OSError."""
    if path.suffix not in PLOT_ENDINGS:
        raise HistoryError(f"{path} must end in {' or '.join(PLOT_ENDINGS)}")
    from matplotlib.figure import Figure  # noqa: PLC0415 - the list of runs needs no drawing

    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    places = range(len(runs))
    for label, marker, values in (
        ("P95 of 10k records", "o", [run.p95_10k_ms for run in runs]),
        ("P95 of 1k records", "s", [run.p95_1k_ms for run in runs]),
    ):
        _line(above, label, marker, values, runs)
    _line(below, "done of asked", "o", [run.success_ratio for run in runs], runs)
    above.set_ylabel("ms")
    above.set_ylim(bottom=0)
    above.legend(loc="best", frameon=False)
    below.set_ylabel("success")
    below.set_ylim(min([0.9, *(run.success_ratio for run in runs if run.success_ratio is not None)]) - 0.02, 1.02)
    below.set_xticks(list(places), [when(run) for run in runs], rotation=45, ha="right", fontsize=8)
    above.set_title("Kept runs, oldest first; each point in its run's colour", loc="left", fontsize=10)
    figure.savefig(path)


_POINTS: Mapping[str, str] = {"GREEN": "#2a7f3f", "RED": "#c0392b"}


def _line(axes: Axes, label: str, marker: str, values: Sequence[float | None], runs: Sequence[PastRun]) -> None:
    """Draw one figure over the runs that have it."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    colours = [_POINTS.get(runs[place].colour, "#8a6d00") for place, _ in known]
    xs, ys = [place for place, _ in known], [value for _, value in known]
    axes.plot(xs, ys, color="#999999", linewidth=1, zorder=1)
    axes.scatter(xs, ys, c=colours, marker=marker, label=label, zorder=2)
