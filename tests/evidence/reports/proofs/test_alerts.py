"""The table of alerts: each cell from the replay and the proof, and NO DATA with its reason where there is none."""

from __future__ import annotations

from msgspec.structs import replace

from assertions.record.results.alerts_replayed import AlertsReplayed, FiredAlert
from evidence.reports.proofs.alerts import section
from tests.assertions.healthy.replayed import alerts_replayed, proof


def rows(replayed: AlertsReplayed) -> dict[str, tuple[str, ...]]:
    """The table's rows by alert."""
    (table,) = section(replayed).tables
    return {row[0]: row[1:] for row in table.rows}


def test_a_complete_table() -> None:
    """Tests, mutants, silence, and the time that each fault takes."""
    assert rows(alerts_replayed()) == {
        "ExportTargetDown (critical)": ("yes", "11 of 11", "yes", "yes", "silent 2 m"),
        "ExportQueueStalled (critical)": ("yes", "30 of 30, 1 equivalent", "yes", "yes", "stalled 10 m"),
        "ExportBytesAnomaly (warning)": ("NO DATA", "NO DATA", "yes", "NO DATA", "NO DATA"),
    }


def test_an_alert_that_fired_on_the_run_names_the_scenario() -> None:
    """The cell says where; the same alert of another severity did not fire."""
    found = alerts_replayed()
    fired = (FiredAlert(alert="ExportTargetDown", severity="critical", sample=3),)
    batch = replace(found.scenarios[0], fired=fired)
    assert rows(replace(found, scenarios=(batch, *found.scenarios[1:])))["ExportTargetDown (critical)"][2] == (
        "fired in batch"
    )


def test_a_fault_that_did_not_set_off_its_alert_says_so() -> None:
    """No time is claimed, and the alert did not fire on its fault."""
    made = proof()
    silent = replace(made.alerts[0], faults={"silent": None}, unit_tested=False)
    found = rows(replace(alerts_replayed(), proof=replace(made, alerts=(silent,))))
    assert found["ExportTargetDown (critical)"] == ("no", "11 of 11", "yes", "no", "silent: did not fire")


def test_an_alert_without_a_fault_has_no_time() -> None:
    """Nothing that must set it off is nothing proved."""
    made = proof()
    bare = replace(made.alerts[0], faults={})
    found = rows(replace(alerts_replayed(), proof=replace(made, alerts=(bare,))))
    assert found["ExportTargetDown (critical)"][3:] == ("no", "no fault for it")


def test_a_stale_proof_is_no_data() -> None:
    """With other rules than those that were played nothing of the proof stands in the table, and the reason does."""
    stale = replace(alerts_replayed(), proof=proof("ef" * 32))
    assert {row[0] for row in rows(stale).values()} == {"NO DATA"}
    assert "is stale: these rules are a1a1a1a1a1a1a1a1" in section(stale).paragraphs[1]


def test_no_proof_and_no_replay_are_no_data() -> None:
    """What is missing is named, with the command that makes it."""
    assert section(None).paragraphs == ("NO DATA: no recorded samples were replayed; alerts.json is missing.",)
    bare = AlertsReplayed(problem="promtool is not on PATH")
    assert section(bare).tables == ()
    assert section(bare).paragraphs == (
        "NO DATA on this run: promtool is not on PATH",
        "NO DATA on tests, mutants and faults: no proof.json is stored; `nox -s rules` makes it.",
    )
    proved = rows(replace(bare, proof=proof(), rules_sha256="a1" * 32))
    assert proved["ExportTargetDown (critical)"] == ("yes", "11 of 11", "NO DATA", "yes", "silent 2 m")
