"""How often the comparison errs between real runs: repeated runs of one service, each pair compared.

`python -m evidence.comparison.repeated RUN RUN …` measures on run directories and writes `repeated_runs.json`;
`--print` only prints. A pair of runs without a change must not be called one; with the newer run's latencies times 1.2
it must.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from assertions.record.files import read_one, write_one
from assertions.record.types import Record
from evidence.comparison.check import SLOWER
from evidence.comparison.compare import compare
from evidence.comparison.folders import CompareError, read_recorded
from evidence.comparison.samples import Key, Samples, samples_of
from evidence.comparison.types import ALPHA, MEASURES

STORED = Path(__file__).with_name("repeated_runs.json")
CALLED = ("better", "worse")


class MeasureRate(Record, frozen=True, kw_only=True):
    """How often one measure was called a change though nothing had changed."""

    measure: str
    called: int
    """Pairs in which a row of this measure was called better or worse."""


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
    spread: float
    """Largest ratio between two runs' medians of one latency."""


def measure(runs: Sequence[Samples], machine: str, slower: float = SLOWER) -> RepeatedRates:
    """Compare each pair of runs, as it is and with slower latencies. ValueError for fewer than two runs."""
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} run makes no pair")
    pairs = list(itertools.combinations(runs, 2))
    called, found, spread = 0, 0, 1.0
    by_measure: Counter[str] = Counter()
    for before, after in pairs:
        rows = compare(before, after, resamples=0)
        changed = {row.measure for row in rows if row.outcome in CALLED}
        called += bool(changed)
        by_measure.update(changed)
        ratios = [row.ratio for row in rows if row.measure == "latency" and row.ratio]
        spread = max([spread, *ratios, *(1 / ratio for ratio in ratios)])
        planted = compare(before, _slower(after, slower), resamples=0)
        found += any(row.measure == "latency" and row.outcome == "worse" for row in planted)
    return RepeatedRates(
        machine=machine,
        runs=len(runs),
        pairs=len(pairs),
        scenarios=tuple(sorted({key.scenario for run in runs for key in run})),
        alpha=ALPHA,
        called=called,
        measures=tuple(MeasureRate(measure=name, called=by_measure[name]) for name in MEASURES),
        slower=slower,
        found=found,
        spread=spread,
    )


def _slower(samples: Samples, factor: float) -> Mapping[Key, tuple[float, ...]]:
    return {
        key: tuple(value * factor for value in values) if key.measure == "latency" else values
        for key, values in samples.items()
    }


def line(rates: RepeatedRates) -> str:
    """Return the rates in one sentence."""
    calls = ", ".join(f"{one.measure} {one.called}" for one in rates.measures if one.called)
    return (
        f"Measured on {rates.runs} repeated runs of {', '.join(rates.scenarios)} ({rates.machine}): of {rates.pairs} "
        f"pairs without a change {rates.called} were called one{f' ({calls})' if calls else ''}; with latencies "
        f"+{(rates.slower - 1) * 100:.3g} % {rates.found} of {rates.pairs} were found. "
        f"Medians of one latency differed by up to {(rates.spread - 1) * 100:.2g} % between these runs."
    )


def stored_line() -> str:
    """Return the stored rates in one sentence; empty where none are stored."""
    return line(read_one(STORED, RepeatedRates)) if STORED.is_file() else ""


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--machine", default="one machine", help="What the runs were made on, in words.")
@click.option("--print", "only_print", is_flag=True, help="Store nothing.")
def main(runs: tuple[Path, ...], machine: str, only_print: bool) -> None:
    """Compare each pair of these run directories of one service, oldest first."""
    try:
        read = sorted((read_recorded(folder) for folder in runs), key=lambda run: run.context.started)
        rates = measure([samples_of(run.run.scenarios) for run in read], machine)
    except (CompareError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    if not only_print:
        write_one(STORED, rates)
    sys.stdout.write(f"{line(rates)}\n")


if __name__ == "__main__":
    main()
