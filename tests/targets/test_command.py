"""The command of the catalogue: its list, its quick check, its exit codes, in real processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Ended, run_module
from tests.targets.fixtures.entry import all_targets

pytestmark = pytest.mark.e2e


def run_targets_command(*words: str) -> Ended:
    return run_module("tests.targets", *words, timeout_s=500)


PARTS = 4
"""Of the catalogue, checked by as many processes as there are workers."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """What `list --json` prints of each target."""
    listed: list[dict[str, Any]] = json.loads(run_targets_command("list", "--json").out)
    return listed


@pytest.mark.parametrize("part", range(PARTS))
def test_every_target_runs(part: int) -> None:
    """Every target starts, answers /health and one export, and ends on SIGTERM."""
    names = [target.name for target in all_targets()][part::PARTS]
    done = run_targets_command("check", *names)
    assert (done.code, done.out) == (0, f"{len(names)} of {len(names)} targets run and answer\n")


def test_the_list_is_whole(rows: list[dict[str, Any]]) -> None:
    """The list names every target, 60 faults and 15 healthy ones at least, each with its reason or its verdicts."""
    assert [row["name"] for row in rows] == [target.name for target in all_targets()]
    assert len([row for row in rows if not row["healthy"]]) >= 60
    assert len([row for row in rows if row["healthy"]]) >= 15
    assert [row["name"] for row in rows if not row["why"].endswith(".") or row["healthy"] == bool(row["expect"])] == []


def test_expected_verdicts_exist(rows: list[dict[str, Any]]) -> None:
    """No target expects a verdict that the judge does not know."""
    done = run_module("assertions", "--list")
    known = {line.split()[0] for line in done.out.splitlines()}
    assert {row["name"]: sorted(set(row["expect"]) - known) for row in rows if set(row["expect"]) - known} == {}


def test_an_unknown_name_is_bad_usage() -> None:
    """A target that does not exist ends with 2 and one sentence."""
    done = run_targets_command("run", "unicorn")
    assert done.code == 2
    assert done.err == "targets: no target or group is named unicorn; see `python -m tests.targets list`\n"


def test_a_group_cannot_be_served(tmp_path: Path) -> None:
    """Serving needs one target's name."""
    done = run_targets_command("serve", "csv", "--exports", str(tmp_path / "exports"))
    assert (done.code, done.err) == (2, "targets: csv is a group; name one target of it\n")
