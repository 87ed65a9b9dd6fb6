"""Check: file names are never used twice and can't be guessed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from assertions.contract import FILENAME, FORMATS
from assertions.limits import Limits
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed

NAMES_NEEDED = 20
"""Names from which on random ones differ from constant ones."""


ALIKE_MOST = 0.1
"""Share of different random parts up to which they are not random."""


COUNTED_STEP = 10
"""Most names that may have been given between two names that were seen."""


COUNTED_SHARE = 0.8
"""Share of the names a step apart from which on they are counted."""


def _result(record: ScenarioRecord, hit: Hit) -> Mapping[str, object]:
    result = record.answers.get(hit.id, {}).get("result")
    return result if isinstance(result, dict) else {}


def _name_of(result: Mapping[str, object]) -> str | None:
    filename = result.get("filename")
    if not isinstance(filename, str) or FILENAME.search(filename) is None:
        return None
    return re.split(r"[/\\]", filename)[-1]


def names(record: ScenarioRecord, limits: Limits) -> Judgement:
    """A file name is never used twice, and its random part is random."""
    given = Counter(name for hit in record.done if (name := _name_of(_result(record, hit))) is not None)
    if not given:
        return no_data("no answer named a file")
    twice = [name for name, times in given.items() if times > 1]
    if twice:
        return failed(f"{len(twice)} file names were used more than once, {twice[0]} {given[twice[0]]} times")
    tails = [match["rand"] for name in given if (match := FILENAME.search(name))]
    if len(tails) >= NAMES_NEEDED and len(set(tails)) <= ALIKE_MOST * len(tails):
        return failed(
            f"{len(tails)} file names have {len(set(tails))} random parts, such as {tails[0]}: they can be guessed"
        )
    if len(tails) >= NAMES_NEEDED and _counted(record):
        return failed(
            f"the random part of {len(tails)} file names is a counter, such as {tails[0]}: they can be guessed"
        )
    return passed(f"{len(given)} exports have {len(given)} different file names")


def _counted(record: ScenarioRecord) -> bool:
    """Return whether the random parts of names, of all or of one format's, are a counter in some base."""
    each = [[hit for hit in record.done if hit.format == form] for form in FORMATS]
    return any(_rises(record, hits) for hits in (record.done, *each) if len(hits) >= NAMES_NEEDED)


def _rises(record: ScenarioRecord, hits: Sequence[Hit]) -> bool:
    """Return whether most are a step from the one before, in the order in which exports ended or began."""
    for base in (10, 16, 36):
        for moment in (lambda hit: hit.end, lambda hit: hit.start):
            numbers = []
            for hit in sorted(hits, key=moment):
                match = FILENAME.search(str(_result(record, hit).get("filename")))
                numbers += [_number(match["rand"], base)] if match else []
            steps = [
                later - earlier for earlier, later in pairwise(numbers) if earlier is not None and later is not None
            ]
            near = max(
                sum(0 < step <= COUNTED_STEP for step in steps), sum(0 < -step <= COUNTED_STEP for step in steps)
            )
            if near >= COUNTED_SHARE * (len(numbers) - 1):
                return True
    return False


def _number(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None
