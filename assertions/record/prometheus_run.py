"""What a Prometheus server that scraped the target recorded in one scenario: `prometheus.json`."""

from __future__ import annotations

from assertions.record.types import Record

PROMETHEUS = "prometheus.json"

SAMPLES = "prometheus_samples.txt.xz"
"""The server's samples as `promtool tsdb dump` prints them, compressed."""
"""In a scenario's folder."""


class ScrapedTarget(Record, frozen=True, kw_only=True):
    """The target's state in the server at the end."""

    url: str
    health: str
    """`up`, `down`, or `unknown` before the first scrape."""
    error: str
    """Of the latest scrape; empty when the scrape succeeded."""


class RuleHealth(Record, frozen=True, kw_only=True):
    """One rule as the server evaluated it."""

    name: str
    """The alert, or the recorded series."""
    severity: str
    """Empty where the rule gives none."""
    health: str
    """`ok`, `err`, or `unknown` before its first evaluation."""
    error: str


class AlertState(Record, frozen=True, kw_only=True):
    """A span in which an alert was pending or firing."""

    name: str
    severity: str
    state: str
    """`pending` or `firing`."""
    labels: dict[str, str]
    """Without the alert's own name, severity and state."""
    first: float
    last: float
    """Unix seconds of the first and last evaluation in that state."""


class PanelSeries(Record, frozen=True, kw_only=True):
    """One series of a panel's query over the run."""

    labels: dict[str, str]
    points: int
    finite: int
    """How many points are finite numbers."""
    first: float | None
    last: float | None
    lowest: float | None
    highest: float | None
    """Of the finite points; None without any."""
    whole: float | None
    """At the end, with the whole run for $__rate_interval; None where that is no finite number."""


class PanelQuery(Record, frozen=True, kw_only=True):
    """One query of one panel."""

    panel: str
    ref: str
    expression: str
    """As the dashboard has it, variables in place."""
    error: str | None
    """The server's message when it refused the query."""
    series: tuple[PanelSeries, ...]


class PrometheusRun(Record, frozen=True, kw_only=True):
    """What a Prometheus server recorded of one scenario."""

    problem: str | None
    """Why there is nothing: no server could be had, or it failed; None: all below was recorded."""
    version: str = ""
    start: float = 0.0
    end: float = 0.0
    """Unix seconds: the span of the panels' queries; ends where clients begin to disconnect."""
    scrape_interval_s: float = 0.0
    scrapes: int = 0
    """Up to the end."""
    failed_scrapes: int = 0
    warnings: tuple[str, ...] = ()
    """Lines of the server's log at level warn or error."""
    targets: tuple[ScrapedTarget, ...] = ()
    rules: tuple[RuleHealth, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    panels: tuple[PanelQuery, ...] = ()
