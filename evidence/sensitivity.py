"""Which fault turned which check red: the proof that a check can fail, made by `nox -s zoo` and kept here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from assertions.checks import CHECKS, SIX
from assertions.records import Record

STORED = Path(__file__).with_name("sensitivity.json")
NAME = "sensitivity.json"

NO_SERVICE = {
    "throughput": "none: five clients get so little only at 100 s an export; P95 fails long before",
    "generator": "none: it blames no target; a load that was not what was asked is NO DATA",
    "calibration": "none: it blames no target; an instrument that errs is NO DATA",
    "shutdown": "none: only a service that the harness started is judged by it",
    "files-present": "none yet: this check is newer than the last run over the broken services",
    "service-log": "none: no log of theirs is captured; only the embedded service's, or that of --log, is judged",
    "buckets": "none yet: this check is newer than the last run over the broken services",
    "rules": "none: a rule that its test refutes does, not a service",
    "dashboard": "none: a query of a metric that is not in the contract does, not a service",
}
"""Why no service of the zoo turns these red; records and files that do are among the tests."""


class Shown(Record, frozen=True, kw_only=True):
    """One fault that turned a check red."""

    fault: str
    """The broken service's name."""
    why: str
    """What is wrong with it."""
    alone: bool = False
    """No other check turned red: without this one it would have been green."""


class Sensitivity(Record, frozen=True, kw_only=True):
    """What one run over the whole zoo showed."""

    commit: str | None
    when: str
    """ISO 8601, UTC."""
    judge_sha256: str
    """Of the judge that was shown able to fail."""
    faults: int
    """Broken services that were judged."""
    caught: int
    """Those that were not green, for a fitting reason."""
    healthy: int
    """Healthy services that were judged."""
    green: int
    """Those that came out GREEN."""
    checks: dict[str, tuple[Shown, ...]]
    """Check id to the faults that turned it red, at most five: first those that no other check saw, then the fitting
    ones."""


def read(path: Path) -> Sensitivity | None:
    """Read a stored sensitivity file; None where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sensitivity)
    except (OSError, msgspec.DecodeError):
        return None


def lines(shown: Sensitivity | None, judge_sha256: str) -> Iterable[str]:
    """The report's section, as Markdown; a stale or missing proof says so."""
    yield "## Each assertion was seen to fail"
    yield ""
    if shown is None:
        yield "NO DATA: no sensitivity.json is stored; `nox -s zoo` makes it."
        return
    stale = "" if shown.judge_sha256 == judge_sha256 else " **Stale: made with another version of the judge.**"
    yield (
        f"{shown.caught} of {shown.faults} broken services were caught for a fitting reason and {shown.green} of "
        f"{shown.healthy} healthy ones came out GREEN, the last of them on {shown.when} at commit "
        f"{(shown.commit or 'unknown')[:12]}.{stale}"
    )
    yield ""
    yield "| check | part of | a fault that turned it red | it alone saw |"
    yield "|---|---|---|---|"
    for check in CHECKS:
        part = ", ".join(six.title for six in SIX if check.id in (*six.target, *six.outside, *six.agreement))
        faults = shown.checks.get(check.id, ())
        first = f"`{faults[0].fault}`: {faults[0].why}" if faults else NO_SERVICE.get(check.id, "**none yet**")
        alone = ", ".join(f"`{shown.fault}`" for shown in faults if shown.alone)
        yield f"| `{check.id}` | {part or '–'} | {first} | {alone or '–'} |"
