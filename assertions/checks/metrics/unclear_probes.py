"""Requests that ask for no export in the contract's terms, and were answered as if they did.

A target that accepts bad input counts what it accepted. Its counts are compared with what it answered, so that right
counters are not called wrong for another fault.
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
        count = record.answers.get(hit.id, {}).get("records")
        records = count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
    return None if records is None else size_of(records)


def may_count(record: ScenarioRecord, fmt: str, size: str | None = None) -> list[Hit]:
    """Return the bad requests that may be counted as exports of a format (and size), or may not.

    Those that were not refused, and whose format or, where a size is given, whose size is not known.
    """
    return [
        hit
        for hit in record.posts
        if hit.phase in PROBING
        and hit.status not in REJECTED
        and (hit.format not in FORMATS or (hit.format == fmt and size is not None and size_in(record, hit) is None))
    ]
