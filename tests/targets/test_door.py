"""The zoo's door: its list, its quick check, its exit codes, in real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.targets.recording.run import ROOT

pytestmark = pytest.mark.e2e


def _zoo(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.targets", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_every_animal_lives() -> None:
    """Every animal starts, answers /health and one export, and ends when told."""
    done = _zoo("check")
    count = len(json.loads(_zoo("list", "--json").stdout))
    assert (done.returncode, done.stdout) == (0, f"{count} of {count} animals live and answer\n")


def test_the_list_is_whole() -> None:
    """The list names at least 60 faults and 15 healthy animals, each with its reason, each fault with a verdict."""
    rows = json.loads(_zoo("list", "--json").stdout)
    assert len([row for row in rows if not row["healthy"]]) >= 60
    assert len([row for row in rows if row["healthy"]]) >= 15
    assert [row["name"] for row in rows if not row["why"].endswith(".") or row["healthy"] == bool(row["expect"])] == []


def test_expected_verdicts_exist() -> None:
    """No animal expects a verdict that the judge does not know."""
    done = subprocess.run(
        [sys.executable, "-m", "assertions", "--list"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    known = {line.split()[0] for line in done.stdout.splitlines()}
    rows = json.loads(_zoo("list", "--json").stdout)
    assert {row["name"]: sorted(set(row["expect"]) - known) for row in rows if set(row["expect"]) - known} == {}


def test_an_unknown_name_is_bad_usage() -> None:
    """An animal that does not exist ends with 2 and one sentence."""
    done = _zoo("run", "unicorn")
    assert done.returncode == 2
    assert done.stderr == "zoo: no animal or group is named unicorn; see `python -m tests.targets list`\n"


def test_a_group_cannot_be_served(tmp_path: Path) -> None:
    """Serving needs one animal's name."""
    done = _zoo("serve", "csv", "--exports", str(tmp_path / "exports"))
    assert (done.returncode, done.stderr) == (2, "zoo: csv is a group; name one animal of it\n")
