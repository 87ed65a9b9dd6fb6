"""Check: only complete exports are in the exports folder after the run."""

from __future__ import annotations

from assertions.checks.resources.memory import grown_under_their_name
from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed


def leftovers(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Nothing but finished exports is in the exports folder, each complete as soon as it has its name."""
    grew = grown_under_their_name(record, limits)
    if grew is not None:
        return grew
    if record.scenario.leftovers is None:
        return no_data("the exports folder can't be seen, or is not the one that holds the target's files")
    if record.scenario.leftovers:
        return failed(
            f"{len(record.scenario.leftovers)} files in the exports folder are no finished export, "
            f"{record.scenario.leftovers[0]} among them"
        )
    return passed(
        "nothing but finished exports is left in the exports folder",
        catches="one other file at the end would not have passed",
    )
