"""What a report shows in addition to the verdicts: figures of the record, and texts of files written before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from assertions.record.results.alerts_replayed import AlertsReplayed
from assertions.record.results.panels_drawn import PanelsDrawn
from evidence.comparison.types import Comparison
from evidence.reports.examples import Found
from evidence.reports.information import Information
from evidence.reports.latencies import Latencies
from evidence.reports.proofs.fault_coverage import Sensitivity


@dataclass(frozen=True)
class Instrument:
    """How the load generator did in one scenario; None: not known, or nothing to know."""

    cpu_ratio: float | None
    event_loop_lag_p99_ms: float | None
    start_delay_p99_ms: float | None
    """Of open arrivals, waits for a free connection included."""
    scheduling_delay_p99_ms: float | None
    """The generator's own part of it."""
    errors_ms: Sequence[float]
    """What its clock said beyond a known server's own, one a request."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One picture of the run."""

    title: str
    path: str
    """Relative to the run directory."""
    caption: str
    """One sentence, computed from the verdicts."""
    aspect: float = 0.4
    """Height by width."""

    @property
    def name(self) -> str:
        """What no other plot of the report is named."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a scenario ran."""

    url: str
    """The target's."""
    embedded: bool
    insecure: bool = False
    """Its https certificate was not checked."""
    header_variables: tuple[str, ...] = ()
    """Environment variables that held headers for each request, by name."""
    bodies: frozenset[str] = frozenset()
    """Cases whose request bodies can be made again from the seed."""
    seed: int
    seconds: float
    """From the scenario's start to its end."""
    end: float
    """Unix seconds."""


@dataclass(frozen=True)
class Figures:
    """What the report shows in addition to the verdicts."""

    latencies: Sequence[Latencies] = ()
    """By scenario, phase and case."""
    information: Sequence[Information] = ()
    """Figures without a limit."""
    differences: Sequence[str] = ()
    """Why the two sources' figures differ, one sentence a pair."""
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    """By scenario."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """By scenario."""
    target_version: str | None = None
    """By `/export/status`."""
    target_name: str | None = None
    """The same; None: the status page has no name."""
    plots: Sequence[Plot] = ()
    panels: PanelsDrawn | None = None
    """The dashboard's panels as they were drawn; None: they were not."""
    alerts: AlertsReplayed | None = None
    """The run's samples as they were replayed through the alert rules; None: they were not."""
    sensitivity: Sensitivity | None = None
    generators: Mapping[str, str] = field(default_factory=dict)
    """Scenario to one line on the load generator."""
    found: Mapping[tuple[str, str], Found] = field(default_factory=dict)
    """(scenario, check) of what is not a PASS: the first bad request, and an example of each kind."""
    changes: Sequence[str] | None = None
    """What changed since the baseline, a line each; None: there is no earlier run to compare with."""
    comparison: Comparison | None = None
    """The same as figures; None: there is no earlier run, or what was stored can't be read."""
