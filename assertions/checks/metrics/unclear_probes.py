"""Requests that ask for no export in the contract's terms, and were answered as if they did.

A target that accepts bad input counts what it accepted. What it counts is held against what it answered, so that one
fault is no reason to call right counters wrong.
"""

from __future__ import annotations

from assertions.contract import FORMATS, size_of
from assertions.record.phases import PROBING
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord

REJECTED = frozenset({400, 413, 429, 503})


def size_in(record: ScenarioRecord, hit: Hit) -> str | None:
    """Return the `size` that an export is counted under, by what was sent, else by what was answered; None: unknown."""
    records = hit.records
    if records is None and hit.status == 200:
        told = record.answers.get(hit.id, {}).get("records")
        records = told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None
    return None if records is None else size_of(records)


def may_count(record: ScenarioRecord, fmt: str, size: str | None = None) -> list[Hit]:
    """Return the odd requests that may be counted as exports of a format (and size), or may not.

    Those that were not refused, and whose format or, where a size is asked for, whose size can't be told.
    """
    return [
        hit
        for hit in record.posts
        if hit.phase in PROBING
        and hit.status not in REJECTED
        and (hit.format not in FORMATS or (hit.format == fmt and size is not None and size_in(record, hit) is None))
    ]
