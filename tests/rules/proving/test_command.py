"""`python -m rules replay` and `prove` as users run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions.limits import DEFAULT_PATH
from assertions.record.files import read_one
from assertions.record.results.alerts_replayed import AlertsProof, AlertsReplayed
from rules.proving import proof as proofs
from tests.rules.conftest import RULES, TESTS, RunCommand
from tests.rules.proving.dumps import dump, lines
from tests.rules.proving.test_replay import NAME, run_with

pytestmark = pytest.mark.e2e


def test_replay_writes_and_prints_its_table(run_command: RunCommand, tmp_path: Path) -> None:
    """Exit 0, a line an alert, and alerts.json with the stored proof in it."""
    done = run_command("replay", run_with(tmp_path, load=lines(12)))
    replayed = read_one(tmp_path / "alerts.json", AlertsReplayed)
    assert (done.code, done.err, replayed.problem, replayed.proof) == (0, "", None, proofs.read())
    assert (replayed.rules_sha256, replayed.proof_is_stale) == (proofs.hash_of(RULES, TESTS), False)
    assert done.out.splitlines()[1 + len(replayed.alerts)] == (
        "samples played, one a minute of the rules' clock: 12 of load"
    )


def test_rules_of_other_limits_have_no_proof(
    run_command: RunCommand, stored_proof: AlertsProof, tmp_path: Path
) -> None:
    """With a limits file its rules are played, and the stored proof is stale for them."""
    mine = tmp_path / "mine.toml"
    mine.write_text(DEFAULT_PATH.read_text().replace("target = 10_000\ncritical = 30_000", "target = 2_000"))
    done = run_command("replay", run_with(tmp_path, load=lines(12)), "--limits", mine)
    replayed = read_one(tmp_path / "alerts.json", AlertsReplayed)
    assert (done.code, replayed.proof_is_stale) == (0, True)
    assert ("ExportLatencyP95High", "critical") not in replayed.alerts


@pytest.mark.parametrize(
    ("samples", "promtool", "reason"),
    [
        (None, None, "no scenario has recorded samples"),
        ("no dump", None, f"{NAME}: 'no dump' is no sample as `promtool tsdb dump` prints them"),
        (lines(3)[0], "absent", "$PROMTOOL is absent, which is no executable file"),
    ],
)
def test_nothing_to_replay_is_no_verdict(
    samples: str | None, promtool: str | None, reason: str, run_command: RunCommand, tmp_path: Path
) -> None:
    """Exit 2, one sentence, and the reason in alerts.json in place of any result."""
    (tmp_path / "load").mkdir()
    if samples is not None:
        (tmp_path / "load" / NAME).write_bytes(dump([samples]))
    done = run_command("replay", tmp_path, **({} if promtool is None else {"PROMTOOL": promtool}))
    replayed = read_one(tmp_path / "alerts.json", AlertsReplayed)
    assert (done.code, replayed.scenarios) == (2, ())
    assert (replayed.rules_sha256, replayed.proof_is_stale) == (proofs.hash_of(RULES, TESTS), False)
    assert (replayed.problem or "").startswith(reason)
    assert done.err.startswith(f"rules: no verdict: {reason}")


ONE_RULE = """\
groups:
- name: mine
  rules:
  - alert: ExportTargetDown
    expr: up{job="export"} == 0
    labels: {severity: critical}
"""
ITS_TESTS = """\
rule_files: [mine.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {series: 'up{job="export"}', values: '1x5 0x5'}
  alert_rule_test:
  - {eval_time: 3m, alertname: ExportTargetDown, exp_alerts: []}
  - {eval_time: 8m, alertname: ExportTargetDown, exp_alerts: [{exp_labels: {severity: critical, job: export}}]}
"""


def test_prove_writes_the_proof_of_a_rule_file(run_command: RunCommand, tmp_path: Path) -> None:
    """Mutants that live make it fail; tests, mutants and seconds to fire are printed and written all the same."""
    (tmp_path / "mine.yml").write_text(ONE_RULE)
    (tmp_path / "mine.test.yml").write_text(ITS_TESTS)
    done = run_command("prove", "--rules", tmp_path / "mine.yml", "--out", tmp_path / "out")
    (alert,) = read_one(tmp_path / "out" / "proof.json", AlertsProof).alerts
    assert (alert.unit_tested, alert.faults, alert.killed < alert.mutants) == (True, {"silent": 0}, True)
    assert done.code == 1
    assert "ExportTargetDown             critical  yes" in done.out


def test_the_proof_of_our_rules_is_not_overwritten_by_anothers(run_command: RunCommand, tmp_path: Path) -> None:
    """With a rule file of the user's own a folder for the proof is needed."""
    done = run_command("prove", "--rules", tmp_path / "mine.yml")
    assert done.code == 2
    assert "prove --rules FILE needs --out DIR" in done.err
