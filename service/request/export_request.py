"""What a request asks for: the body's envelope, checked whole before anything starts."""

from __future__ import annotations

import contextlib
import json
import mmap
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from service.errors import ServiceError
from service.request import rows
from service.request.allowance import Allowance
from service.request.record_checks import MAX_DEPTH, RepeatedKey, TooDeep

Format = Literal["csv", "pdf", "unknown"]
"""`unknown` where a bad request has none."""
DEFAULT_TITLE = "Export Report"
DEFAULT_USER = "anonymous"
MAX_COLUMNS = 1_000
MAX_ENVELOPE_BYTES = 4 * 1024 * 1024
"""Of a body without its `data`: a thousand column names, title and user."""
RELEASE_BYTES = 1024 * 1024
COMPARE_BYTES = 32 * 1024
"""Small enough for the copies to stay in the processor's cache."""
DATA_KEY = re.compile(rb'"(?:d|\\u0064)(?:a|\\u0061)(?:t|\\u0074)(?:a|\\u0061)"[ \t\r\n]*:[ \t\r\n]*')


class BadRequest(ServiceError):
    """The body can't be an order; the message is one sentence that names the field."""

    def __init__(self, sentence: str, format: Format = "unknown", user: str = DEFAULT_USER) -> None:
        super().__init__(sentence, format, user)
        self.sentence = sentence
        self.format: Format = format
        self.user = user


Count = (
    Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | Annotated[float, msgspec.Meta(ge=0, lt=2.0**63, multiple_of=1)]
)
"""A whole number, which JSON may also write as 10.0 or 1e1."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records that are read from the database instead of the body."""

    table: str
    limit: Count | None = None
    offset: Count = 0

    def __post_init__(self) -> None:
        """Keep whole numbers only."""
        for name in ("limit", "offset"):
            value = getattr(self, name)
            if isinstance(value, float):
                msgspec.structs.force_setattr(self, name, int(value))


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A checked request."""

    format: Literal["csv", "pdf"]
    columns: tuple[str, ...]
    """In order; for a source without columns, empty until the table is looked up."""
    title: str
    user: str
    records: int | None
    """How many `data` holds; None for a source."""
    source: Source | None
    data_at: tuple[int, int] | None = None
    """Where in the body the JSON text of `data` begins and ends, when known: it saves the worker a pass."""


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["csv", "pdf"]
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    columns: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    title: str = DEFAULT_TITLE
    user: str = DEFAULT_USER
    source: Source | msgspec.UnsetType = msgspec.UNSET


class _Hint(msgspec.Struct):
    # as they stand: what else a bad body may hold there can take seconds to decode
    format: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    user: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _DataOnly(msgspec.Struct):
    data: msgspec.Raw


_data = msgspec.json.Decoder(_DataOnly).decode
_body = msgspec.json.Decoder(_Body).decode
_hint = msgspec.json.Decoder(_Hint).decode
_text = msgspec.json.Decoder(str).decode


class BodyBuffer:
    """A body as a buffer: bytes as they are, a spool file mapped."""

    def __init__(self, body: bytes | Path) -> None:
        self._mapped: mmap.mmap | None = None
        self._released = 0
        if isinstance(body, bytes):
            self.view = memoryview(body)
            return
        with body.open("rb") as file:
            # never closed by hand: decoded parts point into it, and it goes with the last of them
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.view = memoryview(self._mapped)

    def release(self, end: int) -> None:
        """Let go of the mapped memory before `end`; reading it again would work, but cost."""
        whole = end // mmap.PAGESIZE * mmap.PAGESIZE
        if self._mapped is not None and hasattr(mmap, "MADV_DONTNEED") and whole - self._released >= RELEASE_BYTES:
            self._mapped.madvise(mmap.MADV_DONTNEED, self._released, whole - self._released)
            self._released = whole


def _locate(view: memoryview, data: memoryview) -> tuple[int, int] | None:
    """Where `data`, a part of the body, begins and ends in it; None when the key stands there twice.

    Quotes in a string are escaped, so the key is found only where a key is: at the top, or inside the records.
    """
    size = len(data)
    found = DATA_KEY.search(view)
    if found:
        at = found.end()
        steps = range(0, size, COMPARE_BYTES)
        if at + size <= len(view) and all(_same(view, at + on, data, on) for on in steps):
            return at, at + size
    return None


def _same(view: memoryview, at: int, data: memoryview, on: int) -> bool:
    piece = bytes(data[on : on + COMPARE_BYTES])
    return bytes(view[at : at + len(piece)]) == piece


def find_data(view: memoryview, place: tuple[int, int] | None) -> tuple[memoryview, int]:
    """The JSON text of a checked body's `data`, and where it begins in the body (0 when that is not known)."""
    if place is None:
        return memoryview(_data(view).data), 0
    begin, end = place
    return view[begin:end], begin


