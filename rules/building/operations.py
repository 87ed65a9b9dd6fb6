"""What the templates of the groups `export_operations` and `export_objective` are filled with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assertions.contract import FAMILIES
from assertions.limits import Limits
from rules.proving.mutants import seconds
from rules.records import RulesError

SHORT_WINDOWS: Final = 12
"""A burn-rate alert's long window over its short one, as the SRE Workbook has it."""
SHORTEST_S: Final = 300
"""A short window of fewer seconds holds too few scrapes."""


RISES: Final = (4, 5, 6, 3, 8)
"""In the tests of the recorded shares, how many times as much is asked for once all of it fails; first fit."""
SAMPLES: Final = 40
"""Of one window in the tests of the recorded shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """One burn-rate alert, and the values of its tests."""

    alert: str
    severity: str
    factor: float
    """How many times too fast the error budget is spent at the bound."""
    above: float
    """The bound: a share of failed exports."""
    long: str
    short: str
    over: float
    under: float
    """Shares on both sides of the bound."""
    idle_samples: int
    """Minutes without an export after which the short window is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareCase:
    """The test of one recorded share of failures."""

    window: str
    step_ms: int
    """Between two samples."""
    rise: int
    at: str | None
    """A moment in the window's middle third at which the share is nearly a whole number of tenths; None: none is."""
    tenths: int


def values(limits: Limits) -> dict[str, object]:
    """Return the templates' values. RulesError when a burn rate's bound lies above all exports."""
    budget = round(1 - limits["success_ratio"].target, 12)
    burns = (
        _burn(limits, "burn_fast", "ExportErrorBudgetBurnFast", "critical", budget),
        _burn(limits, "burn_slow", "ExportErrorBudgetBurnSlow", "warning", budget),
    )
    windows = dict.fromkeys(window for burn in burns for window in (burn.long, burn.short))
    return {
        "every_series": [family.series[0] for family in FAMILIES],
        "budget": budget,
        "burns": burns,
        "burn_windows": [_share_case(window) for window in windows],
    }


def _burn(limits: Limits, bound_id: str, alert: str, severity: str, budget: float) -> Burn:
    bound = limits.alerts[bound_id]
    above = round(bound.above * budget, 12)
    if above >= 1:
        raise RulesError(
            f"alert bound {bound_id}: {bound.above:g} times the error budget of {100 * budget:g} % is more than all "
            f"exports; give [[alert]] {bound_id} an `above` below {1 / budget:g}"
        )
    assert bound.window_s is not None  # the limits file was refused without one
    long_s = bound.window_s
    short_s = max(long_s // SHORT_WINDOWS, min(long_s, SHORTEST_S))
    return Burn(
        alert=alert,
        severity=severity,
        factor=bound.above,
        above=above,
        long=duration(long_s),
        short=duration(short_s),
        over=round(min(1.04 * above, (1 + above) / 2) or 0.01, 12),
        under=round(0.96 * above, 12),
        idle_samples=short_s // 60 + 5,
    )


def _share_case(window: str) -> ShareCase:
    """Return the test values of one recorded share; `at` is a whole minute, when the rules are evaluated."""
    window_s = seconds(window)
    began_s = 2 * window_s
    step_ms = window_s * 1000 // SAMPLES
    for rise in RISES:
        for moment_s in range(-(-(began_s + window_s // 3) // 60) * 60, began_s + 2 * window_s // 3, 60):
            gone = (moment_s - began_s) / window_s
            tenths = 10 * rise * gone / (1 - gone + rise * gone)
            if abs(tenths - round(tenths)) < 0.2:
                at = f"{moment_s // 60}m"
                return ShareCase(window=window, step_ms=step_ms, rise=rise, at=at, tenths=round(tenths))
    return ShareCase(window=window, step_ms=step_ms, rise=1, at=None, tenths=0)


def duration(value_s: int) -> str:
    """Return seconds as Prometheus writes them: `1h`, `5m`, `90s`."""
    for unit, length_s in (("h", 3600), ("m", 60)):
        if value_s % length_s == 0:
            return f"{value_s // length_s}{unit}"
    return f"{value_s}s"
