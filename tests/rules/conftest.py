"""Shared parts: copies of the committed rule files to break, and the command as a real subprocess."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from assertions.record.results.alerts_replayed import AlertsProof
from rules import __main__ as command
from rules.proving import proof as proofs
from rules.server.cache import Cache
from tests.processes import Ended, run_main

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules" / "export.yml"
TESTS = ROOT / "rules" / "export.test.yml"


@dataclass(frozen=True)
class Copies:
    """Copies of the committed files, to be broken."""

    rules: Path
    tests: Path


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file; it must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def stored_proof() -> AlertsProof:
    """The stored proof of the rules; a test that needs it is skipped, visibly, where none was made yet."""
    proof = proofs.read()
    if proof is None:
        pytest.skip("NO DATA: rules/proving/proof.json is not there; `nox -s rules` makes it")
    return proof


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    """The committed rule and test file, copied side by side."""
    return Copies(
        rules=Path(shutil.copy(RULES, tmp_path / "export.yml")),
        tests=Path(shutil.copy(TESTS, tmp_path / "export.test.yml")),
    )


SOME = (
    "ExportLatencyP95High", "ExportConcurrentHigh", "ExportQueueNearlyFull", "ExportQueueOverBound",
    "ExportOverConcurrencyLimit", "ExportMemoryHigh",
)  # fmt: skip
"""Alerts of the rule file's first two groups, which promtool tests in a tenth of the time of all."""
_COMMENT = re.compile(r"^ *#.*\n", re.MULTILINE)


def cut(files: Copies) -> Copies:
    """Leave `SOME` of the alerts and their cases in the files: promtool takes seconds for all of them."""
    alert = re.compile(r"^      - alert: (\w+)\n(?:        .*\n)+", re.MULTILINE)
    rules = files.rules.read_text()
    two_groups = rules[: rules.index("\n  - name: export_operations")]
    files.rules.write_text(alert.sub(lambda found: found[0] if found[1] in SOME else "", two_groups))
    first, *cases = re.split(r"(?m)^(?=  - name: )", files.tests.read_text())
    left = [case for case in cases if any(name in _COMMENT.sub("", case) for name in SOME)]
    files.tests.write_text("".join([first, *left]))
    return files


def narrow(files: Copies, alert: str) -> None:
    """Leave the cases of one alert, the alerts that these name, and what those read; JSON then, which is YAML too."""
    rules, tests = (msgspec.yaml.decode(path.read_bytes()) for path in (files.rules, files.tests))
    cases = [case for case in tests["tests"] if alert in json.dumps(case)]
    files.tests.write_text(json.dumps({**tests, "tests": cases}))
    named = json.dumps(cases)
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert", "\0") in named]

    def is_needed(rule: dict[str, Any]) -> bool:
        return rule in alerts or any(rule.get("record", "\0") in one["expr"] for one in alerts)

    groups = [{**group, "rules": [rule for rule in group["rules"] if is_needed(rule)]} for group in rules["groups"]]
    files.rules.write_text(json.dumps({"groups": [group for group in groups if group["rules"]]}))


@pytest.fixture
def some(copies: Copies) -> Copies:
    """Copies with `SOME` of the alerts, to be broken."""
    return cut(copies)


class RunCommand(Protocol):
    """Runs the command `python -m rules` with these arguments."""

    def __call__(self, *arguments: str | Path, **env: str) -> Ended:
        """Keyword arguments are environment variables on top of this process's own."""


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Cache:
    """Outcomes of unit tests that promtool ran in this session, for `--kept`: shared by its workers."""
    base = tmp_path_factory.getbasetemp()
    return Cache((base if worker_id == "master" else base.parent) / "promtool-tests", 8)


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: Cache) -> RunCommand:
    """Run the command in this process; promtool is started for real.

    Without a promtool 3.x, whether this machine has one or not: what it adds has tests of its own.
    """
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(command, "kept_tests", lambda env: kept)
    monkeypatch.setenv("PROMTOOL3", str(ROOT / "absent"))

    def run(*arguments: str | Path, **env: str) -> Ended:
        with monkeypatch.context() as environment:
            for name, value in env.items():
                environment.setenv(name, value)
            return run_main(command.main, *arguments, captured=capsys)

    return run
