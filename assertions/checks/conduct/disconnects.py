"""After clients disconnected: their slots must become free, whatever became of their exports."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from assertions.leak_detection import left_by_clients
from assertions.probes.behaviour import AFTER_DISCONNECT, DISCONNECTED, REST_AFTER_DISCONNECT
from assertions.probes.disconnects import MOST_ROUNDS, counts
from assertions.record.phases import DISCONNECTS
from assertions.record.types import Hit, Probe
from assertions.record.view import ScenarioRecord, as_object
from assertions.verdicts import Judgement, failed, no_data

_GAUGES = ("export_concurrent_running", "export_queue_depth")
_KEYS = ("concurrentExports", "queueDepth")


def after_disconnects(record: ScenarioRecord) -> Judgement | None:
    """Return what is wrong after clients disconnected, or why it is not known; None: nothing is wrong."""
    hits = [hit for hit in record.hits if hit.phase == DISCONNECTS]
    clients = 0
    for hit in hits:
        clients += hit.case == DISCONNECTED
        problem = _not_at_rest(hit) if hit.case == REST_AFTER_DISCONNECT else None
        if hit.case == AFTER_DISCONNECT and hit.status != 200:
            problem = f"a valid export ended with {hit.status if hit.status is not None else hit.error}"
        if problem is not None:
            return failed(f"disconnects: after {clients} clients disconnected {problem}")
    for name in _GAUGES if clients else ():
        left = None if record.final_page is None else record.final_page.total(name)
        if left:
            return failed(
                f"disconnects: after {clients} clients disconnected {name} still reads {left:g} with nothing under way"
            )
    kept = _kept(record.disconnect_probes, clients)
    if kept is not None:
        return failed(f"disconnects: after {clients} clients disconnected {kept}, and stayed")
    if not {hit.case for hit in hits} >= {DISCONNECTED, AFTER_DISCONNECT, REST_AFTER_DISCONNECT}:
        return no_data("the disconnect probe was not made: no client disconnected while its export ran")
    return None


def _not_at_rest(rest: Hit) -> str | None:
    body = as_object(rest.answer) if rest.status == 200 else None
    if body is None:
        return f"/export/status was answered with {rest.status if rest.status is not None else rest.error}"
    busy = [body.get(key) for key in _KEYS]
    if busy != [0, 0]:
        return f"/export/status reports {busy[0]} running and {busy[1]} waiting with nothing under way"
    return None


def _kept(probes: Sequence[Probe], clients: int) -> str | None:
    """Return what the target keeps of clients that are gone; None: nothing was seen."""
    rounds = [
        [counts(probe) for probe in probes_of] for _, probes_of in groupby(probes, key=lambda probe: probe.exports_done)
    ]
    if len(rounds) < MOST_ROUNDS + 1:
        return None
    for what in rounds[0][0]:
        rose = left_by_clients([min(count[what] for count in made) for made in rounds], clients // MOST_ROUNDS)
        if rose is not None:
            return f"{what} rose by {rose:,.0f}"
    return None
