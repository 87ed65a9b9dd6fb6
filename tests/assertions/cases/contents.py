"""Answers that are not true and files that do not hold what was sent."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from assertions.record.types import INTERRUPTED, Fetch, FileCheck, Finding, Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, none_done
from tests.assertions.healthy.records import changed, each, healthy, with_answers, with_hits, with_scenario
from tests.assertions.healthy.simulation import iso

HIT = "measure-3"
"""A pdf export of the smoke scenario."""
_ROW = Finding(code="row-count", where="row 17", expected="1000", found="999")
_WHOLE = Finding(code="pages", where="", expected="20", found="19")


def answer(change: Callable[[dict[str, Any]], Any]) -> Callable[[ScenarioRecord], ScenarioRecord]:
    """A change of one answer's body."""
    return lambda record: with_answers(record, lambda hit, body: change(body) if hit.id == HIT else None)


def result(**fields: Any) -> Callable[[ScenarioRecord], ScenarioRecord]:
    """A change of fields of one answer's `result`."""
    return answer(lambda body: body["result"].update(fields))


def text(written: str | None, status: int = 200) -> Callable[[ScenarioRecord], ScenarioRecord]:
    """A change of one answer as a whole."""
    return lambda record: with_hits(
        record, lambda hit: {"answer": written, "status": status} if hit.id == HIT else None
    )


def fetched(change: Callable[[Fetch], Mapping[str, Any]], purpose: str = "file", hit: str = HIT) -> Any:
    """A change of one download."""
    return lambda record: changed(
        record,
        fetches=each(record.fetches, lambda one: change(one) if one.hit == hit and one.purpose == purpose else None),
    )


