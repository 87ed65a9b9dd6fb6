"""Why no panel could be drawn."""

from __future__ import annotations

from dashboards.model import DashboardError


class PanelsError(DashboardError):
    """Nothing could be drawn; the message says what is missing and what to do."""
