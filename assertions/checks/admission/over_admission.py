"""A sixth export, asked for while five run by the target's own word: it must wait until one of them is done.

From outside, exports that run can't be told from exports that wait. But where the target says that five run and none
waits, what is asked for after that and done long before any of the five was let in beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from assertions.probes.over_admission import ROUND_SIZE, ROUNDS_LEAST, STATUS_FROM, Round, judge_round
from assertions.record.phases import OVER_ADMISSION
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord


def read_rounds(record: ScenarioRecord) -> list[Round]:
    """Each round that was made, in order."""
    mine = sorted((hit for hit in record.hits if hit.phase == OVER_ADMISSION), key=_round_of)
    return [judge_round(list(hits)) for _, hits in groupby(mine, key=_round_of)]


def _round_of(hit: Hit) -> int:
    return hit.index - STATUS_FROM if hit.index >= STATUS_FROM else hit.index // ROUND_SIZE


def admitted_beyond_limit(record: ScenarioRecord) -> str | None:
    """How a sixth was let in beside five; None where that was not seen."""
    overtaken = [one for one in read_rounds(record) if one.outcome == "overtaken"]
    if len(overtaken) < ROUNDS_LEAST:
        return None
    first = overtaken[0]
    return (
        f"{first.hit} was asked for while five exports ran and none waited by /export/status, and was done in "
        f"{first.took_s:.2f} s; the first of the five only after {first.left_s:.2f} s ({len(overtaken)} times): "
        "it ran beside them"
    )


def rounds_that_waited(record: ScenarioRecord) -> Iterator[Round]:
    """Rounds in which the sixth waited, as it must."""
    return (one for one in read_rounds(record) if one.outcome == "waited")
