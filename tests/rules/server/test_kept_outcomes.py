"""Outcomes of unit tests are kept for the same promtool, rules and tests, and for nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rules.check import Inputs, check_all
from rules.promtool import Outcome, Promtool
from rules.server.cache import Cache
from tests.rules.test_promtool import script

pytestmark = pytest.mark.e2e

RULE_FILE = "rules.yml"
TEST_FILE = "rules.test.yml"


class Counted:
    """A promtool that writes down each time it runs, with rules and tests."""

    def __init__(self, folder: Path, *, cached: bool = True) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.cache = Cache(folder / "cache", 8) if cached else None
        self.binary = script(folder / "promtool", f"echo ran >> {self.log}; cat {RULE_FILE} {TEST_FILE}")
        (folder / RULE_FILE).write_text("groups: []\n")
        (folder / TEST_FILE).write_text(f"rule_files: [{RULE_FILE}]\n")

    def test(self) -> Outcome:
        """Run the tests, or take what is kept."""
        promtool = Promtool(path=self.binary, version="1", cache=self.cache)
        return promtool.test_rules(self.folder / TEST_FILE)

    @property
    def runs(self) -> int:
        """How often promtool ran."""
        return len(self.log.read_text().splitlines())


def test_same_files_are_run_once(tmp_path: Path) -> None:
    """The second outcome is the first one's, with the moment at which that was made."""
    counted = Counted(tmp_path)
    first, second = counted.test(), counted.test()
    assert counted.runs == 1
    assert first.made is None
    assert second.made is not None
    assert (second.output, second.exit_code, second.argv) == (first.output, first.exit_code, first.argv)


def test_without_a_cache_each_time(tmp_path: Path) -> None:
    """Nothing is kept where no cache is given."""
    counted = Counted(tmp_path, cached=False)
    assert [counted.test().made, counted.test().made] == [None, None]
    assert counted.runs == 2


def _edit(name: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write("\n# another\n")

    return edit


@pytest.mark.parametrize("name", [RULE_FILE, TEST_FILE, "promtool"])
def test_a_changed_input_is_run_anew(tmp_path: Path, name: str) -> None:
    """Other rules, other tests or another binary of the same version: promtool runs again."""
    counted = Counted(tmp_path)
    counted.test()
    _edit(name)(tmp_path)
    changed = counted.test()
    assert counted.runs == 2
    assert changed.made is None
    assert changed.output == (tmp_path / RULE_FILE).read_text() + (tmp_path / TEST_FILE).read_text()


@pytest.mark.parametrize("named", ["*.yml", "folder/rules.yml", "../rules.yml"])
def test_rule_files_that_may_be_others_are_not_kept(tmp_path: Path, named: str) -> None:
    """A pattern, or a file of another folder: which files promtool reads is not known, so it runs each time."""
    counted = Counted(tmp_path)
    (tmp_path / TEST_FILE).write_text(f"rule_files: ['{named}']\n")
    assert [counted.test().made, counted.test().made] == [None, None]
    assert counted.runs == 2


@pytest.mark.parametrize("code", [0, 1])
def test_results_say_that_an_outcome_was_kept(tmp_path: Path, code: int) -> None:
    """A step that passed names in its note when promtool ran; one that failed does so below what promtool printed."""
    (tmp_path / RULE_FILE).write_text("groups: []\n")
    (tmp_path / TEST_FILE).write_text(f"rule_files: [{RULE_FILE}]\n")
    body = f"echo 'promtool, version 9.0.0 (branch: x)'; test \"$1\" != test || exit {code}"
    env = {"PROMTOOL": str(script(tmp_path / "promtool", body))}
    inputs = Inputs(rules=tmp_path / RULE_FILE, tests=tmp_path / TEST_FILE, cache=Cache(tmp_path / "cache", 8))
    first, second = (
        next(step for step in check_all(inputs, env).results.steps if step.name == "test rules") for _ in range(2)
    )
    assert first.ok is second.ok is (code == 0)
    assert first.note is None
    said = re.sub(r"run at [-0-9T:+]+ by", "run at MOMENT by", (second.note or "") if code == 0 else second.output)
    kept = "run at MOMENT by the same promtool, with the same rules and tests"
    assert said == (kept if code == 0 else f"{first.output}{kept}\n")
    assert (second.note is None) is (code == 1)
