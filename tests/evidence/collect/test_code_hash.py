"""Hashes of code follow what it does, not how it is documented or where it lies."""

from __future__ import annotations

import ast

import pytest

from evidence.collect.code_hash import closure, code_sha256, imports, modules_under
from evidence.collect.code_version import judge_sha256, load_side_sha256
from evidence.collect.provenance import ROOT

JUDGE = "from room import LIMIT\n\ndef judge(value):\n    return value <= LIMIT\n"
ROOM = "LIMIT = 5\n"


def _sha256(**sources: str) -> str:
    """The hash of a judge over modules given by name, `__` for a dot; the roots are all that are named `judge`."""
    modules = {name.replace("__", "."): ast.parse(text) for name, text in sources.items()}
    return code_sha256(modules, [name for name in modules if name.endswith("judge")])


PLAIN = _sha256(judge=JUDGE, room=ROOM)


@pytest.mark.parametrize(
    "sources",
    [
        {"judge": '"""Judges."""\n# why\n' + JUDGE, "room": ROOM},
        {"judge": JUDGE.replace("    return", '    """Say."""\n    return'), "room": ROOM},
        {"judge": JUDGE, "room": ROOM + '"""How many at once."""\n'},
        {"judge": JUDGE.replace("value):", "value,):"), "room": ROOM},
        {"core": "", "core__judge": JUDGE.replace("room", "core.tables"), "core__tables": ROOM},
        {"core": "", "core__judge": JUDGE.replace("room", ".tables"), "core__tables": ROOM},
        {"judge": JUDGE, "room": ROOM, "unused": "X = 1\n"},
    ],
    ids=["comment", "docstring", "constant documented", "layout", "moved", "moved, relative import", "not imported"],
)
def test_documentation_and_place_do_not_count(sources: dict[str, str]) -> None:
    """A comment, a docstring, another layout, a moved module and one that is not imported leave the hash as it is."""
    assert _sha256(**sources) == PLAIN


@pytest.mark.parametrize(
    "sources",
    [
        {"judge": JUDGE.replace("<=", "<"), "room": ROOM},
        {"judge": JUDGE, "room": "LIMIT = 6\n"},
        {"judge": JUDGE.replace("import LIMIT", "import OTHER as LIMIT"), "room": ROOM},
        {"judge": JUDGE.replace("room", "hall"), "room": ROOM, "hall": "LIMIT = 6\n"},
        {"judge": JUDGE + 'WORD = "x"\n', "room": ROOM},
    ],
    ids=["operator", "imported value", "imported name", "import pointed elsewhere", "constant"],
)
def test_what_the_code_does_counts(sources: dict[str, str]) -> None:
    """Another operator, value, name or source of an import makes another judge."""
    assert _sha256(**sources) != PLAIN


def test_modules_that_exchange_their_contents_are_another_judge() -> None:
    """Two modules with the same names in them can't be swapped unnoticed."""
    judge = "from a import LIMIT as low\nfrom b import LIMIT as high\n"
    one, two = (_sha256(judge=judge, a=f"LIMIT = {x}\n", b=f"LIMIT = {y}\n") for x, y in ((1, 2), (2, 1)))
    assert one != two


def test_imports_are_followed() -> None:
    """Imports inside functions, of modules and of names, relative and absolute, are all seen."""
    modules = {
        "room": ast.parse(""),
        "room.judge": ast.parse("import room.a\ndef f():\n    from . import b\n    from .c import d as e\n"),
        "room.a": ast.parse(""),
        "room.b": ast.parse("import json\n"),
        "room.c": ast.parse("from . import a\n"),
        "room.far": ast.parse(""),
    }
    assert sorted(imports(modules, "room.judge")) == [
        ("b", "", "room.b"),
        ("e", "d", "room.c"),
        ("room.a", "", "room.a"),
    ]
    assert closure(modules, ["room.judge"]) == modules.keys() - {"room.far"}


def test_judge_and_load_side_are_two() -> None:
    """Each has a separate hash, the same each time."""
    assert judge_sha256() != load_side_sha256()
    assert (len(judge_sha256()), judge_sha256()) == (64, judge_sha256())


def test_what_people_see_of_a_run_is_no_part_of_the_load() -> None:
    """What the load side's hash leaves out is imported by its command only; of progress, the numbers are made."""
    modules = modules_under(ROOT, ["loadtests"])
    users = {name: {target for _, _, target in imports(modules, name)} for name in modules}
    for shown in ("loadtests.client.preflight", "loadtests.progress_view"):
        assert [name for name, used in users.items() if shown in used] == ["loadtests.__main__"]
    found = (link for name in modules for link in imports(modules, name))
    assert {asked for _, asked, target in found if target == "loadtests.progress"} == {"Progress", "to_json"}


def test_the_judge_needs_nothing_outside_its_room() -> None:
    """The judge imports no other room, so a change elsewhere can't change a verdict and leaves its hash."""
    modules = modules_under(ROOT, ["assertions", "evidence", "loadtests", "rules", "dashboards", "service"])
    judge = [name for name in modules if name.partition(".")[0] == "assertions"]
    assert closure(modules, judge) == set(judge)
