"""Shared parts: copies of the committed rule files to break, and the command as a real subprocess."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

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
def copies(tmp_path: Path) -> Copies:
    """The committed rule and test file, copied side by side."""
    return Copies(
        rules=Path(shutil.copy(RULES, tmp_path / "export.yml")),
        tests=Path(shutil.copy(TESTS, tmp_path / "export.test.yml")),
    )


RunCommand = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_command() -> RunCommand:
    """Run `python -m rules` for real; keyword arguments are environment variables on top of this process's own."""

    def run(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rules", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
