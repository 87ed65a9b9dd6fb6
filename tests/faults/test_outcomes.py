"""What a fault came to: held, broken, or no data; the table and the JSON say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import __main__ as command
from tests.faults.bad_targets import KINDS, PLACES, choices
from tests.faults.kept import Kept
from tests.faults.outcomes import Counted, Fault, NoData, Options, Outcome, broken, document, make, table


def counted(wrong: int) -> Counted:
    """Something that was counted."""
    return Counted(tried=1_000, counts={"answers": 2_000}, wrong={"lost": wrong}, longest_s=1.25, details=("one",))


def outcome(wrong: int = 0) -> Outcome:
    """What came of a fault."""
    return make(Fault("kill", "service", "under load", lambda *_: counted(wrong)), Options())


def test_what_must_be_0_decides() -> None:
    """A fault is broken when any such count is not 0."""
    assert [outcome(wrong).word for wrong in (0, 1)] == ["held", "BROKEN"]
    held, lost = outcome(), outcome(3)
    assert broken([held, lost]) == [lost]


def test_what_can_not_be_made_is_no_data() -> None:
    """With its reason, and not broken; a defect of the suite is broken."""

    def missing(_: Options, __: Path) -> Counted:
        raise NoData("no LibreOffice")

    found = make(Fault("formulas", "service", "cells", missing), Options())
    assert (found.word, found.missing, broken([found])) == ("NO DATA", "no LibreOffice", [])
    assert "NO DATA: no LibreOffice |" in table([found])

    def defect(_: Options, __: Path) -> Counted:
        raise ValueError("ours")

    assert make(Fault("formulas", "service", "cells", defect), Options()).word == "BROKEN"


def test_the_table_has_literal_counts() -> None:
    """Every count stands in the row, and the longest time."""
    row = table([outcome()]).splitlines()[2]
    assert row == "| service | **kill**: under load | 1,000 | answers 2,000 | lost 0 | 1.2 s | held |"


def test_the_document_has_seed_and_counts() -> None:
    """JSON with what is needed to make the same faults again."""
    read = json.loads(document([outcome(2)], Options(long=True, seed=7), {"version": "1"}))
    assert (read["seed"], read["long"], read["version"]) == (7, True, "1")
    assert read["outcomes"][0]["counted"]["wrong"] == {"lost": 2}
    assert read["outcomes"][0]["outcome"] == "BROKEN"


def test_a_seed_gives_the_same_faults() -> None:
    """Of each fault by itself, whatever else is run before."""
    one, same, other = Options(seed=1).dice("a"), Options(seed=1).dice("a"), Options(seed=2).dice("a")
    numbers = [dice.random() for dice in (one, same, other)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert (Options().times(1, 2), Options(long=True).times(1, 2)) == (1, 2)


def test_every_kind_of_bad_target_is_tried() -> None:
    """Each once in the short form, with every place in the long one: at least forty."""
    assert {kind for kind, _ in choices(False)} == set(KINDS)
    assert len(choices(False)) == len(KINDS)
    assert len(set(choices(True))) == len(KINDS) * len(PLACES) >= 40


def test_progress_is_shown_at_each_tenth() -> None:
    """At most some ten lines for any number, and always the last one."""
    lines: list[str] = []
    count = Options(say=lines.append).counting(25, "kills")
    for _ in range(25):
        count()
    assert lines == [*(f"{number} of 25 kills" for number in range(2, 25, 2)), "25 of 25 kills"]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A suite of two parts, what is wrong with each by its name, and a page to publish on."""
    wrong = {"kill": 0, "other": 0}
    faults = tuple(Fault(name, "service", "", lambda *_, name=name: counted(wrong[name])) for name in wrong)
    monkeypatch.setattr(command, "FAULTS", faults)
    monkeypatch.setattr(command, "PAGE", tmp_path / "page.md")
    (tmp_path / "page.md").write_text("# Page\n<!-- faults -->\nold\n<!-- /faults -->\nend\n")
    return wrong


@pytest.mark.parametrize(("lost", "code"), [(0, 0), (1, 1)])
def test_the_command(
    lost: int, code: int, made: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It writes both files and the page, prints the seed and what was wrong, and ends with 1 where something was."""
    made["kill"] = lost
    assert command.main(["--seed", "5", "--out", str(tmp_path / "o"), "--publish"]) == code
    printed = capsys.readouterr().out
    assert printed.startswith("seed 5, short form\n")
    assert printed.rstrip().endswith(
        f"2 parts: {2 - lost} held, {lost} BROKEN, 0 NO DATA; written to {tmp_path / 'o' / 'faults.md'}"
    )
    assert len(json.loads((tmp_path / "o" / "faults.json").read_text())["outcomes"]) == 2
    rows = (tmp_path / "o" / "faults.md").read_text().removeprefix("# Faults\n\n")
    page = (tmp_path / "page.md").read_text()
    assert rows in page and "old" not in page and page.endswith("<!-- /faults -->\nend\n")


def test_parts_one_by_one(made: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Parts may be made one by one: the table has all that were made, and it is published when none is missing."""
    out = ("--out", str(tmp_path))
    assert command.main(["--only", "ki", "--publish", *out]) == 2
    assert capsys.readouterr().err == (
        "nothing published: --publish needs an outcome of every part; missing: other; "
        "make these with --only PART, then publish again with --resume --publish\n"
    )
    assert "old" in (tmp_path / "page.md").read_text()
    assert command.main(["--only", "other", "--publish", *out]) == 0
    assert (tmp_path / "page.md").read_text().count("| held |") == 2
    # of another form nothing is there
    assert command.main(["--long", "--only", "other", "--publish", *out]) == 2
    with pytest.raises(SystemExit):
        command.main(["--only", "nothing", *out])


def test_resumed(made: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What held is not made again, what was broken is."""
    made["other"] = 1
    assert command.main(["--out", str(tmp_path)]) == 1
    made["other"] = 0
    capsys.readouterr()
    assert command.main(["--resume", "--out", str(tmp_path)]) == 0
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:4]]
    assert words == ["held", "...", "held"]
    assert "BROKEN" not in (tmp_path / "faults.md").read_text()


def test_an_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Of the same version only; one without data too."""

    def missing(_: Options, __: Path) -> Counted:
        raise NoData("no LibreOffice")

    fault = Fault("no data at all", "service", "cells", missing)
    for one in (outcome(2), make(fault, Options())):
        kept = Kept(tmp_path, Options(), "1")
        kept.write(fault, one)
        assert kept.read(fault) == one
        assert Kept(tmp_path, Options(), "2").read(fault) is None
        assert Kept(tmp_path, Options(seed=2), "1").read(fault) is None
