"""The check of the replayed samples: an alert that must stay silent and fired, others, and nothing to judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as with_fields

from assertions import limits as limits_file
from assertions.checks.observability.replay import SILENT_IN_REPLAY, replayed
from assertions.checks.observability.server import MUST_STAY_SILENT
from assertions.record.results.alerts_replayed import AlertsReplayed, FiredAlert
from assertions.verdicts import Judgement
from rules.records import read_rules
from tests.assertions.healthy.records import healthy_run
from tests.assertions.healthy.replayed import alerts_replayed
from tests.rules.conftest import RULES

LIMITS = limits_file.load()


def judged(alerts: AlertsReplayed | None) -> Judgement:
    """The verdict on this replay."""
    return replayed(replace(healthy_run(), alerts=alerts), LIMITS)


def with_load(**fields: Any) -> AlertsReplayed:
    """The healthy replay with fields of load replaced."""
    found = alerts_replayed()
    return with_fields(
        found,
        scenarios=tuple(with_fields(one, **fields) if one.scenario == "load" else one for one in found.scenarios),
    )


def fired(alert: str) -> AlertsReplayed:
    """The healthy replay with an alert that fired in load."""
    return with_load(fired=(FiredAlert(alert=alert, severity="critical", sample=7),))


def test_silence_passes_with_its_numbers() -> None:
    """The reason says how many samples of which scenarios were played."""
    assert (judged(alerts_replayed()).status, judged(alerts_replayed()).reason) == (
        "PASS",
        "none of 5 alerts fired that must stay silent, in 51 samples of batch, load, each a minute of the rules' "
        "clock, by which ExportQueueStalled is not judged",
    )


@pytest.mark.parametrize("alert", sorted(SILENT_IN_REPLAY))
def test_an_alert_that_must_stay_silent_fails(alert: str) -> None:
    """The reason names alert, scenario and sample."""
    assert judged(fired(alert)).status == "FAIL"
    assert f"{alert} (critical) fired in the replay of load, at sample 7 of 33" in judged(fired(alert)).reason


@pytest.mark.parametrize("alert", ["ExportQueueStalled", "ExportBytesAnomaly"])
def test_an_alert_that_a_sound_target_may_set_off_is_reported(alert: str) -> None:
    """It fails nothing, and stands in the reason."""
    judgement = judged(fired(alert))
    assert judgement.status == "PASS"
    assert judgement.reason.endswith(f"; fired, which fails nothing: {alert}")


@pytest.mark.parametrize(
    ("alerts", "reason"),
    [
        (None, "alerts.json is not there; a run makes it once its load is over"),
        (AlertsReplayed(problem="promtool is not on PATH"), "nothing was replayed: promtool is not on PATH"),
        (
            with_fields(alerts_replayed(), alerts=(("Theirs", "page"),)),
            "the replayed rules have none of the alerts that this check reads",
        ),
        (with_fields(alerts_replayed(), scenarios=()), "nothing was replayed: no scenario has recorded samples"),
    ],
)
def test_nothing_to_judge_is_no_data(alerts: AlertsReplayed | None, reason: str) -> None:
    """Without a replay of these rules nothing is claimed."""
    assert (judged(alerts).status, judged(alerts).reason) == ("NO DATA", reason)


def test_the_alerts_are_those_of_the_rule_file() -> None:
    """Every alert that must stay silent exists in the committed rules."""
    assert SILENT_IN_REPLAY < MUST_STAY_SILENT <= {rule.alert for rule in read_rules(RULES).alerts}
