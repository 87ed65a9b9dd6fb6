"""Folders made to hang, mislead or fill whoever verifies them: a sentence and an exit code for each."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from assertions.record.types import RecordError
from evidence.bundle import commands, manifest
from evidence.bundle import verify as verifying
from evidence.bundle.errors import VerifyError
from evidence.bundle.verify import verify
from tests.evidence.command import REPORT, run_command


def put_socket(path: Path) -> None:
    """A socket in a folder."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def put_sparse(path: Path) -> None:
    """A file that says to be of 3 GB, and takes no room."""
    with path.open("wb") as file:
        file.truncate(3_000_000_000)


def put_deep(path: Path) -> None:
    """Twelve folders within each other."""
    (path / "/".join("abcdefghijkl")).mkdir(parents=True)


def unreadable(folder: Path) -> None:
    """A record that can't be read: the rest of the verification is tested elsewhere."""
    raise RecordError(f"{folder} is not read")


TRICKS: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("added", lambda path: path.symlink_to("/etc/hostname"), "added is neither a file nor a folder: it is a symbolic"),
    ("added", lambda path: path.symlink_to(path.parent), "added is neither a file nor a folder: it is a symbolic link"),
    ("smoke/kept/pipe", os.mkfifo, "smoke/kept/pipe is neither a file nor a folder: it is a named pipe"),
    ("added", put_socket, "added is neither a file nor a folder: it is a socket"),
    ("plots/added.svg", lambda path: os.link(path.parents[1] / REPORT, path), "plots/added.svg is not in the manifest"),
    ("smoke/locust.log", put_sparse, "it is not judged again: its files have more than 2.1 GB; no run leaves so much"),
    ("added", put_deep, "lies more than 8 folders deep; no run leaves such"),
    ("Run.json", lambda path: path.write_text("{}"), "run.json is there as Run.json, too"),
    ("a\udcff", lambda path: path.write_text("x"), r"a\xff is no file of a run"),
    ("x" * 255, lambda path: path.write_text("x"), f"{'x' * 255} is no file of a run"),
)


@pytest.mark.parametrize(("name", "put", "words"), TRICKS, ids=[words[:40] for _, _, words in TRICKS])
def test_a_trick_is_a_finding(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, name: str, put: Callable[[Path], object], words: str
) -> None:
    """What is no file of a run, or beyond any run's size, is named; neither followed nor read."""
    monkeypatch.setattr(verifying, "read_folder", unreadable)
    (bundle / name).unlink(missing_ok=True)
    put(bundle / name)
    assert words in "\n".join(verify(bundle)[0])


@pytest.mark.parametrize("put", [os.mkfifo, put_sparse, lambda path: path.symlink_to("/dev/zero")])
def test_a_report_without_a_manifest(tmp_path: Path, put: Callable[[Path], object]) -> None:
    """What stands in the report's place is not read where it is no short file."""
    put(tmp_path / REPORT)
    with pytest.raises(VerifyError, match=r"is no bundle: .*manifest\.json is missing"):
        verify(tmp_path)


def test_names_can_not_write_lines_of_their_own(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name with a line end and an escape is printed on the line of its problem; a flood of problems is cut."""
    (bundle / "a\n\x1b[2J\x1b[32mrun holds").write_text("x")
    commands._print(manifest.differences(bundle, manifest.read(bundle)))
    assert capsys.readouterr().out == "a [2J [32mrun holds is not in the manifest\n"
    commands._print(["x"] * 1_000)
    assert capsys.readouterr().out.splitlines()[-2:] == ["x", "… and 800 more"]


@pytest.mark.e2e
def test_what_is_no_folder(tmp_path: Path) -> None:
    """A named pipe in the bundle's own place is no bundle: exit code 2, at once."""
    os.mkfifo(tmp_path / "pipe")
    ended = run_command("verify", tmp_path / "pipe")
    assert (ended.code, "pipe is no run directory" in ended.sentence) == (2, True)
