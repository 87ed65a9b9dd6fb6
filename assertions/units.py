"""Numbers as people read them: one formatter for all units, in three significant digits. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

DIGITS: Final = 3
"""Significant digits of a figure; the exact one stands in the reading."""
_MOST_DIGITS: Final = 15
_STEPS: Final = {
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes")),
    "ms": ((1e3, "s"), (1.0, "ms")),
    "ratio": ((0.01, "%"),),
}
"""By unit, the units that people read with their sizes, the largest first. Another unit is its own."""
_ONE: Final = {
    "bytes": "byte",
    "exports": "export",
    "descriptors": "descriptor",
    "threads": "thread",
    "processes": "process",
}


def figure(value: float, digits: int = DIGITS) -> str:
    """Return a number in `digits` significant digits, but whole numbers and all above 1,000 to the unit."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) or abs(value) >= 10 ** (digits - 1):
        places = max(0, digits - len(str(int(abs(value)))))
        return f"{value:,.{places if value != int(value) else 0}f}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{min(places, _MOST_DIGITS)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show(value: float, unit: str, digits: int = DIGITS) -> str:
    """Return a number with a unit that people read: 32 MB, 0.65 s, 99.6 %, 5 exports."""
    size, name = _step(value, unit)
    text = figure(value / size, digits)
    if unit == "ratio" and text == "100" and value != 1:
        return show(value, unit, digits + 1) if digits < _MOST_DIGITS else f"{value!r}"
    return f"{text} {_ONE.get(name, name) if text == '1' else name}"


def show_against(value: float, unit: str, holds: Callable[[float], bool]) -> str:
    """Return a number in as many digits as it takes to see on which side of a bound it lies. holds: the bound."""
    size, _ = _step(value, unit)
    for digits in range(DIGITS, _MOST_DIGITS):
        rounded = float(figure(value / size, digits).replace(",", "")) * size
        if holds(rounded) == holds(value):
            return show(value, unit, digits)
    return f"{value!r} {unit}"


def _step(value: float, unit: str) -> tuple[float, str]:
    """The size and the name of the unit in which people read such a number."""
    steps = _STEPS.get(unit, ((1.0, unit),))
    return next((step for step in steps if abs(value) >= step[0]), steps[-1])
