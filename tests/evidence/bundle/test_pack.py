"""One archive: the same bytes from the same bundle, and nothing outside the folder when it is read."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from evidence.bundle import inventory, manifest
from evidence.bundle import pack as packing
from evidence.bundle.apart import verify_apart
from evidence.bundle.pack import PackError, default_archive, pack, unpack
from tests.evidence.command import run_command
from tests.evidence.conftest import Made


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with a manifest."""
    folder = tmp_path / "small"
    (folder / "smoke").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "smoke" / "hits.jsonl").write_text("{}\n" * 1_000)
    manifest.write(folder, "run")
    return folder


def made_of(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    """Write an archive of these entries."""
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return path


def test_there_and_back(small: Path, tmp_path: Path) -> None:
    """What is unpacked is what was packed, and packing it again gives the same bytes, whatever the files' times."""
    first, second, back = tmp_path / "1.zip", tmp_path / "2.zip", tmp_path / "back"
    assert pack(small, first) == first.stat().st_size
    back.mkdir()
    unpack(first, back)
    assert manifest.make(back, "") == manifest.make(small, "")
    pack(back, second)
    assert first.read_bytes() == second.read_bytes()


def test_what_does_not_hold_is_not_packed(small: Path, tmp_path: Path) -> None:
    """A folder that is not as its manifest says, or has none, is refused; no archive is left."""
    (small / "added").write_text("")
    with pytest.raises(PackError, match="does not hold, so it is not packed: added is not in the manifest"):
        pack(small, tmp_path / "out.zip")
    (small / "manifest.json").unlink()
    with pytest.raises(PackError, match="is no bundle that can be packed"):
        pack(small, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def link(name: str) -> zipfile.ZipInfo:
    """An entry that is a symbolic link."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("../outside", "no path below a run directory"),
        ("/etc/outside", "no path below a run directory"),
        ("a/../../outside", "no path below a run directory"),
        ("a//b", "no path below a run directory"),
        ("C:outside", "no path below a run directory"),
        ("folder/", "no path below a run directory"),
        ("a/b/c/d/e/f/g/h/i", "deeper than any file of a run"),
        (link("link"), "link is neither a file nor a folder"),
        ("First", "holds First and first, which differ in case only"),
        ("first/deeper", "first is a file and a folder in it"),
        ("x" * 300, "a longer name than any file of a run has"),
        ("\u00e4" * 200, "a longer name than any file of a run has"),
    ],
)
def test_entries_that_no_bundle_has(tmp_path: Path, entry: zipfile.ZipInfo | str, words: str) -> None:
    """An entry that would lie outside, is a link, or is no file is refused before anything is written."""
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(PackError, match=words):
        unpack(made_of(tmp_path / "bad.zip", ("first", b"1"), (entry, b"2")), into)
    assert list(into.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(tmp_path: Path) -> None:
    """A name that is in the archive twice is refused."""
    with pytest.raises(PackError, match="a is in it twice"):
        unpack(made_of(tmp_path / "bad.zip", ("a", b"1"), ("a", b"2")), tmp_path)


def test_too_much(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More files or more bytes than any run leaves are refused before anything is written."""
    archive = tmp_path / "big.zip"
    pack(small, archive)
    with monkeypatch.context() as patch, pytest.raises(PackError, match="unpacked it has more than"):
        patch.setattr(packing, "MOST_BYTES", 2_000)
        unpack(archive, tmp_path)
    with monkeypatch.context() as patch, pytest.raises(PackError, match="more than 2 files"):
        patch.setattr(inventory, "MOST_ENTRIES", 2)
        unpack(archive, tmp_path)


def test_a_bomb(tmp_path: Path) -> None:
    """An archive that is made to fill a disk is refused before anything is written."""
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("smoke/hits.jsonl", bytes(packing.BYTES_ANYWAY + 1))
    with pytest.raises(PackError, match=r"unpacked it is [\d,]+ times as large; no run's archive is more"):
        unpack(tmp_path / "bomb.zip", tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", b"PK\x03\x04" + b"\0" * 100])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    """A file that is no archive is a sentence."""
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(PackError, match="it is no archive that can be read"):
        unpack(tmp_path / "bad.zip", tmp_path)


def test_a_broken_archive(small: Path, tmp_path: Path) -> None:
    """A byte changed anywhere in an archive is a sentence, or makes other files; it is never a crash."""
    archive = tmp_path / "whole.zip"
    pack(small, archive)
    whole = archive.read_bytes()
    for at in range(0, len(whole), 7):
        archive.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        into = tmp_path / f"into-{at}"
        into.mkdir()
        try:
            unpack(archive, into)
        except PackError:
            continue
        assert all(path.resolve().is_relative_to(into) for path in into.rglob("*"))


@pytest.mark.e2e
def test_verified_by_the_command(made: Made, bundle: Path, tmp_path: Path) -> None:
    """The command packs a bundle into the same folder, and verifies the archive as it verifies the folder."""
    ended = run_command("evidence", "pack", bundle)
    archive = default_archive(bundle)
    assert (ended.code, ended.out.startswith(f"{archive}: ")) == (0, True)
    assert run_command("verify", archive).out.startswith(f"{archive} holds: every file is as listed")
    with zipfile.ZipFile(archive, "a") as changed:
        changed.writestr("notes.txt", "all well")
    problems, _ = verify_apart(archive)
    assert problems[:2] == ["notes.txt is not in the manifest", "notes.txt is no file of a run"]
    (tmp_path / "bad.zip").write_text("no archive")
    ended = run_command("verify", tmp_path / "bad.zip")
    assert (ended.code, ended.out.splitlines()[0].startswith("it is no archive that can be read")) == (1, True)
