"""What this package writes: the check of the dashboard's file, and what a live Prometheus brought."""

from __future__ import annotations

from typing import Literal

from assertions.record.types import Record

StepName = Literal["structure", "expressions", "series offered"]


class CheckStep(Record, frozen=True, kw_only=True):
    """One check of a dashboard's file."""

    name: StepName
    ok: bool
    """True only if the check was made and found nothing wrong."""
    output: str
    """The problems, one a line; empty when there are none."""
    note: str | None = None
    """What was looked at, or why the check could not be made."""


class DashboardResults(Record, frozen=True, kw_only=True):
    """The check of one dashboard's file: `dashboard.json`."""

    file: str
    """By name only."""
    steps: tuple[CheckStep, ...]
    """`structure`, then `expressions`; then `series offered`, when a metrics page was given."""
    ok: bool
    """True only if every step is."""
    ours: bool | None = None
    """True: this project's own dashboard; False: one that the user named; None in results from before this was kept."""


class LiveQuery(Record, frozen=True, kw_only=True):
    """What one query brought."""

    ref: str
    expression: str
    """As asked, variables replaced."""
    series: int
    """How many came."""
    series_with_data: int
    """Of these, how many have at least one finite value; NaN is no data."""
    error: str | None
    """Prometheus' own account when it refused the query; None when it took it."""


class LivePanel(Record, frozen=True, kw_only=True):
    """What one panel's queries brought."""

    id: int | None
    title: str
    queries: tuple[LiveQuery, ...]
    ok: bool
    """True only if there are queries and each brought data."""


class LiveResults(Record, frozen=True, kw_only=True):
    """One look at all panels: `dashboard_live.json`."""

    start: float
    """Unix seconds: the left edge of the panels."""
    end: float
    """Unix seconds: the right edge."""
    step_s: float
    panels: tuple[LivePanel, ...]
    ok: bool
    """True only if there are panels and each is ok."""
