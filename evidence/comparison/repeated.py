"""How often the comparison errs between real runs: repeated runs of one service, each pair compared.

`python -m evidence.comparison.repeated RUN RUN …` measures on run directories and writes `repeated_runs.json`;
`--print` only prints. A pair of runs without a change must not be called one; with the newer run's latencies times 1.2
it must, and so it must where the CPU time of its exports grew so, too. `--waiting` and `--computing` take runs of a
service that really waits or computes longer in each export; each is compared with each of the repeated runs.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from msgspec.structs import replace

from assertions.record.files import read_one, write_one
from assertions.record.types import Record
from evidence.comparison.check import SLOWER
from evidence.comparison.compare import compare
from evidence.comparison.conditions import Conditions, Place
from evidence.comparison.folders import CompareError, read_recorded
from evidence.comparison.samples import Samples, samples_of
from evidence.comparison.statistics import statistic_of
from evidence.comparison.types import ALPHA, MEASURES, MeasureName, Row, is_busy, left_of

STORED = Path(__file__).with_name("repeated_runs.json")
CALLED = ("better", "worse")


class MeasureRate(Record, frozen=True, kw_only=True):
    """How often one measure was called a change though nothing had changed."""

    measure: str
    called: int
    """Pairs in which a row of this measure was called better or worse."""


class Planted(Record, frozen=True, kw_only=True):
    """Runs of a service that was made slower, each compared with each of the repeated runs."""

    runs: int
    pairs: int
    found: int
    """Pairs in which a latency or the CPU time of an export was called worse."""
    quiet: int
    """Pairs in which other work left the machine to the service, in every phase."""
    found_quiet: int
    """Of these, as `found`."""
    slower: float
    """Largest median ratio of a latency over these pairs."""


class RepeatedRates(Record, frozen=True, kw_only=True):
    """What was measured on repeated runs."""

    machine: str
    runs: int
    pairs: int
    """All pairs of these runs, each in the order of time; pairs that share a run are not independent."""
    scenarios: tuple[str, ...]
    alpha: float
    called: int
    """Pairs in which any row was called better or worse."""
    measures: tuple[MeasureRate, ...]
    slower: float
    found: int
    """Pairs in which a latency was called worse once the newer run's latencies were multiplied by `slower`."""
    quiet: int
    """Pairs of runs in which other work left the machine to the service, in every phase."""
    found_quiet: int
    """Of these, as `found`."""
    found_cpu: int
    """Pairs in which latency or CPU time was called worse once both were multiplied by `slower`."""
    waiting: Planted
    """Runs of a service that really waits longer in each export."""
    computing: Planted
    """Runs of a service that really computes longer in each export."""
    spread: float
    """Largest ratio between two runs' medians of one latency."""
    spread_quiet: float
    """The same, and the next three, of the pairs on a quiet machine."""
    spread_left: float
    """Without what the CPU time of the exports explains."""
    spread_cpu: float
    """Of the CPU times of an export in one phase."""
    spread_cpu_left: float
    """Of these by the machine's own speed."""


@dataclass(frozen=True)
class Measured:
    """What is compared of one run."""

    samples: Samples
    conditions: Mapping[Place, Conditions]


def measure(
    runs: Sequence[Measured],
    machine: str,
    slower: float = SLOWER,
    *,
    waiting: Sequence[Measured] = (),
    computing: Sequence[Measured] = (),
) -> RepeatedRates:
    """Compare each pair of runs, as it is and with slower latencies. ValueError for fewer than two runs."""
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} run makes no pair")
    pairs = list(itertools.combinations(runs, 2))
    rows_of = [_compared(before, after) for before, after in pairs]
    quiet = [not any(is_busy(row) for row in rows) for rows in rows_of]
    quiet_rows = [row for rows, is_quiet in zip(rows_of, quiet, strict=True) if is_quiet for row in rows]
    found_of = [_worse(_compared(before, _slower(after, slower)), "latency") for before, after in pairs]
    by_measure = Counter(name for rows in rows_of for name in {row.measure for row in rows if row.outcome in CALLED})
    return RepeatedRates(
        machine=machine,
        runs=len(runs),
        pairs=len(pairs),
        scenarios=tuple(sorted({key.scenario for run in runs for key in run.samples})),
        alpha=ALPHA,
        called=sum(any(row.outcome in CALLED for row in rows) for rows in rows_of),
        measures=tuple(MeasureRate(measure=name, called=by_measure[name]) for name in MEASURES),
        slower=slower,
        found=sum(found_of),
        quiet=sum(quiet),
        found_quiet=sum(found for found, is_quiet in zip(found_of, quiet, strict=True) if is_quiet),
        found_cpu=sum(
            _worse(_compared(before, _more_cpu(after, slower)), "latency", "CPU an export") for before, after in pairs
        ),
        waiting=_planted(runs, waiting),
        computing=_planted(runs, computing),
        spread=_spread(row.ratio for rows in rows_of for row in rows if row.measure == "latency"),
        spread_quiet=_spread(row.ratio for row in quiet_rows if row.measure == "latency"),
        spread_left=_spread(left_of(row) for row in quiet_rows if row.measure == "latency"),
        spread_cpu=_spread(row.ratio for row in quiet_rows if row.measure == "CPU an export"),
        spread_cpu_left=_spread(left_of(row) for row in quiet_rows if row.measure == "CPU an export"),
    )


