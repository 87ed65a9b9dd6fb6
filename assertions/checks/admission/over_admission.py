"""One more export, requested while the target reports five running: it must wait until one of them has ended.

A client can't see which of its exports run and which wait. But where the target reports that five run and none waits,
an export that is requested after that and finished long before any of the five ran together with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from assertions.probes.over_admission import ROUND_SIZE, ROUNDS_LEAST, STATUS_FROM, Round, judge_round
from assertions.record.phases import OVER_ADMISSION
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.units import show


def read_rounds(record: ScenarioRecord) -> list[Round]:
    """Return each round that was made, in order."""
    hits = sorted((hit for hit in record.hits if hit.phase == OVER_ADMISSION), key=_round_of)
    return [judge_round(list(made)) for _, made in groupby(hits, key=_round_of)]


def _round_of(hit: Hit) -> int:
    return hit.index - STATUS_FROM if hit.index >= STATUS_FROM else hit.index // ROUND_SIZE


def admitted_beyond_limit(record: ScenarioRecord) -> str | None:
    """Return how an export ran while five others did; None where that was not seen."""
    overtaken = [made for made in read_rounds(record) if made.outcome == "overtaken"]
    if len(overtaken) < ROUNDS_LEAST:
        return None
    first = overtaken[0]
    return (
        f"more than five ran at once, {len(overtaken)} times: {first.hit}, sent while /export/status reported five "
        f"running and none waiting, was finished after {show(first.took_s, 's')}, the first of the five only after "
        f"{show(first.left_s, 's')}"
    )


def rounds_that_waited(record: ScenarioRecord) -> Iterator[Round]:
    """Return the rounds in which the export beyond the limit waited, as it must."""
    return (made for made in read_rounds(record) if made.outcome == "waited")
