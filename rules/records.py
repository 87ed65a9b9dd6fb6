"""What this package writes and reads: the results file, and the parts of rule and test files that are checked.

promtool itself judges the whole syntax of its files; the types here hold only what the checks look at, and leave
unknown keys, so that a newer promtool may know more of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from assertions.record.types import Record

StepName = Literal[
    "version",
    "check rules",
    "test rules",
    "check rules 3.x",
    "test rules 3.x",
    "rule coverage",
    "expressions",
    "check metrics",
    "series offered",
]


T = TypeVar("T")


class RulesError(Exception):
    """Root of this package's errors: something that leaves no verdict, such as a missing or malformed input."""


class Step(Record, frozen=True, kw_only=True):
    """One check that was made, or could not be."""

    name: StepName
    """Which; the set is closed."""
    argv: tuple[str, ...]
    """The command as run, files by name only; empty for our own check."""
    exit_code: int | None
    """Of the command; None where no command ran."""
    output: str
    """What the command printed, stdout then stderr; for our own check its problems, one a line."""
    ok: bool
    """True only if the check ran and found nothing wrong."""
    note: str | None = None
    """What a reader needs to know about it: what was allowed, or why the check could not be made."""


class PromtoolResults(Record, frozen=True, kw_only=True):
    """One run of all checks of one rule file."""

    version: str | None
    """promtool's own; None when it could not be had."""
    steps: tuple[Step, ...]
    """In the order of `StepName`; those of 3.x only where there was one, the last two only with a metrics page."""
    ok: bool
    """True only if every step is."""
    alerts: tuple[str, ...]
    """Names of the rule file's alerts, once each, in its order."""
    file: str | None = None
    """The rule file, by name only; None in results from before it was recorded."""
    ours: bool | None = None
    """True: this project's own rules; False: rules that the user named; None: as with `file`."""
    next_version: str | None = None
    """Of a promtool 3.x that checked the rules too, where the first is older; None: none did."""
    next_problem: str | None = None
    """Why none did."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One alert or recording rule."""

    expr: str
    alert: str | None = None
    record: str | None = None
    wait: str | int = msgspec.field(name="for", default="")
    """`for`: how long the condition must hold, as written; empty: no wait."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @property
    def identity(self) -> str:
        """The name with its own labels, as a reader writes it: `Name{severity="warning"}`."""
        labels = ", ".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        return f"{self.alert or self.record}{{{labels}}}" if labels else f"{self.alert or self.record}"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are evaluated together."""

    name: str
    rules: tuple[Rule, ...] | None = None


class RuleFile(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file."""

    groups: tuple[Group, ...] | None = None

    @property
    def recordings(self) -> tuple[Rule, ...]:
        """The recording rules, in order."""
        return tuple(rule for rule in self.rules if rule.record is not None)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in order."""
        return tuple(rule for group in self.groups or () for rule in group.rules or ())

    @property
    def alerts(self) -> tuple[Rule, ...]:
        """The alert rules, in order."""
        return tuple(rule for rule in self.rules if rule.alert is not None)


class ExpectedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that a test says must fire."""

    exp_labels: dict[str, str] = {}


class AlertCase(msgspec.Struct, frozen=True, kw_only=True):
    """What one alert must be at one moment."""

    alertname: str | None = None
    eval_time: str = "0m"
    exp_alerts: tuple[ExpectedAlert, ...] | None = None


class InputSeries(msgspec.Struct, frozen=True, kw_only=True):
    """One series that a test feeds in."""

    series: str


class CaseGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One test: input series and what follows from them."""

    name: str = ""
    input_series: tuple[InputSeries, ...] | None = None
    alert_rule_test: tuple[AlertCase, ...] | None = None


class CaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """A promtool unit-test file."""

    rule_files: tuple[str, ...] | None = None
    tests: tuple[CaseGroup, ...] | None = None


def read_rules(path: Path) -> RuleFile:
    """Read a rule file; RulesError where it is missing or is none."""
    return _read(path, RuleFile, "rule file")


def read_tests(path: Path) -> CaseFile:
    """Read a promtool test file; RulesError where it is missing or is none."""
    return _read(path, CaseFile, "promtool test file")


def _read(path: Path, kind: type[T], what: str) -> T:
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind, strict=False)
    except OSError as error:
        raise RulesError(f"{path.name}: no {what} can be read there ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"{path.name} is no {what}: {' '.join(str(error).split())}") from error
