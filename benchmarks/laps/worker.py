"""A process that runs laps when asked: `python -m benchmarks.laps.worker FOLDER`, one JSON object a line.

The regression gate starts one in each of two trees, so nothing here may import what only one of them has: a tree
names its workloads itself.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from benchmarks.laps.lap import Lap, run_lap
from benchmarks.workloads.all import WORKLOADS
from benchmarks.workloads.types import Clock, Prepared


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent asks for."""

    op: str
    """`list`, `open`, `lap` or `close`."""
    name: str = ""
    thorough: bool = False
    """Compare all of the lap's output."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A workload that this tree has."""

    name: str
    clock: Clock
    full: bool
    """Not in the quick gate."""


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer; `error` is set where the tree could not do what was asked."""

    error: str | None = None
    workloads: tuple[Listed, ...] = ()
    input_sha256: str = ""
    lap: Lap | None = None


class Worker:
    """Holds at most one open workload."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._prepared: Prepared | None = None
        self._count = 0

    def answer(self, ask: Ask) -> Said:
        """Do what was asked; an exception of the workload becomes the answer's error."""
        try:
            return self._do(ask)
        except Exception as error:  # whatever a tree's workload raises belongs to that tree
            return Said(error=f"{ask.op} {ask.name}: {type(error).__name__}: {str(error)[:500]}")

    def _do(self, ask: Ask) -> Said:
        if ask.op == "list":
            return Said(
                workloads=tuple(
                    Listed(name=one.name, clock=one.clock, full=one.full or not one.gated) for one in WORKLOADS.values()
                )
            )
        if ask.op == "open":
            self.close()
            self._count += 1
            folder = self._folder / f"{ask.name}-{self._count}"
            folder.mkdir(parents=True)
            self._prepared = self._open.enter_context(WORKLOADS[ask.name].open(folder))
            gc.collect()
            gc.freeze()  # what is there by now is not looked through again before each lap
            return Said(input_sha256=self._prepared.input_sha256)
        if ask.op == "lap" and self._prepared is not None:
            return Said(lap=run_lap(self._prepared, thorough=ask.thorough))
        if ask.op == "close":
            self.close()
            return Said()
        raise ValueError(f"expected list, open, lap or close, got {ask.op!r}")

    def close(self) -> None:
        """End what is open."""
        self._prepared = None
        self._open.close()


def serve(folder: Path, asks: BinaryIO, answers: BinaryIO) -> None:
    """Answer each line until the input ends."""
    worker = Worker(folder)
    try:
        for line in asks:
            answers.write(msgspec.json.encode(worker.answer(msgspec.json.decode(line, type=Ask))) + b"\n")
            answers.flush()
    finally:
        worker.close()


def main(argv: list[str]) -> None:
    """Serve on stdin and stdout; whatever a workload prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(Path(argv[0]), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
