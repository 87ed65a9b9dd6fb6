"""How often the gate errs, measured: runs without a change, and runs with a planted one, in one command.

A run measures three trees side by side: the revision twice, and a copy whose CSV writer takes PLANTED longer. The
first two must not differ, the third must be found slower.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from assertions.record.files import read_one, write_one
from assertions.record.types import Record
from benchmarks.regression.gate import BLOCKS, Measured, Progress, judge, measure, silent
from benchmarks.regression.trees import commit_of, worktree
from benchmarks.regression.types import ALPHA, LEAST_EFFECT, Comparison

RUNS = 20
STORED, RAW = "rates.json", "rates_raw.jsonl"
PLANTED = 0.10
FALSE_ALARMS_MOST, FOUND_LEAST = 1, 19
"""Of 20 runs."""
PLANTED_IN = Path("service/csv/writer.py")
AFFECTED = frozenset({"csv-writer", "csv-1k", "csv-10k", "csv-100k", "csv-1M", "batch", "http-csv-10k"})
"""Workloads in which the planted change may show; the change is found where any of them is slower."""
_SLOWER = """

_as_written = write_csv


def write_csv(out: PartFile, columns: tuple[str, ...], chunks: Iterable[Chunk], *, guard_formulas: bool) -> int:
    import time

    began = time.thread_time()
    count = _as_written(out, columns, chunks, guard_formulas=guard_formulas)
    ended = time.thread_time()
    while time.thread_time() < ended + (ended - began) * {share}:
        pass
    return count
"""


class RunOutcome(Record, frozen=True, kw_only=True):
    """One run of three trees."""

    alarms: tuple[str, ...]
    """Workloads called slower or faster though nothing was changed."""
    planted_alarms: tuple[str, ...]
    """Workloads that the planted change does not touch, called slower or faster in the same run."""
    found: tuple[str, ...]
    """Affected workloads called slower."""
    planted_ratio: float | None
    """Of csv-writer with the planted change, by the gate."""
    seconds: float


class Rates(Record, frozen=True, kw_only=True):
    """What was measured: `rates.json`."""

    commit: str
    runs: int
    blocks: int
    alpha: float
    least_effect: float
    planted: float
    false_alarms: int
    """Runs without a change in which anything was called slower or faster."""
    found: int
    """Runs in which the planted change was found."""
    workloads: tuple[str, ...]
    outcomes: tuple[RunOutcome, ...]

    @property
    def good(self) -> bool:
        """Whether both rates are as wanted, in proportion to 20 runs."""
        return (
            self.false_alarms * RUNS <= FALSE_ALARMS_MOST * self.runs and self.found * RUNS >= FOUND_LEAST * self.runs
        )


def plant(tree: Path, share: float = PLANTED) -> None:
    """Make a tree's CSV writer take a share longer."""
    path = tree / PLANTED_IN
    path.write_text(path.read_text("utf-8") + _SLOWER.format(share=share), encoding="utf-8")


class RatesError(Exception):
    """The error rates can't be measured; the message says why."""


def measure_rates(
    revision: str, out: Path, *, runs: int = RUNS, seconds: float | None = None, progress: Progress = silent
) -> Rates:
    """Measure the error rates of the quick gate, and store them after each run as `rates.json` in `out`.

    Earlier runs of the same revision count. Every run's ratios go into `rates_raw.jsonl`, a line a run. NoSuchRevision,
    RatesError, RecordError.
    """
    commit, began = commit_of(revision), time.monotonic()
    rates = _stored(out, commit)
    with ExitStack() as stack:
        trees = [stack.enter_context(worktree(revision)) for _ in range(3)]
        plant(trees[2])
        while rates.runs < runs and (seconds is None or time.monotonic() - began < seconds):
            rates = _with(rates, *_one_run(trees, out / RAW))
            write_one(out / STORED, rates)
            progress(f"run {rates.runs} of {runs}: {rates.outcomes[-1]}")
    return rates


def _stored(out: Path, commit: str) -> Rates:
    """Return the runs of a commit in a folder; those of another are put away."""
    if (out / STORED).is_file():
        rates = read_one(out / STORED, Rates)
        if rates.commit == commit:
            return rates
    (out / RAW).unlink(missing_ok=True)
    return Rates(
        commit=commit,
        runs=0,
        blocks=BLOCKS,
        alpha=ALPHA,
        least_effect=LEAST_EFFECT,
        planted=PLANTED,
        false_alarms=0,
        found=0,
        workloads=(),
        outcomes=(),
    )


def _one_run(trees: Sequence[Path], raw: Path) -> tuple[RunOutcome, tuple[str, ...]]:
    began = time.monotonic()
    found = measure(trees, ("one", "the same again", "planted"))
    if found.broken or found.troubles:
        raise RatesError(f"expected times of every benchmark, got {found.broken or found.troubles}")
    with raw.open("ab") as file:
        file.write(msgspec.json.encode([judge(found, 0, 1), judge(found, 0, 2)]) + b"\n")
    return outcome_of(found, time.monotonic() - began), tuple(found.blocks)


def _with(rates: Rates, outcome: RunOutcome, names: tuple[str, ...]) -> Rates:
    return msgspec.structs.replace(
        rates,
        runs=rates.runs + 1,
        false_alarms=rates.false_alarms + bool(outcome.alarms),
        found=rates.found + bool(outcome.found),
        workloads=names,
        outcomes=(*rates.outcomes, outcome),
    )


def outcome_of(found: Measured, seconds: float) -> RunOutcome:
    """Judge a run of three trees. Pure."""
    same, planted = judge(found, 0, 1), judge(found, 0, 2)
    changed = _changed(planted)
    slower = {row.name for row in planted.rows if row.outcome == "slower"}
    ratio = next((row.ratio for row in planted.rows if row.name == "csv-writer"), None)
    return RunOutcome(
        alarms=tuple(_changed(same)),
        planted_alarms=tuple(name for name in changed if name not in AFFECTED),
        found=tuple(sorted(slower & AFFECTED)),
        planted_ratio=ratio,
        seconds=seconds,
    )


def _changed(comparison: Comparison) -> Sequence[str]:
    return [row.name for row in comparison.rows if row.outcome in ("slower", "faster")]
