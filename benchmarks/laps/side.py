"""One side of a comparison: a tree of files with a worker process in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

from benchmarks.laps.lap import Lap
from benchmarks.laps.worker import Ask, Listed, Said

STOP_S = 30.0
LOG_CHARS = 400


class SideError(Exception):
    """A tree can't run what was asked of it; the message holds what its worker wrote."""


class Side:
    """A running worker of one tree."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._log = process, log
        self._asks, self._answers = process.stdin, process.stdout

    @property
    def pid(self) -> int:
        """Of the worker."""
        return self._process.pid

    def workloads(self) -> tuple[Listed, ...]:
        """Return what the tree can run. SideError."""
        return self._ask(Ask(op="list")).workloads

    def open(self, name: str) -> str:
        """Make a workload's input; the hash of it. SideError."""
        return self._ask(Ask(op="open", name=name)).input_sha256

    def lap(self, *, thorough: bool = False) -> Lap:
        """Run the open workload once; thorough: compare all of its output. SideError."""
        lap = self._ask(Ask(op="lap", thorough=thorough)).lap
        if lap is None:
            raise SideError("expected the times of a lap, got none")
        return lap

    def close(self) -> None:
        """End the open workload. SideError."""
        self._ask(Ask(op="close"))

    def _ask(self, ask: Ask) -> Said:
        try:
            self._asks.write(msgspec.json.encode(ask) + b"\n")
            self._asks.flush()
            line = self._answers.readline()
            said = msgspec.json.decode(line, type=Said) if line else None
        except (BrokenPipeError, msgspec.DecodeError) as error:
            raise SideError(f"{ask.op}: {error}; {self._last_words()}") from error
        if said is None:
            raise SideError(f"{ask.op}: the worker ended; {self._last_words()}")
        if said.error is not None:
            raise SideError(said.error)
        return said

    def _last_words(self) -> str:
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace").strip()
        return text[-LOG_CHARS:] or "it wrote nothing"


@contextmanager
def running_side(tree: Path) -> Iterator[Side]:
    """Run a worker of a tree while the block runs."""
    # the worker must import its own tree, and write nothing into it
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.laps.worker", folder],
            cwd=tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            yield Side(process, log)
        finally:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
