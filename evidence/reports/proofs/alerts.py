"""The report's table of alerts: tests, mutants, silence on this run, and the seconds that each fault takes. Pure."""

from __future__ import annotations

from assertions.checks.observability.replay import SILENT_IN_REPLAY
from assertions.record.results.alerts_replayed import AlertsReplayed, ProvedAlert
from evidence.reports.tables import Section, Table
from evidence.reports.units import plain, quantity

TITLE = "Proof that each alert can fire"
NO_DATA = "NO DATA"


def section(replayed: AlertsReplayed | None) -> Section:
    """Return the table of alerts; what was not measured, or was measured of other rules, is NO DATA with its reason."""
    if replayed is None:
        return Section(title=TITLE, paragraphs=("NO DATA: no recorded samples were replayed; alerts.json is missing.",))
    proved = {(one.alert, one.severity): one for one in (replayed.proof.alerts if replayed.proof else ())}
    rows = tuple(
        _row(alert, severity, replayed, proved.get((alert, severity))) for alert, severity in replayed.alerts or proved
    )
    table = Table(
        columns=("alert", "unit-tested", "mutation score", "silent on this run", "fired on fault", "time to fire"),
        rows=rows,
        note="Time to fire: from the fault's first sample, on the rules' clock; its window and its wait pass in it.",
    )
    return Section(title=TITLE, paragraphs=(_played(replayed), _proof(replayed)), tables=(table,) if rows else ())


def _played(replayed: AlertsReplayed) -> str:
    if replayed.problem is not None:
        return plain(f"NO DATA on this run: {replayed.problem}")
    played = ", ".join(f"{scenario.samples:,} samples of {scenario.scenario}" for scenario in replayed.scenarios)
    return plain(
        f"Played through the unmodified rules by promtool {replayed.version}: {played}, each sample as a minute of the "
        f"rules' clock. On a sound target these must stay silent: {', '.join(sorted(SILENT_IN_REPLAY))}."
    )


def _proof(replayed: AlertsReplayed) -> str:
    proof = replayed.proof
    if proof is None:
        return "NO DATA on tests, mutants and faults: no proof.json is stored; `nox -s rules` makes it."
    made = f"proof.json was made on {proof.made} by promtool {proof.version} for the rules {proof.rules_sha256[:16]}"
    if replayed.proof_is_stale:
        return plain(
            f"NO DATA on tests, mutants and faults: {made}, and is stale: these rules are "
            f"{(replayed.rules_sha256 or 'unknown')[:16]}. `nox -s rules` makes it anew for this project's rules."
        )
    return plain(
        f"Tests, mutants and faults: {made}, which are these; the faults were put into the samples of a recorded run."
    )


def _row(alert: str, severity: str, replayed: AlertsReplayed, proved: ProvedAlert | None) -> tuple[str, ...]:
    name = plain(f"{alert} ({severity})" if severity else alert)
    return (name, *_tested(None if replayed.proof_is_stale else proved, _silent(alert, severity, replayed)))


def _tested(proved: ProvedAlert | None, silent: str) -> tuple[str, ...]:
    if proved is None:
        return NO_DATA, NO_DATA, silent, NO_DATA, NO_DATA
    score = f"{proved.killed} of {proved.mutants}" + (f", {proved.equivalent} equivalent" if proved.equivalent else "")
    times = [
        f"{plain(fault)}{': did not fire' if seconds is None else ' ' + quantity(seconds, 's')}"
        for fault, seconds in proved.faults.items()
    ]
    return (
        "yes" if proved.unit_tested else "no",
        score,
        silent,
        "yes" if proved.fired_on_fault else "no",
        ", ".join(times) or "no fault for it",
    )


def _silent(alert: str, severity: str, replayed: AlertsReplayed) -> str:
    if not replayed.scenarios:
        return NO_DATA
    fired = [
        scenario.scenario
        for scenario in replayed.scenarios
        if any((one.alert, one.severity) == (alert, severity) for one in scenario.fired)
    ]
    return f"fired in {', '.join(fired)}" if fired else "yes"
