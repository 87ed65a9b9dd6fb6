"""The run's recorded samples, replayed through the alert rules under promtool: alerts that must stay silent did."""

from __future__ import annotations

from typing import Final

from assertions.checks.observability.server import MUST_STAY_SILENT, slow_pages
from assertions.limits import Limits
from assertions.record.run import Run
from assertions.verdicts import Judgement, failed_for, no_data, passed

SILENT_IN_REPLAY: Final = MUST_STAY_SILENT - {"ExportQueueStalled"}
"""In a replay a second of the run lasts a minute: a sound target whose exports take ten seconds would seem stalled."""

OF_MISSED_SCRAPES: Final = frozenset({"ExportTargetDown", "ExportMetricsMissing"})
"""Alerts that two scrapes in a row set off in a replay when the page came later than the server waits."""


def replayed(run: Run, limits: Limits) -> Judgement:
    """None of the alerts fired in the replay that a target of the contract never sets off."""
    found = run.alerts
    if found is None:
        return no_data("alerts.json is not there; a run makes it once its load is over")
    if found.problem is not None:
        return no_data(f"nothing was replayed: {found.problem}")
    if not any(alert in SILENT_IN_REPLAY for alert, _ in found.alerts):
        return no_data("the replayed rules have none of the alerts that this check reads")
    samples = sum(scenario.samples for scenario in found.scenarios)
    if not samples:
        return no_data("nothing was replayed: no scenario has recorded samples")
    fired = [(scenario, one) for scenario in found.scenarios for one in scenario.fired]
    slow = {name: reason for name, record in run.scenarios.items() if (reason := slow_pages(record)) is not None}
    wrong = [
        (
            one.alert,
            f"{one.alert} ({one.severity or 'no severity'}) fired in the replay of {scenario.scenario}, at sample "
            f"{one.sample} of {scenario.samples}",
        )
        for scenario, one in fired
        if one.alert in SILENT_IN_REPLAY and not (scenario.scenario in slow and one.alert in OF_MISSED_SCRAPES)
    ]
    if wrong:
        return failed_for(wrong)
    for scenario, one in fired:
        if one.alert in SILENT_IN_REPLAY:
            return no_data(f"{one.alert} fired in the replay of {scenario.scenario}: {slow[scenario.scenario]}")
    others = ", ".join(dict.fromkeys(one.alert for _, one in fired))
    return passed(
        f"none of {len(SILENT_IN_REPLAY)} alerts fired that must stay silent, in {samples:,} samples of "
        f"{', '.join(scenario.scenario for scenario in found.scenarios)}, each a minute of the rules' clock, by which "
        f"{', '.join(sorted(MUST_STAY_SILENT - SILENT_IN_REPLAY))} is not judged"
        + (f"; fired, which fails nothing: {others}" if others else "")
    )
