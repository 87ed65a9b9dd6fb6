"""How a service must answer odd, bad and hostile requests: the probes as data, and the judge of an answer (pure).

A probe demands no more than the contract says. Where the contract is silent any refusal passes; what fails then is
an answer that does harm: a crash, a hang, a file from outside the exports folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from assertions.contract import FAMILIES, METRICS_PATH, RUN_PATH
from assertions.demands import UNKNOWN_DOWNLOAD, UNKNOWN_FILE, quoted
from assertions.prometheus.exposition import read_page

Kind = Literal["error", "export", "file", "link", "page", "refusal"]

ANY_4XX: Final = frozenset(range(400, 500))
REFUSED: Final = ANY_4XX | {301, 302, 303, 307, 308, 501}
"""Not served: an error of the caller's, or a redirect that a server makes of an unclean path."""
STUMBLED: Final = REFUSED | {500}
"""Not served either: a path that is no text at all may make a server stumble, as long as nothing comes of it."""
RUN: Final = RUN_PATH
FILE: Final = "{file}"
"""In a path: stands for the name of a file that the examiner has just had made."""
NO_SUCH_FILE: Final = "export_1000000000000_zzzzzzzzz.csv"
NO_SUCH_TABLE: Final = "no_such_table_7f3a"
MAX_SENTENCE_CHARS: Final = 1_000
AFTER: Final = "after-bad-input"
"""The good export that follows all the bad requests."""
AFTER_PDF: Final = "after-bad-input-pdf"
"""Another, as a PDF."""
AFTER_TEXTS: Final = ("Ayşe Yılmaz", "Ωμέγα", "Жук", "漢字")
"""Cells of its records, by which its file is known again."""
PAGE_BY_ACCEPT: Final = "page-by-accept"
"""The metrics page, asked for as Prometheus does."""
DISCONNECTED: Final = "disconnected-on"
"""An export whose client disconnected before its answer."""
AFTER_DISCONNECT: Final = "after-disconnect"
"""The good export that follows all of these."""
REST_AFTER_DISCONNECT: Final = "rest-after-disconnect"
"""What /export/status says in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourCase:
    """One request, and which answers are right."""

    name: str
    """Unique; the `case` of its hit."""
    method: str
    path: str
    """Sent as it stands, never normalised; `{file}` stands for an existing file's name."""
    body: bytes | None = None
    """Of a large body only the beginning; see `padding_bytes`."""
    padding_bytes: int = 0
    """How many letters follow `body` when it is sent."""
    headers: tuple[tuple[str, str], ...] = ()
    expect: frozenset[int]
    """Statuses that pass."""
    field: str | None = None
    """The error sentence must name it; None: any sentence."""
    or_fields: tuple[str, ...] = ()
    """Names that do as well."""
    rejected: bool = False
    """The target's counters must count it as `rejected`."""
    format: str | None = None
    """The known format that the body names, `csv` or `pdf`; None: the target can't tell it."""
    kind: Kind
    """error: a JSON error; export: a finished export; file: a CSV file; link: a download link; page: metrics;
    refusal: anything."""
    why: str

    @property
    def sent(self) -> bytes | None:
        """The body as it is sent."""
        return self.body if self.body is None else self.body + b"x" * self.padding_bytes


def _bad(
    name: str,
    body: bytes | str,
    why: str,
    *,
    field: str | None = None,
    or_fields: tuple[str, ...] = (),
    form: str | None = "csv",
) -> BehaviourCase:
    """A body that must be answered 400."""
    return BehaviourCase(
        name=name,
        method="POST",
        path=RUN,
        body=body.encode() if isinstance(body, str) else body,
        headers=(("Content-Type", "application/json"),),
        expect=frozenset({400}),
        field=field,
        or_fields=or_fields,
        rejected=True,
        format=form,
        kind="error",
        why=why,
    )


def _get(name: str, path: str, why: str, expect: frozenset[int] = REFUSED, kind: Kind = "refusal") -> BehaviourCase:
    return BehaviourCase(name=name, method="GET", path=path, expect=expect, kind=kind, why=why)


def _csv(rest: str) -> str:
    return f'{{"format": "csv", {rest}}}'


_DATA: Final = '"data": [{"a": 1}]'
_GOOD: Final = f'"columns": ["a"], {_DATA}'

_RECORD: Final = ("record", "row")
"""An error sentence about a record identifies the field by naming the record."""