def parse_request(body: bytes | Path, allowance: Allowance | None = None) -> ExportRequest:
    """Check a body and say what it asks for; BadRequest names the first field that is wrong.

    Every record is looked at, so that an export which starts can't fail on what it was sent. Raises TooCostly past the
    allowance.
    """
    if not body if isinstance(body, bytes) else body.stat().st_size == 0:
        raise BadRequest("body: empty; send a JSON object")
    view = BodyBuffer(body).view
    try:
        return _parse(view, allowance)
    except BadRequest as error:
        raise BadRequest(error.sentence, *_hints(view)) from None


def _parse(view: memoryview, allowance: Allowance | None) -> ExportRequest:
    try:
        body = _body(view)
    except msgspec.DecodeError as error:
        raise BadRequest(_describe(error)) from None
    except UnicodeDecodeError:
        raise BadRequest("body: not UTF-8; send JSON as UTF-8") from None
    except RecursionError:
        raise BadRequest("body: nested too deep") from None
    columns = None if body.columns is msgspec.UNSET else body.columns
    if columns is not None:
        _check_columns(columns)
    elif body.format == "csv":
        raise BadRequest("columns: required for csv; send an array of column names")
    if body.source is not msgspec.UNSET:
        if body.data is not msgspec.UNSET:
            raise BadRequest("source: can't be given together with data; send one of them")
        _check_duplicates(view, (0, 0), allowance)
        return ExportRequest(
            format=body.format,
            columns=columns or (),
            title=body.title,
            user=body.user,
            records=None,
            source=body.source,
        )
    if body.data is msgspec.UNSET:
        raise BadRequest("data: required unless source is given; send an array of objects")
    data = memoryview(body.data)
    place = _locate(view, data)
    if place is None:
        raise BadRequest("data: is there twice; send it once")
    _check_duplicates(view, place, allowance)
    records = _count(data, allowance)
    if columns is None:
        columns = rows.read_first_keys(data, allowance)
        if records and not columns:
            raise BadRequest("columns: the first record has no keys to take them from; send an array of column names")
        if len(columns) > MAX_COLUMNS:
            raise BadRequest(f"columns: the first record has {len(columns)} keys, at most {MAX_COLUMNS} are allowed")
    return ExportRequest(
        format=body.format,
        columns=columns,
        title=body.title,
        user=body.user,
        records=records,
        source=None,
        data_at=place,
    )


def _check_duplicates(view: memoryview, place: tuple[int, int], allowance: Allowance | None) -> None:
    """Raise BadRequest for a key that stands twice in the body itself; records are looked at only where they must."""
    begin, end = place
    if len(view) - (end - begin) > MAX_ENVELOPE_BYTES:
        raise BadRequest(f"body: more than {MAX_ENVELOPE_BYTES} bytes outside of data")
    if allowance is not None:
        allowance.take(len(view) - (end - begin))
    envelope = b"null".join((bytes(view[:begin]), bytes(view[end:]))) if end else bytes(view)
    with contextlib.suppress(ValueError, RecursionError):  # what is no JSON was found before
        json.loads(envelope, object_pairs_hook=_distinct)


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, value in pairs:
        if name in made:
            raise BadRequest(f"{name[:100]}: is there twice; send it once")
        made[name] = value
    return made


