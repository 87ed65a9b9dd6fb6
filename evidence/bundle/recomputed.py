"""The bundle's own `recompute.py`: put into every bundle, and run by `verify` as anybody would run it."""

from __future__ import annotations

import contextlib
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from evidence.bundle.errors import UnfinishedError
from loadtests import subprocesses

PROGRAM = Path(__file__).with_name("recompute.py")
NAME = PROGRAM.name
CPU_SECONDS = 120
"""Of processor time. Usual runs need one."""
WALL_SECONDS = 1200.0
"""By the clock: on a busy machine it may wait long for a processor."""
_OF_THE_MANIFEST = ("in the manifest", "is missing", "the manifest says")
"""What `verify` finds by itself."""


def put(folder: Path) -> None:
    """Copy the program into a run directory. OSError."""
    shutil.copyfile(PROGRAM, folder / NAME)


def differences(folder: Path, cpu_s: int = CPU_SECONDS, wall_s: float = WALL_SECONDS) -> list[str]:
    """Return what the program finds, a sentence each, and whether the bundle's copy is another program.

    This version's program is run, never the bundle's copy: that could be anything. UnfinishedError where it reaches a
    limit of time or is ended from outside.
    """
    copy = folder / NAME
    problems = []
    if not copy.is_file() or copy.read_bytes() != PROGRAM.read_bytes():
        problems.append(f"{NAME} is not the program that this version puts into bundles")
    process = subprocesses.start(
        [sys.executable, "-I", str(PROGRAM), str(folder.absolute())],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        _limit_cpu(process.pid, cpu_s)
        stdout, stderr = process.communicate(timeout=wall_s)
    except subprocess.TimeoutExpired:
        raise UnfinishedError(f"{NAME} did not end within {wall_s:g} s") from None
    finally:
        subprocesses.kill(process)
    if process.returncode == -signal.SIGXCPU:
        raise UnfinishedError(f"{NAME} took more than {cpu_s} s of processor time, where a usual run takes 1 s")
    if process.returncode < 0:
        raise UnfinishedError(f"{NAME} was ended by {signal.Signals(-process.returncode).name}")
    if process.returncode == 0:
        return problems
    lines = stdout.decode("utf-8", "replace").splitlines() if process.returncode in (1, 2) else []
    found = [line for line in lines if not line.endswith(_OF_THE_MANIFEST)]
    if lines and not found:
        return problems
    last = stderr.decode("utf-8", "replace").splitlines()[-1:]
    return [*problems, *(f"{NAME}: {line}" for line in (found[:50] or last or ["it ended without a word"]))]


def _limit_cpu(pid: int, seconds: int) -> None:
    """Let a process be ended by SIGXCPU after so much processor time, where the system can."""
    if sys.platform == "linux":
        with contextlib.suppress(ProcessLookupError):  # it has ended
            _, hard = resource.prlimit(pid, resource.RLIMIT_CPU)
            soft = seconds if hard == resource.RLIM_INFINITY else min(seconds, hard)
            resource.prlimit(pid, resource.RLIMIT_CPU, (soft, hard))
            _, hard = resource.prlimit(pid, resource.RLIMIT_CORE)
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, hard))  # its working folder is the bundle