def _planted(runs: Sequence[Measured], slower: Sequence[Measured]) -> Planted:
    rows_of = [_compared(before, after) for after in slower for before in runs]
    ratios: dict[tuple[str, str, str], list[float]] = {}
    for row in (row for rows in rows_of for row in rows if row.measure == "latency" and row.ratio):
        ratios.setdefault((row.scenario, row.phase, row.case), []).append(row.ratio or 1.0)
    quiet = [rows for rows in rows_of if not any(is_busy(row) for row in rows)]
    return Planted(
        runs=len(slower),
        pairs=len(rows_of),
        found=sum(_worse(rows, "latency", "CPU an export") for rows in rows_of),
        quiet=len(quiet),
        found_quiet=sum(_worse(rows, "latency", "CPU an export") for rows in quiet),
        slower=max((statistic_of(values, "median") for values in ratios.values()), default=1.0),
    )


def _compared(before: Measured, after: Measured) -> tuple[Row, ...]:
    return compare(before.samples, after.samples, (before.conditions, after.conditions), resamples=0)


def _worse(rows: Sequence[Row], *measures: MeasureName) -> bool:
    return any(row.measure in measures and row.outcome == "worse" for row in rows)


def _spread(ratios: Iterable[float | None]) -> float:
    return max([1.0, *(max(ratio, 1 / ratio) for ratio in ratios if ratio)])


def _slower(run: Measured, factor: float, *also: MeasureName) -> Measured:
    """Return a run as if its service waited longer in each export."""
    samples = {
        key: tuple(value * factor for value in values) if key.measure in ("latency", *also) else values
        for key, values in run.samples.items()
    }
    return Measured(samples, run.conditions)


def _more_cpu(run: Measured, factor: float) -> Measured:
    """Return a run as if its service computed longer in each export."""
    conditions = {
        place: replace(there, cpu_ms=None if there.cpu_ms is None else there.cpu_ms * factor)
        for place, there in run.conditions.items()
    }
    return Measured(_slower(run, factor, "CPU an export").samples, conditions)


def line(rates: RepeatedRates) -> str:
    """Return the rates in one sentence."""
    calls = ", ".join(f"{one.measure} {one.called}" for one in rates.measures if one.called)
    more = f"+{(rates.slower - 1) * 100:.3g} %"
    return (
        f"Measured on {rates.runs} repeated runs of {', '.join(rates.scenarios)} ({rates.machine}): of {rates.pairs} "
        f"pairs without a change {rates.called} were called one{f' ({calls})' if calls else ''}; with latencies "
        f"{more} {rates.found_quiet} of the {rates.quiet} pairs on a quiet machine were found and "
        f"{rates.found - rates.found_quiet} of the {rates.pairs - rates.quiet} others, with the CPU time of an export "
        f"{more} {rates.found_cpu} of all. "
        f"{_planted_line('waited', rates.waiting)}{_planted_line('computed', rates.computing)}"
        f"Medians of one latency differed by up to {_percent(rates.spread)} between these runs, on a quiet machine by "
        f"{_percent(rates.spread_quiet)}, and by {_percent(rates.spread_left)} without what the CPU time of the "
        f"exports explains; that CPU time differed by up to {_percent(rates.spread_cpu)} on a quiet machine, and by "
        f"{_percent(rates.spread_cpu_left)} in units of the reference work."
    )


def _planted_line(what: str, planted: Planted) -> str:
    if not planted.runs:
        return ""
    return (
        f"A service that really {what} longer in each export (a median latency {_percent(planted.slower)} higher; "
        f"runs: {planted.runs}) was found in {planted.found_quiet} of the {planted.quiet} pairs on a quiet machine and "
        f"{planted.found - planted.found_quiet} of the {planted.pairs - planted.quiet} others. "
    )


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:.0f} %"


def stored_line() -> str:
    """Return the stored rates in one sentence; empty where none are stored."""
    return line(read_one(STORED, RepeatedRates)) if STORED.is_file() else ""


def _read(folders: Sequence[Path]) -> list[Measured]:
    """Read run directories, oldest first; a verdict is not needed."""
    runs = sorted((read_recorded(folder, judged=False) for folder in folders), key=lambda run: run.context.started)
    return [Measured(samples_of(run.run.scenarios), run.conditions) for run in runs]


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--machine", default="one machine", help="What the runs were made on, in words.")
@click.option("--waiting", multiple=True, type=click.Path(path_type=Path), help="Run of a service that waits longer.")
@click.option("--computing", multiple=True, type=click.Path(path_type=Path), help="Of one that computes longer.")
@click.option("--print", "only_print", is_flag=True, help="Store nothing.")
def main(
    runs: tuple[Path, ...], machine: str, waiting: tuple[Path, ...], computing: tuple[Path, ...], only_print: bool
) -> None:
    """Compare each pair of these run directories of one service, oldest first."""
    try:
        rates = measure(_read(runs), machine, waiting=_read(waiting), computing=_read(computing))
    except (CompareError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    if not only_print:
        write_one(STORED, rates)
    sys.stdout.write(f"{line(rates)}\n")


if __name__ == "__main__":
    main()
