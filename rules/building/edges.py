"""Values of the test cases around bounds, windows and rounding. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from assertions.alert_bounds import AlertBound

STEP_S: Final = 15
ODD_STEP_S: Final = 14
"""No divisor of a minute, so that a window begins and ends between two samples and increase() stretches."""
_LARGEST_SCALE: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeEdge:
    """Test values of one severity of ExportFailSpike."""

    severity: str
    window: str
    over: int
    """The fewest failures above the bound."""
    zeros: int
    kept: int
    """Samples before the first failure less one, and after it."""
    seen: str
    """The window holds the failures; half of it would not."""
    gone: str
    """The window has lost the failures; twice of it would not have."""
    odd_s: int
    fraction_before: int
    fraction_at: str | None
    """A moment at which increase() reads a fraction more than the failures; None: there is none."""


def spike_edge(severity: str, bound: AlertBound) -> SpikeEdge:
    """Return the values for one bound on failures."""
    assert bound.window_s is not None  # the limits file was refused without one
    window_s, over = bound.window_s, math.floor(bound.above) + 1
    jump_s = (2 * window_s // 60 + 1) * 60
    fraction_s = _fraction_at(window_s, over - 1)
    return SpikeEdge(
        severity=severity,
        window=bound.window or "",
        over=over,
        zeros=jump_s // STEP_S - 1,
        kept=2 * window_s // STEP_S,
        seen=f"{int(jump_s + 0.75 * window_s) // 60}m",
        gone=f"{math.ceil((jump_s + 1.25 * window_s) / 60) + 1}m",
        odd_s=ODD_STEP_S,
        fraction_before=0 if fraction_s is None else (fraction_s - window_s // 2) // ODD_STEP_S,
        fraction_at=None if fraction_s is None else f"{fraction_s // 60}m",
    )


def _fraction_at(window_s: int, failures: int) -> int | None:
    for moment_s in range(-(-2 * window_s // 60) * 60, 4 * window_s + 600, 60):
        before_s, behind_s = -(moment_s - window_s) % ODD_STEP_S, moment_s % ODD_STEP_S
        sampled_s = window_s - before_s - behind_s
        # A sample on the window's very edge counts in Prometheus 2 and not in Prometheus 3.
        if before_s and sampled_s > 0 and 0.05 < failures * (window_s / sampled_s - 1) < 0.95:
            return moment_s
    return None


def exact_counts(ratio: float) -> tuple[int, int] | None:
    """Return succeeded and failed exports a minute whose quotient is `ratio` to the last bit over 10 minutes.

    Prometheus 2 sees ten increases in the window, Prometheus 3 nine and stretches them. None where no counts are found.
    """
    for good, bad in _counts(ratio):
        if all(_quotient(good * n, bad * n, 600 / (60 * n)) == ratio for n in (10, 9)):
            return good, bad
    return None


def _counts(ratio: float) -> Iterator[tuple[int, int]]:
    for scale in range(1, _LARGEST_SCALE):
        total = 1000 * scale
        good = round(total * ratio)
        yield good, total - good


def _quotient(good: int, bad: int, factor: float) -> float:
    ended = good * factor + bad * factor
    return good * factor / ended if ended else math.nan
