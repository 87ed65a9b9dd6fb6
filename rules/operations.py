"""What the templates of the groups `export_operations` and `export_objective` are filled with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assertions.contract import FAMILIES
from assertions.limits import Limits
from rules.records import RulesError

SHORT_WINDOWS: Final = 12
"""A burn-rate alert's long window over its short one, as the SRE Workbook has it."""
SHORTEST_S: Final = 300
"""A short window of fewer seconds holds too few scrapes."""
WAIT_S: Final = 120
"""`for` of the burn-rate alerts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """One burn-rate alert, and the moments of its tests. Moments are whole minutes."""

    alert: str
    severity: str
    factor: float
    """How many times too fast the error budget is spent at the bound."""
    above: float
    """The bound: a share of failed exports."""
    long: str
    short: str
    step_s: int
    """Between two samples of its tests."""
    good_samples: int
    """Without a failure, at the start: more than two long windows."""
    bad_samples: int
    """In which everything fails: a long window and more."""
    steady: str
    """The long window is full of a steady share of failures."""
    idle_samples: int
    """Minutes without an export after which every window is empty."""
    share_over: float
    share_at: float
    share_under: float
    """Shares of failed exports around the bound."""
    rising_silent: str
    """The long window is below the bound, half of it would not be."""
    rising_fires: str
    """The long window is above the bound, twice of it would not be."""
    falling_fires: str
    """After the last failure: the short window is above the bound, half of it would not be."""
    falling_silent: str
    """The short window is below the bound, twice of it would not be."""


def values(limits: Limits) -> dict[str, object]:
    """Return the templates' values. RulesError when a burn rate's bound lies above all exports."""
    budget = round(1 - limits["success_ratio"].target, 12)
    burns = (
        _burn(limits, "burn_fast", "ExportErrorBudgetBurnFast", "critical", budget),
        _burn(limits, "burn_slow", "ExportErrorBudgetBurnSlow", "warning", budget),
    )
    return {
        "every_series": [family.series[0] for family in FAMILIES],
        "budget": budget,
        "burns": burns,
        "burn_windows": list(dict.fromkeys(window for burn in burns for window in (burn.long, burn.short))),
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
    step_s = max(15, short_s // 15 // 15 * 15)
    good = (2 * long_s // step_s + 2) // 4 * 4 + 4
    bad = (long_s // step_s + 2) // 4 * 4 + 4
    began_s, ended_s = good * step_s, (good + bad) * step_s
    crossed_s, dropped_s = above * long_s, (1 - above) * short_s
    return Burn(
        alert=alert,
        severity=severity,
        factor=bound.above,
        above=above,
        long=duration(long_s),
        short=duration(short_s),
        step_s=step_s,
        good_samples=good,
        bad_samples=bad,
        steady=_minute(began_s),
        idle_samples=long_s // 60 + 5,
        share_over=min(1.04 * above, (1 + above) / 2) if above else 0.01,
        share_at=above,
        share_under=0.96 * above,
        rising_silent=_minute(began_s + 0.75 * crossed_s),
        rising_fires=_minute(began_s + max(1.5 * crossed_s, crossed_s + WAIT_S + 2 * step_s) + 60),
        falling_fires=_minute(ended_s + 0.75 * dropped_s),
        falling_silent=_minute(ended_s + 1.5 * dropped_s + step_s + 60),
    )


def duration(value_s: int) -> str:
    """Return seconds as Prometheus writes them: `1h`, `5m`, `90s`."""
    for unit, length_s in (("h", 3600), ("m", 60)):
        if value_s % length_s == 0:
            return f"{value_s // length_s}{unit}"
    return f"{value_s}s"


def _minute(moment_s: float) -> str:
    return f"{int(moment_s // 60)}m"
