"""Numbers and texts as people read them: human units, shares of a limit, and words that can't pass for our own."""

from __future__ import annotations

import math
import re
import unicodedata

from assertions.limits import Limit
from assertions.verdicts import number

LONGEST = 400
"""Characters of one text in a report; verdict.json has it whole."""
LONGEST_OWN = 2_000
"""Of a sentence that the report itself makes up, with few words of a target's."""
BAR = 10
"""Cells of a bar."""
_FORGED = re.compile("[✅✔✓☑❌✖✗☒⚪🟢🔴▓░\N{BALLOT BOX}]")
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def plain(text: str, longest: int = LONGEST) -> str:
    """Return any text as plain words on one line: parts of it may come from a target.

    Control and format characters (escapes, line ends, direction marks) become spaces, marks that the report uses itself
    become question marks, and what is too long is cut.
    """
    words = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text).split()
    clean = _FORGED.sub("?", " ".join(words))
    return clean if len(clean) <= longest else f"{clean[:longest]}… ({len(clean) - longest:,} characters more)"


def quantity(value: float | None, unit: str) -> str:
    """Return a number with its unit: `0.42 s`, `99.6 %`, `34.0 MB`; a dash where there is no number."""
    if value is None or not math.isfinite(value):
        return "–"
    if unit in ("ms", "s"):
        return _time(value / 1000 if unit == "ms" else value)
    if unit == "ratio":
        return f"{value * 100:.4g} %"
    if unit == "bytes":
        for size, name in _BYTES:
            if abs(value) >= size:
                return f"{value / size:.3g} {name}" if abs(value) < 1000 * size else f"{value / size:,.0f} {name}"
    shown = f"{value:,.3g}" if abs(value) < 1000 and value != int(value) else number(value)
    return f"{shown} {unit}".rstrip()


def _time(seconds: float) -> str:
    if abs(seconds) >= 120:
        return duration(seconds)
    if abs(seconds) >= 0.1 or seconds == 0:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.3g} ms"


def duration(seconds: float) -> str:
    """Return a length of time in hours, minutes and seconds: `1 m 40 s`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [f"{hours} h" if hours else "", f"{minutes} m" if minutes else "", f"{rest} s" if not hours else ""]
    return " ".join(part for part in parts if part and part != "0 s") or "0 s"


def held_against(value: float | None, limit: Limit) -> str:
    """Return a reading with its bound, exact where rounding would hide on which side of the bound the reading is."""
    shown, bound = quantity(value, limit.unit), quantity(limit.target, limit.unit)
    if value is not None and math.isfinite(value) and shown == bound and value != limit.target:
        shown = f"{value!r} {limit.unit}"
    if limit.op in ("<", "<=") and shown.endswith(f" {limit.unit}") and bound.endswith(f" {limit.unit}"):
        shown = shown.removesuffix(f" {limit.unit}")
    if limit.op in ("<", "<="):
        return f"{shown} of {bound}"
    return f"{shown} ({'more than' if limit.op == '>' else 'at least'} {bound} needed)"


def condition(limit: Limit) -> str:
    """Return a limit as a condition in human units: `< 10 s`."""
    return f"{limit.op} {quantity(limit.target, limit.unit)}"


def share(value: float | None, limit: Limit) -> float | None:
    """Return how much of what a limit allows is used; above 1 the limit is broken. None: the limit is a lower bound."""
    if value is None or not math.isfinite(value) or limit.op not in ("<", "<="):
        return None
    return value / limit.target if limit.target > 0 else None


def against(value: float | None, limit: Limit) -> tuple[float, str, str] | None:
    """Return how far a reading is, as a bar's length (1: full), in short, and in words; None: no bar can show that.

    Of an upper bound the bar is the share of the limit that is used; of a lower bound on a ratio it is the ratio.
    """
    used = share(value, limit)
    if used is not None:
        return used, percent(used), f"{percent(used)} of the limit used"
    if value is None or not math.isfinite(value) or limit.unit != "ratio":
        return None
    floor = f"{quantity(value, limit.unit)} against a floor of {quantity(limit.target, limit.unit)}"
    return value, floor, floor


def bar(used: float) -> str:
    """Return a bar of ten cells; anything above nothing fills at least one."""
    filled = min(BAR, max(0, round(used * BAR)))
    return "▓" * max(filled, 1 if used > 0 else 0) + "░" * (BAR - max(filled, 1 if used > 0 else 0))


def percent(used: float) -> str:
    """Return a share in percent; an exact 100 % is shown only where it was reached exactly."""
    shown = f"{used * 100:,.0f} %"
    if shown == "100 %" and used != 1:
        return f"{used * 100:.4g} %" if f"{used * 100:.4g}" != "100" else ("over 100 %" if used > 1 else "under 100 %")
    return "under 1 %" if shown == "0 %" and used > 0 else shown
