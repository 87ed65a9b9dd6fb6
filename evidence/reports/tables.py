"""Tables and sections of a report, as plain text: each face draws them in its own markup."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of plain texts under their columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """One paragraph below."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with paragraphs, tables and a list."""

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    items: tuple[str, ...] = ()
    items_title: str = ""
