"""What replaying a run's recorded samples through the alert rules left: `alerts.json` in a run directory."""

from __future__ import annotations

from assertions.record.types import Record

ALERTS = "alerts.json"


class ProvedAlert(Record, frozen=True, kw_only=True):
    """What the rules' own proof says of one alert."""

    alert: str
    severity: str
    unit_tested: bool
    """The rule file's tests have a firing and a silent case of it."""
    mutants: int
    """Of the alert's own rule and of what it records from, without the equivalent ones."""
    killed: int
    equivalent: int
    """Mutants that no test can tell from the rule, listed with their reason."""
    faults: dict[str, int | None]
    """By fault that must set it off: seconds of the rules' clock until it fired; None: it did not."""

    @property
    def fired_on_fault(self) -> bool:
        """True only if each fault that must set the alert off did so, and there is one."""
        return bool(self.faults) and all(seconds is not None for seconds in self.faults.values())


class AlertsProof(Record, frozen=True, kw_only=True):
    """`proof.json` of the rules: mutation and faults, as `python -m rules prove` found them."""

    version: str
    """promtool's."""
    rules_sha256: str
    """Of rule file and test file, as `rules.proving.proof.hash_of` takes it."""
    samples_sha256: str
    """Of the recorded samples that the faults were put into."""
    made: str
    """When; ISO 8601, UTC."""
    alerts: tuple[ProvedAlert, ...]
    """In the rule file's order."""
    unexpected: dict[str, tuple[str, ...]]
    """By fault, alerts that fired too without being set off by it on purpose."""

    @property
    def ok(self) -> bool:
        """True only if every alert is tested, fires on its faults, and its mutants were all killed."""
        return bool(self.alerts) and all(
            one.unit_tested and one.fired_on_fault and one.mutants > 0 and one.mutants == one.killed
            for one in self.alerts
        )


class FiredAlert(Record, frozen=True, kw_only=True):
    """An alert that fired while a scenario's samples were replayed."""

    alert: str
    severity: str
    sample: int
    """At which it fired first, from 0."""


class ReplayedScenario(Record, frozen=True, kw_only=True):
    """One scenario's samples, played as they were recorded."""

    scenario: str
    samples: int
    """Each a minute of the rules' clock."""
    fired: tuple[FiredAlert, ...]


class AlertsReplayed(Record, frozen=True, kw_only=True):
    """`alerts.json`."""

    problem: str | None
    """Why nothing was replayed: no promtool, or no recorded samples; None: all below was measured."""
    version: str | None = None
    """promtool's."""
    rules_sha256: str | None = None
    """Of the rules that were played, as in the proof."""
    alerts: tuple[tuple[str, str], ...] = ()
    """Name and severity of each alert of these rules, in the file's order."""
    scenarios: tuple[ReplayedScenario, ...] = ()
    proof: AlertsProof | None = None
    """As it was stored at the time; None: none was."""

    @property
    def proof_is_stale(self) -> bool:
        """The stored proof was made for other rules than those that were played."""
        return self.proof is not None and self.proof.rules_sha256 != self.rules_sha256
