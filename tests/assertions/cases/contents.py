"""Downloads that are not what their heads say, and files that do not hold what was sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assertions.record.types import INTERRUPTED, Fetch, FileCheck, Finding
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, table
from tests.assertions.cases.answers import HIT
from tests.assertions.healthy.records import changed, each, with_hits, with_scenario

_ROW = Finding(code="row-count", where="row 17", expected="1000", found="999")


_WHOLE = Finding(code="pages", where="", expected="20", found="19")


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


FAILS: tuple[Case, ...] = (
    *table(
        "downloads",
        "smoke",
        (
            "not found",
            fetched(lambda fetch: {"status": 404}),
            "the download of measure-3 (/export/files/export_1795000001554_0b54cda26.pdf) was answered with",
        ),
        (
            "broken off",
            fetched(lambda fetch: {"status": None, "error": "reset"}),
            "the download of measure-3 (/export/files/export_1795000001554_0b54cda26.pdf) was answered with",
        ),
        (
            "no link",
            lambda r: changed(r, fetches=tuple(one for one in r.fetches if one.hit != HIT)),
            'the file of measure-3 has no link: \'{"success": true, "result": {"success": true, "bytes":',
        ),
        (
            "another type",
            _headers(content_type="text/html"),
            "the pdf file of measure-3 has the Content-Type text/html, expected application/pdf",
        ),
        (
            "no type",
            _headers(content_type=None),
            "the pdf file of measure-3 has the Content-Type (none), expected application/pdf",
        ),
        (
            "broken off",
            fetched(lambda fetch: {"error": "connection closed"}),
            ") broke off after 100040 bytes: connection closed",
        ),
        (
            "length off",
            _headers(content_length="100041"),
            "the pdf file of measure-3 has Content-Length 100041 and 100040 bytes",
        ),
        (
            "length no number",
            _headers(content_length="many"),
            "the pdf file of measure-3 has Content-Length many and 100040 bytes",
        ),
        ("no length", _headers(content_length=None), "the pdf file of measure-3 has no Content-Length"),
        (
            "no name",
            _headers(content_disposition="attachment"),
            "the pdf file of measure-3 has no download name (Content-Disposition)",
        ),
        (
            "another charset",
            fetched(
                lambda one: {"headers": {**one.headers, "content-type": "text/csv; charset=ISO-8859-9"}}, hit="warmup-0"
            ),
            "the csv file of warmup-0 has the charset iso-8859-9 in its Content-Type, and is UTF-8",
        ),
        (
            "another kind of name",
            _headers(content_disposition='attachment; filename="report.xlsx"'),
            "the pdf file of measure-3 has a download name of another kind: 'attachment;",
        ),
        (
            "another file later",
            fetched(lambda fetch: {"sha256": "f" * 64}, "again", "warmup-0"),
            "the file of warmup-0 had changed when it was downloaded again",
        ),
    ),
    *table(
        "csv-contents",
        "smoke",
        (
            "one kind of data is never exported",
            lambda r: with_hits(
                r, lambda hit: {"status": 500, "case": "csv-odd"} if hit.id in ("measure-0", "measure-2") else None
            ),
            'csv-odd was requested 2 times and never finished, last answered with 500: {"success": true,',
            ("answers", "bytes-agree", "requests"),
        ),
        (
            "a row short",
            _found("csv", _ROW),
            "31 of 38 csv files do not hold what was sent; warmup-0: row-count at row 17, expected '1000', found",
        ),
    ),
    *table(
        "pdf-contents",
        "load",
        (
            "a page short",
            _found("pdf", _WHOLE),
            "60 of 84 pdf files do not hold what was sent; leak-1: pages, expected '20', found '19'",
        ),
    ),
)


BLIND: tuple[Case, ...] = (
    *table(
        "downloads",
        "load",
        ("none asked", no_hits, "no export was finished"),
    ),
    *table(
        "downloads",
        "smoke",
        (
            "not begun when the run was cut short",
            lambda r: _cut_short(changed(r, fetches=tuple(one for one in r.fetches if one.hit != HIT))),
            "the run was cut short before 1 of ",
        ),
        (
            "broken off by us",
            lambda r: _cut_short(fetched(lambda _: {"status": None, "error": INTERRUPTED})(r)),
            "the run was cut short before 1 of ",
        ),
    ),
    *table(
        "csv-contents",
        "smoke",
        (
            "one kind of data, asked for once, not exported",
            lambda r: with_hits(r, lambda hit: {"status": 500, "case": "csv-odd"} if hit.id == "measure-0" else None),
            'csv-odd was requested once and never finished, last answered with 500: {"success": true,',
        ),
    ),
    *table(
        "csv-contents",
        "load",
        ("none", no_hits, "no csv export was finished"),
        ("unopened", _unopened("csv"), "144 of 144 csv files were not opened, the first of warmup-0"),
    ),
    *table(
        "pdf-contents",
        "load",
        ("none", no_hits, "no pdf export was finished"),
        ("unopened", _unopened("pdf"), "84 of 84 pdf files were not opened, the first of warmup-1"),
    ),
)
