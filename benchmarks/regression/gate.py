"""Did we get slower? Trees run the same workloads, interleaved on this machine, and a test says what changed.

A block starts a fresh process in each tree; all run each workload in turn, A B B A …, so that what the machine does
meets all of them. A block gives one ratio a workload: of the quickest laps, since what others do on the machine only
adds to a lap. The exact sign-flip test over the blocks' ratios, with Holm's correction over the workloads, calls a
change significant; it counts when it is also larger than LEAST_EFFECT.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.laps.lap import Lap
from benchmarks.laps.side import Side, SideError, running_side
from benchmarks.laps.worker import Listed
from benchmarks.regression.types import ALPHA, LEAST_EFFECT, Comparison, Outcome, Row
from benchmarks.statistics.paired import geometric_mean, sign_flip_p
from benchmarks.workloads.types import Clock
from evidence.comparison.statistics import holm

BLOCKS = 10
LEAST_LAPS, MOST_LAPS = 4, 10
BLOCK_S = 0.1
"""Of a workload in one block and tree: short laps are run more often."""

Block = tuple[Sequence[Lap], ...]
"""One block's laps of a workload, by tree."""
Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Stand in where nobody wants to know how far the work is."""


class Measured:
    """Laps of trees that run the same workloads."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.listed: list[Mapping[str, Listed]] = []
        """By tree: the workloads that it has."""
        self.broken: str | None = None
        """Why a tree lists none."""
        self.blocks: dict[str, list[Block]] = {}
        self.troubles: dict[str, str] = {}


def measure(
    trees: Sequence[Path],
    labels: Sequence[str],
    *,
    full: bool = False,
    blocks: int = BLOCKS,
    progress: Progress = silent,
) -> Measured:
    """Run all workloads that all trees have, interleaved."""
    found = Measured(labels)
    for tree, label in zip(trees, labels, strict=True):
        try:
            with running_side(tree) as side:
                found.listed.append({one.name: one for one in side.workloads() if full or not one.full})
        except SideError as error:
            found.broken = f"{label} lists no benchmarks: {error}"
            return found
    names = [name for name in found.listed[-1] if all(name in listed for listed in found.listed)]
    found.blocks = {name: [] for name in names}
    for number in range(blocks):
        progress(f"block {number + 1} of {blocks}")
        _run_block(trees, found, number)
    return found


def _run_block(trees: Sequence[Path], found: Measured, number: int) -> None:
    order = [(place + number) % len(trees) for place in range(len(trees))]
    with ExitStack() as stack:
        sides = {place: stack.enter_context(running_side(trees[place])) for place in order}
        for name in found.blocks:
            if name in found.troubles:
                continue
            try:
                laps = _laps(name, sides, thorough=number == 0)
            except SideError as error:
                found.troubles[name] = str(error)
            else:
                found.blocks[name].append(tuple(laps[place] for place in range(len(trees))))


def _laps(name: str, sides: Mapping[int, Side], *, thorough: bool) -> Mapping[int, Sequence[Lap]]:
    """Return each tree's laps, run A B B A …, after one lap each that does not count."""
    if len({side.open(name) for side in sides.values()}) > 1:
        raise SideError("the trees make different input, so their times can't be compared")
    seconds = max(side.lap(thorough=thorough).wall_s for side in sides.values())
    count = max(LEAST_LAPS, min(MOST_LAPS, math.ceil(BLOCK_S / max(seconds, 1e-6))))
    laps: dict[int, list[Lap]] = {place: [] for place in sides}
    order = list(sides)
    for number in range(count):
        for place in order if number % 2 == 0 else order[::-1]:
            laps[place].append(sides[place].lap())
    for side in sides.values():
        side.close()
    return laps


def judge(found: Measured, before: int, now: int) -> Comparison:
    """Compare two of the trees measured. Pure."""
    labels = (found.labels[before], found.labels[now])
    if found.broken is not None:
        rows = [Row(name="all", clock="cpu", outcome="NO DATA", reason=found.broken)]
    else:
        listed = (found.listed[before], found.listed[now])
        rows = [
            Row(name=name, clock="cpu", outcome="NO DATA", reason=f"missing in {labels[0 if name in listed[1] else 1]}")
            for name in sorted(listed[0].keys() ^ listed[1].keys())
        ]
        pairs = {name: [(block[before], block[now]) for block in blocks] for name, blocks in found.blocks.items()}
        rows += judge_blocks({name: listed[1][name].clock for name in pairs}, pairs, found.troubles)
    return Comparison(
        before=labels[0],
        now=labels[1],
        blocks=max(map(len, found.blocks.values()), default=0),
        alpha=ALPHA,
        least_effect=LEAST_EFFECT,
        rows=tuple(sorted(rows, key=lambda row: row.name)),
    )


def judge_blocks(
    clocks: Mapping[str, Clock],
    pairs: Mapping[str, Sequence[tuple[Sequence[Lap], Sequence[Lap]]]],
    troubles: Mapping[str, str],
) -> list[Row]:
    """Return a row for each workload, of its blocks' laps before and now. Pure."""
    measured = [name for name in clocks if name not in troubles and pairs[name]]
    ratios = {name: [_ratio(block, clocks[name]) for block in pairs[name]] for name in measured}
    p_values = [sign_flip_p([math.log(ratio) for ratio in ratios[name]]) for name in measured]
    adjusted = dict(zip(measured, holm(p_values), strict=True))
    return [
        _row(name, clocks[name], pairs[name], ratios[name], adjusted[name])
        if name in ratios
        else Row(name=name, clock=clocks[name], outcome="NO DATA", reason=troubles.get(name, "no laps"))
        for name in clocks
    ]


def _row(
    name: str, clock: Clock, blocks: Sequence[tuple[Sequence[Lap], Sequence[Lap]]], ratios: Sequence[float], p: float
) -> Row:
    ratio = geometric_mean(ratios)
    counts = p < ALPHA and abs(ratio - 1) > LEAST_EFFECT
    outcome: Outcome = "no change" if not counts else "slower" if ratio > 1 else "faster"
    before, now = (min(_quickest(block[side], clock) for block in blocks) * 1_000 for side in (0, 1))
    return Row(
        name=name,
        clock=clock,
        outcome=outcome,
        ratio=ratio,
        p=p,
        before_ms=before,
        now_ms=now,
        block_ratios=tuple(ratios),
        wall_ratio=geometric_mean([_ratio(block, "wall") for block in blocks]),
    )


def _ratio(block: tuple[Sequence[Lap], Sequence[Lap]], clock: Clock) -> float:
    before, now = block
    return _quickest(now, clock) / _quickest(before, clock)


def _quickest(laps: Sequence[Lap], clock: Clock) -> float:
    return min(lap.cpu_s if clock == "cpu" else lap.wall_s for lap in laps)
