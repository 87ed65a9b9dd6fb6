"""Proving the judge by records: it catches what was recorded, and a broken check is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.contents.sent import Outcome
from assertions.limits import load
from assertions.record.types import FileCheck, Finding
from evidence.reports.proofs.fault_coverage import NO_SERVICE, STORED, Sensitivity, read
from tests.targets import __main__ as entry
from tests.targets.commands import recorded_core
from tests.targets.edits.edit import Edit
from tests.targets.edits.every import BASE, EDITS
from tests.targets.fixtures.entry import all_targets, chosen, core
from tests.targets.proving import proof as proofs_of
from tests.targets.proving import proving
from tests.targets.proving.judging import agreeable, checks_without
from tests.targets.proving.proving import prove
from tests.targets.proving.results import Judged, Word
from tests.targets.recording.archive import ArchiveError, Made, listed, pack, unpack
from tests.targets.recording.conditions import AT_CONTRACT, CONTRACT, LONG, TIGHT, WHOLE, Drive, drives, usual
from tests.targets.recording.recording import COMMITTED, stale
from tests.targets.recording.strip import MOST_BYTES, samples
from tests.targets.recording.target_code import definitions

TARGETS = {target.name: target for target in all_targets()}


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder that holds some of the committed records, as they are or after a change of their files."""

    def make(*names: str, change: Callable[[Path], None] = lambda folder: None) -> Path:
        work, out = tmp_path / "work", tmp_path / "records"
        out.mkdir()
        known = listed(COMMITTED)
        for path in {known[name][1] for name in names}:
            list(unpack(path, [name for name in names if known[name][1] == path], work))
        for name in names:
            change(work / name)
            pack([work / name], out / f"{name}.tar.xz")
        return out

    return make


