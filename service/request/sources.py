"""Records from a database: read-only, names checked against its schema, streamed in parts.

Another database with a Python DB-API driver is one more subclass of `Database` (connect, look up, quote) and one more
line in `open_database`; nothing else in the service knows which one it is.
"""

from __future__ import annotations

import base64
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from service.errors import ServiceError
from service.files import Cancelled
from service.request.export_request import BadRequest, Source

FETCH_ROWS = 500
CACHE_KIB = 128
"""Of SQLite's pages; a table is read once from end to end, so more would only be held."""


STEPS_BETWEEN_LOOKS = 1_000_000
"""Of SQLite's virtual machine, some tens of milliseconds."""


class SourceError(ServiceError):
    """The database can't be read; the message is one sentence."""


class TableChunk:
    """Some records of a table, each a tuple in the order of the columns that were asked for."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows

    @property
    def count(self) -> int:
        """How many records."""
        return len(self.rows)

    def cells(self) -> list[list[str]]:
        """The records as cell texts: null empty, binary data as base64."""
        return [[_text(value) for value in row] for row in self.rows]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


class Database(ABC):
    """One open connection; a context manager. Everything is read inside one transaction, so from one state."""

    errors: type[Exception]
    """The driver's base error."""
    mark = "?"
    """The driver's placeholder."""

    def __init__(self, where: Path, wanted: Callable[[], bool] = lambda: True) -> None:
        self._where = where
        self.wanted = wanted
        """Asked while a statement runs; when False, the statement is broken off with Cancelled."""
        self._cursors: list[Any] = []
        try:
            self._connection = self.connect(where)
        except self.errors as error:
            raise SourceError(f"can't open the database {where.name}: {error}") from None

    @abstractmethod
    def connect(self, where: Path) -> Any:
        """A read-only connection with a transaction begun."""

    @abstractmethod
    def columns(self, table: str) -> tuple[str, ...] | None:
        """A table's columns in order; None when there is no such table."""

    @abstractmethod
    def order_clause(self, table: str) -> str:
        """An ORDER BY clause that makes the order of records the same each time; empty when there is none to give."""

    def quoted(self, name: str) -> str:
        """A name that the schema has, as SQL."""
        return '"' + name.replace('"', '""') + '"'

    def checked_columns(self, source: Source, asked: tuple[str, ...]) -> tuple[str, ...]:
        """The columns to export, all when none are asked for; BadRequest for a name the schema lacks."""
        try:
            known = self.columns(source.table)
        except self.errors as error:
            raise SourceError(f"can't read the database {self._where.name}: {error}") from None
        if known is None:
            raise BadRequest(f"source.table: the database has no table {source.table[:100]!r}")
        for name in asked:
            if name not in known:
                raise BadRequest(f"columns: the table {source.table!r} has no column {name[:100]!r}")
        return asked or known

    def count(self, source: Source) -> int:
        """How many records the source gives."""
        cursor = self._execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM {self._selection(source)}) AS part", source)
        try:
            return int(cursor.fetchone()[0])
        except self.errors as error:
            raise self._broken_off(f"counting {source.table!r} broke off: {error}") from None

    def chunks(self, source: Source, columns: tuple[str, ...]) -> Iterator[TableChunk]:
        """The records, some at a time; SourceError when reading breaks off."""
        names = ", ".join(map(self.quoted, columns))
        cursor = self._execute(f"SELECT {names} FROM {self._selection(source)}", source)
        while True:
            try:
                rows = cursor.fetchmany(FETCH_ROWS)
            except self.errors as error:
                raise self._broken_off(f"reading {source.table!r} broke off: {error}") from None
            if not rows:
                return
            yield TableChunk(rows)

    def _selection(self, source: Source) -> str:
        return f"{self.quoted(source.table)} {self.order_clause(source.table)} LIMIT {self.mark} OFFSET {self.mark}"

    def _execute(self, statement: str, source: Source) -> Any:
        limit = 2**63 - 1 if source.limit is None else source.limit
        try:
            cursor = self._connection.cursor()
            self._cursors.append(cursor)
            cursor.execute(statement, (limit, source.offset))
        except self.errors as error:
            raise self._broken_off(f"can't read {source.table!r}: {error}") from None
        return cursor

    def _broken_off(self, sentence: str) -> ServiceError:
        return SourceError(sentence) if self.wanted() else Cancelled()

    def close(self) -> None:
        """End the connection, and what was not read to its end: an open cursor would hold the database's lock."""
        for cursor in self._cursors:
            cursor.close()
        self._cursors.clear()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SqliteDatabase(Database):
    """A SQLite file."""

    errors = sqlite3.Error

    def connect(self, where: Path) -> sqlite3.Connection:
        """Open in SQLite's read-only mode; the file must be there and be a database."""
        try:
            place = where.resolve()
        except (OSError, RuntimeError):
            raise sqlite3.OperationalError("its path leads nowhere") from None
        connection = sqlite3.connect(f"file:{quote(str(place))}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = 1")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute("BEGIN")
            connection.set_progress_handler(lambda: not self.wanted(), STEPS_BETWEEN_LOOKS)
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _kind(self, table: str) -> str | None:
        found = self._connection.execute(
            "SELECT sql, type FROM sqlite_master WHERE name = ? AND type IN ('table', 'view')", (table,)
        ).fetchone()
        if found is None:
            return None
        return "keyed" if found[1] == "table" and "WITHOUT ROWID" not in str(found[0]).upper() else "plain"

    def columns(self, table: str) -> tuple[str, ...] | None:
        """From the schema; views count as tables, SQLite's own tables do not."""
        if self._kind(table) is None or table.lower().startswith("sqlite_"):
            return None
        # hidden 1: an argument of a virtual table; 2 and 3: generated columns, which are data like others
        rows = self._connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,))
        return tuple(name for (name,) in rows)

    def order_clause(self, table: str) -> str:
        """By row id: without it SQLite may read an index instead, in the index's order."""
        taken = {name.lower() for name in self.columns(table) or ()}
        free = next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), None)
        return f"ORDER BY {free}" if free and self._kind(table) == "keyed" else ""


def open_database(where: Path, wanted: Callable[[], bool] = lambda: True) -> Database:
    """Return the database at a place; SourceError when it can't be opened, Cancelled later when no longer wanted."""
    return SqliteDatabase(where, wanted)
