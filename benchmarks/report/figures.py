"""Figures of results, computed here and nowhere else: ratios, growth, the headline. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.report.types import Point, Race, Results, Runner
from benchmarks.statistics.growth import LEAST_SIZES, Growth, fit_growth
from benchmarks.statistics.paired import median, median_interval, paired_ratios


@dataclass(frozen=True)
class Ratio:
    """A runner's time through ours: above 1 the runner is slower."""

    value: float
    low: float
    high: float


def ours(race: Race) -> Runner | None:
    """Return our runner of a race, where it has times."""
    return next((one for one in race.runners if one.kind == "ours" and one.wall_s), None)


def wall_ratio(race: Race, runner: Runner) -> Ratio | None:
    """Return the median of the paired ratios by wall time, with its 95 % interval; None without times."""
    mine = ours(race)
    if mine is None or not runner.wall_s:
        return None
    return ratio_of(runner.wall_s, mine.wall_s)


def cpu_ratio(race: Race, runner: Runner) -> Ratio | None:
    """Do the same by CPU time; None also where a time is 0."""
    mine = ours(race)
    if mine is None or not runner.cpu_s or min((*runner.cpu_s, *mine.cpu_s)) <= 0:
        return None
    return ratio_of(runner.cpu_s, mine.cpu_s)


def ratio_of(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Return the median of paired ratios with its interval."""
    ratios = paired_ratios(above, below)
    low, high = median_interval(ratios)
    return Ratio(median(ratios), low, high)


def records_a_second(race: Race, runner: Runner) -> float | None:
    """Return the throughput of a runner by its median lap."""
    return race.records * race.exports_a_lap / median(runner.wall_s) if runner.wall_s else None


def growth_of(points: Sequence[Point], series: str, cost: str) -> Growth | None:
    """Return how a cost of a series (`wall_s`, `cpu_s`, `peak_bytes`, `grown_bytes`) grows; None of too few sizes."""
    mine = [point for point in points if point.series == series and getattr(point, cost) > 0]
    if len({point.records for point in mine}) < LEAST_SIZES:
        return None
    return fit_growth([point.records for point in mine], [getattr(point, cost) for point in mine])


HEADLINE = (
    ("csv 10,000 over HTTP", "Fastify (Node)", 1.5),
    ("pdf 10,000 over HTTP", "Fastify (Node)", 10.0),
    ("pdf 10,000", "reportlab canvas", None),
    ("csv 10,000", "csv.DictWriter", None),
    ("csv 100,000", "csv-writer (Node)", None),
    ("csv 1,000,000", "unquoted join", 0.8),
    ("pdf 1,000,000", "hand-made", 0.75),
)
"""Race, runner, and the ratio aimed at; None: none was set."""


@dataclass(frozen=True)
class HeadlineRow:
    """One ratio that is named first."""

    race: str
    runner: str
    aim: float | None
    ratio: Ratio | None
    """None: no data."""


def headline(results: Results) -> Iterator[HeadlineRow]:
    """Yield the ratios that are named first."""
    races = {race.name: race for race in results.races}
    for name, peer, aim in HEADLINE:
        race = races.get(name)
        runner = next((one for one in race.runners if one.name == peer), None) if race is not None else None
        ratio = wall_ratio(race, runner) if race is not None and runner is not None else None
        yield HeadlineRow(race=name, runner=peer, aim=aim, ratio=ratio)


def summary(results: Results) -> Iterator[str]:
    """Yield the ratios that are named first and have data, a line each."""
    for row in headline(results):
        if row.ratio is not None:
            yield f"{row.race}: {row.runner} takes {row.ratio.value:.2f} times our time"


def _records_of(race: str) -> str:
    """Return a race's name with the word records: `csv 10,000 over HTTP` is of `10,000 records`."""
    format, count, *rest = race.split(" ")
    return " ".join((format, count, "records", *rest))


def readme_line(results: Results) -> str:
    """Return the phrase on speed that stands in README.md: the first two headline ratios that have data."""
    known = [row for row in headline(results) if row.ratio is not None][:2]
    ratios = [
        f"{_records_of(row.race)}: {row.runner} takes {row.ratio.value:.1f} times our time "
        f"({row.ratio.low:.1f} to {row.ratio.high:.1f})"
        for row in known
        if row.ratio is not None
    ]
    return "; ".join(ratios) or "NO DATA"
