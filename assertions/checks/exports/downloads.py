"""Files can be fetched by the link of their answer, with the length and type that belong to them."""

from __future__ import annotations

import re

from assertions.checks.exports.answers import _head_faults, _not_fetched
from assertions.limits import Limits
from assertions.record.types import INTERRUPTED
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Fault, Judgement, failed_for, no_data, passed

_MEDIA = {"csv": "text/csv", "pdf": "application/pdf"}


_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)")


_LENGTH = re.compile(r"\d+")


def downloads(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each file can be fetched whole, with its media type, length and download name, and stays the same."""
    cut_short = {phase.name for phase in record.scenario.phases if not phase.completed}
    broken_off = 0
    faults: list[Fault] = []
    for hit in record.done:
        fetch = record.fetched.get(hit.id)
        if hit.phase in cut_short and (fetch is None or fetch.error == INTERRUPTED):
            broken_off += 1
        elif fetch is None or fetch.status != 200 or fetch.error is not None:
            faults.append(_not_fetched(hit, fetch))
        else:
            faults += ((kind, f"the {hit.format} file of {hit.id} {what}") for kind, what in _head_faults(hit, fetch))
    for again in record.fetches:
        first = record.fetched.get(again.hit)
        # how long files are kept is the service's own affair; what a name stands for is not
        if again.purpose == "again" and again.status == 200 and first is not None and again.sha256 != first.sha256:
            faults.append(("changed", f"the file of {again.hit} was another when it was fetched again"))
    if faults:
        return failed_for(faults)
    if not record.done:
        return no_data("no export was done")
    if broken_off:
        return no_data(f"the run was cut short before {broken_off} of {len(record.done)} files were fetched whole")
    return passed(f"{len(record.done)} files were fetched whole, with media type and name")