BAD_BODIES: Final[tuple[BehaviourCase, ...]] = (
    _bad("bad-not-json", "this is not JSON", "a body that is not JSON", form=None),
    _bad("bad-cut-json", _csv(_GOOD)[:-3], "a body that breaks off", form=None),
    _bad("bad-two-values", _csv(_GOOD) + " {}", "a second value behind the first is not JSON", form=None),
    _bad("bad-empty-body", b"", "no body at all", form=None),
    _bad("bad-json-array", "[1, 2]", "an array where the object should be", form=None),
    _bad("bad-json-null", "null", "null where the object should be", form=None),
    _bad("bad-format-missing", f"{{{_GOOD}}}", "`format` is required", field="format", form=None),
    _bad("bad-format-unknown", f'{{"format": "xlsx", {_GOOD}}}', "an unknown format", field="format", form=None),
    _bad("bad-format-type", f'{{"format": 5, {_GOOD}}}', "`format` is a string", field="format", form=None),
    _bad("bad-data-missing", _csv('"columns": ["a"]'), "`data` is required without `source`", field="data"),
    _bad("bad-data-null", _csv('"columns": ["a"], "data": null'), "null is no array", field="data"),
    _bad("bad-data-object", _csv('"columns": ["a"], "data": {"a": 1}'), "`data` is an array", field="data"),
    _bad("bad-data-string", _csv('"columns": ["a"], "data": "a"'), "`data` is an array", field="data"),
    _bad(
        "bad-record-null",
        _csv('"columns": ["a"], "data": [{"a": 1}, null]'),
        "a record is an object",
        field="data",
        or_fields=_RECORD,
    ),
    _bad(
        "bad-record-number",
        _csv('"columns": ["a"], "data": [5]'),
        "a record is an object",
        field="data",
        or_fields=_RECORD,
    ),
    _bad(
        "bad-record-array",
        _csv('"columns": ["a"], "data": [["a"]]'),
        "a record is an object",
        field="data",
        or_fields=_RECORD,
    ),
    _bad("bad-columns-missing", _csv(_DATA), "csv needs `columns`", field="column"),
    _bad("bad-columns-empty", _csv(f'"columns": [], {_DATA}'), "no columns", field="column"),
    _bad("bad-columns-string", _csv(f'"columns": "a", {_DATA}'), "`columns` is an array", field="column"),
    _bad("bad-columns-number", _csv(f'"columns": ["a", 1], {_DATA}'), "a column is a string", field="column"),
    _bad("bad-columns-twice", _csv(f'"columns": ["a", "a"], {_DATA}'), "columns are distinct", field="column"),
    _bad(
        "bad-data-and-source",
        _csv(f'{_GOOD}, "source": {{"table": "{NO_SUCH_TABLE}"}}'),
        "`data` and `source` exclude each other",
        field="source",
        or_fields=("data",),
    ),
    _bad(
        "bad-source-type",
        _csv('"columns": ["a"], "source": "orders"'),
        "`source` is an object",
        field="source",
    ),
    _bad(
        "bad-source-table",
        _csv(f'"columns": ["a"], "source": {{"table": "{NO_SUCH_TABLE}"}}'),
        "an unknown table, with a database or without",
        field="source",
        or_fields=("table",),
    ),
    _bad(
        "bad-source-limit",
        _csv(f'"columns": ["a"], "source": {{"table": "{NO_SUCH_TABLE}", "limit": -1}}'),
        "a negative limit, and an unknown table",
        field="source",
        or_fields=("table", "limit"),
    ),
    _bad("bad-unknown-key", _csv(f'"colour": "red", {_GOOD}'), "an unknown key", field="colour"),
    _bad("bad-title-type", _csv(f'"title": 5, {_GOOD}'), "`title` is a string", field="title"),
    _bad("bad-user-type", _csv(f'"user": ["ann"], {_GOOD}'), "`user` is a string", field="user"),
    _bad(
        "bad-pdf-data-type",
        '{"format": "pdf", "data": 7}',
        "`data` is an array for pdf too",
        field="data",
        form="pdf",
    ),
    *(
        _bad(f"bad-pdf-{name}", f'{{"format": "pdf", {rest}}}', why, field=field, or_fields=or_fields, form="pdf")
        for name, rest, why, field, or_fields in (
            ("columns-string", f'"columns": "a", {_DATA}', "`columns` is an array for pdf too", "column", ()),
            ("columns-number", f'"columns": ["a", 1], {_DATA}', "a column is a string for pdf too", "column", ()),
            ("columns-twice", f'"columns": ["a", "a"], {_DATA}', "columns are distinct for pdf too", "column", ()),
            ("record-null", '"columns": ["a"], "data": [{"a": 1}, null]', "a record is an object", "data", _RECORD),
            ("unknown-key", f'"colour": "red", {_GOOD}', "an unknown key", "colour", ()),
            ("title-type", f'"title": 5, {_GOOD}', "`title` is a string for pdf too", "title", ()),
        )
    ),
)