def _prove(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """`prove` over records, in this process: its exit code and what it printed."""
    given = ["prove", "--records", str(folder), "--jobs", "1", "--out", str(tmp_path / "proof.json"), *words]
    code = entry.main(given)
    captured = capsys.readouterr()
    return code, (captured.out + captured.err).splitlines()


@pytest.mark.e2e
def test_a_recorded_fault_is_caught(
    recorded: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault is caught from its record, and the proof names it."""
    code, lines = _prove(recorded("bytes-zero"), tmp_path, capsys)
    assert (code, lines[0]) == (0, "1 of 1 faulty targets were caught for a fitting reason")
    proof = read(tmp_path / "proof.json")
    assert proof is not None
    assert (proof.faults, proof.caught, proof.healthy, proof.green) == (1, 1, 0, 0)
    assert (proof.faulty_known, proof.healthy_known) == (
        sum(not one.healthy for one in TARGETS.values()),
        sum(one.healthy for one in TARGETS.values()),
    )
    assert [(one.description, one.records) for one in proof.conditions] == [(TIGHT.description, 1)]
    assert proof.checks["bytes-target"][0].fault == "bytes-zero"


@pytest.mark.e2e
def test_a_broken_check_is_found_out(
    recorded: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its check passing everything, the fault is named and the command ends with 1."""
    with checks_without("bytes-target"):
        code, lines = _prove(recorded("bytes-zero"), tmp_path, capsys)
    assert code == 1
    wrong = [line for line in lines if line.startswith("WRONG ")]
    assert len(wrong) == 1
    assert wrong[0].startswith("WRONG bytes-zero: caught for another reason only: ")


READERS = [("csv-row-1000-lost", "check_csv_of"), ("pdf-cut-at-100", "check_pdf_of")]


@pytest.mark.e2e
@pytest.mark.parametrize(("fault", "reader"), READERS)
def test_a_broken_reader_of_files_is_found_out(
    fault: str,
    reader: str,
    recorded: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files are opened again: one that finds nothing wrong with them lets the fault go, whatever was found before."""
    folder = recorded(fault)
    assert _prove(folder, tmp_path, capsys)[0] == 0
    nothing = Outcome(rows=None, pages=None, findings=(), finding_count=0)
    monkeypatch.setattr(f"assertions.contents.file_check.{reader}", lambda *_, **__: nothing)
    code, lines = _prove(folder, tmp_path, capsys)
    assert (code, [line.split(":")[0] for line in lines if "WRONG" in line]) == (1, [f"WRONG {fault}"])


@pytest.mark.e2e
def test_without_a_check_its_fault_goes_free(
    recorded: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mutation of all checks names what passes unnoticed, and says which checks nothing here needs."""
    code, lines = _prove(recorded("bytes-zero"), tmp_path, capsys, "--mutate-checks")
    assert code == 1  # one record is not enough for all checks
    data = {line.split(":")[0]: line for line in lines}
    assert data["bytes-target"].startswith(
        "bytes-target: without it 1 pass unnoticed; bytes-zero: caught for another reason"
    )
    assert data["scrapes"] == "scrapes: without it no fault passes unnoticed"
    assert lines[-1] == f"without 1 of {len(CHECKS)} checks `prove` fails and names the missed faults"


@pytest.mark.e2e
def test_a_healthy_target_that_is_accused_is_named(
    recorded: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that finds fault with sound files accuses a healthy target: `prove` ends with 1."""
    monkeypatch.setattr(proving, "EDITS", ())
    finding = Finding(code="cell", where="", expected="a", found="b")
    accuse = Outcome(rows=1, pages=None, findings=(finding,), finding_count=1)
    monkeypatch.setattr("assertions.contents.file_check.check_csv_of", lambda *_: accuse)
    code, lines = _prove(recorded(BASE), tmp_path, capsys)
    assert code == 1
    assert any(line.startswith(f"WRONG {BASE}: healthy, but RED: csv-contents, ") for line in lines)


def _few_edits() -> tuple[Edit, ...]:
    """The first edit of each status, and the first of a critical bound."""
    firsts = {(edit.status, bool(edit.critical)): edit for edit in reversed(EDITS)}
    return tuple(firsts.values())


@pytest.mark.e2e
def test_edits_are_noticed(recorded: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits of a healthy record are noticed by their check, and would be misjudged without only that check.

    One of each kind; `nox -s prove` judges them all, and with `--mutate-checks` without each check.
    """
    few = _few_edits()
    monkeypatch.setattr(proving, "EDITS", few)
    proofs = {one.case.name: one for one in prove(recorded(BASE), TARGETS, 1, mutate=True)}
    assert {name: one.problem for name, one in proofs.items()} == dict.fromkeys((BASE, *(e.name for e in few)))
    assert {edit.name: set(proofs[edit.name].unnoticed) for edit in few} == {edit.name: {edit.check} for edit in few}


def test_every_critical_bound_has_an_edit_that_names_it() -> None:
    """The limits that have a critical tier are those of the edits, each once."""
    tiers = [limit.id for limit in load().by_id.values() if limit.critical is not None]
    assert sorted(edit.critical for edit in EDITS if edit.critical) == sorted(tiers)


def test_an_edit_must_be_noticed_as_critical() -> None:
    """A plain FAIL, or one that does not name the critical bound, shows no critical tier."""
    edit = next(edit for edit in EDITS if edit.critical == "latency_p95_ms")
    bounds = "31 s (limit < 10 s; the critical bound of 30 s is missed too)"
    word = Word(id=edit.check, scenario="load", status="FAIL", reason=bounds, counts=True, critical="latency_p95_ms")
    red = Judged(colour="RED", headline="RED: 1 of 2 verdicts failed, 1 of them critical", words=(word,))
    assert edit.problem(red) is None
    for less in (
        replace(red, headline="RED: 1 of 2 verdicts failed"),
        replace(red, words=(replace(word, critical=None),)),
        replace(red, words=(replace(word, reason="31 s (limit < 10 s)"),)),
    ):
        assert "does not say that the critical bound of latency_p95_ms is missed" in str(edit.problem(less))


@pytest.mark.e2e
def test_verdicts_are_printed_for_each_record(
    recorded: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """`verdicts` prints every verdict's status by record and scenario/check."""
    assert entry.main(["verdicts", "--records", str(recorded("bytes-zero")), "--jobs", "1"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data.keys() == {"bytes-zero"}
    assert data["bytes-zero"]["run/bytes-target"] == "FAIL"


@pytest.mark.e2e
def test_a_record_of_another_version_is_refused(
    recorded: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record whose lines have other keys is refused in one sentence that names it, and nothing is judged."""

    def rename(folder: Path) -> None:
        for path in folder.glob("*/hits.jsonl"):
            path.write_text(path.read_text().replace('"bytes_sent"', '"sent"'))

    code, lines = _prove(recorded("bytes-zero", change=rename), tmp_path, capsys)
    assert (code, len(lines)) == (2, 1)
    assert "the record of bytes-zero can't be read" in lines[0]
    assert lines[0].endswith("make them again with `python -m tests.targets record --core`")


def test_no_records_are_no_proof(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder proves nothing: exit 2 with what to do."""
    assert _prove(tmp_path, tmp_path, capsys)[0] == 2
    with pytest.raises(ArchiveError, match="holds no records"):
        prove(tmp_path, TARGETS, 1, mutate=False)


@pytest.mark.e2e
def test_a_kept_file_that_was_changed_is_refused(
    recorded: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken sample file with one other byte, or without its file, is named, and nothing is judged."""

    def change(folder: Path) -> None:
        path = folder / "smoke" / "kept" / "contents-3.csv"
        path.write_bytes(path.read_bytes()[:-1] + b"x")

    code, lines = _prove(recorded("csv-cell-cut", change=change), tmp_path, capsys)
    assert (code, len(lines)) == (2, 1)
    assert "csv-cell-cut can't be read: kept/contents-3.csv is not the file that was exported" in lines[0]


@pytest.mark.e2e
def test_a_stale_record_is_said_to_be_stale(recorded: Callable[..., Path]) -> None:
    """Another load side, profile or target code is named; none of them changes the judgement."""
    made = listed(recorded("bytes-zero"))["bytes-zero"][0]
    now = {
        "load_side_sha256": "load side",
        "profiles_sha256": "profiles",
        "target_sha256": "target",
    }
    others = set(stale(made, TARGETS))
    for field, name in now.items():
        assert set(stale(replace(made, **{field: "00" * 32}), TARGETS)) == others | {name}
    assert set(stale(replace(made, scenarios=("batch",)), TARGETS)) >= {"profiles", "scenarios"}
    assert stale(replace(made, target="gone"), TARGETS) == ("its target is not in the catalogue any more",)


def test_conditions_are_the_tighter_ones_for_faults() -> None:
    """Healthy targets are judged by the contract's limits, most faults by tighter ones, six by the contract's, too."""
    healthy, fault, long = TARGETS["reference"], TARGETS["bytes-zero"], TARGETS["health-slow"]
    assert [usual(one) for one in (healthy, fault, long)] == [WHOLE, TIGHT, LONG]
    assert usual(fault, whole=True) == WHOLE
    assert drives([fault]) == (Drive(target=fault, conditions=TIGHT), Drive(target=fault, conditions=CONTRACT))
    assert [one.name for one in drives([fault])] == ["bytes-zero", "bytes-zero@contract"]


def test_each_assertion_has_a_fault_at_the_contracts_own_limits() -> None:
    """The six are all there, and each one's fault is expected to be seen by a check that the assertion rests on."""
    assert AT_CONTRACT.keys() == {six.title for six in ASSERTIONS}
    for six in ASSERTIONS:
        mine = {*six.target, *six.outside, *six.agreement}
        assert TARGETS[AT_CONTRACT[six.title]].expect <= mine


def _check(hit: str, size: int, findings: int = 0, kept: bool = True) -> FileCheck:
    return FileCheck(
        hit=hit,
        format=hit.split("-", maxsplit=1)[0],
        records=1,
        bytes=size,
        sha256="",
        rows=1,
        pages=None,
        findings=(),
        finding_count=findings,
        kept=f"kept/{hit}" if kept else None,
    )


def test_the_smallest_files_are_kept() -> None:
    """Of each case the smallest broken and the smallest sound file; faulty ones of three cases, sound ones if small."""
    checks = [
        _check("csv-0", 20),
        _check("csv-1", 10),
        _check("csv-2", 5, kept=False),
        _check("csv-3", MOST_BYTES["csv"] + 1),
        _check("pdf-0", MOST_BYTES["pdf"] + 1),
        _check("pdf-1", MOST_BYTES["pdf"]),
        *(_check(f"pdf-{number}", 100_000 + number, findings=1) for number in range(2, 7)),
    ]
    cases = {check.hit: check.hit for check in checks} | {"csv-0": "csv-1", "pdf-3": "pdf-2"}
    assert [check.hit for check in samples(checks, cases)] == ["pdf-2", "pdf-4", "pdf-5", "csv-1", "pdf-1"]


def test_a_targets_code_is_its_own_definition_and_what_that_rests_on() -> None:
    """Targets of one module have each its own hash, and one that is made in a loop has its statement's."""
    module = "tests.targets.faulty.slowness"
    one, two = (definitions().sha256(module, name) for name in ("slow-large", "slow-small"))
    assert one != two
    csv = "tests.targets.faulty.contents.csv"
    assert definitions().sha256(csv, "csv-row-1000-lost") != definitions().sha256(csv, "csv-last-row-lost")


@lru_cache(maxsize=1)
def _committed() -> dict[str, tuple[Made, Path]]:
    return listed(COMMITTED)


def test_the_committed_records_are_the_core() -> None:
    """One of each drive of the core and of each healthy target, in at most 10 MB."""
    assert _committed().keys() == {drive.name for drive in drives(recorded_core(chosen([])))}
    assert {one.target for one, _ in _committed().values() if one.conditions == CONTRACT.name} == set(
        AT_CONTRACT.values()
    )
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) <= 10_000_000


def test_the_core_has_a_fault_for_each_check() -> None:
    """What `--live core` drives: fourteen healthy targets, and for each check a fault or an edited record."""
    made = core(chosen([]))
    assert sum(one.healthy for one in made) >= 14
    expected = {name for one in made for name in one.expect}
    every = {name for one in chosen([]) for name in one.expect}
    assert expected == every
    stored = read(STORED)
    assert stored is not None
    assert {check.id for check in CHECKS} - expected - {
        edit.check for edit in EDITS
    } <= NO_SERVICE.keys() | stored.checks.keys()


def test_a_check_that_agrees_has_the_same_place() -> None:
    """Replacing a check leaves its id and where it is judged."""
    for check in CHECKS:
        other = agreeable(check)
        assert (other.id, other.scenarios, other.optional) == (check.id, check.scenarios, check.optional)


def _sensitivity(**changed: object) -> Sensitivity:
    fields: dict[str, object] = {
        "commit": "abc",
        "when": "now",
        "judge_sha256": "ab" * 32,
        "load_side_sha256": "cd" * 32,
        "recorded_first": "then",
        "recorded_last": "then",
        "stale": 1,
        "repeated": 0,
        "faulty_known": 9,
        "healthy_known": 3,
        "faults": 5,
        "caught": 5,
        "healthy": 2,
        "green": 2,
        "edits": 0,
        "noticed": 0,
        "conditions": (),
        "at_contract": (),
        "checks": {},
    }
    return Sensitivity(**(fields | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "replaced"),
    [
        ({}, True),
        ({"faults": 4}, False),
        ({"faults": 5, "healthy": 1}, False),
        ({"faults": 6, "healthy": 1}, True),
        ({"faults": 4, "judge_sha256": "00" * 32}, True),
        ({"faults": 4, "stale": 0}, True),
    ],
)
def test_a_proof_of_more_targets_is_kept(changed: dict[str, object], replaced: bool) -> None:
    """A proof of fewer targets takes the place of a larger one only where that is of another judge or staler."""
    assert proofs_of.replaces(_sensitivity(**changed), _sensitivity()) is replaced
    assert proofs_of.replaces(_sensitivity(**changed), None)


def test_a_proof_of_more_checks_is_kept() -> None:
    """A proof by this judge that shows fewer checks able to fail does not take the place of an older, larger one."""
    shown = {"answers": (), "bytes-zero": ()}
    stored = _sensitivity(judge_sha256="00" * 32, checks=shown)
    assert not proofs_of.replaces(_sensitivity(checks={"answers": ()}), stored)
    assert proofs_of.replaces(_sensitivity(checks=shown), stored)
