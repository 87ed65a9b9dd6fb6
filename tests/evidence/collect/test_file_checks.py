"""Opening files: each that came is checked in a separate process, samples are kept, the rest is dropped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from assertions.contents import file_check
from assertions.contents.sent import CODE_IN_BRIEF, Sent
from assertions.contents.tags import TAG_PLACEHOLDER
from assertions.record.files import read_lines, write_lines, write_one
from assertions.record.types import Fetch, FileCheck, Hit, Plan, RecordError
from evidence.collect import file_checks
from evidence.collect.check_workers import OpeningError
from evidence.collect.file_checks import (
    KEPT_BROKEN_MOST,
    FileJob,
    check_files,
    check_folder,
    recheck,
    to_keep,
)
from evidence.collect.kept_files import PLAIN_MOST_BYTES, read_kept
from evidence.collect.request_bodies import BodyError, request_body
from loadtests.datasets.records import encode_body, make_dataset
from tests.assertions.contents.layouts import model, text_lines

SEED = 17
ROWS = [{"id": number, "name": f"n{number}", "tag": TAG_PLACEHOLDER} for number in range(3)]
TAG = "T000000001"
GOOD = "id,name,tag\r\n" + "".join(f"{row['id']},{row['name']},{TAG}\r\n" for row in ROWS)
BAD = GOOD.replace("n1", "n9")
EMPTY = file_check.read_template(json.dumps({"columns": ["id"], "data": []}).encode())


def hit(name: str, **fields: Any) -> Hit:
    """One export that was done."""
    usual: dict[str, Any] = {
        "id": name,
        "phase": "measure",
        "index": 0,
        "case": "csv-3",
        "method": "POST",
        "path": "/export/run",
        "format": "csv",
        "records": 3,
        "user": "u",
        "tag": TAG,
        "bytes_sent": 1,
        "intended": 1.0,
        "start": 1.0,
        "end": 2.0,
        "status": 200,
        "error": None,
        "headers": {},
        "answer": "{}",
        "client": "c",
    }
    return Hit(**{**usual, **fields})


def fetch(name: str, content: str, **fields: Any) -> Fetch:
    """The download of its file."""
    data = content.encode()
    usual: dict[str, Any] = {
        "hit": name,
        "path": "/export/files/x",
        "start": 2.0,
        "end": 3.0,
        "status": 200,
        "error": None,
        "headers": {},
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return Fetch(**{**usual, **fields})


def folder_of(path: Path, files: dict[str, str], extra: tuple[tuple[Hit, Fetch], ...] = ()) -> Path:
    """A scenario's folder as the load room leaves it: what was sent, and the files that came, by hit."""
    (path / "spool").mkdir(parents=True)
    send(path)
    write_one(path / "plan.json", Plan(scenario="smoke", profile_sha256="", seed=SEED, phases=()))
    for name, content in files.items():
        (path / "spool" / f"{name}.csv").write_bytes(content.encode())
    write_lines(path / "hits.jsonl", [*(hit(name) for name in files), *(one for one, _ in extra)])
    write_lines(
        path / "fetches.jsonl", [*(fetch(name, text) for name, text in files.items()), *(two for _, two in extra)]
    )
    return path


def send(path: Path, **bodies: object) -> None:
    """Write the bodies that were sent: that of csv-3, and others by their case's name with an underscore.

    A run under way has these files, as has a run directory of an older version; a finished run has not.
    """
    (path / "sent").mkdir()
    own = {"csv_3": {"format": "csv", "columns": ["id", "name", "tag"], "data": ROWS}}
    for name, body in (own | bodies).items():
        (path / "sent" / f"{name.replace('_', '-')}.json").write_text(json.dumps(body))


def checks_of(path: Path) -> dict[str, FileCheck]:
    """What files.jsonl holds, by hit."""
    return {check.hit: check for check in read_lines(path / "files.jsonl", FileCheck)}


