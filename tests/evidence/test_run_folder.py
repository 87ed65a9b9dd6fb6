"""The run directory: known when it is one, emptied of what is ours only."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions.record.files import write_one
from evidence import run_folder
from evidence.publish import publish_placeholder
from tests.evidence.sample_reports import context


def test_an_empty_folder_is_ours(tmp_path: Path) -> None:
    """An empty folder may be taken; it holds no run."""
    assert run_folder.is_ours(tmp_path)
    assert run_folder.context_of(tmp_path) is None


def test_a_run_is_ours(tmp_path: Path) -> None:
    """A folder with a run in it is ours, and tells which."""
    write_one(tmp_path / "run.json", context())
    assert run_folder.is_ours(tmp_path)
    assert run_folder.context_of(tmp_path) == context()


def test_a_run_that_hardly_began_is_ours(tmp_path: Path) -> None:
    """A folder that holds only the report of a run cut off at its start is ours: it can be run again."""
    publish_placeholder(tmp_path, "cut off")
    assert run_folder.is_ours(tmp_path)


def test_an_older_run_is_ours(tmp_path: Path) -> None:
    """A run of another version is ours, though it can't be joined."""
    (tmp_path / "run.json").write_text('{"run_id": "x", "harness_sha256": "y", "unheard": 1}')
    assert run_folder.is_ours(tmp_path)
    assert run_folder.context_of(tmp_path) is None


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "mine"},
        {"run.json": '{"scripts": {}}'},
        {"run.json": "[]"},
        {"run.json": "\x00"},
        {"verdict.json": '{"colour": "red"}'},
        {"GREEN_EVIDENCE_v1.7.md": "# mine"},
    ],
)
def test_others_folders_are_not_ours(tmp_path: Path, files: dict[str, str]) -> None:
    """A folder with other things in it is not ours, also when a name is like one of ours."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert not run_folder.is_ours(tmp_path)


def test_clear_leaves_others_things(tmp_path: Path) -> None:
    """Emptying removes a run's files and folders, not through links, and leaves what somebody put beside them."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("1")
    out = tmp_path / "out"
    (out / "smoke" / "kept").mkdir(parents=True)
    (out / "load").symlink_to(outside)
    (out / "run.json").write_text("{}")
    (out / "notes.txt").write_text("mine")
    run_folder.clear(out)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    assert (outside / "precious").read_text() == "1"


def test_clear_removes_scenarios_beside_the_three(tmp_path: Path) -> None:
    """A soak's folder and its service's log go; a log or a folder of another kind stays."""
    (tmp_path / "soak").mkdir()
    (tmp_path / "soak" / "plan.json").write_text("{}")
    (tmp_path / "notes").mkdir()
    for name in ("soak-service.log", "mine-service.log"):
        (tmp_path / name).write_text("")
    run_folder.clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine-service.log", "notes"]
