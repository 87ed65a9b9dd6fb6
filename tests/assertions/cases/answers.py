"""Answers that are not true, and names of files that can be guessed or come twice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, none_done, table
from tests.assertions.healthy.records import healthy, with_answers, with_hits
from tests.assertions.healthy.simulation import iso

HIT = "measure-3"
"""A pdf export of the smoke scenario."""


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


def _same_name(record: ScenarioRecord) -> ScenarioRecord:
    """measure-3 gives the file name of measure-1."""
    first = json.loads(next(hit.answer or "" for hit in record.hits if hit.id == "measure-1"))["result"]
    given = {key: first[key] for key in ("filename", "downloadUrl")}
    return result(**given)(record)


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


FAILS: tuple[Case, ...] = (
    *(
        Case(id="answers", name=name, on="smoke", change=change, reason=reason, also=also)
        for name, change, reason, also in _ANSWERS
    ),
    *table(
        "answers",
        "batch",
        (
            "an error without its sentence",
            lambda r: with_hits(r, lambda hit: {"answer": '{"success": false}'} if hit.id == "edge-129" else None),
            "the 429 of edge-129 (csv-1k) has no `success: false` and `error` in JSON",
            ("rejections",),
        ),
        (
            "an error without its time",
            lambda r: with_hits(
                r,
                lambda hit: (
                    {"answer": '{"success": false, "error": "full", "queueDepth": 100}'} if hit.status == 429 else None
                ),
            ),
            "the 429 of edge-105 (csv-1k) has no timestamp of its time (and 24 more like it)",
        ),
    ),
    *table(
        "names",
        "smoke",
        (
            "a name twice",
            _same_name,
            "1 file names were used more than once, export_1795000001448_078dde6c4.pdf 2 times",
        ),
        ("nothing random", _guessable, "72 file names have 1 random parts, such as aaa: they can be guessed"),
    ),
    *table(
        "answers",
        "smoke",
        (
            "a zone off",
            answer(lambda body: body.update(timestamp=_later(body["timestamp"]))),
            "the answer of measure-3 (pdf-1k): timestamp must be the time of the export in ISO 8601, it is",
        ),
        (
            "a good request refused",
            lambda r: with_hits(r, lambda hit: {"status": 400} if hit.id == "measure-1" else None),
            'measure-1 (pdf-1k) is valid by the contract, but was refused with 400: {"success": true,',
            ("bytes-agree", "latency-counts", "requests"),
        ),
    ),
    *table(
        "names",
        "load",
        (
            "counted up",
            _counted,
            "the random part of 228 file names is a counter, such as 000000001: they can be guessed",
        ),
        (
            "counted up, each format by itself",
            _counted_apart,
            "the random part of 228 file names is a counter, such as 000000001: they can be guessed",
        ),
    ),
    *table(
        "answers",
        "load",
        (
            "a clock that stands still",
            lambda r: with_answers(r, lambda hit, body: body.update(timestamp=iso(r.hits[0].start))),
            "the timestamp of 228 answers over ",
        ),
        ("names of one moment", _one_moment, "the time in the file name of 228 answers over "),
    ),
)


BLIND: tuple[Case, ...] = (
    *table(
        "answers",
        "load",
        ("none asked", no_hits, "no export was finished"),
    ),
    *table(
        "names",
        "load",
        ("none done", none_done, "no answer named a file"),
        ("no names", lambda r: with_answers(r, _nameless), "no answer named a file"),
    ),
)
