"""A recorded run played through the unmodified rules under promtool, as it was and with faults put into it.

Each recorded sample stands for one minute of the rules' clock, so that windows and `for` of minutes pass in a run of
seconds. A fault begins in the middle of the run and changes the recorded series only from there on.
"""

from __future__ import annotations

import lzma
import math
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from assertions.record.prometheus_run import SAMPLES
from assertions.record.types import Record
from rules.coverage import coverage_problems
from rules.promtool import Promtool
from rules.proving.faults import FAULTS, Series
from rules.proving.mutation import MutationResults
from rules.records import RulesError, read_rules, read_tests

ALERTS: Final = "alerts.json"
FEWEST_SAMPLES: Final = 50
"""Half of them must hold the longest wait of an alert, 5 minutes and 10 of `for`."""
MINUTE_S: Final = 60

_LINE: Final = re.compile(r"\{(?P<labels>.*)\} (?P<value>\S+) (?P<ms>[0-9]+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_FIRST: Final = re.compile(r'\{alertname="(\w+)"(?:, severity="(\w+)")?\} ([-+0-9.eE]+)')


class AlertRow(Record, frozen=True, kw_only=True):
    """What is known of one alert."""

    alert: str
    severity: str
    unit_tested: bool
    """The rule file's tests have a firing and a silent case of it."""
    mutants: int | None
    """Of the alert's own rule; None: the run's folder has no `mutation.json`."""
    killed: int | None
    silent_on_run: bool
    """Never firing while the run is played as recorded."""
    faults: dict[str, int | None]
    """By fault that must set it off: seconds of the rules' clock until it fired; None: it did not."""

    @property
    def fired_on_fault(self) -> bool:
        """True only if each fault that must set the alert off did so, and there is one."""
        return bool(self.faults) and all(value_s is not None for value_s in self.faults.values())


class AlertTable(Record, frozen=True, kw_only=True):
    """`alerts.json`, in the folder of the recorded run."""

    version: str
    """promtool's."""
    samples: int
    """Of the run, each a minute of the rules' clock."""
    fault_at: int
    """The sample from which on a fault changes the series."""
    rows: tuple[AlertRow, ...]
    unexpected: dict[str, tuple[str, ...]]
    """By fault, alerts that fired too without being set off by it on purpose."""

    @property
    def ok(self) -> bool:
        """True only if every alert is tested, fires on its faults, and its mutants, where counted, were all killed."""
        return all(row.unit_tested and row.fired_on_fault and row.mutants == row.killed for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Firing:
    alert: str
    severity: str
    minute: int


def replay(folder: Path, rules: Path, tests: Path, promtool: Promtool) -> AlertTable:
    """Play a scenario's recorded samples through the rules. RulesError where there are none, or too few."""
    series, count = read_samples(folder / SAMPLES)
    file = read_rules(rules)
    fault_at = count // 2
    as_recorded = {(one.alert, one.severity) for one in _play(series, count, rules, promtool)}
    fired = {name: _play(fault.change(series, fault_at), count, rules, promtool) for name, fault in FAULTS.items()}
    mutation = _mutation(folder)
    untested = coverage_problems(file, read_tests(tests), {rules.name: True})
    rows = []
    for rule in file.alerts:
        alert, severity = rule.alert or "", rule.labels.get("severity", "")
        scores = [score for score in mutation.rules if score.rule == rule.identity] if mutation else []
        rows.append(
            AlertRow(
                alert=alert,
                severity=severity,
                unit_tested=not any(problem.startswith(rule.identity) for problem in untested),
                mutants=scores[0].mutants if scores else None,
                killed=scores[0].killed if scores else None,
                silent_on_run=(alert, severity) not in as_recorded,
                faults={
                    name: _seconds(fired[name], alert, severity, fault_at)
                    for name, fault in FAULTS.items()
                    if alert in fault.alerts
                },
            )
        )
    unexpected = {
        name: tuple(sorted({one.alert for one in found} - FAULTS[name].alerts - {alert for alert, _ in as_recorded}))
        for name, found in fired.items()
    }
    return AlertTable(
        version=promtool.version,
        samples=count,
        fault_at=fault_at,
        rows=tuple(rows),
        unexpected={name: alerts for name, alerts in unexpected.items() if alerts},
    )


def table_text(table: AlertTable) -> str:
    """Return the table as text, one alert a line. Pure."""
    lines = [f"{'alert':28} {'severity':9} {'tests':6} {'mutants':8} {'this run':9} on fault (seconds to fire)"]
    for row in table.rows:
        faults = ", ".join(
            f"{name} {'NOT FIRED' if value_s is None else f'{value_s} s'}" for name, value_s in row.faults.items()
        )
        score = "-" if row.mutants is None else f"{row.killed}/{row.mutants}"
        silent = "silent" if row.silent_on_run else "FIRED"
        tested = "yes" if row.unit_tested else "NO"
        lines.append(f"{row.alert:28} {row.severity:9} {tested:6} {score:8} {silent:9} {faults or 'no fault for it'}")
    lines.append(
        f"{table.samples} samples, one a minute of the rules' clock; each fault from sample {table.fault_at} on"
    )
    return "\n".join(lines)


def read_samples(path: Path) -> tuple[Series, int]:
    """Return the target's recorded series, one value a scrape (None: none), and the number of scrapes.

    RulesError where the file is missing, malformed or too short.
    """
    try:
        lines = lzma.decompress(path.read_bytes()).decode().splitlines()
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise RulesError(f"{path.name}: no recorded samples can be read there ({error}); run load") from error
    found: dict[str, dict[int, float]] = {}
    labelled: dict[str, dict[str, str]] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            raise RulesError(f"{path.name}: {line[:80]!r} is no sample as `promtool tsdb dump` prints them")
        labels = dict(_LABEL.findall(match["labels"]))
        if labels.get("__name__") == "up" or labels.get("__name__", "").startswith("export_"):
            found.setdefault(match["labels"], {})[int(match["ms"])] = float(match["value"])
            labelled[match["labels"]] = labels
    scrapes = sorted({ms for key, values in found.items() if labelled[key]["__name__"] == "up" for ms in values})
    if len(scrapes) < FEWEST_SAMPLES:
        raise RulesError(f"{path.name} holds {len(scrapes)} scrapes; at least {FEWEST_SAMPLES} are needed")
    return {
        tuple(sorted(labelled[key].items())): [values.get(ms) for ms in scrapes] for key, values in found.items()
    }, len(scrapes)


def _seconds(fired: tuple[_Firing, ...], alert: str, severity: str, fault_at: int) -> int | None:
    return next(
        (
            (one.minute - fault_at) * MINUTE_S
            for one in fired
            if (one.alert, one.severity) == (alert, severity) and one.minute >= fault_at
        ),
        None,
    )


def _play(series: Series, count: int, rules: Path, promtool: Promtool) -> tuple[_Firing, ...]:
    """Return when each alert fired first. promtool has no output but that of a failed test: it expects nothing."""
    expr = f'min by (alertname, severity) (min_over_time(timestamp(ALERTS{{alertstate="firing"}})[{count}m:1m]))'
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": _written(key), "values": " ".join(map(_value, values))} for key, values in series.items()
                ],
                "promql_expr_test": [{"eval_time": f"{count - 1}m", "expr": expr, "exp_samples": []}],
            }
        ],
    }
    with tempfile.TemporaryDirectory(prefix="replay-") as made:
        folder = Path(made)
        (folder / "rules.yml").write_bytes(rules.read_bytes())
        (folder / "replay.test.yml").write_bytes(msgspec.json.encode(document))
        outcome = promtool.test_rules(folder / "replay.test.yml")
    got = outcome.output.partition("got:")[2]
    if outcome.exit_code != 0 and not got:
        raise RulesError(f"promtool could not play the run: {outcome.output.strip()[:300]}")
    return tuple(
        _Firing(alert, severity, round(float(moment)) // MINUTE_S) for alert, severity, moment in _FIRST.findall(got)
    )


def _written(key: tuple[tuple[str, str], ...]) -> str:
    labels = dict(key)
    name = labels.pop("__name__")
    inside = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}"


def _value(value: float | None) -> str:
    if value is None:
        return "stale"
    return "NaN" if math.isnan(value) else f"{value:.17g}"


def _mutation(folder: Path) -> MutationResults | None:
    for place in (folder, folder.parent):
        try:
            return msgspec.json.decode((place / "mutation.json").read_bytes(), type=MutationResults)
        except (OSError, msgspec.DecodeError):
            continue
    return None