@pytest.mark.e2e
def test_checked_kept_and_dropped(tmp_path: Path) -> None:
    """Good and broken files are told apart, the first of a case and the broken ones kept, the spool removed."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD, "b": BAD, "c": GOOD})
    reported: list[tuple[int, int]] = []
    check_folder(folder, lambda done, of: reported.append((done, of)))
    checks = checks_of(folder)
    assert reported == [(1, 3), (2, 3), (3, 3)]
    assert {name: check.finding_count for name, check in checks.items()} == {"a": 0, "b": 1, "c": 0}
    assert {name: check.kept for name, check in checks.items()} == {"a": "kept/a.csv", "b": "kept/b.csv", "c": None}
    assert checks["b"].findings[0].code == "cell"
    assert checks["a"].sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (checks["a"].bytes, checks["a"].rows, checks["a"].records) == (len(GOOD), 3, 3)
    assert sorted(path.name for path in (folder / "kept").iterdir()) == ["a.csv", "b.csv"]
    assert not (folder / "spool").exists()
    assert not (folder / "sent").exists()
    send(folder)
    assert recheck([folder]) == []


@pytest.mark.e2e
def test_scenarios_that_sent_the_same_body_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of one body are held against one template; another body has its own, and every file's result counts."""
    folders = [folder_of(tmp_path / name, {"a": GOOD}) for name in ("smoke", "load", "batch")]
    for folder in folders:
        check_folder(folder)
        send(folder)
    (folders[2] / "sent" / "csv-3.json").write_bytes((folders[0] / "sent" / "csv-3.json").read_bytes() + b" ")
    seen: list[FileJob] = []

    def noted(files: Sequence[FileJob], **options: Any) -> list[FileCheck]:
        seen.extend(files)
        return check_files(files, **options)

    monkeypatch.setattr(file_checks, "check_files", noted)
    assert recheck(folders) == []
    assert [job.template.parent.parent.name for job in seen] == ["smoke", "smoke", "batch"]
    (folders[1] / "kept" / "a.csv").write_text(BAD)
    assert recheck(folders) == ["load/kept/a.csv is not the file that files.jsonl says was checked"]


@pytest.mark.e2e
def test_bodies_are_made_again_and_a_large_sample_is_compressed(tmp_path: Path) -> None:
    """A finished run holds only a body's hash, and a large CSV file in compressed form; both are enough to check."""
    large = GOOD + "x" * PLAIN_MOST_BYTES
    folder = folder_of(tmp_path / "smoke", {"a": large, "b": GOOD})
    body = encode_body(make_dataset("csv-3", SEED))
    (folder / "sent" / "csv-3.json").write_bytes(body)
    write_one(folder / "plan.json", plan_with(body))
    check_folder(folder)
    kept = {name: check.kept for name, check in checks_of(folder).items()}
    assert kept == {"a": "kept/a.csv.xz", "b": "kept/b.csv"}
    assert read_kept(folder / "kept" / "a.csv.xz", len(large)) == large.encode()
    assert (folder / "kept" / "a.csv.xz").stat().st_size < 1_000
    assert sorted(path.name for path in folder.iterdir()) == [
        "fetches.jsonl", "files.jsonl", "hits.jsonl", "kept", "plan.json",
    ]  # fmt: skip
    assert recheck([folder]) == []
    write_one(folder / "plan.json", plan_with(body + b" "))
    assert recheck([folder]) == [
        "smoke: the request body of csv-3 is not the one that was sent, by its hash in plan.json; made from seed 17 it "
        "is the same only in the version that made the run"
    ]
    write_one(folder / "plan.json", plan_with(body, case="csv-4"))
    assert recheck([folder]) == [
        "smoke: the request body of csv-3 is missing: no sent/csv-3.json, and no hash of it in plan.json"
    ]


def plan_with(body: bytes, case: str = "csv-3") -> Plan:
    """Return a plan that holds one body's hash."""
    hashes = {case: hashlib.sha256(body).hexdigest()}
    return Plan(scenario="smoke", profile_sha256="", seed=SEED, phases=(), bodies=hashes)


