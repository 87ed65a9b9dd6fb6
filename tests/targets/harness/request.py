"""What a client asks for: the body of `POST /export/run`, checked (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

Row = dict[str, msgspec.Raw]
"""One record: each cell is its JSON text, so that numbers keep the spelling in which they were sent."""

Name = Annotated[str, msgspec.Meta(min_length=1)]


class Source(msgspec.Struct, forbid_unknown_fields=True):
    """Records that are read from a database instead of the body."""

    table: str
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON object of a request, as the contract lists its keys."""

    format: Literal["csv", "pdf"]
    data: list[Row] | msgspec.UnsetType = msgspec.UNSET
    columns: list[str] | msgspec.UnsetType = msgspec.UNSET
    title: str = "Export Report"
    user: str = "anonymous"
    source: Source | msgspec.UnsetType = msgspec.UNSET


class Glimpse(msgspec.Struct):
    """The two keys that a refused body may still show."""

    format: msgspec.Raw = msgspec.Raw(b'""')
    user: msgspec.Raw = msgspec.Raw(b'""')


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One export that can be made."""

    format: str
    rows: list[Row]
    columns: tuple[str, ...]
    title: str
    user: str


class BadAsk(Exception):
    """The body cannot be exported; the message is one sentence that names the field."""


def parse(body: bytes) -> Ask:
    """Check a body against the contract; BadAsk names what is wrong."""
    try:
        body.decode()
        asked = msgspec.json.decode(body, type=Body)
    except msgspec.ValidationError as error:
        raise BadAsk(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAsk(f"The body is not JSON: {error}") from None
    if isinstance(asked.source, Source):
        if isinstance(asked.data, list):
            raise BadAsk("`data` and `source` were both given; give one")
        raise BadAsk(f"`source.table` {asked.source.table!r} is unknown: this service was started without a database")
    if not isinstance(asked.data, list):
        raise BadAsk("`data` is missing")
    columns = _columns(asked, asked.data)
    return Ask(format=asked.format, rows=asked.data, columns=columns, title=asked.title, user=asked.user)


def _columns(asked: Body, rows: list[Row]) -> tuple[str, ...]:
    """The columns asked for, or for pdf those of the first record."""
    if not isinstance(asked.columns, list):
        if asked.format == "csv":
            raise BadAsk("`columns` is missing; csv needs it")
        return tuple(rows[0]) if rows else ()
    if not asked.columns:
        raise BadAsk("`columns` is empty")
    if len(set(asked.columns)) != len(asked.columns):
        raise BadAsk("`columns` names a column twice")
    return tuple(asked.columns)


def glimpse(body: bytes) -> tuple[str, str]:
    """Format and user of a body that was refused, as far as they can be told: `unknown` and `anonymous` otherwise."""
    try:
        seen = msgspec.json.decode(body, type=Glimpse)
        form = msgspec.json.decode(seen.format)
        user = msgspec.json.decode(seen.user)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "unknown", "anonymous"
    return (
        form if form in ("csv", "pdf") else "unknown",
        user if isinstance(user, str) and user else "anonymous",
    )


def cell_text(raw: bytes) -> str:
    """What a file shows for one cell: strings as they are, null as nothing, all else as its JSON text."""
    first = raw[:1]
    if first == b'"':
        text: str = msgspec.json.decode(raw, type=str)
        return text
    if first == b"n":
        return ""
    return raw.decode()


def cells(row: Row, columns: tuple[str, ...]) -> list[str]:
    """One record's cells in the columns' order; missing ones are empty."""
    return [cell_text(bytes(row[name])) if name in row else "" for name in columns]
