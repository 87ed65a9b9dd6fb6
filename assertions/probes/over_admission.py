"""One round of the over-admission experiment: one more export, sent while five run, must wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assertions.contract import MAX_CONCURRENT
from assertions.record.types import Hit
from assertions.record.view import as_object

ROUND_SIZE = MAX_CONCURRENT + 1
"""Requests of a round in the plan: five large exports, and a small one."""


STATUS_FROM = 1_000
"""Status pages are numbered from here, one per round."""


LEFT_LEAST_S = 0.1
"""The five must run on for this many seconds after the extra export was sent, or it had no time to overtake them."""


OVERTAKEN = 0.5
"""An extra export finished within this share of that time did not wait. One that waited ends after the first of
the five, whose answer may come a little late."""


ROUNDS_LEAST = 2
"""Rounds in which the extra export must overtake: an answer may come late once, but not twice by half of its time."""


Outcome = Literal["overtaken", "waited", "open"]


@dataclass(frozen=True)
class Round:
    """One time that an extra export was sent."""

    outcome: Outcome
    """open: it can't be seen which."""
    hit: str
    """The id of the extra export; empty where it was not sent."""
    took_s: float
    left_s: float
    """How long the five still ran after the extra export was sent."""


def judge_round(hits: list[Hit]) -> Round:
    """Return the outcome of one round. hits: the five, the status page read before the extra one, the extra one."""
    exports = [hit for hit in hits if hit.index < STATUS_FROM]
    five = [hit for hit in exports if hit.index % ROUND_SIZE < MAX_CONCURRENT]
    extra = next((hit for hit in exports if hit.index % ROUND_SIZE == MAX_CONCURRENT), None)
    status = next((hit for hit in hits if hit.index >= STATUS_FROM), None)
    if extra is None or status is None or len(five) < MAX_CONCURRENT:
        return Round("open", "", 0.0, 0.0)
    took_s, left_s = extra.end - extra.start, min(hit.end for hit in five) - extra.start
    outcome: Outcome = "open"
    if left_s >= LEFT_LEAST_S and full(status.answer) and all(hit.status == 200 for hit in exports):
        began = max(hit.start for hit in five) <= status.start and status.end <= extra.start
        outcome = "open" if not began else "overtaken" if took_s <= OVERTAKEN * left_s else "waited"
    return Round(outcome, extra.id, took_s, left_s)


def full(answer: str | None) -> bool:
    """Return whether a status page reports that five run and none waits."""
    body = as_object(answer) or {}
    counts = body.get("concurrentExports"), body.get("queueDepth")
    return counts == (MAX_CONCURRENT, 0) and not any(isinstance(count, bool) for count in counts)


def settled(rounds: list[Round]) -> bool:
    """Return whether no further round is needed."""
    overtaken = sum(made.outcome == "overtaken" for made in rounds)
    return overtaken >= ROUNDS_LEAST or (not overtaken and any(made.outcome == "waited" for made in rounds))
