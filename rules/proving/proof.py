"""The proof of the rules: each alert's tests, its mutants, and the faults that set it off; stored as `proof.json`.

The faults are put into the series that a Prometheus server recorded of a real run of load (`recorded_samples.txt.xz`):
the run is played once as recorded, then again and again with the fault.
"""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path
from typing import Final

import msgspec

from assertions.record.results.alerts_replayed import AlertsProof, AlertsReplayed, FiredAlert, ProvedAlert
from rules.coverage import coverage_problems
from rules.promtool import Promtool
from rules.proving.faults import FAULTS, Series
from rules.proving.mutation import MutationResults
from rules.proving.replay import play, play_all
from rules.proving.samples import read_samples, repeated
from rules.recorded import sources_of
from rules.records import Rule, RuleFile, RulesError, read_rules, read_tests

STORED: Final = Path(__file__).with_name("proof.json")
RECORDED: Final = Path(__file__).with_name("recorded_samples.txt.xz")
FAULT_MINUTES: Final = 30
"""How long a fault lasts at least: longer than the longest wait of an alert, a window of 10 minutes and 10 of `for`."""


def hash_of(rules: Path, tests: Path) -> str:
    """Return the SHA-256 of a rule file and its tests. RulesError where one can't be read."""
    try:
        return hashlib.sha256(rules.read_bytes() + b"\0" + tests.read_bytes()).hexdigest()
    except OSError as error:
        raise RulesError(f"{rules.name} or {tests.name} can't be read: {error.strerror}") from error


def read(path: Path = STORED) -> AlertsProof | None:
    """Return the stored proof; None where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=AlertsProof)
    except (OSError, msgspec.DecodeError):
        return None


def prove(
    rules: Path, tests: Path, mutation: MutationResults, promtool: Promtool, recorded: Path = RECORDED
) -> AlertsProof:
    """Put each fault into the recorded series and return when each alert fired, with its tests and mutants.

    RulesError where an input can't be read, or an alert fires before any fault.
    """
    series, count = read_samples(recorded)
    whole = repeated(series, 1 + math.ceil(FAULT_MINUTES / count))
    early = play(whole, rules, promtool)
    if early:
        names = ", ".join(dict.fromkeys(one.alert for one in early))
        raise RulesError(f"{recorded.name}: {names} fires without a fault, so it proves nothing; record load again")
    fired = play_all(faulty(whole, count), rules, promtool, since=count)
    file = read_rules(rules)
    untested = coverage_problems(file, read_tests(tests), {rules.name: True})
    return AlertsProof(
        version=promtool.version,
        rules_sha256=hash_of(rules, tests),
        samples_sha256=hashlib.sha256(recorded.read_bytes()).hexdigest(),
        made=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        alerts=tuple(_alert(rule, file, mutation, fired, count, untested) for rule in file.alerts),
        unexpected={
            name: alerts
            for name, found in fired.items()
            if (alerts := tuple(sorted({one.alert for one in found} - FAULTS[name].alerts)))
        },
    )


def faulty(series: Series, at: int) -> dict[str, Series]:
    """Return the series with each fault from sample `at` on, by the fault's name."""
    return {name: fault.change(series, at) for name, fault in FAULTS.items()}


def _alert(
    rule: Rule,
    file: RuleFile,
    mutation: MutationResults,
    fired: dict[str, tuple[FiredAlert, ...]],
    fault_at: int,
    untested: tuple[str, ...],
) -> ProvedAlert:
    name, severity = rule.alert or "", rule.labels.get("severity", "")
    sources = sources_of(rule.expr, file)
    own = {rule.identity, *(one.identity for one in file.recordings if one.record in sources)}
    scores = [score for score in mutation.rules if score.rule in own]
    return ProvedAlert(
        alert=name,
        severity=severity,
        unit_tested=not any(problem.startswith(rule.identity) for problem in untested),
        mutants=sum(score.mutants for score in scores),
        killed=sum(score.killed for score in scores),
        equivalent=sum(score.equivalent for score in scores),
        faults={
            fault: next(
                (60 * (one.sample - fault_at) for one in found if (one.alert, one.severity) == (name, severity)), None
            )
            for fault, found in fired.items()
            if name in FAULTS[fault].alerts
        },
    )


def proof_text(proof: AlertsProof) -> str:
    """Return one alert a line: tests, mutants, seconds to fire on each fault. Pure."""
    lines = [f"{'alert':28} {'severity':9} {'tests':6} {'mutants':8} on fault (seconds to fire)"]
    for one in proof.alerts:
        tested, score, faults = _proved_cells(one)
        lines.append(f"{one.alert:28} {one.severity:9} {tested:6} {score:8} {faults}")
    lines += [f"{fault} also sets off {', '.join(alerts)}" for fault, alerts in proof.unexpected.items()]
    return "\n".join(lines)


def table_text(replayed: AlertsReplayed) -> str:
    """Return one alert a line: tests, mutants, silence on the run, seconds to fire on each fault. Pure."""
    proved = {(one.alert, one.severity): one for one in (replayed.proof.alerts if replayed.proof else ())}
    fired = {(one.alert, one.severity) for scenario in replayed.scenarios for one in scenario.fired}
    lines = [f"{'alert':28} {'severity':9} {'tests':6} {'mutants':8} {'this run':9} on fault (seconds to fire)"]
    for key in replayed.alerts or tuple(proved):
        one = None if replayed.proof_is_stale else proved.get(key)
        silent = "-" if not replayed.scenarios else "FIRED" if key in fired else "silent"
        tested, score, faults = ("-", "-", "NO DATA") if one is None else _proved_cells(one)
        lines.append(f"{key[0]:28} {key[1]:9} {tested:6} {score:8} {silent:9} {faults}")
    played = ", ".join(f"{scenario.samples} of {scenario.scenario}" for scenario in replayed.scenarios)
    if replayed.problem is None:
        lines.append(f"samples played, one a minute of the rules' clock: {played}")
    else:
        lines.append(f"no samples played: {replayed.problem}")
    if replayed.proof is None or replayed.proof_is_stale:
        what = "was made for other rules" if replayed.proof_is_stale else "is not there"
        lines.append(f"NO DATA on mutants and faults: {STORED.name} {what}; `nox -s rules` makes it for this project's")
    return "\n".join(lines)


def _proved_cells(one: ProvedAlert) -> tuple[str, str, str]:
    faults = ", ".join(
        f"{name} {'NOT FIRED' if seconds is None else f'{seconds} s'}" for name, seconds in one.faults.items()
    )
    return "yes" if one.unit_tested else "NO", f"{one.killed}/{one.mutants}", faults or "no fault for it"
