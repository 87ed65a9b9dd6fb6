"""What a target logs while a scenario runs is copied; what can't be known whole is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.collect.service_log import captured


def test_only_what_is_added_is_copied(tmp_path: Path) -> None:
    """Lines from before the scenario are left out, those of the scenario come byte by byte."""
    log, copy = tmp_path / "log", tmp_path / "copy"
    log.write_bytes(b"before\n")
    with captured(log, copy), log.open("ab") as sink:
        sink.write(b"during \xff\n")
    assert copy.read_bytes() == b"during \xff\n"


def test_a_silent_log_is_an_empty_copy(tmp_path: Path) -> None:
    """A log to which nothing was added leaves an empty copy: it was seen, and held nothing."""
    log, copy = tmp_path / "log", tmp_path / "copy"
    log.write_bytes(b"before\n")
    with captured(log, copy):
        pass
    assert copy.read_bytes() == b""


@pytest.mark.parametrize("named", [True, False])
def test_without_a_log_an_older_copy_goes(tmp_path: Path, named: bool) -> None:
    """Where no log is named, or none is there, no copy of an earlier scenario stays."""
    copy = tmp_path / "copy"
    copy.write_text("old")
    with captured(tmp_path / "none" if named else None, copy):
        pass
    assert not copy.exists()


@pytest.mark.parametrize("how", ["cut", "rotated", "removed"])
def test_a_log_that_is_not_whole_is_not_copied(tmp_path: Path, how: str) -> None:
    """A log that was cut, replaced or removed meanwhile leaves no copy."""
    log, copy = tmp_path / "log", tmp_path / "copy"
    log.write_text("before and more\n")
    with captured(log, copy):
        match how:
            case "cut":
                log.write_text("new\n")
            case "rotated":
                log.rename(tmp_path / "log.1")
                log.write_text("a new and longer file\n")
            case _:
                log.unlink()
    assert not copy.exists()


def test_what_breaks_the_scenario_still_leaves_the_copy(tmp_path: Path) -> None:
    """A scenario that ends with an error leaves what was logged until then."""
    log, copy = tmp_path / "log", tmp_path / "copy"
    log.write_text("")

    def broken() -> None:
        with captured(log, copy), log.open("a") as sink:
            sink.write("last words\n")
            sink.flush()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert copy.read_text() == "last words\n"