@pytest.mark.e2e
@pytest.mark.parametrize("cut", [b"", b"\xfd7zXZ\x00", b"no archive"])
def test_a_compressed_sample_that_is_damaged(tmp_path: Path, cut: bytes) -> None:
    """A kept file that can't be decompressed can't be read, and the error names it; one that is longer is another."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD + "x" * PLAIN_MOST_BYTES})
    check_folder(folder)
    send(folder)
    kept = folder / "kept" / "a.csv.xz"
    kept.write_bytes(cut)
    with pytest.raises(OSError, match=r"a\.csv\.xz can't be decompressed"):
        recheck([folder])
    with pytest.raises(OSError, match=r"a\.csv\.xz can't be decompressed"):
        read_kept(kept, 100)
    kept.write_bytes(lzma.compress(b"x" * 10_000_000))
    assert recheck([folder]) == ["smoke/kept/a.csv.xz is not the file that files.jsonl says was checked"]


def test_a_case_that_is_none_has_no_body() -> None:
    """A plan that names a case of which there is no data set gives no body, and the reason names the case."""
    with pytest.raises(BodyError, match="the request body of csv-none can't be made again: case 'csv-none'"):
        request_body(plan_with(b"", case="csv-none"), "csv-none")


@pytest.mark.e2e
def test_what_did_not_come_is_not_checked(tmp_path: Path) -> None:
    """A download that broke off, was refused, has no request, or left no file has no check: the judge misses it."""
    extra = (
        (hit("cut"), fetch("cut", "", status=None, error="short", sha256=None)),
        (hit("refused"), fetch("refused", "", status=404)),
        (hit("odd", format=None), fetch("odd", GOOD)),
        (hit("lost"), fetch("lost", GOOD)),
        (hit("again"), fetch("again", GOOD, purpose="again")),
        (hit("half"), fetch("half", "", sha256=None)),
        (hit("unheard", case="csv-9"), fetch("unheard", GOOD)),
        (hit("other"), fetch("nobody", GOOD)),
    )
    folder = folder_of(tmp_path / "smoke", {"a": GOOD}, extra)
    (folder / "spool" / "unheard.csv").write_text(GOOD)
    check_folder(folder)
    assert list(checks_of(folder)) == ["a"]


@pytest.mark.e2e
def test_nothing_to_check(tmp_path: Path) -> None:
    """Where nothing came files.jsonl is there and empty."""
    folder = folder_of(tmp_path / "smoke", {})
    check_folder(folder)
    assert checks_of(folder) == {}
    assert recheck([folder]) == []


@pytest.mark.e2e
def test_a_record_that_is_missing(tmp_path: Path) -> None:
    """Without hits.jsonl nothing can be checked, and the error names it."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD})
    (folder / "hits.jsonl").unlink()
    with pytest.raises(RecordError, match=r"hits\.jsonl"):
        check_folder(folder)


def killed(_job: FileJob) -> FileCheck:
    """What somebody else's SIGKILL does to a process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.e2e
def test_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed from outside ends the opening with a sentence, not a traceback, and leaves the spool."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD})
    monkeypatch.setattr(file_checks, "check_one", killed)
    with pytest.raises(OpeningError, match="a process that checks files died"):
        check_folder(folder)
    assert (folder / "spool" / "a.csv").exists()


def greedy(job: FileJob) -> FileCheck:
    """Take more memory than a file may, for each file but the first."""
    if job.hit.id != "a":
        bytearray(file_checks.MEMORY_BYTES * 2)
    return file_checks.check_one(job)


@pytest.mark.e2e
def test_a_file_that_takes_too_much_memory_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The breach is a finding about that file, with its real size and hash; the others are checked."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD, "b": GOOD})
    monkeypatch.setattr(file_checks, "check_one", greedy)
    check_folder(folder, jobs=1)
    checks = checks_of(folder)
    assert {name: check.finding_count for name, check in checks.items()} == {"a": 0, "b": 1}
    assert (checks["b"].findings[0].code, checks["b"].kinds) == ("unreadable", {"unreadable": 1})
    assert "MB of memory" in checks["b"].findings[0].expected
    assert "MB of memory" in checks["b"].findings[0].found
    assert (checks["b"].sha256, checks["b"].bytes) == (checks["a"].sha256, len(GOOD))


def test_a_file_that_is_larger_than_plausible_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most ten times what was asked for, and 64 MB at the least; one byte more is a finding."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD, "b": GOOD + "x"})
    monkeypatch.setattr(file_check, "FILE_BYTES", len(GOOD))
    monkeypatch.setattr(file_check, "FILE_TIMES", 0)
    job = FileJob(hit=hit("a"), file=folder / "spool" / "a.csv", template=folder / "sent" / "csv-3.json")
    assert file_checks.check_one(job).findings == ()
    check = file_checks.check_one(dataclasses.replace(job, file=folder / "spool" / "b.csv"))
    assert check.findings[0].code == "unreadable"
    assert "it was not opened" in check.findings[0].found


def test_limits_grow_with_what_was_asked_for(tmp_path: Path) -> None:
    """Not with what came: a million records may take longer, and more memory."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD * 1_000})
    template = folder / "sent" / "csv-3.json"
    small = FileJob(hit=hit("a"), file=folder / "spool" / "a.csv", template=template)
    large = dataclasses.replace(small, hit=hit("a", records=1_000_000))
    assert small.memory_bytes == file_checks.MEMORY_BYTES + file_checks.MEMORY_TIMES * template.stat().st_size
    assert (round(small.seconds, 3), large.seconds) == (60.003, 1060.0)


