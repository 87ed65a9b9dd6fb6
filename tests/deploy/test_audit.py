"""The audit of the locked requirements: a vulnerability fails, and what could not be looked up is never a pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.deploy import audit


def package(name: str, *vulnerabilities: str, skip: str | None = None) -> dict[str, Any]:
    """One package as pip-audit writes it."""
    if skip is not None:
        return {"name": name, "skip_reason": skip}
    found = [{"id": one, "fix_versions": ["2.0"], "aliases": [], "description": ""} for one in vulnerabilities]
    return {"name": name, "version": "1.0", "vulns": found}


def output(*packages: dict[str, Any]) -> str:
    """pip-audit's output."""
    return json.dumps({"dependencies": packages, "fixes": []})


def test_no_vulnerability_is_a_pass() -> None:
    """All packages were looked up."""
    assert audit.read(output(package("a"), package("b")), 0, "").line == "PASS: no known vulnerability in 2 packages"


def test_a_vulnerability_fails() -> None:
    """It is named, with the version that mends it, also where another package could not be looked up."""
    found = audit.read(output(package("a", "PYSEC-1"), package("b", skip="gone")), 1, "")
    assert found.line == "FAIL: 1 known vulnerabilities in 1 packages"
    assert found.vulnerable == ("a 1.0: PYSEC-1, mended in 2.0",)


def test_a_package_that_was_not_looked_up_is_no_data() -> None:
    """pip-audit itself ends with 0 and says that no vulnerability is known."""
    found = audit.read(output(package("a"), package("b", skip="not found")), 0, "No known vulnerabilities found")
    assert found.line == "NO DATA: 1 packages could not be looked up: not found"


def test_no_answer_is_no_data() -> None:
    """Without a database pip-audit writes no JSON."""
    found = audit.read("", 1, "Traceback\nConnectionError: no route\n")
    assert (
        found.line == "NO DATA: all packages could not be looked up: pip-audit ended with 1: ConnectionError: no route"
    )


@pytest.mark.parametrize(("line", "code"), [("a 1.0: PYSEC-1", 1), (None, 0)])
def test_only_a_vulnerability_is_exit_1(
    line: str | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """NO DATA ends with 0, and in GitHub's CI is a warning too."""
    found = audit.Audit(1, (line,)) if line else audit.Audit(0, unknown=("b",), reason="gone")
    monkeypatch.setattr(audit, "audit", lambda _: found)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert audit.main(["run.txt"]) == code
    shown = capsys.readouterr().out
    assert ("    a 1.0: PYSEC-1\n" in shown) is (code == 1)
    warning = "::warning title=audit of run.txt::NO DATA: 1 packages could not be looked up: gone\n"
    assert (warning in shown) is (code == 0)