def _check_columns(columns: tuple[str, ...]) -> None:
    if not columns:
        raise BadRequest("columns: empty; name at least one column")
    if len(columns) > MAX_COLUMNS:
        raise BadRequest(f"columns: {len(columns)} of them, at most {MAX_COLUMNS} are allowed")
    seen: set[str] = set()
    for name in columns:
        if name in seen:
            raise BadRequest(f"columns: {name[:100]!r} is there twice; names must be distinct")
        seen.add(name)


def _count(data: memoryview, allowance: Allowance | None) -> int:
    try:
        return rows.validate_records(data, allowance)
    except msgspec.ValidationError as error:
        what = re.match(r"Expected `(\w+)`, got `(\w+)`", str(error))
        if what is None or what[1] == "array":
            raise BadRequest("data: must be an array of objects") from None
        raise BadRequest(f"data: every record must be an object, one is {_article(what[2])}") from None
    except msgspec.DecodeError as error:
        raise BadRequest(f"data: {_plain(error)}") from None
    except UnicodeDecodeError:
        raise BadRequest("data: not UTF-8; send JSON as UTF-8") from None
    except RepeatedKey as repeated:
        raise BadRequest(f"data: the key {str(repeated)[:100]!r} is twice in one object; send it once") from None
    except (RecursionError, TooDeep):
        raise BadRequest(f"data: nested too deep, at most {MAX_DEPTH} levels are allowed") from None


def _article(kind: str) -> str:
    return {"array": "an array", "int": "a number", "float": "a number", "str": "a string", "bool": "a boolean"}.get(
        kind, kind
    )


def _hints(view: memoryview) -> tuple[Format, str]:
    """Format and user of a bad body, as far as they are known."""
    try:
        hint = _hint(view)
        format, user = _read_text(hint.format), _read_text(hint.user)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "unknown", DEFAULT_USER
    known: Format = "csv" if format == "csv" else "pdf" if format == "pdf" else "unknown"
    return known, DEFAULT_USER if user is None else user


def _read_text(value: msgspec.Raw | msgspec.UnsetType) -> str | None:
    """Return a value that is a text; None for any other."""
    if value is msgspec.UNSET or bytes(memoryview(value)[:1]) != b'"':
        return None
    return _text(value)


def _plain(error: Exception) -> str:
    text = str(error)
    if text.startswith("JSON is malformed: "):
        return "not JSON, " + text.removeprefix("JSON is malformed: ")
    if text == "Input data was truncated" or "surrogate" in text:
        # the decoder gives this answer for both
        return (
            "not JSON: it ends too early, or a text in it holds half of a surrogate pair, which no UTF-8 file can hold"
        )
    return text


def _describe(error: msgspec.DecodeError) -> str:
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return f"body: {_plain(error)}"
    missing = re.match(r"Object missing required field `(\w+)`(?: - at `\$\.(\w+)`)?", text)
    if missing:
        where = f"{missing[2]}.{missing[1]}" if missing[2] else missing[1]
        return f"{where}: required" + ("; it must be csv or pdf" if where == "format" else "")
    unknown = re.match(r"Object contains unknown field `(.*?)`(?: - at `\$\.(\w+)`)?$", text, re.DOTALL)
    if unknown:
        return f"{unknown[2] + '.' if unknown[2] else ''}{unknown[1][:100]}: unknown key"
    what, _, path = text.partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    if not field:
        return f"body: must be a JSON object ({what[0].lower()}{what[1:]})"
    if field == "format":
        return "format: must be csv or pdf"
    if field == "columns":
        return "columns: must be an array of strings"
    if field.startswith("columns["):
        return "columns: every name must be a string"
    if field in ("source.limit", "source.offset"):
        return f"{field}: must be a whole number from 0 to {2**63 - 1}"
    return f"{field}: {what[0].lower()}{what[1:]}".replace("`", "")
