"""Running mutants: is each changed rule noticed by a promtool test?

A mutant's rule file holds the rules of the changed rule's alert name and what they record or read; its test file holds
the tests that name these alerts. Rules that no test of the file looks at can neither kill a mutant nor save one. Tests
are run a few at a time, those around a bound first: a mutant that one of them killed needs no other.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from assertions.prometheus.promql import series_in
from assertions.record.types import Record
from rules.promtool import Promtool
from rules.proving.mutants import Mutant, mutants_of
from rules.records import Rule, RuleFile, RulesError, read_rules

EQUIVALENT: Final = Path(__file__).with_name("equivalent_mutants.toml")
BATCH: Final = 12
"""Test files of one promtool process: its start costs as much as one of them."""

ROUNDS: Final = ((0, 1), (1, 2), (2, 4), (4, None))
"""Slices of a mutant's tests, from the file's last one on, where the cases around bounds and windows are."""

# Failures are printed to stderr, so that behind the name of a file that failed the next name follows.
_VERDICT: Final = re.compile(r"^Unit Testing:[ ]+(\S+)(?:\n[ ]+(SUCCESS))?", re.MULTILINE)


class Survivor(Record, frozen=True, kw_only=True):
    """A mutant that every test passed."""

    id: str
    reason: str | None
    """Why no test can tell it from the rule; None: a gap in the tests."""


class RuleScore(Record, frozen=True, kw_only=True):
    """The mutants of one rule."""

    rule: str
    """Its identity: name with labels."""
    mutants: int
    """Without the equivalent ones."""
    killed: int
    equivalent: int


class MutationResults(Record, frozen=True, kw_only=True):
    """`mutation.json`: one run over all mutants of a rule file."""

    version: str
    """promtool's."""
    rules: tuple[RuleScore, ...]
    """In the file's order; a name twice under one identity counts once."""
    survivors: tuple[Survivor, ...]
    stale: tuple[str, ...]
    """Entries of the list of equivalent mutants that name no surviving mutant."""
    ok: bool
    """True only if every mutant but the equivalent ones was killed, and no entry is stale."""

    @property
    def ratio(self) -> float:
        """Killed mutants over all but the equivalent ones; 0 without mutants."""
        mutants = sum(score.mutants for score in self.rules)
        return sum(score.killed for score in self.rules) / mutants if mutants else 0.0


class _Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    reason: str


class _EquivalentFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mutant: tuple[_Equivalent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Documents:
    rules: dict[str, Any]
    tests: dict[str, Any]
    file: RuleFile


def run_mutants(rules: Path, tests: Path, promtool: Promtool, equivalent: Path | None = EQUIVALENT) -> MutationResults:
    """Run every mutant. RulesError where an input can't be read or the unchanged rules do not pass their tests.

    equivalent: the list of mutants that no test can tell from these rules; None: there is none.
    """
    documents = _read(rules, tests)
    mutants = mutants_of(documents.file)
    known = {} if equivalent is None else _equivalent(equivalent)
    with tempfile.TemporaryDirectory(prefix="mutants-") as made:
        folder = Path(made)
        _must_pass(documents, promtool, folder)
        alive = list(mutants)
        for number, (first, last) in enumerate(ROUNDS):
            alive = _survivors(alive, f"round{number}", slice(first, last), documents, promtool, folder)
    return _results(promtool.version, mutants, {mutant.id for mutant in alive}, known)


def _survivors(
    mutants: Sequence[Mutant], name: str, part: slice, documents: _Documents, promtool: Promtool, folder: Path
) -> list[Mutant]:
    """Return the mutants that pass this part of their tests, be it empty."""
    written = [
        (mutant, _write(folder, f"{name}m{place}", documents, mutant, part)) for place, mutant in enumerate(mutants)
    ]
    passed = _passing_all(promtool, folder, [file for _, file in written if file is not None])
    return [mutant for mutant, file in written if file is None or file in passed]


def _passing_all(promtool: Promtool, folder: Path, names: Sequence[str]) -> frozenset[str]:
    batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        passing = pool.map(lambda batch: _passing(promtool, folder, batch), batches)
        return frozenset(name for found in passing for name in found)


def report(results: MutationResults) -> str:
    """Return one line a rule, the survivors, and the score. Pure."""
    lines = [
        f"{'ok' if score.killed == score.mutants else 'FAIL':4} {score.killed}/{score.mutants} killed  {score.rule}"
        + (f" ({score.equivalent} equivalent)" if score.equivalent else "")
        for score in results.rules
    ]
    lines += [f"FAIL survived: {mutant.id}" for mutant in results.survivors if mutant.reason is None]
    lines += [f"FAIL listed as equivalent, but no such mutant survives: {name}" for name in results.stale]
    mutants = sum(score.mutants for score in results.rules)
    killed = sum(score.killed for score in results.rules)
    equivalent = sum(score.equivalent for score in results.rules)
    score = f"mutation score {100 * results.ratio:.4g} %: {killed} of {mutants} mutants killed"
    return "\n".join([*lines, f"{score}, {equivalent} equivalent"])


def _results(version: str, mutants: Sequence[Mutant], lived: set[str], known: dict[str, str]) -> MutationResults:
    scores = []
    for rule in dict.fromkeys(mutant.identity for mutant in mutants):
        ids = [mutant.id for mutant in mutants if mutant.identity == rule]
        equivalent = [name for name in ids if name in lived and name in known]
        scores.append(
            RuleScore(
                rule=rule,
                mutants=len(ids) - len(equivalent),
                killed=sum(name not in lived for name in ids),
                equivalent=len(equivalent),
            )
        )
    survivors = tuple(Survivor(id=mutant.id, reason=known.get(mutant.id)) for mutant in mutants if mutant.id in lived)
    stale = tuple(name for name in known if name not in lived)
    ok = bool(mutants) and not stale and all(mutant.reason is not None for mutant in survivors)
    return MutationResults(version=version, rules=tuple(scores), survivors=survivors, stale=stale, ok=ok)


def _equivalent(path: Path) -> dict[str, str]:
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=_EquivalentFile).mutant
    except (OSError, msgspec.DecodeError) as error:
        raise RulesError(f"{path.name}, the list of equivalent mutants, can't be read: {error}") from error
    return {entry.id: entry.reason for entry in entries}


