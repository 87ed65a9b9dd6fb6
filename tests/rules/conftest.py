"""Shared parts: copies of the committed rule files to break, and the command as a real subprocess."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from assertions.record.results.alerts_replayed import AlertsProof
from rules.__main__ import main
from rules.proving import proof as proofs
from tests.processes import Ended, run_main

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules" / "export.yml"
TESTS = ROOT / "rules" / "export.test.yml"


@dataclass(frozen=True)
class Copies:
    """Copies of the committed files, to be broken."""

    rules: Path
    tests: Path


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file; it must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def stored_proof() -> AlertsProof:
    """The stored proof of the rules; a test that needs it is skipped, visibly, where none was made yet."""
    proof = proofs.read()
    if proof is None:
        pytest.skip("NO DATA: rules/proving/proof.json is not there; `nox -s rules` makes it")
    return proof


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    """The committed rule and test file, copied side by side."""
    return Copies(
        rules=Path(shutil.copy(RULES, tmp_path / "export.yml")),
        tests=Path(shutil.copy(TESTS, tmp_path / "export.test.yml")),
    )


class RunCommand(Protocol):
    """Runs the command `python -m rules` with these arguments."""

    def __call__(self, *arguments: str | Path, **env: str) -> Ended:
        """Keyword arguments are environment variables on top of this process's own."""


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCommand:
    """Run the command in this process; promtool is started for real.

    Without a promtool 3.x, whether this machine has one or not: what it adds has tests of its own.
    """
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PROMTOOL3", str(ROOT / "absent"))

    def run(*arguments: str | Path, **env: str) -> Ended:
        with monkeypatch.context() as environment:
            for name, value in env.items():
                environment.setenv(name, value)
            return run_main(main, *arguments, captured=capsys)

    return run
