"""The stored proof of the rules: of these very rules, complete, and made by faults that set each alert off."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from assertions.record.results.alerts_replayed import AlertsProof, AlertsReplayed
from rules.promtool import find
from rules.proving import proof as proofs
from rules.proving.faults import FAULTS
from rules.proving.mutation import MutationResults, RuleScore
from rules.records import RulesError, read_rules
from tests.assertions.healthy.replayed import proof as made
from tests.rules.conftest import RULES, TESTS
from tests.rules.proving.dumps import dump, lines

SCORES = MutationResults(
    version="2.42.0",
    rules=tuple(RuleScore(rule=rule.identity, mutants=2, killed=2, equivalent=1) for rule in read_rules(RULES).rules),
    survivors=(),
    stale=(),
    ok=True,
)
"""A score that needs no mutants."""


def recorded(tmp_path: Path, samples: list[str]) -> Path:
    """A file with these samples."""
    path = tmp_path / "recorded.txt.xz"
    path.write_bytes(dump(samples))
    return path


def test_the_stored_proof_is_of_these_rules(stored_proof: AlertsProof) -> None:
    """A change of rules, tests or recorded samples makes the stored proof stale; `nox -s rules` makes it anew."""
    assert stored_proof.rules_sha256 == proofs.hash_of(RULES, TESTS)
    assert stored_proof.samples_sha256 == hashlib.sha256(proofs.RECORDED.read_bytes()).hexdigest()


def test_the_stored_proof_holds(stored_proof: AlertsProof) -> None:
    """Every alert of the rule file is there, tested, with all its mutants killed, and fires on each of its faults."""
    assert [(one.alert, one.severity) for one in stored_proof.alerts] == [
        (rule.alert, rule.labels["severity"]) for rule in read_rules(RULES).alerts
    ]
    assert (stored_proof.ok, stored_proof.unexpected) == (True, {})


def test_each_alert_has_a_fault() -> None:
    """No alert is without a fault that must set it off, and no fault names an alert that does not exist."""
    named = {alert for fault in FAULTS.values() for alert in fault.alerts}
    assert named == {rule.alert for rule in read_rules(RULES).alerts}


@pytest.mark.e2e
def test_each_fault_sets_off_its_alerts(tmp_path: Path) -> None:
    """As recorded nothing fires; with a fault its alerts do, after their window and `for`."""
    proof = proofs.prove(RULES, TESTS, SCORES, find(), recorded(tmp_path, lines()))
    assert proof.ok
    seconds = {(one.alert, one.severity): one.faults for one in proof.alerts}
    assert seconds["ExportTargetDown", "critical"] == {"silent": 120}
    assert seconds["ExportMetricsMissing", "critical"] == {"silent": 300, "histogram renamed": 300}
    assert seconds["ExportQueueNearlyFull", "warning"] == {"queue over its bound": 600}
    scores = {one.alert: (one.mutants, one.killed, one.equivalent) for one in proof.alerts}
    assert scores["ExportTargetDown"] == (2, 2, 1)
    assert scores["ExportErrorBudgetBurnFast"] == (6, 6, 3)  # its own, and of the two rates that it reads


@pytest.mark.e2e
def test_a_rule_that_reads_a_series_that_is_not_there_does_not_fire(tmp_path: Path) -> None:
    """The first implementation's histogram name in a rule: its fault does not set it off, and the table says so."""
    rules = tmp_path / "export.yml"
    rules.write_text(
        RULES.read_text().replace("rate(export_latency_ms_bucket[", "rate(export_latency_ms_bucket_bucket[")
    )
    proof = proofs.prove(rules, TESTS, SCORES, find(), recorded(tmp_path, lines()))
    assert {one.alert for one in proof.alerts if not one.fired_on_fault} == {"ExportLatencyP95High"}
    assert not proof.ok
    assert "slow NOT FIRED" in proofs.proof_text(proof)


@pytest.mark.e2e
def test_samples_in_which_an_alert_fires_already_prove_nothing(tmp_path: Path) -> None:
    """A recording of a target that is not sound is refused: a fault put into it would prove nothing."""
    down = [line.replace("} 1 ", "} 0 ") if '"up"' in line else line for line in lines()]
    with pytest.raises(RulesError, match="ExportTargetDown fires without a fault"):
        proofs.prove(RULES, TESTS, SCORES, find(), recorded(tmp_path, down))


def test_a_stale_proof_is_no_data() -> None:
    """With other rules than those of the proof the table claims nothing of mutants and faults."""
    replayed = AlertsReplayed(problem="none", rules_sha256="ef" * 32, proof=made())
    text = proofs.table_text(replayed)
    assert "proof.json was made for other rules" in text
    assert "ExportTargetDown             critical  -      -        -         NO DATA" in text


def test_no_proof_is_no_data(tmp_path: Path) -> None:
    """A file that is missing or malformed is no proof."""
    (tmp_path / "proof.json").write_bytes(msgspec.json.encode({"version": "2"}))
    assert (proofs.read(tmp_path / "proof.json"), proofs.read(tmp_path / "none.json")) == (None, None)
    text = proofs.table_text(AlertsReplayed(problem="none", rules_sha256="ef", alerts=(("A", "warning"),)))
    assert "proof.json is not there" in text