def _read(rules: Path, tests: Path) -> _Documents:
    file = read_rules(rules)
    try:
        documents = [msgspec.yaml.decode(path.read_bytes()) for path in (rules, tests)]
    except (OSError, msgspec.DecodeError) as error:
        raise RulesError(f"{tests.name} can't be read: {error}") from error
    return _Documents(rules=documents[0], tests=documents[1], file=file)


def _must_pass(documents: _Documents, promtool: Promtool, folder: Path) -> None:
    """Run the unchanged rules, cut down as their mutants are: else every mutant would count as killed."""
    first = {rule.identity: index for index, rule in reversed(list(enumerate(documents.file.rules)))}
    unchanged = [_unchanged(index, documents.file.rules[index]) for index in first.values()]
    passing = _survivors(unchanged, "unchanged", slice(None), documents, promtool, folder)
    broken = [rule for rule, mutant in zip(first, unchanged, strict=True) if mutant not in passing]
    if broken:
        raise RulesError(f"the unchanged rules fail their tests: {', '.join(broken)}; run `python -m rules check`")


def _unchanged(index: int, rule: Rule) -> Mutant:
    return Mutant(index=index, identity=rule.identity, kind="for", change="none", expr=rule.expr, wait=str(rule.wait))


def _write(folder: Path, name: str, documents: _Documents, mutant: Mutant, part: slice) -> str | None:
    """Write one mutant's rule file and a part of its tests; return the test file's name, None: the part is empty."""
    wanted = _alerts_on(documents.file, mutant.index)
    needed = _needed(documents.file, wanted)
    record = documents.file.rules[mutant.index].record
    groups, index = [], 0
    for group in documents.rules["groups"]:
        kept = []
        for rule in group["rules"]:
            if index == mutant.index:
                changed = {key: value for key, value in rule.items() if key != "for"} | {"expr": mutant.expr}
                kept.append(changed | ({"for": mutant.wait} if mutant.wait else {}))
            elif rule.get("alert") in wanted or rule.get("record") in needed:
                kept.append(rule)
            index += 1
        if kept:
            groups.append({**group, "rules": kept})
    tests = []
    for test in documents.tests["tests"]:
        cases = [case for case in test.get("alert_rule_test", []) if case["alertname"] in wanted]
        queries = [
            case
            for case in test.get("promql_expr_test", [])
            if any(f'alertname="{name}"' in case["expr"] for name in wanted) or (record and record in case["expr"])
        ]
        if cases or queries:
            tests.append({**test, "alert_rule_test": cases, "promql_expr_test": queries})
    tests = tests[::-1][part]
    if not tests:
        return None
    (folder / f"{name}.yml").write_bytes(msgspec.json.encode({"groups": groups}))
    document = {**documents.tests, "rule_files": [f"{name}.yml"], "tests": tests}
    (folder / f"{name}.test.yml").write_bytes(msgspec.json.encode(document))
    return f"{name}.test.yml"


def _alerts_on(file: RuleFile, index: int) -> frozenset[str]:
    """Return the names of the alerts whose result the rule decides: its own, or those that read what it records."""
    rule = file.rules[index]
    if rule.alert is not None:
        return frozenset({rule.alert})
    return frozenset(alert.alert or "" for alert in file.alerts if rule.record in series_in(alert.expr))


def _needed(file: RuleFile, alerts: frozenset[str]) -> frozenset[str]:
    """Return the recorded series that these alerts read."""
    return frozenset(name for rule in file.alerts if rule.alert in alerts for name in series_in(rule.expr))


def _passing(promtool: Promtool, folder: Path, names: Sequence[str]) -> frozenset[str]:
    verdicts = dict(_VERDICT.findall(promtool.test_all(folder, names).output))
    if missing := [name for name in names if name not in verdicts]:
        raise RulesError(f"promtool gave no verdict on {len(missing)} of {len(names)} mutants")
    return frozenset(name for name, verdict in verdicts.items() if verdict == "SUCCESS")
