"""Verifying within limits: what reaches a limit of time is no finding, what needs too much memory is one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from evidence.bundle import apart, recomputed
from evidence.bundle.apart import verify_apart
from evidence.bundle.errors import UnfinishedError, VerifyError
from evidence.bundle.verify import verify
from evidence.comparison.folders import CompareError, check_baseline
from tests.evidence.bundle.tampering import mend
from tests.evidence.command import run_command

BUSY = """\
import subprocess, sys
while True: subprocess.run([sys.executable, "-I", "-S", "-c", "sum(range(10_000_000))"])
"""
"""A process that does nothing by itself, and whose children do."""


@pytest.mark.e2e
def test_a_limit_of_time_is_no_finding(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that reaches a limit, of processor time or by the clock, leaves no verdict on the bundle."""
    sentence = "copy could not be verified: the process that reads it "
    with pytest.raises(
        VerifyError, match=rf"{sentence}did not end within 0\.01 s; verify it on a machine that is less"
    ):
        verify_apart(bundle, wall_s=0.01)
    monkeypatch.setattr(apart, "_CHILD", BUSY)
    monkeypatch.setattr(apart, "_LOOK_S", 0.1)
    with pytest.raises(VerifyError, match=f"{sentence}took more than 0\\.5 s of processor time, where"):
        verify_apart(bundle, cpu_s=0.5)


@pytest.mark.parametrize(
    ("code", "stderr", "words"),
    [
        (-signal.SIGKILL, b"", "was ended by SIGKILL; is there 1 GB of memory for it?"),
        (1, b"Traceback\nImportError: no msgspec\n", "ended with exit code 1 (ImportError: no msgspec)"),
        (0, b"", "ended with exit code 0 (it wrote nothing)"),
    ],
)
def test_why_a_process_said_nothing(code: int, stderr: bytes, words: str) -> None:
    """The cause of an end without an outcome is named."""
    assert apart._cause(code, stderr) == words


def test_too_little_memory_is_told_from_a_bundle_that_needs_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that the machine would have given makes a finding; memory that it does not have makes none."""
    found = apart._out_of_memory("run")
    assert (found.problems, found.error) == (("it needs more than 1 GB of memory to be read; no usual run does",), None)
    monkeypatch.setattr(apart, "MEMORY_BYTES", 10**18)
    found = apart._out_of_memory("run")
    assert found.problems == ()
    assert (found.error or "").startswith("run could not be verified: this machine does not give a process ")


@pytest.mark.e2e
def test_a_limit_from_outside_is_no_finding(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where less memory than the limit can be had, that it ran out says nothing of the bundle."""
    half = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, (500_000_000, 500_000_000)); {apart._CHILD}"
    monkeypatch.setattr(apart, "_CHILD", half)
    with (bundle / "smoke" / "hits.jsonl").open("r+b") as file:
        file.truncate(900_000_000)
    mend(bundle)
    with pytest.raises(VerifyError, match="could not be verified: this machine does not give a process 1 GB of memory"):
        verify_apart(bundle)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("while True: pass", "recompute.py took more than 1 s of processor time"),
        ("import os; os.kill(os.getpid(), 9)", "recompute.py was ended by SIGKILL"),
    ],
)
def test_a_recomputation_that_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    """A recomputation that reaches its limit, or is ended, is no finding."""
    monkeypatch.setattr(recomputed, "PROGRAM", tmp_path / recomputed.NAME)
    recomputed.PROGRAM.write_text(program)
    with pytest.raises(UnfinishedError, match=words):
        recomputed.differences(tmp_path, cpu_s=1)
    with pytest.raises(UnfinishedError, match=r"recompute.py did not end within 0\.001 s"):
        recomputed.differences(tmp_path, wall_s=0.001)


@pytest.mark.e2e
def test_an_unfinished_part(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not come to its end leaves no verdict on a bundle without a finding, and stands behind the others'."""

    def unfinished(folder: Path) -> list[str]:
        raise UnfinishedError("it was too slow")

    monkeypatch.setattr(recomputed, "differences", unfinished)
    with pytest.raises(VerifyError, match="copy could not be verified: it was too slow"):
        verify(bundle)
    (bundle / "assert.log").write_text("Verdict: GREEN\n")
    mend(bundle)
    problems, _ = verify(bundle)
    assert problems == ["assert.log is not what the raw record holds", "it was too slow"]


@pytest.mark.e2e
def test_a_baseline_is_verified_within_the_same_limits(bundle: Path) -> None:
    """A baseline that no memory holds is refused with the sentence of `verify`; so is one that is no folder."""
    with (bundle / "smoke" / "hits.jsonl").open("r+b") as file:
        file.truncate(1_100_000_000)
    mend(bundle)
    with pytest.raises(CompareError, match=r"copy can't be a baseline, it does not verify: .*more than 1 GB of memory"):
        check_baseline(bundle)
    ended = run_command("compare", bundle / "run.json", bundle)
    assert (ended.code, ended.sentence) == (
        2,
        f"evidence: {bundle / 'run.json'} can't be a baseline: it is no run directory",
    )
