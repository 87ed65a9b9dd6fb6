"""Check: the counts of running and waiting exports come back to 0 after the load."""

from __future__ import annotations

from assertions.checks.conduct.status_readings import statuses, whole
from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed

REST_S = 1.0
"""After the last export's end its slot is free within this time."""


def rest(record: ScenarioRecord, limits: Limits) -> Judgement:
    """After the load the gauges return to 0, and so do the counts of /export/status."""
    gauges = ("export_concurrent_running", "export_queue_depth")
    read = {gauge: None if record.after is None else record.after.total(gauge) for gauge in gauges}
    for gauge, value in read.items():
        if value is not None and value != 0:
            return failed(f"{gauge} still reads {value:g} after the last export has ended")
    last_end = max((hit.end for hit in record.posts), default=0.0)
    late = [body for start, _, _, body in statuses(record) if start > last_end + REST_S]
    if late and any(whole(late[-1].get(key)) != 0 for key in ("concurrentExports", "queueDepth")):
        return failed(
            f"/export/status still reports {late[-1].get('concurrentExports')} running and "
            f"{late[-1].get('queueDepth')} waiting exports after the last one has ended"
        )
    if record.after is None:
        return no_data("there is no readable page from after the last request")
    missing = [gauge for gauge, value in read.items() if value is None]
    if missing:
        return no_data(f"{' and '.join(missing)} can't be read on the page after the last request")
    if not record.done:
        return no_data("no export was finished, so nothing had to come back to rest")
    return passed(
        "the counts of running and waiting exports came back to 0",
        catches="one export that a gauge still counts as running or waiting would not have passed",
    )