@pytest.mark.e2e
def test_the_rest_of_a_broken_case_is_examined_in_brief(tmp_path: Path) -> None:
    """After three broken PDFs of a case further ones end at their first broken page, and say so, checked again too."""
    names = [f"p{number}" for number in range(file_checks.WHOLE_BROKEN + 2)]
    fields = {"case": "pdf-60", "format": "pdf", "records": 60, "tag": "T000000002"}
    rows = [{"ref": f"{TAG_PLACEHOLDER}-{number}"} for number in range(60)]
    extra = tuple((hit(name, **fields), fetch(name, "", sha256="0" * 64)) for name in names)
    folder = folder_of(tmp_path / "smoke", {}, extra)
    body = {"format": "pdf", "columns": ["ref"], "data": rows}
    (folder / "sent" / "pdf-60.json").write_text(json.dumps(body))
    sent = Sent(("ref",), tuple({"ref": f"T000000001-{number}"} for number in range(60)), "Export Report", "u")
    for name in names:
        (folder / "spool" / f"{name}.pdf").write_bytes(text_lines(model(sent)))
    check_folder(folder, jobs=1)
    checks = [checks_of(folder)[name] for name in names]
    assert [CODE_IN_BRIEF in check.kinds for check in checks] == [False] * file_checks.WHOLE_BROKEN + [True, True]
    assert checks[0].finding_count >= 60 > checks[-1].finding_count
    assert checks[-1].findings[-1].found == "1 of 2 pages not read"
    digest = {check.hit: check.sha256 for check in checks}
    write_lines(folder / "fetches.jsonl", [fetch(name, "", sha256=digest[name]) for name in names])
    send(folder, pdf_60=body)
    assert recheck([folder]) == []


def test_a_file_on_which_the_reader_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file on which a reader itself breaks is unreadable; it ends no run, and is the same when checked again."""

    def breaks(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(file_check, "check_csv_of", breaks)
    outcome = file_check.check_file(b"x", EMPTY, hit("a"))
    assert (outcome.finding_count, outcome.findings[0].code) == (1, "unreadable")
    assert outcome.findings[0].found == "RecursionError while it was read"


def test_one_file_in_this_process(tmp_path: Path) -> None:
    """What a worker does with one file: its real size and hash are noted, whatever the load room said."""
    folder = folder_of(tmp_path / "smoke", {"a": GOOD})
    job = FileJob(hit=hit("a"), file=folder / "spool" / "a.csv", template=folder / "sent" / "csv-3.json")
    job.file.write_bytes(BAD.encode())
    check = file_checks.check_one(job)
    assert check.sha256 == hashlib.sha256(BAD.encode()).hexdigest()
    assert check.finding_count == 1


def test_a_pdf_that_is_none(tmp_path: Path) -> None:
    """A file that came as PDF and is none is unreadable."""
    outcome = file_check.check_file(b"hello", EMPTY, replace(hit("a"), format="pdf"))
    assert {finding.code for finding in outcome.findings} == {"unreadable"}


def test_what_is_kept() -> None:
    """The first file of each case is kept, and the first broken ones up to a number."""
    check = FileCheck(
        hit="0",
        format="csv",
        records=1,
        bytes=1,
        sha256="",
        rows=1,
        pages=None,
        findings=(),
        finding_count=0,
        kept=None,
    )
    good = [replace(check, hit=f"g{number}") for number in range(3)]
    bad = [replace(check, hit=f"b{number}", finding_count=1) for number in range(KEPT_BROKEN_MOST + 1)]
    cases = {one.hit: "csv" for one in (*good, *bad)} | {"g2": "other"}
    assert to_keep([*good, *bad], cases) == {"g0", "g2", *(f"b{number}" for number in range(KEPT_BROKEN_MOST))}
    assert to_keep([], {}) == set()


def test_a_defect_of_the_checker_is_not_blamed_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the run: no file's verdict may rest on it."""

    def broken(*_: object) -> None:
        raise NameError("a name is not defined")

    monkeypatch.setattr(file_check, "check_csv_of", broken)
    with pytest.raises(NameError, match="not defined"):
        file_check.check_file(GOOD.encode(), EMPTY, hit("a"))
