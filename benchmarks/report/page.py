"""docs/benchmarks.md and the table on the terminal, from results. Pure: no figure is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.regression.rates import Rates
from benchmarks.regression.text import rates_text
from benchmarks.report.figures import (
    HeadlineRow,
    Ratio,
    cpu_ratio,
    growth_of,
    headline,
    records_a_second,
    wall_ratio,
)
from benchmarks.report.types import Race, Results, Runner
from benchmarks.statistics.growth import fit_slope
from benchmarks.statistics.paired import median

MB = 1_000_000
PLOTS = (
    ("writers", "Time of each writer through ours, by size; above 1 the writer is slower"),
    ("time", "Time by number of records"),
    ("memory", "Peak memory of a fresh process by number of records"),
)
"""Name and caption of each plot."""
INTRO = """# Benchmarks

Written by `python -m benchmarks publish` from [results.json](../benchmarks/results/results.json); no figure is
typed by hand.

All that is compared ran in one go on one machine, in turn (A B C A B C …), on the same records, and the files were
read back and compared with what was sent. So read ratios: absolute times are of this machine only.
"""
METHOD = """## Method

- *Writers*: each in a separate process, from a request body in memory to a file that is synced and renamed. One
  lap that does not count, then laps in turn. The ratio is the median of the ratios lap by lap; its 95 % interval is
  a bootstrap over the laps.
- *Services*: each its own process, called over loopback by the same client, the same way.
- *Files compared*: CSV cell by cell (the same text, number or boolean); PDF by page: number of pages, heads, page
  number, and each record's text in order, on every page up to 200 and on 200 drawn by lot beyond.
- *PDF peers* draw Helvetica, and measure, wrap and check nothing; text that WinAnsi lacks is lost with them. The
  service embeds fonts, measures each cell and keeps every script.
- *Memory*: the first export of a fresh process. The kernel's high-water mark, and USS and RSS of the process
  tree, sampled (`benchmarks/probes/sampler.py`). Before use the sampler must see known allocations within 1 %, at
  100 Hz or more.
- *Growth*: cost = a · records^b, fitted in logarithms; the interval of b by resampling sizes and repeats.
- *Regression gate*: `nox -s bench -- --against REV`. Ten blocks, each with fresh processes of both trees, in turn;
  the ratio of the quickest laps of each block; an exact sign-flip test over the blocks, Holm's correction over the
  benchmarks. A change counts when p < 0.05 and it is larger than 5 %. A benchmark that one side lacks is NO DATA
  and exit code 2.
"""
REPEAT = """## Repeat it

    nox -s bench                          # the quick set; writes evidence/bench/
    nox -s bench -- --full                # all sizes up to a million records
    nox -s bench -- --target URL          # somebody else's service, over HTTP
    nox -s bench -- --against main        # did we get slower?
    python -m benchmarks rates            # how often --against errs: 20 runs of three trees, about an hour
    python -m benchmarks publish          # this page, its plots and the README's line, from evidence/bench/
    nox -s profile                        # flame graphs and allocations, into evidence/profile/

