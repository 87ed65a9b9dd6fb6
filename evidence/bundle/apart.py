"""Verify in a separate process, within limits of memory and time: a hostile bundle can't hang or fill the machine."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from assertions.judge import Report
from evidence.bundle.errors import VerifyError
from evidence.bundle.pack import PackError, unpack
from evidence.collect.provenance import ROOT, interpreter
from evidence.timings import StageTime, Timings
from loadtests import subprocesses

MEMORY_BYTES = 1_000_000_000
"""Data of one process (RLIMIT_DATA), the same for each that opens kept files. Usual runs need a fifth."""
FILE_BYTES = 2 * 1024**3
"""Of one file that is unpacked."""
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
    stages: tuple[StageTime, ...] = ()
    """How long each took."""


def verify_apart(
    bundle: Path, key: Path | None = None, seconds: float = SECONDS, timings: Timings | None = None
) -> tuple[list[str], Report | None]:
    """Return what `verify` returns, and raise what it raises; a bundle that breaks the limits does not hold.

    bundle: a run directory, or an archive of one, which is unpacked into a folder that is removed afterwards.
    timings: takes in the stages; what they leave of the process's time is its start.
    """
    timings = timings or Timings()
    with tempfile.TemporaryDirectory(prefix="export-verify-") as work, timings.measure("start"):
        place = Path(work) / bundle.stem if bundle.is_file() else None
        return _verify_apart(bundle, key, place, work, seconds, timings)


def _verify_apart(
    bundle: Path, key: Path | None, place: Path | None, work: str, seconds: float, timings: Timings
) -> tuple[list[str], Report | None]:
    paths = [bundle.absolute(), *(path and path.absolute() for path in (key, place))]
    words = [interpreter(), "-c", _CHILD, *("" if path is None else str(path) for path in paths)]
    environment = {**os.environ, "TMPDIR": work}  # whatever the process leaves there is removed
    process = subprocesses.start(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, environment=environment
    )
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
    timings.add(outcome.stages)
    if outcome.error is not None:
        raise VerifyError(_shown(outcome.error, bundle, place))
    return [_shown(problem, bundle, place) for problem in outcome.problems], outcome.report


def _shown(sentence: str, bundle: Path, place: Path | None) -> str:
    """Name the bundle as the user did."""
    return sentence.replace(str(bundle.absolute() if place is None else place), str(bundle))


def main(bundle: str, key: str, place: str) -> None:
    """Verify within the limit of memory, and write the outcome to stdout. place: where an archive is unpacked."""
    from evidence.bundle.verify import verify  # noqa: PLC0415 - slow to load, and only this process needs it

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    timings = Timings()
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
    except MemoryError:
        outcome = Outcome(
            problems=(f"it needs more than {MEMORY_BYTES / 1e9:.0f} GB of memory to be read; no usual run does",)
        )
    except RecursionError:
        outcome = Outcome(problems=("a document of it is nested deeper than any that a run leaves",))
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome))  # JSON knows no infinity
