"""How tests run a package's command line, in this process or as a subprocess, and wait for what it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
WIDE = {"COLUMNS": "200"}
"""So that no help text is wrapped in the middle of what a test looks for."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr; fails where there are more or none."""
        (line,) = self.err.splitlines()
        return line


def start_module(
    module: str,
    *words: str | Path,
    environment: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
    own_group: bool = False,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """Start `python -m module` with these words; its output is read by `end_of`.

    wrapper: the beginning of a command line that runs another, such as `nice`; own_group: signals to this process's
    group do not reach it.
    """
    return subprocess.Popen(
        [*wrapper, sys.executable, "-m", module, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **WIDE, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        encoding="utf-8",
        start_new_session=own_group,
    )


def end_of(process: subprocess.Popen[str], timeout_s: float = 120) -> Ended:
    """Wait for a process; one that hangs is killed, and fails the test by its code."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    return Ended(process.returncode, out, err)


def run_module(
    module: str, *words: str | Path, environment: Mapping[str, str] | None = None, timeout_s: float = 120
) -> Ended:
    """Run `python -m module` to its end."""
    return end_of(start_module(module, *words, environment=environment), timeout_s)


@contextmanager
def announced(module: str, *words: str | Path) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Run `python -m module` while the block runs; yields the process and its first line on stdout, which is JSON.

    It ends by SIGTERM, or else is killed. What it writes to stderr is not kept.
    """
    with start_module(module, *words, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()
            end_of(process, timeout_s=10)


def wait_until(reached: Callable[[], object], timeout_s: float = 60) -> None:
    """Look until `reached` returns something true; fails the test where it never does."""
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, f"not reached within {timeout_s:g} s"
        time.sleep(0.002)


def run_main(main: Callable[[Sequence[str]], int], *words: str | Path, captured: pytest.CaptureFixture[str]) -> Ended:
    """Run a package's command in this process, as far quicker as a start of Python takes; captured: `capsys`."""
    captured.readouterr()
    try:
        code: object = main([*map(str, words)])
    except SystemExit as ended:
        code = ended.code
    out, err = captured.readouterr()
    return Ended(code if isinstance(code, int) else 1, out, err)
