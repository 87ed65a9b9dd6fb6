"""The commands over records: what is refused, and what is said to be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets import __main__ as entry
from tests.targets.commands import missing_of
from tests.targets.recording.archive import listed
from tests.targets.recording.recording import COMMITTED


def test_a_missing_record_of_the_core_is_named(tmp_path: Path) -> None:
    """Of the committed records none may be missing; a folder of one's own may hold any part of them."""
    known = set(listed(COMMITTED))
    assert missing_of(COMMITTED, known) == []
    assert missing_of(COMMITTED, known - {"bytes-zero", "bytes-zero@contract"}) == [
        "bytes-zero",
        "bytes-zero@contract",
    ]
    assert missing_of(tmp_path, ()) == []


@pytest.mark.parametrize("minutes", ["0", "-3", "nan"])
def test_no_time_to_record_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str], minutes: str) -> None:
    """`record --minutes` takes a number above 0."""
    assert entry.main(["record", "reference", "--out", str(tmp_path), "--minutes", minutes]) == 2
    assert capsys.readouterr().err == "targets: --minutes must be more than 0\n"


def test_live_and_mutated_checks_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Checks are replaced while records are judged, not while targets are driven."""
    assert entry.main(["prove", "--live", "core", "--mutate-checks"]) == 2
    assert capsys.readouterr().err.startswith("targets: --mutate-checks judges records, --live drives targets")
