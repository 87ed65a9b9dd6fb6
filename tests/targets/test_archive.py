"""Archives of records: what is written is read again, and what another version wrote is refused."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from assertions.record.files import write_one
from tests.targets.fixtures.entry import all_targets
from tests.targets.recording import recording
from tests.targets.recording.archive import FORMAT, MANY, ArchiveError, Made, archives, listed, pack, pack_all, unpack
from tests.targets.recording.recording import SINGLE_MOST

MADE = Made(
    format=FORMAT,
    name="one",
    target="one",
    conditions="tight",
    scenarios=("load",),
    commit="abc",
    when="2026-01-01T00:00:00+00:00",
    attempts=1,
    seconds=1.5,
    load_side_sha256="ab" * 32,
    profiles_sha256="bc" * 32,
    target_sha256="cd" * 32,
    limits_sha256="de" * 32,
    judge_sha256="ef" * 32,
    python="3.11.2",
    packages={"locust": "2.47.0"},
)


def _record(folder: Path, made: Made = MADE, hits: str = "{}\n") -> Path:
    place = folder / made.name
    (place / "load").mkdir(parents=True)
    write_one(place / "record.json", made)
    (place / "load" / "hits.jsonl").write_text(hits)
    return place


def test_a_record_comes_back(tmp_path: Path) -> None:
    """What is packed is listed and unpacked as it was; a record that nobody asks for stays in the archive."""
    two = replace(MADE, name="one@contract", conditions="contract")
    (tmp_path / "out").mkdir()
    pack([_record(tmp_path), _record(tmp_path, two, "[]\n")], tmp_path / "out" / "targets-1.tar.xz")
    path = tmp_path / "out" / "targets-1.tar.xz"
    assert listed(tmp_path / "out") == {"one": (MADE, path), "one@contract": (two, path)}
    assert list(unpack(path, ["one@contract"], tmp_path / "again")) == ["one@contract"]
    assert [item.name for item in (tmp_path / "again").iterdir()] == ["one@contract"]
    assert (tmp_path / "again" / "one@contract" / "load" / "hits.jsonl").read_text() == "[]\n"


def test_equal_records_make_equal_archives(tmp_path: Path) -> None:
    """Neither time nor owner is written, so packing again changes nothing."""
    pack([_record(tmp_path / "a")], tmp_path / "a.tar.xz")
    pack([_record(tmp_path / "b")], tmp_path / "b.tar.xz")
    assert (tmp_path / "a.tar.xz").read_bytes() == (tmp_path / "b.tar.xz").read_bytes()


def test_a_record_made_anew_takes_the_place_of_the_packed_one(tmp_path: Path) -> None:
    """A single archive is newer than the one of many; packing all keeps it, in order, and drops the unnamed."""
    out, work = tmp_path / "out", tmp_path / "work"
    out.mkdir()
    work.mkdir()
    others = [replace(MADE, name=f"n{number}") for number in range(MANY)]
    gone = replace(MADE, name="gone")
    pack([_record(tmp_path / "old", made) for made in (MADE, *others, gone)], out / "targets-1.tar.xz")
    pack([_record(tmp_path / "new", replace(MADE, attempts=2))], out / "one.tar.xz")
    assert listed(out)["one"][0].attempts == 2
    order = [*(made.name for made in others), "one"]
    packed = pack_all(out, order, work)
    assert archives(out) == packed == [out / "targets-1.tar.xz", out / "targets-2.tar.xz"]
    assert list(listed(out)) == order
    assert listed(out)["one"] == (replace(MADE, attempts=2), out / "targets-2.tar.xz")
    assert list(work.glob("*")) == []


@pytest.mark.parametrize(("singles", "packs"), [(SINGLE_MOST, False), (SINGLE_MOST + 1, True)])
def test_a_few_new_records_stay_by_themselves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, singles: int, packs: bool
) -> None:
    """To pack every record anew takes minutes, so it waits until more of them are new."""
    out = tmp_path / "out"
    out.mkdir()
    every = all_targets()[: singles + 1]
    made = [_record(tmp_path, replace(MADE, name=entry.name, target=entry.name)) for entry in every]
    pack(made[:1], out / "targets-1.tar.xz")
    for place in made[1:]:
        pack([place], out / f"{place.name}.tar.xz")
    monkeypatch.setattr(recording, "_record_all", lambda *_: iter(()))
    said: list[str] = []
    assert recording.record((), every, out, 1, said.append, resume=False, seconds=60.0) == 0
    assert len(archives(out)) == (1 if packs else 1 + singles)


def test_another_format_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A record of another format is named with what to do; so is one without a format, and what is no archive."""
    pack([_record(tmp_path, replace(MADE, format=FORMAT + 1))], tmp_path / "one.tar.xz")
    with pytest.raises(ArchiveError) as caught:
        listed(tmp_path)
    assert str(caught.value) == (
        f"one.tar.xz holds a record of format {FORMAT + 1}, this version reads format {FORMAT}; "
        "make them again with `python -m tests.targets record --core`"
    )
    (tmp_path / "one" / "record.json").write_text("{}")
    pack([tmp_path / "one"], tmp_path / "one.tar.xz")
    with pytest.raises(ArchiveError, match=r"^one\.tar\.xz holds a record of format 0"):
        listed(tmp_path)
    (tmp_path / "one.tar.xz").write_bytes(b"no archive")
    with pytest.raises(ArchiveError, match=r"^one\.tar\.xz is no archive of records"):
        listed(tmp_path)


def test_a_damaged_archive_is_named_wherever_the_damage_is(tmp_path: Path) -> None:
    """One byte changed, or an end cut off, at the beginning, in the middle or in the checksum: one sentence each."""
    pack([_record(tmp_path, MADE)], path := tmp_path / "one.tar.xz")
    whole = path.read_bytes()
    changed = [bytes((*whole[:at], whole[at] ^ 1, *whole[at + 1 :])) for at in (0, len(whole) // 2, len(whole) - 20)]
    for data in (*changed, b"", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(data)
        with pytest.raises(ArchiveError, match=r"^one\.tar\.xz is (damaged|no archive of records) \(.*; restore it, "):
            listed(tmp_path)


def test_a_record_under_another_name_is_refused(tmp_path: Path) -> None:
    """A folder that is not named as its record says it is holds a record that nobody can find."""
    folder = _record(tmp_path, MADE)
    pack([folder.rename(tmp_path / "two")], tmp_path / "two.tar.xz")
    with pytest.raises(ArchiveError, match=r"^two\.tar\.xz holds a folder two with the record of one; restore it"):
        listed(tmp_path)


def test_a_damaged_archive_is_never_removed(tmp_path: Path) -> None:
    """`record` leaves a damaged archive, and archives of somebody else, where they are."""
    said: list[str] = []
    pack([_record(tmp_path, MADE)], path := tmp_path / "one.tar.xz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArchiveError, match=r"^one\.tar\.xz is damaged"):
        recording.record((), (), tmp_path, 1, said.append, resume=True, seconds=60.0)
    assert archives(tmp_path) == [path]
    with tarfile.open(foreign := tmp_path / "other.tar.xz", "w:xz") as tar:
        tar.add(Path(__file__), "other/test.py")
    pack([_record(tmp_path / "old", replace(MADE, format=FORMAT + 1))], path)
    assert recording.record((), (), tmp_path, 1, said.append, resume=True, seconds=60.0) == 0
    assert archives(tmp_path) == [foreign]
