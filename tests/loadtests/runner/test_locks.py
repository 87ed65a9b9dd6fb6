"""Runs that must not meet: the later one is refused in a sentence, and the earlier one is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.client.clock import start_clock
from loadtests.client.target import TargetError
from loadtests.client.target_settings import parse_target
from loadtests.errors import FolderError
from loadtests.locks import lock_folder, lock_target
from tests.loadtests.command import read_record, run_command, start_command, write_profile
from tests.loadtests.fake_target import Manners, fake_target
from tests.processes import end_of, wait_until

pytestmark = pytest.mark.e2e

PROFILE = """\
[[phase]]
name = "one"
mode = "sequence"
mix = [{ case = "csv-5", count = 20 }]
"""


def test_a_second_run_in_the_same_folder_or_on_the_same_target_is_refused(tmp_path: Path) -> None:
    """Neither spoils the first, whose record is whole."""
    profiles = write_profile(tmp_path / "profiles", PROFILE)
    with fake_target(Manners(delay_s=lambda _: 0.2)) as target, fake_target() as other:
        words = ("run", "mine", "--profiles", profiles)
        first = start_command(*words, "--target", target.url, "--out", tmp_path / "out")
        wait_until(lambda: len(target.seen) > 1)
        there = run_command(*words, "--target", other.url, "--out", tmp_path / "out")
        same = run_command(*words, "--target", target.url.replace("127.0.0.1", "localhost"), "--out", tmp_path / "two")
        ended = end_of(first)
        assert (len(target.seen), other.seen) == (20, [])
    assert (ended.code, len(read_record(tmp_path / "out").hits)) == (0, 20)
    for refused, words_said in (
        (there, f"{tmp_path / 'out'} is in use by another run"),
        (same, "another run of this machine is testing"),
    ):
        assert refused.code == 2
        assert refused.err.startswith("loadtests: ") and words_said in refused.err
        assert refused.err.count("\n") <= 2
    assert not (tmp_path / "two").exists()


def test_a_folder_and_a_target_are_free_after_their_run(tmp_path: Path) -> None:
    """One after the other is as ever, also in the same process; another target is always free."""
    targets = [parse_target(f"http://127.0.0.1:{port}", start_clock()) for port in (4001, 4002)]
    for _ in range(2):
        with lock_folder(tmp_path), lock_target(targets[0]), lock_target(targets[1]):
            with pytest.raises(FolderError, match="is in use"), lock_folder(tmp_path):
                pass
            with pytest.raises(TargetError, match="another run of this machine is testing"), lock_target(targets[0]):
                pass


@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_this_machine_has_many_names(host: str) -> None:
    """All lead to the same target."""
    first, second = (lock_target(parse_target(f"http://{name}:4001", start_clock())) for name in ("127.0.0.1", host))
    with first, pytest.raises(TargetError, match="another run of this machine is testing"), second:
        pass


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    """A sentence names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="file/below can't be written"), lock_folder(tmp_path / "file" / "below"):
        pass