LARGE_BODIES: Final[tuple[BehaviourCase, ...]] = (
    replace(
        _bad(
            "bad-large-body",
            '{"format": "csv", "columns": ["a"], "data": [{"a": "',
            "30 MB that break off within a cell: no JSON, and for a service with a smaller limit too large",
            form=None,
        ),
        padding_bytes=30_000_000,
        expect=frozenset({400, 413}),
    ),
)
"""Sent once, and no part of the leak phase, whose requests are small."""
UNREAD: Final = frozenset({"reset", "short", "protocol"})
"""What a client sees of a server that closes the connection rather than read a large body to its end."""

UNKNOWN_NAMES: Final[tuple[BehaviourCase, ...]] = (
    _get("file-unknown", f"/export/files/{NO_SUCH_FILE}", quoted(UNKNOWN_FILE), frozenset({404})),
    _get("file-unknown-odd", "/export/files/nothing%20here", quoted(UNKNOWN_FILE), ANY_4XX),
    _get("download-unknown", f"/export/download/{NO_SUCH_FILE}", quoted(UNKNOWN_DOWNLOAD), ANY_4XX),
    _get("run-get", RUN, "exports are asked for by POST", ANY_4XX),
)

_WHY_OUTSIDE: Final = "nothing outside the exports folder can be reached"
TRAVERSALS: Final[tuple[BehaviourCase, ...]] = tuple(
    _get(name, path, _WHY_OUTSIDE, STUMBLED if name in ("path-nul", "path-overlong") else REFUSED)
    for name, path in (
        ("path-plain", "/export/files/../../../../../../../../etc/passwd"),
        ("path-encoded", "/export/files/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
        ("path-encoded-slash", "/export/files/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"),
        ("path-encoded-dots", "/export/files/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
        ("path-double-encoded", "/export/files/%252e%252e%252f%252e%252e%252f%252e%252e%252fetc%252fpasswd"),
        ("path-overlong", "/export/files/%c0%ae%c0%ae%c0%af%c0%ae%c0%ae%c0%afetc%c0%afpasswd"),
        ("path-backslash", "/export/files/..%5c..%5c..%5c..%5cWindows%5cwin.ini"),
        ("path-absolute", "/export/files//etc/passwd"),
        ("path-absolute-encoded", "/export/files/%2fetc%2fpasswd"),
        ("path-nul", "/export/files/..%2f..%2f..%2f..%2fetc%2fpasswd%00.csv"),
        ("path-dots-in-name", "/export/files/....//....//....//....//etc/passwd"),
        ("path-parent-python", "/export/files/..%2fpyproject.toml"),
        ("path-parent-node", "/export/files/..%2fpackage.json"),
        ("path-behind-a-name", f"/export/files/{NO_SUCH_FILE}%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"),
        ("path-folder", "/export/files/"),
        ("path-folder-dot", "/export/files/%2e"),
        ("path-folder-parent", "/export/files/%2e%2e"),
        ("path-download", "/export/download/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"),
    )
)


def _after(name: str, form: str, media: str = "application/json") -> BehaviourCase:
    return BehaviourCase(
        name=name,
        method="POST",
        path=RUN,
        body=json.dumps(
            {
                "format": form,
                "columns": ["ref", "name"],
                "data": [{"ref": f"after-{i}", "name": text} for i, text in enumerate(AFTER_TEXTS)],
                "user": "examiner",
            }
        ).encode(),
        headers=(("Content-Type", media),),
        expect=frozenset({200}),
        format=form,
        kind="export",
        why="the service still works after all the bad requests",
    )


PAGE_CHARS_MOST: Final = 2 << 20
"""Characters kept of a metrics page; of other answers fewer."""
OPEN_METRICS: Final = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What Prometheus asks for by default: a service may answer with either, and must mean it."""

GOOD: Final[tuple[BehaviourCase, ...]] = (
    _after(AFTER_PDF, "pdf", "application/json; charset=utf-8"),
    _get("download-get-pdf", f"/export/download/{FILE}", "a pdf's link is ready", frozenset({200}), "link"),
    _after(AFTER, "csv"),
    _get("file-get", f"/export/files/{FILE}", "the file is served", frozenset({200}), "file"),
    _get("download-get", f"/export/download/{FILE}", "the link is ready", frozenset({200}), "link"),
    BehaviourCase(
        name=PAGE_BY_ACCEPT,
        method="GET",
        path=METRICS_PATH,
        headers=(("Accept", OPEN_METRICS),),
        expect=frozenset({200}),
        kind="page",
        why="Prometheus asks for OpenMetrics first",
    ),
)

CASES: Final[tuple[BehaviourCase, ...]] = (*BAD_BODIES, *LARGE_BODIES, *UNKNOWN_NAMES, *TRAVERSALS, *GOOD)
"""In the order in which they are sent."""
BY_NAME: Final[Mapping[str, BehaviourCase]] = {case.name: case for case in CASES}


def judge_behaviour(
    case: BehaviourCase,
    status: int | None,
    answer: str | None,
    headers: Mapping[str, str] | None = None,
    error: str | None = None,
) -> str | None:
    """Return why an answer is wrong, in one sentence, or None where it is right.

    status: None where no answer came; answer: its body as text; headers: of the answer, names in lower case (None:
    not looked at; only a file's headers are); error: why no answer came, in the words of a hit.
    """
    if status is None and case.padding_bytes and error in UNREAD:
        return None
    if status is None:
        return f"no answer came, expected {_statuses(case.expect)}; {case.why}"
    if status not in case.expect:
        return f"status {status}, expected {_statuses(case.expect)}; {case.why}"
    return _wrong(case, answer or "", headers)


def _statuses(expect: frozenset[int]) -> str:
    return "a refusal" if len(expect) > 3 else " or ".join(map(str, sorted(expect)))


def _wrong(probe: BehaviourCase, answer: str, headers: Mapping[str, str] | None) -> str | None:
    match probe.kind:
        case "refusal":
            return None
        case "error":
            return _wrong_error(probe, answer)
        case "export":
            return _wrong_export(answer)
        case "link":
            return _wrong_link(answer)
        case "file":
            return _wrong_file(answer, headers)
        case "page":
            return _wrong_page(answer, headers)


def _object(answer: str) -> dict[str, object] | None:
    try:
        read = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _is_iso(value: object) -> bool:
    if not isinstance(value, str) or "T" not in value.upper().replace(" ", "T"):
        return False
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True


def _wrong_error(case: BehaviourCase, answer: str) -> str | None:
    body = _object(answer)
    if body is None:
        return f"the answer is no JSON object: {answer[:80]!r}"
    if body.get("success") is not False:
        return f"`success` must be false, it is {body.get('success')!r}"
    error = body.get("error")
    if not isinstance(error, str) or not error.strip():
        return f"`error` must be one sentence, it is {error!r}"
    if "\n" in error.strip() or len(error) > MAX_SENTENCE_CHARS:
        return f"`error` must be one sentence, it begins {error[:80]!r}"
    names = (case.field, *case.or_fields) if case.field else ()
    if names and not any(name.casefold() in error.casefold() for name in names):
        return f"`error` must name {' or '.join(names)}: {error[:200]!r}"
    if not _is_iso(body.get("timestamp")):
        return f"`timestamp` must be ISO 8601, it is {body.get('timestamp')!r}"
    return None


def _wrong_export(answer: str) -> str | None:
    body = _object(answer)
    if body is None or body.get("success") is not True:
        return f"the export did not succeed: {answer[:80]!r}"
    return None


def _wrong_link(answer: str) -> str | None:
    body = _object(answer)
    if body is None:
        return f"the answer is no JSON object: {answer[:80]!r}"
    if body.get("status") != "ready" or "/export/files/" not in str(body.get("downloadUrl")):
        return f"an existing file must be `ready` with its `downloadUrl`: {answer[:200]!r}"
    if not _is_iso(body.get("timestamp")):
        return f"`timestamp` must be ISO 8601, it is {body.get('timestamp')!r}"
    return None


def _wrong_page(answer: str, headers: Mapping[str, str] | None) -> str | None:
    page = read_page(answer, (headers or {}).get("content-type"))
    if page.errors:
        return f"the metrics page in OpenMetrics format is malformed: {page.errors[0]}"
    absent = [known.name for known in FAMILIES if page.family(known.name) is None]
    if absent:
        return f"the metrics page in OpenMetrics format lacks {', '.join(absent)}"
    if not page.total("export_requests_total", status="succeeded"):
        return "the metrics page in OpenMetrics format counts no export that succeeded"
    return None


def _wrong_file(answer: str, headers: Mapping[str, str] | None) -> str | None:
    absent = [text for text in AFTER_TEXTS if text not in answer]
    if absent:
        return f"the file lacks {absent[0]!r}, which was exported"
    if headers is None:
        return None
    media = headers.get("content-type", "").split(";")[0].strip().lower()
    if media not in ("text/csv", "application/csv"):
        return f"the media type of a CSV file must be text/csv, it is {media!r}"
    if not headers.get("content-length", "").isdigit():
        return "the answer has no Content-Length"
    if "filename" not in headers.get("content-disposition", "").lower():
        return "the answer has no download name (Content-Disposition)"
    return None
