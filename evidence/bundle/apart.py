"""Verify in a separate process, within limits of memory and time: a hostile bundle can't hang or fill the machine."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil

from assertions.judge import Report
from evidence.bundle.errors import UnfinishedError, VerifyError
from evidence.bundle.pack import PackError, unpack
from evidence.collect.provenance import ROOT, interpreter
from evidence.reports.units import LONGEST_OWN, plain
from evidence.timings import StageTime, Timings
from loadtests import subprocesses

MEMORY_BYTES = 1_000_000_000
"""Data of one process (RLIMIT_DATA), the same for each that opens kept files. Usual runs need a fifth."""
FILE_BYTES = 2 * 1024**3
"""Of one file that is unpacked."""
CPU_SECONDS = 600.0
"""Of processor time of the process and of all that it starts. Usual runs need seven."""
WALL_SECONDS = 3600.0
"""By the clock, for a process that does nothing at all: on a busy machine it may wait long for a processor."""
_LOOK_S = 1.0
"""How often its processor time is read."""
_CHILD = "import sys; from evidence.bundle.apart import main; main(*sys.argv[1:])"
"""No module as the main one: each process that opens kept files would import that again, with all that it needs."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the process found."""

    problems: tuple[str, ...] = ()
    report: Report | None = None
    error: str | None = None
    """The sentence of a VerifyError."""
    stages: tuple[StageTime, ...] = ()
    """How long each took."""


def verify_apart(
    bundle: Path,
    key: Path | None = None,
    timings: Timings | None = None,
    cpu_s: float = CPU_SECONDS,
    wall_s: float = WALL_SECONDS,
) -> tuple[list[str], Report | None]:
    """Return what `verify` returns, and raise what it raises. Call it from the main thread.

    VerifyError, too, where a limit of time is reached or the process is ended from outside: that may be the machine's
    doing. A bundle that needs more memory than the limit does not hold.

    bundle: a run directory, or an archive of one, which is unpacked into a folder that is removed afterwards.
    timings: takes in the stages; what they leave of the process's time is its start.
    """
    timings = timings or Timings()
    with tempfile.TemporaryDirectory(prefix="export-verify-") as work, timings.measure("start"):
        place = Path(work) / bundle.stem if bundle.is_file() else None
        paths = [bundle.absolute(), *(path and path.absolute() for path in (key, place))]
        words = ["" if path is None else str(path) for path in paths]
        try:
            outcome = _outcome(words, work, cpu_s, wall_s)
        except UnfinishedError as error:
            raise VerifyError(f"{bundle} could not be verified: the process that reads it {error}") from None
        timings.add(outcome.stages)
        if outcome.error is not None:
            raise VerifyError(plain(_shown(outcome.error, bundle, place), LONGEST_OWN))
        return [_shown(problem, bundle, place) for problem in outcome.problems], outcome.report


def _outcome(words: list[str], work: str, cpu_s: float, wall_s: float) -> Outcome:
    """Run the process. UnfinishedError where it did not come to its end, in words that follow its name."""
    process = subprocesses.start(
        [interpreter(), "-c", _CHILD, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        environment={**os.environ, "TMPDIR": work},  # whatever the process leaves there is removed
    )
    try:
        stdout, stderr = _output(process, cpu_s, wall_s)
    finally:
        subprocesses.kill(process)
    try:
        return msgspec.msgpack.decode(stdout, type=Outcome)
    except msgspec.DecodeError:
        raise UnfinishedError(_cause(process.returncode, stderr)) from None


def _output(process: subprocess.Popen[bytes], cpu_s: float, wall_s: float) -> tuple[bytes, bytes]:
    """Return what a process writes until its end. UnfinishedError where it reaches a limit before."""
    end = time.monotonic() + wall_s
    while True:
        left = end - time.monotonic()
        if left <= 0:
            raise UnfinishedError(f"did not end within {wall_s:g} s; verify it on a machine that is less busy")
        try:
            return process.communicate(timeout=min(_LOOK_S, left))
        except subprocess.TimeoutExpired:
            if _cpu_seconds(process.pid) > cpu_s:
                raise UnfinishedError(
                    f"took more than {cpu_s:g} s of processor time, where a usual run takes 7 s"
                ) from None


def _cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of all that it started, those that ended included."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def _cause(code: int, stderr: bytes) -> str:
    """Return what ended a process that wrote no outcome, in words that follow its name."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}; is there {MEMORY_BYTES / 1e9:.0f} GB of memory for it?"
    last = (stderr.decode("utf-8", "replace").strip().splitlines() or ["it wrote nothing"])[-1]
    return f"ended with exit code {code} ({plain(last)})"


def _shown(sentence: str, bundle: Path, place: Path | None) -> str:
    """Name the bundle as the user did."""
    return sentence.replace(str(bundle.absolute() if place is None else place), str(bundle))


def main(bundle: str, key: str, place: str) -> None:
    """Verify within the limit of memory, and write the outcome to stdout. place: where an archive is unpacked."""
    from evidence.bundle.verify import verify  # noqa: PLC0415 - slow to load, and only this process needs it

    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, MEMORY_BYTES)
    _limit(resource.RLIMIT_FSIZE, FILE_BYTES)
    timings = Timings()
    outcome = None
    with contextlib.suppress(MemoryError):
        try:
            if place:
                Path(place).mkdir()
                unpack(Path(bundle), Path(place))
            problems, report = verify(Path(place or bundle), Path(key) if key else None, timings)
            outcome = Outcome(problems=tuple(problems), report=report, stages=tuple(timings.stages))
        except VerifyError as error:
            outcome = Outcome(error=str(error))
        except PackError as error:
            outcome = Outcome(problems=(str(error),))
        except OSError as error:
            outcome = Outcome(error=f"{error.filename or bundle} can't be read or unpacked: {error.strerror or error}")
        except RecursionError:
            outcome = Outcome(problems=("a document of it is nested deeper than any that a run leaves",))
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome or _out_of_memory(place or bundle)))  # JSON has no infinity


def _limit(kind: int, most: int) -> None:
    """Set a limit, or keep one from outside that is lower."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _out_of_memory(bundle: str) -> Outcome:
    """Return what it means that memory ran out: a bundle that needs too much, or a machine that has too little."""
    memory = f"{MEMORY_BYTES / 1e9:.0f} GB of memory"
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        mmap.mmap(-1, MEMORY_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()  # shared memory has no such limit
    except OSError:
        return Outcome(error=f"{bundle} could not be verified: this machine does not give a process {memory}")
    return Outcome(problems=(f"it needs more than {memory} to be read; no usual run does",))
