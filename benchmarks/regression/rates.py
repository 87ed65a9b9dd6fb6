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

from assertions.record.types import Record
from benchmarks.regression.gate import BLOCKS, Measured, Progress, judge, measure, silent
from benchmarks.regression.trees import commit_of, worktree
from benchmarks.regression.types import ALPHA, LEAST_EFFECT, Comparison

RUNS = 20
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
    """Workloads that the planted change does not touch, called slower or faster beside it."""
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


def measure_rates(
    revision: str, raw: Path, *, runs: int = RUNS, blocks: int = BLOCKS, progress: Progress = silent
) -> Rates:
    """Measure the error rates of the quick gate; every run's ratios go into `raw`, a JSON line a run.

    NoSuchRevision; ValueError where a workload gave no data.
    """
    raw.write_bytes(b"")
    outcomes = []
    names: tuple[str, ...] = ()
    with ExitStack() as stack:
        trees = [stack.enter_context(worktree(revision)) for _ in range(3)]
        plant(trees[2])
        for number in range(runs):
            began = time.monotonic()
            found = measure(trees, ("one", "the same again", "planted"), blocks=blocks)
            if found.broken or found.troubles:
                raise ValueError(f"expected times of every benchmark, got {found.broken or found.troubles}")
            names = tuple(found.blocks)
            outcomes.append(outcome_of(found, time.monotonic() - began))
            with raw.open("ab") as file:
                file.write(msgspec.json.encode([judge(found, 0, 1), judge(found, 0, 2)]) + b"\n")
            progress(f"run {number + 1} of {runs}: {outcomes[-1].seconds:.0f} s, {outcomes[-1]}")
    return Rates(
        commit=commit_of(revision),
        runs=runs,
        blocks=blocks,
        alpha=ALPHA,
        least_effect=LEAST_EFFECT,
        planted=PLANTED,
        false_alarms=sum(bool(one.alarms) for one in outcomes),
        found=sum(bool(one.found) for one in outcomes),
        workloads=names,
        outcomes=tuple(outcomes),
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