def _headers(**headers: str | None) -> Any:
    """A change of one download's headers; None drops one."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    def change(fetch: Fetch) -> Mapping[str, Any]:
        merged = {**fetch.headers, **given}
        return {"headers": {name: value for name, value in merged.items() if value is not None}}

    return fetched(change)


def _same_name(record: ScenarioRecord) -> ScenarioRecord:
    """measure-3 gives the file name of measure-1."""
    first = json.loads(next(hit.answer or "" for hit in record.hits if hit.id == "measure-1"))["result"]
    given = {key: first[key] for key in ("filename", "downloadUrl")}
    return result(**given)(record)


def _cut_short(record: ScenarioRecord) -> ScenarioRecord:
    return with_scenario(
        record, phases=each(record.scenario.phases, lambda one: {"completed": False} if one.name == "measure" else None)
    )


def _found(fmt: str, finding: Finding) -> Callable[[ScenarioRecord], ScenarioRecord]:
    def change(check: FileCheck) -> Mapping[str, Any] | None:
        return {"findings": (finding,), "finding_count": 3} if check.format == fmt and check.records == 1_000 else None

    return lambda record: changed(record, files=each(record.files, change))


def _unopened(fmt: str) -> Callable[[ScenarioRecord], ScenarioRecord]:
    return lambda record: changed(record, files=tuple(check for check in record.files if check.format != fmt))


def _later(time: str) -> str:
    """Local time, three hours east, that calls itself UTC."""
    return (datetime.fromisoformat(time) + timedelta(hours=3)).isoformat()


def _guessable(record: ScenarioRecord) -> ScenarioRecord:
    """File names hold only the time."""

    def change(hit: Hit, body: dict[str, Any]) -> None:
        number = hit.index + 1000 * len(hit.phase)
        name = f"export_{round(hit.start * 1000) + number}_aaa.{hit.format}"
        body["result"] |= {"filename": name, "downloadUrl": f"/export/files/{name}"}

    return with_answers(record, change)


def _renamed(record: ScenarioRecord, name_of: Callable[[Hit, int], str]) -> ScenarioRecord:
    """Other names of files, given the hit and how many were done before it."""
    numbers = itertools.count(1)

    def change(hit: Hit, body: dict[str, Any]) -> None:
        name = name_of(hit, next(numbers))
        body["result"] |= {"filename": name, "downloadUrl": f"/export/files/{name}"}

    return with_answers(record, change)


def _counted(record: ScenarioRecord) -> ScenarioRecord:
    return _renamed(record, lambda hit, number: f"export_{round(hit.start * 1000)}_{number:09d}.{hit.format}")


def _counted_apart(record: ScenarioRecord) -> ScenarioRecord:
    numbers = {"csv": itertools.count(1), "pdf": itertools.count(70_001)}

    def name_of(hit: Hit, _: int) -> str:
        return f"export_{round(hit.start * 1000)}_{next(numbers[str(hit.format)]):09d}.{hit.format}"

    return _renamed(record, name_of)


def _one_moment(record: ScenarioRecord) -> ScenarioRecord:
    at = round(record.hits[0].start * 1000)
    return _renamed(record, lambda hit, number: f"export_{at}_{number * 2_654_435_761 % 2**32:09x}.{hit.format}")


def _nameless(hit: Hit, body: dict[str, Any]) -> None:
    del body["result"]


_NAME = json.loads(next(hit.answer or "" for hit in healthy("smoke").hits if hit.id == HIT))["result"]["filename"]
_CSV_NAME = _NAME.replace(".pdf", ".csv")
_OLD_NAME = "exports/export_1000000000000_zzzzzzzzz.pdf"

_ANSWERS: tuple[tuple[str, Callable[[ScenarioRecord], ScenarioRecord], str, tuple[str, ...]], ...] = (
    ("no JSON", text("<html>"), "the answer of measure-3 (pdf-1k): is not a JSON object", ("latency-agree",)),
    ("no body", text(None), "the answer of measure-3 (pdf-1k): is not a JSON object", ("latency-agree",)),
    (
        "success false",
        answer(lambda body: body.update(success=False)),
        "the answer of measure-3 (pdf-1k): lacks `success: true`",
        (),
    ),
    (
        "result no object",
        answer(lambda body: body.update(result=[1])),
        "the answer of measure-3 (pdf-1k): lacks `success: true`",
        (),
    ),
    ("result without success", result(success=None), "the answer of measure-3 (pdf-1k): lacks `success: true`", ()),
    (
        "records off",
        answer(lambda body: body.update(records=999)),
        "the answer of measure-3 (pdf-1k): has records 999 where 1000 were sent",
        (),
    ),
    (
        "no time",
        answer(lambda body: body.pop("timestamp")),
        "the answer of measure-3 (pdf-1k): timestamp must be the time of the export in ISO 8601, it is",
        (),
    ),
    (
        "bad time",
        answer(lambda body: body.update(timestamp="today")),
        "the answer of measure-3 (pdf-1k): timestamp must be the time of the export in ISO 8601, it is",
        (),
    ),
    ("no file name", result(filename=None), "filename None does not end in export_<ms>_", ()),
    ("odd file name", result(filename="exports/a.pdf"), "filename 'exports/a.pdf' does not end in export_<ms>_", ()),
    ("another format's name", result(filename=_CSV_NAME), "is not of a pdf file", ()),
    (
        "an old name",
        result(filename=_OLD_NAME),
        "the answer of measure-3 (pdf-1k): filename 'exports/export_1000000000000_zzzzzzzzz.pdf' has no",
        (),
    ),
    ("no link", result(downloadUrl=None), "downloadUrl None does not lead to /export/files/export_", ()),
    ("link elsewhere", result(downloadUrl="/files/x"), "downloadUrl '/files/x' does not lead to", ()),
    ("link to another", result(downloadUrl="/export/files/x.pdf"), "does not lead to /export/files/export_", ()),
    (
        "bytes no number",
        result(bytes="100040"),
        "the answer of measure-3 (pdf-1k): bytes must be a whole number, it is '100040'",
        (),
    ),
    (
        "bytes a flag",
        result(bytes=True),
        "the answer of measure-3 (pdf-1k): bytes must be a whole number, it is True",
        (),
    ),
    (
        "bytes off by one",
        result(bytes=100_041),
        "the answer of measure-3 (pdf-1k): has bytes 100041 where the file has 100040",
        (),
    ),
)

FAILS = (
    *(
        Case(id="answers", name=name, on="smoke", change=change, reason=reason, also=also)
        for name, change, reason, also in _ANSWERS
    ),
    Case(
        id="answers",
        name="an error without its sentence",
        on="batch",
        change=lambda r: with_hits(r, lambda hit: {"answer": '{"success": false}'} if hit.id == "edge-129" else None),
        reason="the 429 of edge-129 (csv-1k) has no `success: false` and `error` in JSON",
        also=("rejections",),
    ),
    Case(
        id="names",
        name="a name twice",
        on="smoke",
        change=_same_name,
        reason="1 file names were used more than once, export_1795000001448_078dde6c4.pdf 2 times",
    ),
    Case(
        id="downloads",
        name="not found",
        on="smoke",
        change=fetched(lambda fetch: {"status": 404}),
        reason="the download of measure-3 (/export/files/export_1795000001554_0b54cda26.pdf) was answered with",
    ),
    Case(
        id="downloads",
        name="broken off",
        on="smoke",
        change=fetched(lambda fetch: {"status": None, "error": "reset"}),
        reason="the download of measure-3 (/export/files/export_1795000001554_0b54cda26.pdf) was answered with",
    ),
    Case(
        id="downloads",
        name="no link",
        on="smoke",
        change=lambda r: changed(r, fetches=tuple(one for one in r.fetches if one.hit != HIT)),
        reason='the file of measure-3 has no link: \'{"success": true, "result": {"success": true, "bytes":',
    ),
    Case(
        id="downloads",
        name="another type",
        on="smoke",
        change=_headers(content_type="text/html"),
        reason="the pdf file of measure-3 has the Content-Type text/html, expected application/pdf",
    ),
    Case(
        id="downloads",
        name="no type",
        on="smoke",
        change=_headers(content_type=None),
        reason="the pdf file of measure-3 has the Content-Type (none), expected application/pdf",
    ),
    Case(
        id="downloads",
        name="broken off",
        on="smoke",
        change=fetched(lambda fetch: {"error": "connection closed"}),
        reason=") broke off after 100040 bytes: connection closed",
    ),
    Case(
        id="downloads",
        name="length off",
        on="smoke",
        change=_headers(content_length="100041"),
        reason="the pdf file of measure-3 has Content-Length 100041 and 100040 bytes",
    ),
    Case(
        id="downloads",
        name="length no number",
        on="smoke",
        change=_headers(content_length="many"),
        reason="the pdf file of measure-3 has Content-Length many and 100040 bytes",
    ),
    Case(
        id="downloads",
        name="no length",
        on="smoke",
        change=_headers(content_length=None),
        reason="the pdf file of measure-3 has no Content-Length",
    ),
    Case(
        id="downloads",
        name="no name",
        on="smoke",
        change=_headers(content_disposition="attachment"),
        reason="the pdf file of measure-3 has no download name (Content-Disposition)",
    ),
    Case(
        id="downloads",
        name="another charset",
        on="smoke",
        change=fetched(
            lambda one: {"headers": {**one.headers, "content-type": "text/csv; charset=ISO-8859-9"}}, hit="warmup-0"
        ),
        reason="the csv file of warmup-0 has the charset iso-8859-9 in its Content-Type, and is UTF-8",
    ),
    Case(
        id="downloads",
        name="another kind of name",
        on="smoke",
        change=_headers(content_disposition='attachment; filename="report.xlsx"'),
        reason="the pdf file of measure-3 has a download name of another kind: 'attachment;",
    ),
    Case(
        id="answers",
        name="an error without its time",
        on="batch",
        change=lambda r: with_hits(
            r,
            lambda hit: (
                {"answer": '{"success": false, "error": "full", "queueDepth": 100}'} if hit.status == 429 else None
            ),
        ),
        reason="the 429 of edge-105 (csv-1k) has no timestamp of its time (and 24 more like it)",
    ),
    Case(
        id="answers",
        name="a zone off",
        on="smoke",
        change=answer(lambda body: body.update(timestamp=_later(body["timestamp"]))),
        reason="the answer of measure-3 (pdf-1k): timestamp must be the time of the export in ISO 8601, it is",
    ),
    Case(
        id="csv-contents",
        name="one kind of data is never exported",
        on="smoke",
        change=lambda r: with_hits(
            r, lambda hit: {"status": 500, "case": "csv-odd"} if hit.id in ("measure-0", "measure-2") else None
        ),
        reason='csv-odd was requested 2 times and never finished, last answered with 500: {"success": true,',
        also=("answers", "bytes-agree", "requests"),
    ),
    Case(
        id="answers",
        name="a good request refused",
        on="smoke",
        change=lambda r: with_hits(r, lambda hit: {"status": 400} if hit.id == "measure-1" else None),
        reason='measure-1 (pdf-1k) is valid by the contract, but was refused with 400: {"success": true,',
        also=("bytes-agree", "latency-counts", "requests"),
    ),
    Case(
        id="names",
        name="nothing random",
        on="smoke",
        change=_guessable,
        reason="72 file names have 1 random parts, such as aaa: they can be guessed",
    ),
    Case(
        id="names",
        name="counted up",
        on="load",
        change=_counted,
        reason="the random part of 228 file names is a counter, such as 000000001: they can be guessed",
    ),
    Case(
        id="names",
        name="counted up, each format by itself",
        on="load",
        change=_counted_apart,
        reason="the random part of 228 file names is a counter, such as 000000001: they can be guessed",
    ),
    Case(
        id="answers",
        name="a clock that stands still",
        on="load",
        change=lambda r: with_answers(r, lambda hit, body: body.update(timestamp=iso(r.hits[0].start))),
        reason="the timestamp of 228 answers over ",
    ),
    Case(
        id="answers",
        name="names of one moment",
        on="load",
        change=_one_moment,
        reason="the time in the file name of 228 answers over ",
    ),
    Case(
        id="downloads",
        name="another file later",
        on="smoke",
        change=fetched(lambda fetch: {"sha256": "f" * 64}, "again", "warmup-0"),
        reason="the file of warmup-0 had changed when it was downloaded again",
    ),
    Case(
        id="csv-contents",
        name="a row short",
        on="smoke",
        change=_found("csv", _ROW),
        reason="31 of 38 csv files do not hold what was sent; warmup-0: row-count at row 17, expected '1000', found",
    ),
    Case(
        id="pdf-contents",
        name="a page short",
        on="load",
        change=_found("pdf", _WHOLE),
        reason="60 of 84 pdf files do not hold what was sent; leak-1: pages, expected '20', found '19'",
    ),
)

BLIND = (
    Case(id="answers", name="none asked", on="load", change=no_hits, reason="no export was finished"),
    Case(id="names", name="none done", on="load", change=none_done, reason="no answer named a file"),
    Case(
        id="names",
        name="no names",
        on="load",
        change=lambda r: with_answers(r, _nameless),
        reason="no answer named a file",
    ),
    Case(id="downloads", name="none asked", on="load", change=no_hits, reason="no export was finished"),
    Case(
        id="downloads",
        name="not begun when the run was cut short",
        on="smoke",
        change=lambda r: _cut_short(changed(r, fetches=tuple(one for one in r.fetches if one.hit != HIT))),
        reason="the run was cut short before 1 of ",
    ),
    Case(
        id="downloads",
        name="broken off by us",
        on="smoke",
        change=lambda r: _cut_short(fetched(lambda _: {"status": None, "error": INTERRUPTED})(r)),
        reason="the run was cut short before 1 of ",
    ),
    Case(
        id="csv-contents",
        name="one kind of data, asked for once, not exported",
        on="smoke",
        change=lambda r: with_hits(
            r, lambda hit: {"status": 500, "case": "csv-odd"} if hit.id == "measure-0" else None
        ),
        reason='csv-odd was requested once and never finished, last answered with 500: {"success": true,',
    ),
    Case(id="csv-contents", name="none", on="load", change=no_hits, reason="no csv export was finished"),
    Case(id="pdf-contents", name="none", on="load", change=no_hits, reason="no pdf export was finished"),
    Case(
        id="csv-contents",
        name="unopened",
        on="load",
        change=_unopened("csv"),
        reason="144 of 144 csv files were not opened, the first of warmup-0",
    ),
    Case(
        id="pdf-contents",
        name="unopened",
        on="load",
        change=_unopened("pdf"),
        reason="84 of 84 pdf files were not opened, the first of warmup-1",
    ),
)
