"""One round of the over-admission experiment: a sixth export, asked for while five run, must wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assertions.contract import MAX_CONCURRENT
from assertions.record.types import Hit
from assertions.record.view import as_object

ROUND_SIZE = MAX_CONCURRENT + 1
"""Requests of a round in the plan: five large exports, and a small one."""


STATUS_FROM = 1_000
"""Status pages are numbered from here, one a round."""


LEFT_LEAST_S = 0.1
"""The five must go on for so long after the sixth was asked for, or it had no time to overtake them."""


OVERTAKEN = 0.5
"""A sixth that was done within this share of that time did not wait. One that waited ends with the first of the five or
behind it; only that one's answer may have been held up a little."""


ROUNDS_LEAST = 2
"""An answer may be held up once; that of the same kind of export again, for as long as half of its time, is not."""


Outcome = Literal["overtaken", "waited", "open"]


@dataclass(frozen=True)
class Round:
    """One time that a sixth was asked for."""

    outcome: Outcome
    """open: nothing can be told."""
    hit: str
    """Of the small export; empty where it was not asked for."""
    took_s: float
    left_s: float
    """How long the five went on without an answer after it was asked for."""


def judge_round(hits: list[Hit]) -> Round:
    """What one round's requests show: the five, the status page that was read before the sixth, and the sixth."""
    exports = [hit for hit in hits if hit.index < STATUS_FROM]
    five = [hit for hit in exports if hit.index % ROUND_SIZE < MAX_CONCURRENT]
    sixth = next((hit for hit in exports if hit.index % ROUND_SIZE == MAX_CONCURRENT), None)
    status = next((hit for hit in hits if hit.index >= STATUS_FROM), None)
    if sixth is None or status is None or len(five) < MAX_CONCURRENT:
        return Round("open", "", 0.0, 0.0)
    took_s, left_s = sixth.end - sixth.start, min(hit.end for hit in five) - sixth.start
    outcome: Outcome = "open"
    if left_s >= LEFT_LEAST_S and full(status.answer) and all(hit.status == 200 for hit in exports):
        began = max(hit.start for hit in five) <= status.start and status.end <= sixth.start
        outcome = "open" if not began else "overtaken" if took_s <= OVERTAKEN * left_s else "waited"
    return Round(outcome, sixth.id, took_s, left_s)


def full(answer: str | None) -> bool:
    """Whether a status page says that five run and none waits."""
    body = as_object(answer) or {}
    told = body.get("concurrentExports"), body.get("queueDepth")
    return told == (MAX_CONCURRENT, 0) and not any(isinstance(one, bool) for one in told)


def settled(rounds: list[Round]) -> bool:
    """Whether no further round is needed."""
    overtaken = sum(one.outcome == "overtaken" for one in rounds)
    return overtaken >= ROUNDS_LEAST or (not overtaken and any(one.outcome == "waited" for one in rounds))
