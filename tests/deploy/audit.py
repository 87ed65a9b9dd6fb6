"""Known vulnerabilities in the locked requirements: `nox -s audit`.

Runs pip-audit on each requirements file. Exit code 1 where a package has a known vulnerability. A package that could
not be looked up is NO DATA, with the reason and without failing: pip-audit itself calls such a file clean.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300


@dataclass(frozen=True)
class Audit:
    """What was found in one file."""

    known: int
    """Packages that were looked up."""
    vulnerable: tuple[str, ...] = ()
    """A line for each vulnerability."""
    unknown: tuple[str, ...] = ()
    """Packages that could not be looked up."""
    reason: str | None = None
    """Why not."""

    @property
    def line(self) -> str:
        """A sentence."""
        if self.vulnerable:
            return f"FAIL: {len(self.vulnerable)} known vulnerabilities in {self.known} packages"
        if self.reason is not None:
            return f"NO DATA: {len(self.unknown) or 'all'} packages could not be looked up: {self.reason}"
        return f"PASS: no known vulnerability in {self.known} packages"


def read(output: str, code: int, errors: str) -> Audit:
    """Read pip-audit's JSON; what is no JSON is NO DATA, with the last line of its errors."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = errors.strip().splitlines()
        return Audit(0, reason=f"pip-audit ended with {code}: {lines[-1][:200] if lines else 'it wrote nothing'}")
    skipped = [package for package in packages if "skip_reason" in package]
    found = [
        f"{package['name']} {package['version']}: {problem['id']}, "
        f"mended in {', '.join(problem['fix_versions']) or 'no version'}"
        for package in packages
        for problem in package.get("vulns", ())
    ]
    return Audit(
        known=len(packages) - len(skipped),
        vulnerable=tuple(found),
        unknown=tuple(package["name"] for package in skipped),
        reason=skipped[0]["skip_reason"] if skipped else None,
    )


def audit(path: Path) -> Audit:
    """Run pip-audit on one file; it installs and resolves nothing."""
    words = ("--requirement", str(path), "--disable-pip", "--require-hashes", "--format", "json")
    command = [sys.executable, "-m", "pip_audit", *words, "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Audit(0, reason=f"no answer within {TIMEOUT_S} s")
    return read(done.stdout, done.returncode, done.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Audit the files named, by default all of requirements/; print a line for each."""
    words = sys.argv[1:] if argv is None else argv
    paths = [Path(word) for word in words] or sorted((ROOT / "requirements").glob("*.txt"))
    failed = False
    for path in paths:
        found = audit(path)
        failed = failed or bool(found.vulnerable)
        print(f"{path.name}: {found.line}", flush=True)
        for problem in found.vulnerable:
            print(f"    {problem}", flush=True)
        if found.reason is not None and os.environ.get("GITHUB_ACTIONS"):
            print(f"::warning title=audit of {path.name}::{found.line}", flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
