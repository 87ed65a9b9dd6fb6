"""The bundle's own `recompute.py`: put into every bundle, and run by `verify` as anybody would run it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from loadtests import subprocesses

PROGRAM = Path(__file__).with_name("recompute.py")
NAME = PROGRAM.name
SECONDS = 120.0
_OF_THE_MANIFEST = ("in the manifest", "is missing", "the manifest says")
"""What `verify` finds by itself."""


def put(folder: Path) -> None:
    """Copy the program into a run directory. OSError."""
    shutil.copyfile(PROGRAM, folder / NAME)


def differences(folder: Path) -> list[str]:
    """Return what the program finds, a sentence each, and whether the bundle's copy is another program.

    This version's program is run, never the bundle's copy: that could be anything.
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
        stdout, stderr = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return [*problems, f"{NAME} did not end within {SECONDS:.0f} s"]
    finally:
        subprocesses.kill(process)
    if process.returncode == 0:
        return problems
    lines = stdout.decode("utf-8", "replace").splitlines() if process.returncode in (1, 2) else []
    found = [line for line in lines if not line.endswith(_OF_THE_MANIFEST)]
    if lines and not found:
        return problems
    last = stderr.decode("utf-8", "replace").splitlines()[-1:]
    return [*problems, *(f"{NAME}: {line}" for line in (found[:50] or last or ["it ended without a word"]))]