The Node peers: `npm ci --prefix benchmarks/peers/node` (done by `nox -s bench` where npm is there; without Node
they are NO DATA). `evidence/bench/pytest-benchmark.json` is pytest-benchmark's own file, for `pytest-benchmark
compare` and its histograms.
"""


def page(results: Results, rates: Rates | None) -> str:
    """Return docs/benchmarks.md."""
    return "\n".join(_page(results, rates)) + "\n"


def terminal(results: Results) -> str:
    """Return the tables as the terminal shows them; of somebody else's service only the exports."""
    tables = [*_suites(results)]
    if results.target is None:
        tables = [*_races(results), *tables, *_growth(results), *_bounds(results)]
    return "\n".join((*tables, *_problems(results))) + "\n"


def _page(results: Results, rates: Rates | None) -> Iterator[str]:
    yield INTRO
    yield from _headline(results)
    yield "## Peers, side by side\n"
    yield f"![{PLOTS[0][1]}](benchmarks/{PLOTS[0][0]}.svg)\n"
    yield from _races(results)
    yield "## Growth with the number of records\n"
    for name, caption in PLOTS[1:] if results.points else ():
        yield f"![{caption}](benchmarks/{name}.svg)\n"
    yield from _growth(results)
    yield "## All benchmarks\n"
    yield from _suites(results)
    yield "## Bounds\n"
    yield from _bounds(results)
    yield METHOD
    yield (
        rates_text(rates) + "\n"
        if rates is not None
        else "The gate's error rates: NO DATA, `python -m benchmarks rates`.\n"
    )
    yield from _machine(results)
    if results.missing or results.failed:
        yield "## What is missing\n"
        yield from (f"- {problem}" for problem in _problems(results))
        yield ""
    yield REPEAT.rstrip()


def _headline(results: Results) -> Iterator[str]:
    yield "## In short\n"
    rows = [
        (
            row.race,
            row.runner,
            _ratio(row.ratio),
            "–" if row.aim is None else f"at least {row.aim:g}",
            "–"
            if row.aim is None
            else "NO DATA"
            if row.ratio is None
            else "yes"
            if row.ratio.value >= row.aim
            else "no",
        )
        for row in headline(results)
    ]
    yield from _table(("export", "runner", "its time through ours", "aim", "reached"), rows)


def _reached(row: HeadlineRow) -> str:
    if row.aim is None:
        return "–"
    return "NO DATA" if row.ratio is None else "yes" if row.ratio.value >= row.aim else "no"


def _races(results: Results) -> Iterator[str]:
    for race in results.races:
        laps = max((len(runner.wall_s) for runner in race.runners), default=0)
        unit = f", {race.exports_a_lap} exports a lap" if race.exports_a_lap > 1 else ""
        yield (
            f"### {race.name} records ({laps} laps{unit})\n"
            if not race.over_http
            else f"### {race.name} ({laps} laps{unit})\n"
        )
        yield from _table(
            ("runner", "how", "median", "through ours", "by CPU", "records/s", "peak RSS", "peak USS"),
            [_runner(race, runner) for runner in race.runners],
        )


def _runner(race: Race, runner: Runner) -> Sequence[str]:
    kind = " (limit)" if runner.kind == "limit" else ""
    if runner.no_data is not None:
        return f"{runner.name}{kind}", f"NO DATA: {runner.no_data}", "", "", "", "", "", ""
    speed = records_a_second(race, runner)
    rss = runner.kernel_peak_bytes or runner.peak_rss_bytes
    return (
        f"{runner.name}{kind}",
        runner.how,
        f"{median(runner.wall_s) * 1_000:,.1f} ms",
        "1" if runner.kind == "ours" else _ratio(wall_ratio(race, runner)),
        "1" if runner.kind == "ours" else _ratio(cpu_ratio(race, runner)),
        "–" if speed is None else f"{speed:,.0f}",
        "–" if rss is None else f"{rss / MB:,.0f} MB",
        "–" if runner.peak_uss_bytes is None else f"{runner.peak_uss_bytes / MB:,.0f} MB",
    )


def _bounds(results: Results) -> Iterator[str]:
    rows = [(one.word, one.where, one.sentence) for one in results.verdicts]
    yield from _table(("verdict", "benchmark", "what was asked and found"), rows)


def _ratio(ratio: Ratio | None) -> str:
    return "NO DATA" if ratio is None else f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _suites(results: Results) -> Iterator[str]:
    rows = [
        (
            measure.suite,
            measure.name,
            measure.what,
            f"{median(measure.wall_s) * 1_000:,.2f} ms",
            f"{median(measure.cpu_s) * 1_000:,.2f} ms" if measure.cpu_s else "–",
            "–" if measure.records is None else f"{measure.records / median(measure.wall_s):,.0f}",
            str(len(measure.wall_s)),
        )
        for measure in results.measures
    ]
    yield from _table(("suite", "benchmark", "what", "median", "CPU", "records/s", "laps"), rows)


def _growth(results: Results) -> Iterator[str]:
    sizes = sorted({point.records for point in results.points})
    rows = []
    for series in dict.fromkeys(point.series for point in results.points):
        for size in sizes:
            mine = [one for one in results.points if one.series == series and one.records == size]
            if mine:
                rows.append(
                    (
                        series,
                        f"{size:,}",
                        f"{median([one.wall_s for one in mine]) * 1_000:,.1f} ms",
                        f"{median([one.cpu_s for one in mine]) * 1_000:,.1f} ms",
                        f"{median([one.peak_bytes for one in mine]) / MB:,.1f} MB",
                        f"{median([one.grown_bytes for one in mine]) / MB:,.1f} MB",
                        f"{median([one.peak_uss_bytes for one in mine]) / MB:,.1f} MB",
                    )
                )
    yield from _table(("work", "records", "time", "CPU", "peak", "over its input", "peak USS, sampled"), rows)
    fits = []
    for series in dict.fromkeys(point.series for point in results.points):
        fits.append((series, *(_exponent(results, series, cost) for cost in ("wall_s", "cpu_s", "grown_bytes"))))
    yield "Exponents (1: in proportion to the records; 0: constant):\n"
    yield from _table(("work", "time", "CPU", "memory over its input"), fits)
    yield from _leak(results)


def _exponent(results: Results, series: str, cost: str) -> str:
    growth = growth_of(results.points, series, cost)
    if growth is None:
        return "NO DATA"
    value, low, high = (round(one, 2) + 0.0 for one in (growth.exponent, growth.low, growth.high))  # no -0.00
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _leak(results: Results) -> Iterator[str]:
    leak = results.leak
    if leak is None:
        yield "Leaks: NO DATA, measured with `--full`.\n"
        return
    slope = fit_slope(leak.held_bytes[len(leak.held_bytes) // 4 :])
    yield (
        f"After {leak.exports} exports of mixed sizes: {slope.each:,.0f} bytes an export stay ({slope.low:,.0f} to "
        f"{slope.high:,.0f} at 95 %, the first quarter left out), {leak.descriptors} descriptors, {leak.threads} "
        f"threads, {leak.files} files too many.\n"
    )


def _machine(results: Results) -> Iterator[str]:
    machine = results.machine
    yield "## Machine and versions\n"
    changed = {True: ", with uncommitted changes", False: "", None: ", changes unknown"}[results.dirty]
    tested = results.sampler
    sampler = (
        "NO DATA"
        if tested is None
        else (
            f"passed at {min(step.hz for step in tested.steps):.0f} Hz"
            if not tested.problems
            else "; ".join(tested.problems)
        )
    )
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    rows = [
        ("commit", f"{results.commit or _commits(results)}{changed}"),
        ("day", results.day),
        ("machine", f"{machine.system}, {machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 1e9:.0f} GB"),
        ("Python, Node", f"{machine.python}, {machine.node or 'none'}"),
        ("packages", packages),
        ("memory sampler's self-test", sampler),
    ]
    yield from _table(("", ""), rows)


def _commits(results: Results) -> str:
    return ", ".join(f"{name} {commit[:12]}" for name, commit in results.commits.items()) or "unknown"


def _problems(results: Results) -> Iterator[str]:
    for name in results.missing:
        yield f"NO DATA: {name}"
    for problem in results.failed:
        yield f"FAILED: {problem}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = list(rows)
    if not rows:
        yield "NO DATA\n"
        return
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""
