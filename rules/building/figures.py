"""Numbers as people and Prometheus write them, one function a kind. Pure."""

from __future__ import annotations

from typing import Final

_PREFIXES: Final = ("", "k", "M", "G", "T", "P")


def count(value: float) -> str:
    """Return a number without an exponent, whole where it is whole: `5`, `0.5`."""
    return str(int(value)) if float(value).is_integer() else f"{value:.15g}"


def promql(value: float) -> str:
    """Return a number as PromQL reads it: `10000`, `0.95`, `100e6`."""
    text = count(value)
    for zeros in (9, 6):
        if text.endswith("0" * zeros):
            return f"{text[:-zeros]}e{zeros}"
    return text


def milliseconds(value: float) -> str:
    """Return milliseconds with their unit: `10,000 ms`."""
    return f"{value:,.10g} ms"


def percent(ratio: float) -> str:
    """Return a ratio as a percentage: `95 %`."""
    return f"{100 * ratio:.4g} %"


def size(value: float) -> str:
    """Return bytes in decimal units: `100 MB`."""
    figure, prefix = _scaled(value)
    return f"{figure:.4g} {prefix}B"


def humanize(value: float) -> str:
    """Return what Prometheus' template function `humanize` writes for a value of 1 or more: `100M`."""
    figure, prefix = _scaled(value)
    return f"{figure:.4g}{prefix}"


def humanize_percentage(ratio: float) -> str:
    """Return what Prometheus' template function `humanizePercentage` writes: `92.5%`."""
    return f"{100 * ratio:.4g}%"


def rounded(value: float) -> str:
    """Return what `printf "%.0f"` writes."""
    return f"{value:.0f}"


def _scaled(value: float) -> tuple[float, str]:
    power = 0
    while abs(value) >= 1000 and power < len(_PREFIXES) - 1:
        value, power = value / 1000, power + 1
    return value, _PREFIXES[power]
