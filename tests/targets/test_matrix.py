"""The catalogue's own judgement of the harness, on made-up verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.targets import __main__ as entry
from tests.targets.fixtures.entry import Entry, chosen, core
from tests.targets.fixtures.reference_target import ReferenceTarget
from tests.targets.proving import matrix
from tests.targets.proving.results import Judged, Unjudged, Word, read_judged
from tests.targets.recording.resume import known, sources_sha256
from tests.targets.recording.run import Outcome, problem_of


def _target(healthy: bool = False) -> Entry:
    expect = frozenset() if healthy else frozenset({"bytes-agree"})
    return Entry(
        name="one",
        group="g",
        healthy=healthy,
        expect=expect,
        why="It is one.",
        build=ReferenceTarget,
        scenarios=("load",),
    )


def _judged(colour: str, **statuses: str) -> Judged:
    words = tuple(
        Word(id=id.replace("_", "-"), scenario="load", status=status.replace("_", " "), reason="why", counts=True)
        for id, status in statuses.items()
    )
    return Judged(colour=colour, headline=colour, words=words)


@pytest.mark.parametrize(
    ("healthy", "judged", "problem"),
    [
        (True, _judged("GREEN", rest="PASS"), None),
        (True, _judged("RED", rest="FAIL"), "healthy, but RED: rest, load: why"),
        (True, _judged("NO DATA", rest="NO_DATA"), "healthy, but NO DATA: rest, load: why"),
        (False, _judged("RED", bytes_agree="FAIL", rest="FAIL"), None),
        (False, _judged("GREEN", bytes_agree="PASS"), "stays GREEN"),
        (False, _judged("NO DATA", bytes_agree="NO_DATA"), "nothing FAILed; NO DATA"),
        (False, _judged("RED", rest="FAIL"), "caught for another reason only: rest instead of bytes-agree"),
        (False, _judged("GREEN", bytes_agree="FAIL"), "stays GREEN"),
    ],
)
def test_a_judgement_is_judged(healthy: bool, judged: Judged, problem: str | None) -> None:
    """Right is GREEN for a healthy target, and an expected FAIL with another colour for a faulty one."""
    assert problem_of(_target(healthy), judged) == problem


def test_the_verdict_file_is_read(tmp_path: Path) -> None:
    """Colour, ids, statuses and reasons come from verdict.json."""
    path = tmp_path / "verdict.json"
    verdict = {"id": "rest", "scenario": "load", "judgement": {"status": "FAIL", "reason": "3 run"}, "waived": None}
    path.write_text(json.dumps({"schema": 1, "colour": "RED", "headline": "RED: 1", "verdicts": [verdict]}))
    judged = read_judged(path)
    assert (judged.colour, judged.of("FAIL"), judged.of("NO DATA")) == ("RED", {"rest": "load: 3 run"}, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"colour": "NO DATA", "headline": "NO DATA: no target"}', "NO DATA: no target"),
        ("{", "verdict.json is no verdict"),
        (None, "there is no verdict.json"),
    ],
)
def test_no_verdict_is_no_judgement(tmp_path: Path, text: str | None, said: str) -> None:
    """A missing, broken or unfinished verdict is named as such, never read as a pass."""
    path = tmp_path / "verdict.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Unjudged) as caught:
        read_judged(path)
    assert str(caught.value).startswith(said)


def _outcome(healthy: bool, judged: Judged | None, problem: str | None = None) -> Outcome:
    return Outcome(target=_target(healthy), judged=judged, seconds=2.0, problem=problem)


def test_the_matrix_is_written() -> None:
    """matrix.json holds every verdict that failed and why."""
    outcomes = [_outcome(False, _judged("RED", bytes_agree="FAIL", rest="PASS"))]
    row = json.loads(matrix.matrix_json(outcomes, "abc", "now", "cd" * 32))["targets"][0]
    assert (row["failed"], row["colour"], row["problem"]) == ({"bytes-agree": "load: why"}, "RED", None)


def test_the_summary_names_checks_that_were_never_the_only_one() -> None:
    """A check that turned red only with others is named."""
    wrong = _outcome(False, _judged("RED", rest="FAIL"), "caught for another reason only")
    right = _outcome(False, _judged("RED", bytes_agree="FAIL", rest="FAIL"))
    assert "checks that were never the only red one: bytes-agree" in matrix.summary([wrong, right])


def test_the_summary_counts_and_names_what_is_wrong() -> None:
    """People see how many were judged rightly, silent checks, checks that broke, and each misjudged target."""
    broke = Judged(
        colour="NO DATA",
        headline="",
        words=(Word(id="rest", scenario="load", status="NO DATA", reason=f"{matrix.BROKE}: KeyError", counts=True),),
    )
    outcomes = [
        _outcome(True, _judged("GREEN", rest="PASS")),
        _outcome(False, broke, "nothing FAILed; NO DATA"),
    ]
    assert matrix.summary(outcomes).splitlines() == [
        "0 of 1 faulty targets were caught for a fitting reason",
        "1 of 1 healthy targets came out GREEN",
        "checks that no target turned red: rest",
        "a check broke on one: rest, load: the check broke on this record: KeyError",
        "WRONG one: nothing FAILed; NO DATA",
    ]


def test_a_line_marks_the_expected_verdicts() -> None:
    """The verdicts that the fault was made for come first, with a star."""
    outcome = _outcome(False, _judged("RED", answers="FAIL", bytes_agree="FAIL"))
    assert matrix.line(outcome) == f"ok    {'one':32} RED        2.0 s  bytes-agree*, answers"


def test_a_run_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    """What the same harness judged is taken over as it was; what it misjudged is taken over as wrong, and what
    another judged is not."""
    path, target = tmp_path / "matrix.json", _target(healthy=False)
    right = _outcome(False, _judged("RED", bytes_agree="FAIL", rest="NO DATA", names="PASS"))
    path.write_text(matrix.matrix_json([right], "abc", "now", "cd" * 32))
    outcome = known(path, [target], "cd" * 32)[target.name]
    assert (outcome.failed, outcome.no_data, outcome.problem) == (right.failed, right.no_data, None)
    assert matrix.matrix_json([outcome], "abc", "now", "cd" * 32) == path.read_text()
    assert known(path, [target], "ef" * 32) == {}
    path.write_text(matrix.matrix_json([_outcome(False, _judged("GREEN", rest="PASS"))], "abc", "now", "cd" * 32))
    assert known(path, [target], "cd" * 32)[target.name].problem == "stays GREEN"
    unjudged = Outcome(target=target, judged=None, seconds=2.0, problem="no verdict: it did not listen")
    path.write_text(matrix.matrix_json([unjudged], "abc", "now", "cd" * 32))
    assert known(path, [target], "cd" * 32) == {target.name: unjudged}


def test_the_core_stands_for_all() -> None:
    """It has a fault for every verdict that one is expected to turn red, some of each group, and healthy services."""
    found = core(chosen([]))
    assert {id for one in found for id in one.expect} == {id for one in chosen([]) for id in one.expect}
    assert {one.group for one in found} == {one.group for one in chosen([])}
    assert sum(one.healthy for one in found) >= 12
    assert sum(not one.healthy for one in found) >= 60
    assert len({one.name for one in found}) == len(found) < 90


@pytest.mark.e2e
def test_a_resumed_run_reports_what_was_misjudged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that goes on with one target still counts another that was misjudged; asked for, it is judged again."""
    first, second = (target for target in chosen([]) if not target.healthy and target.name in {"cache", "leak-fds"})
    green = Outcome(target=first, judged=_judged("GREEN", rest="PASS"), seconds=1.0, problem="stays GREEN")
    (tmp_path / "matrix.json").write_text(matrix.matrix_json([green], "abc", "now", sources_sha256()))
    judged: list[str] = []

    def run_one(target: Entry, folder: Path, **_: bool) -> Outcome:
        judged.append(target.name)
        red = Judged(
            colour="RED",
            headline="",
            words=tuple(Word(id=id, scenario="load", status="FAIL", reason="", counts=True) for id in target.expect),
        )
        return Outcome(target=target, judged=red, seconds=1.0, problem=None)

    monkeypatch.setattr(entry, "run_one", run_one)
    assert entry.run([second], 1, tmp_path, keep=False, whole=False, resume=True) == 1
    data = json.loads((tmp_path / "matrix.json").read_text())["targets"]
    assert [row["problem"] for row in data] == ["stays GREEN", None]
    assert entry.run([first, second], 1, tmp_path, keep=False, whole=False, resume=True) == 0
    data = json.loads((tmp_path / "matrix.json").read_text())["targets"]
    assert ([row["problem"] for row in data], judged) == ([None, None], [second.name, first.name])


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"targets": 1, "sources": ""}', '{"targets": [{}]}'])
def test_without_a_matrix_all_is_judged(tmp_path: Path, text: str | None) -> None:
    """A missing or broken matrix.json is no reason to end."""
    path = tmp_path / "matrix.json"
    if text is not None:
        path.write_text(text)
    assert known(path, [_target(healthy=False)], "") == {}


def test_the_sources_are_all_that_decides(tmp_path: Path) -> None:
    """A change of a check, a profile or a target is another harness; one of a document is not."""
    for name in ("assertions/a.py", "loadtests/b.toml", "tests/targets/c.py", "docs/d.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    seen = [sources_sha256(tmp_path)]
    for name in ("docs/d.md", "assertions/a.py", "loadtests/b.toml", "tests/targets/c.py"):
        (tmp_path / name).write_text("2")
        seen.append(sources_sha256(tmp_path))
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4
