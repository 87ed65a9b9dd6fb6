"""Interrupts at moments at which Python itself would lose or repeat them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.collect.provenance import ROOT

EXECUTED = """
import os, signal, sys
from evidence.interrupts import ignore_signals, take_signals
take_signals()
try:
    exec("os.kill(os.getpid(), signal.SIGTERM)\\nfor _ in range(10**9): pass")
except KeyboardInterrupt:
    pass
ignore_signals()
sys.exit(2)
"""
DROPPED = """
import os, signal, sys
from evidence.interrupts import ignore_signals, take_signals
class Dropping:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10**9): pass
take_signals()
try:
    value = Dropping()
    del value
    signal.sigtimedwait([], 60)
except KeyboardInterrupt:
    ignore_signals()
    sys.exit(2)
sys.exit(3)
"""


@pytest.mark.e2e
@pytest.mark.parametrize("program", [EXECUTED, DROPPED], ids=["in an executed text", "in a destructor"])
def test_an_interrupt_ends_with_2_wherever_it_falls(tmp_path: Path, program: str) -> None:
    """A caught interrupt does not end Python by its signal; one that a destructor drops is raised again."""
    (tmp_path / "interrupted.py").write_text(program)
    words = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (2, b"")
