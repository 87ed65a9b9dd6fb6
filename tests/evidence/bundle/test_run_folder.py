"""The run directory: known when it is one, emptied of what is ours only."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assertions.record.files import write_one
from evidence.bundle import run_folder
from evidence.bundle.placeholder import publish_placeholder
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


def test_moving_aside_leaves_others_things(tmp_path: Path) -> None:
    """A run's files and folders go into the history, links as links; what somebody put next to them stays."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("1")
    out = tmp_path / "out"
    (out / "smoke" / "kept").mkdir(parents=True)
    (out / "load").symlink_to(outside)
    (out / "run.json").write_text('{"run_id": "20260101T000000Z-1"}')
    (out / "notes.txt").write_text("mine")
    place = run_folder.move_aside(out)
    assert place is not None
    assert place == tmp_path / "out.history" / "20260101T000000Z-1"
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    assert sorted(path.name for path in place.iterdir()) == ["load", "run.json", "smoke"]
    assert (place / "load").is_symlink()
    assert (outside / "precious").read_text() == "1"


def test_additional_scenarios_are_moved_too(tmp_path: Path) -> None:
    """A soak's folder and its service's log go; a log or a folder of another kind stays."""
    out = tmp_path / "out"
    (out / "soak").mkdir(parents=True)
    (out / "soak" / "plan.json").write_text("{}")
    (out / "notes").mkdir()
    for name in ("soak-service.log", "mine-service.log"):
        (out / name).write_text("")
    run_folder.move_aside(out)
    assert sorted(path.name for path in out.iterdir()) == ["mine-service.log", "notes"]


def test_what_hardly_began_is_no_evidence(tmp_path: Path) -> None:
    """The report of a run that was cut off before its first record is removed, and makes no history."""
    out = tmp_path / "out"
    out.mkdir()
    publish_placeholder(out, "cut off")
    assert run_folder.move_aside(out) is None
    assert [list(out.iterdir()), (tmp_path / "out.history").exists()] == [[], False]


def test_a_run_that_can_not_be_moved_stays_whole(tmp_path: Path) -> None:
    """Where the history can't be made, the run is as it was."""
    out = tmp_path / "out"
    (out / "smoke").mkdir(parents=True)
    (out / "run.json").write_text("{}")
    (tmp_path / "out.history").write_text("a file in its place")
    with pytest.raises(OSError):
        run_folder.move_aside(out)
    assert sorted(path.name for path in out.iterdir()) == ["run.json", "smoke"]


@pytest.mark.parametrize("run_id", ["../../elsewhere", "", 7])
def test_a_run_id_is_no_path(tmp_path: Path, run_id: object) -> None:
    """A run id that is no plain name is not used for the history's folder."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"run_id": run_id}))
    place = run_folder.move_aside(out)
    assert place is not None and place.parent == tmp_path / "out.history"
    assert re.fullmatch(r"\d{8}T\d{6}Z", place.name)
