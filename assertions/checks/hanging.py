"""Clients that went away: their places must come back, whatever became of their exports."""

from __future__ import annotations

from ..behaviour import AFTER_HANG_UP, HUNG_UP, REST_AFTER_HANG_UP
from ..bundle import HANG_UP, ScenarioRecord, as_object
from ..verdicts import Judgement, failed, no_data

_KEYS = ("concurrentExports", "queueDepth")


def after_hang_up(record: ScenarioRecord) -> Judgement | None:
    """What is wrong after clients hung up, or why it is not known; None: a good export was made and all is at rest."""
    mine = {hit.case: hit for hit in record.hits if hit.phase == HANG_UP}
    if not mine.keys() >= {HUNG_UP, AFTER_HANG_UP, REST_AFTER_HANG_UP}:
        return no_data("the hang-up probe was not made: no client went away while its export ran")
    clients = sum(hit.phase == HANG_UP and hit.case == HUNG_UP for hit in record.hits)
    good, rest = mine[AFTER_HANG_UP], mine[REST_AFTER_HANG_UP]
    body = as_object(rest.answer) if rest.status == 200 else None
    busy = [body.get(key) for key in _KEYS] if body is not None else [None, None]
    if busy != [0, 0]:
        told = (
            f"tells of {busy[0]} running and {busy[1]} waiting with nothing under way"
            if body is not None
            else f"was answered {rest.status if rest.status is not None else rest.error}"
        )
        return failed(f"hang-up: after {clients} clients went away /export/status {told}")
    if good.status != 200:
        what = good.status if good.status is not None else good.error
        return failed(f"hang-up: after {clients} clients went away a good export ended with {what}")
    return None
