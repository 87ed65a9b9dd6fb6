"""Recorded samples played through the unmodified rules under promtool.

Each recorded sample stands for one minute of the rules' clock, so that windows and `for` of minutes pass in a run of
seconds.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from assertions.record.prometheus_run import SAMPLES
from assertions.record.results.alerts_replayed import AlertsProof, AlertsReplayed, FiredAlert, ReplayedScenario
from rules.promtool import Promtool
from rules.proving.faults import Key, Series
from rules.proving.samples import read_samples
from rules.records import RulesError, read_rules

NO_SAMPLES: Final = "no scenario has recorded samples; they need a Prometheus server during load or batch"

_FIRST: Final = re.compile(r'\{alertname="(\w+)"(?:, severity="(\w+)")?\} ([-+0-9.eE]+)')


def replay_run(
    folder: Path, rules: Path, rules_sha256: str, promtool: Promtool, proof: AlertsProof | None
) -> AlertsReplayed:
    """Play the samples of every scenario of a run directory through the rules.

    RulesError where samples or rules can't be read, or promtool can't play them.
    """
    found = {path.parent.name: read_samples(path) for path in sorted(folder.glob(f"*/{SAMPLES}"))}
    if not found:
        return AlertsReplayed(problem=NO_SAMPLES, proof=proof, rules_sha256=rules_sha256)
    fired = play_all({name: series for name, (series, _) in found.items()}, rules, promtool)
    return AlertsReplayed(
        problem=None,
        version=promtool.version,
        rules_sha256=rules_sha256,
        alerts=tuple((rule.alert or "", rule.labels.get("severity", "")) for rule in read_rules(rules).alerts),
        scenarios=tuple(
            ReplayedScenario(scenario=name, samples=count, fired=fired[name]) for name, (_, count) in found.items()
        ),
        proof=proof,
    )


def play_all(
    plays: Mapping[str, Series], rules: Path, promtool: Promtool, since: int = 0
) -> dict[str, tuple[FiredAlert, ...]]:
    """Play several sets of series, each by itself, as many at once as there are cores; return what fired by name.

    since: the sample from which on firing counts.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        fired = pool.map(lambda series: play(series, rules, promtool, since), plays.values())
        return dict(zip(plays, fired, strict=True))


def play(series: Series, rules: Path, promtool: Promtool, since: int = 0) -> tuple[FiredAlert, ...]:
    """Return each alert that fired, and at which sample first.

    promtool shows what a query yields only where a test fails: this one expects nothing.
    """
    count = max(len(values) for values in series.values())
    firing = f'min_over_time(timestamp(ALERTS{{alertstate="firing"}})[{count - since}m:1m])'
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": _written(key), "values": " ".join(map(_value, values))} for key, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "eval_time": f"{count - 1}m",
                        "expr": f"min by (alertname, severity) ({firing})",
                        "exp_samples": [],
                    }
                ],
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
        raise RulesError(f"promtool could not play the samples: {outcome.output.strip()[:300]}")
    found = [
        FiredAlert(alert=alert, severity=severity, sample=round(float(moment)) // 60)
        for alert, severity, moment in _FIRST.findall(got)
    ]
    return tuple(sorted((one for one in found if one.sample >= since), key=lambda one: (one.sample, one.alert)))


def _written(key: Key) -> str:
    labels = dict(key)
    name = labels.pop("__name__")
    inside = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}"


def _value(value: float | None) -> str:
    if value is None:
        return "stale"
    return "NaN" if math.isnan(value) else f"{value:.17g}"
