"""What replaying a healthy run's recorded samples leaves, with a proof of the rules that were played."""

from __future__ import annotations

from assertions.record.results.alerts_replayed import AlertsProof, AlertsReplayed, ProvedAlert, ReplayedScenario

RULES_SHA256 = "a1" * 32


def proof(rules_sha256: str = RULES_SHA256) -> AlertsProof:
    """Two alerts, tested, with all mutants killed, and set off by their faults."""
    return AlertsProof(
        version="2.42.0",
        rules_sha256=rules_sha256,
        samples_sha256="5a" * 32,
        made="2026-01-02T03:04:05Z",
        alerts=(
            ProvedAlert(
                alert="ExportTargetDown",
                severity="critical",
                unit_tested=True,
                mutants=11,
                killed=11,
                equivalent=0,
                faults={"silent": 120},
            ),
            ProvedAlert(
                alert="ExportQueueStalled",
                severity="critical",
                unit_tested=True,
                mutants=30,
                killed=30,
                equivalent=1,
                faults={"stalled": 600},
            ),
        ),
        unexpected={},
    )


def alerts_replayed() -> AlertsReplayed:
    """Both scenarios with a server, all alerts silent."""
    return AlertsReplayed(
        problem=None,
        version="2.42.0",
        rules_sha256=RULES_SHA256,
        alerts=(
            ("ExportTargetDown", "critical"),
            ("ExportQueueStalled", "critical"),
            ("ExportBytesAnomaly", "warning"),
        ),
        scenarios=(
            ReplayedScenario(scenario="batch", samples=18, fired=()),
            ReplayedScenario(scenario="load", samples=33, fired=()),
        ),
        proof=proof(),
    )
