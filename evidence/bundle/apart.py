"""Verify in a process of its own, within limits of memory and time: a hostile bundle can't hang or fill the machine."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import msgspec

from assertions.judge import Report
from evidence.bundle.verify import VerifyError, verify
from evidence.collect.provenance import ROOT, interpreter
from loadtests import subprocesses

MEMORY_BYTES = 1_000_000_000
"""Data of one process (RLIMIT_DATA), the same for each that opens kept files. Usual runs need a fifth."""
SECONDS = 300.0
"""By the clock on the wall. Usual runs need seven seconds."""
_CHILD = "import sys; from evidence.bundle.apart import main; main(*sys.argv[1:])"
"""No module as the main one: each process that opens kept files would import that again, with all that it needs."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the process found."""

    problems: tuple[str, ...] = ()
    report: Report | None = None
    error: str | None = None
    """The sentence of a VerifyError."""


def verify_apart(folder: Path, key: Path | None = None, seconds: float = SECONDS) -> tuple[list[str], Report | None]:
    """Return what `verify` returns, and raise what it raises; a bundle that breaks the limits does not hold."""
    paths = [str(folder.absolute()), "" if key is None else str(key.absolute())]
    words = [interpreter(), "-c", _CHILD, *paths]
    process = subprocesses.start(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return [f"it could not be verified within {seconds:.0f} s; a bundle of a usual run takes seconds"], None
    finally:
        subprocesses.kill(process)
    try:
        outcome = msgspec.msgpack.decode(stdout, type=Outcome)
    except msgspec.DecodeError:
        last = (stderr.decode("utf-8", "replace").strip().splitlines() or ["it wrote nothing"])[-1]
        return [
            f"it could not be verified within {MEMORY_BYTES / 1e9:.0f} GB of memory: the process that read it ended "
            f"with {process.returncode} ({last})"
        ], None
    if outcome.error is not None:
        raise VerifyError(outcome.error.replace(str(folder.absolute()), str(folder)))
    return list(outcome.problems), outcome.report


def main(folder: str, key: str) -> None:
    """Verify within the limit of memory, and write the outcome to stdout."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        problems, report = verify(Path(folder), Path(key) if key else None)
        outcome = Outcome(problems=tuple(problems), report=report)
    except VerifyError as error:
        outcome = Outcome(error=str(error))
    except MemoryError:
        outcome = Outcome(
            problems=(f"it needs more than {MEMORY_BYTES / 1e9:.0f} GB of memory to be read; no usual run does",)
        )
    except RecursionError:
        outcome = Outcome(problems=("a document of it is nested deeper than any that a run leaves",))
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome))  # JSON knows no infinity
