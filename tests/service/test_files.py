"""Names, publishing, cleaning up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.files import FINAL_NAME, Cancelled, PartFile, claim_folder, new_name, part_path, remove_old
from service.jobs.memory import Peak

NAME = "export_1_aaaaaaaaa.csv"


def test_names_have_the_contracts_form() -> None:
    """export_<ms>_<9 letters or digits>.<format>, and ten thousand differ."""
    names = {new_name("pdf") for _ in range(10_000)}
    assert len(names) == 10_000
    assert all(FINAL_NAME.fullmatch(name) for name in names)


def test_a_file_shows_under_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    """Before `publish` the final name is not there, after it the part is gone."""
    with PartFile(tmp_path, NAME) as out:
        out.write(b"half")
        assert [one.name for one in tmp_path.iterdir()] == [f".{NAME}.part"]
        out.write(b"whole")
        assert out.publish() == 9
    assert [one.name for one in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"halfwhole"


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    """Neither a part nor a final file."""
    with pytest.raises(ZeroDivisionError), PartFile(tmp_path, NAME) as out:
        out.write(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_used_name_is_never_taken_again(tmp_path: Path) -> None:
    """Neither that of a finished file nor that of one in the making."""
    (tmp_path / NAME).write_bytes(b"first")
    with pytest.raises(FileExistsError):
        PartFile(tmp_path, NAME)
    with PartFile(tmp_path, new := new_name("csv")), pytest.raises(FileExistsError):
        PartFile(tmp_path, new)
    assert (tmp_path / NAME).read_bytes() == b"first"


def test_deleting_the_part_cancels(tmp_path: Path) -> None:
    """The writer notices at its next look, and never publishes."""
    with pytest.raises(Cancelled), PartFile(tmp_path, NAME) as out:
        out.check_wanted()
        part_path(tmp_path, NAME).unlink()
        out.check_wanted()
    with pytest.raises(Cancelled), PartFile(tmp_path, NAME) as out:
        part_path(tmp_path, NAME).unlink()
        out.publish()
    assert list(tmp_path.iterdir()) == []


def test_claiming_sweeps_left_overs_unless_another_service_lives_there(tmp_path: Path) -> None:
    """The first one in removes parts and spool files and nothing else; a second one leaves them unchanged."""
    left = [tmp_path / f".{NAME}.part", tmp_path / ".export_2_bbbbbbbbb.body.part"]
    kept = [tmp_path / NAME, tmp_path / ".hidden", tmp_path / "notes.part"]
    for path in left + kept:
        path.touch()
    first, removed = claim_folder(tmp_path)
    assert removed == 2
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    left[0].touch()
    second, removed = claim_folder(tmp_path)
    assert removed == 0
    assert left[0].exists()
    os.close(first)
    os.close(second)
    third, removed = claim_folder(tmp_path)
    os.close(third)
    assert removed == 1


def test_removing_old_files_goes_by_age_and_name(tmp_path: Path) -> None:
    """At exactly the age a file stays; older ones go, if they are exports."""
    for name, age in ((NAME, 101), ("export_2_bbbbbbbbb.pdf", 100), ("other.csv", 999)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_000 - age, 1_000 - age))
    assert remove_old(tmp_path, 100, 1_000) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export_2_bbbbbbbbb.pdf", "other.csv"]


def test_peak_memory_sees_what_was_freed_again() -> None:
    """30 MB that come and go show as about 30 MB, the second time too."""
    for _ in range(2):
        with Peak() as peak:
            block = b"x" * 30_000_000
            del block
        assert 20_000_000 < peak.added_bytes < 60_000_000
