"""The words of a judgement: reading, judgement, verdict, colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from assertions.limits import BOUND_DIGITS, Limit
from assertions.units import show, show_against

Status = Literal["PASS", "FAIL", "NO DATA"]
Colour = Literal["GREEN", "RED", "NO DATA"]

EXAMPLE_CHARS = 150
"""Of one example in a reason that has several; the findings have them whole."""

SCENARIOS = ("smoke", "load", "batch")
"""What a whole run consists of, in this order."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One number with its unit, count and source."""

    name: str
    value: float | None
    """None: it could not be read."""
    unit: str
    source: str
    """The file it came from, relative to the run directory or to the scenario's folder, and what in it."""
    count: int | None = None
    """How many samples it rests on."""
    low: float | None = None
    high: float | None = None
    """Bounds at 95 % confidence, one-sided each."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found in one scenario, or in the whole run."""

    status: Status
    reason: str
    """One line; also for a pass."""
    readings: tuple[Reading, ...] = ()
    limit: Limit | None = None
    critical: bool = False
    catches: str = ""
    """What a pass rules out: "P95 >= … would have failed"."""
    waiting: bool = False
    """True: NO DATA only because a scenario has not been run yet."""
    findings: tuple[str, ...] = ()
    """Each kind of thing that is wrong, with how often and an example, worst first; empty where the reason says all."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement with its place: which check, of which scenario."""

    id: str
    title: str
    group: str
    """What a waiver may name instead of the id: `memory` covers all that needs the target's process."""
    scenario: str
    """`smoke`, `load`, `batch`, an additional one such as `soak`, or `run` for what spans the three."""
    judgement: Judgement
    waived: str | None = None
    """Why a NO DATA is accepted; a FAIL can't be waived."""

    @property
    def status(self) -> Status:
        return self.judgement.status

    @property
    def green(self) -> bool:
        return self.status == "PASS" or self.waived is not None


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """One of the six: what the target reports, what the client saw, and whether the two agree."""

    title: str
    status: Status
    reason: str
    target: str
    """What the target reports of itself, in one phrase."""
    outside: str
    """What the harness saw."""
    verdicts: tuple[str, ...]
    """The verdicts that it rests on, `<scenario>/<id>`."""
    critical: bool = False


def passed(reason: str, *readings: Reading, limit: Limit | None = None, catches: str = "") -> Judgement:
    """Return a pass with its reason."""
    return Judgement(status="PASS", reason=reason, readings=readings, limit=limit, catches=catches)


def failed(reason: str, *readings: Reading, limit: Limit | None = None, critical: bool = False) -> Judgement:
    """Return a failure with its reason."""
    return Judgement(status="FAIL", reason=reason, readings=readings, limit=limit, critical=critical)


Fault = tuple[str, str]
"""A kind of thing that is wrong, and the sentence of one example."""


def failed_for(found: Sequence[Fault], *readings: Reading, head: str = "", limit: Limit | None = None) -> Judgement:
    """Fail for all that is wrong: (kind, sentence) each, worst first. The reason has an example of every kind.

    head: begins the reason. ValueError where nothing is wrong.
    """
    if not found:
        raise ValueError("nothing is wrong")
    kinds: dict[str, list[str]] = {}
    for kind, sentence in found:
        kinds.setdefault(kind, []).append(sentence)
    if len(kinds) == 1:
        (sentences,) = kinds.values()
        return failed(f"{head}{sentences[0]}{_times(sentences)}", *readings, limit=limit)
    reason = f"{head}{len(kinds)} kinds of faults: " + "; ".join(
        f"({number}) {_short(sentences[0])}{_times(sentences)}" for number, sentences in enumerate(kinds.values(), 1)
    )
    return Judgement(
        status="FAIL",
        reason=reason,
        readings=readings,
        limit=limit,
        findings=tuple(f"{len(sentences)} x {kind}: {sentences[0]}" for kind, sentences in kinds.items()),
    )


def _times(sentences: Sequence[str]) -> str:
    return f" (and {len(sentences) - 1} more like it)" if len(sentences) > 1 else ""


def _short(sentence: str) -> str:
    return sentence if len(sentence) <= EXAMPLE_CHARS else f"{sentence[:EXAMPLE_CHARS]}…"


def no_data(reason: str, *readings: Reading, limit: Limit | None = None) -> Judgement:
    """Return that nothing was measured, or not enough; never green."""
    return Judgement(status="NO DATA", reason=reason, readings=readings, limit=limit)


def not_run(scenario: str) -> Judgement:
    """Return that a scenario which this check needs has not been run yet."""
    return Judgement(status="NO DATA", reason=f"the scenario {scenario} has not been run", waiting=True)


def judge_reading(limit: Limit, reading: Reading, subject: str, catches: str = "") -> Judgement:
    """Compare one reading with its limit; NO DATA when it has no value. subject: begins the reason."""
    if reading.value is None:
        return no_data(f"{subject} could not be read from {reading.source}", reading, limit=limit)
    value = show_against(reading.value, reading.unit, limit.holds)
    if limit.holds(reading.value):
        said = f"{subject}: {value} (limit {limit})"
        return passed(said, reading, limit=limit, catches=catches or would_not_pass(limit))
    return failed(
        f"{subject}: {value} ({missed_bounds(limit, reading.value)})",
        reading,
        limit=limit,
        critical=limit.is_critical(reading.value),
    )


def missed_bounds(limit: Limit, value: float) -> str:
    """Return the limit that a value missed, and the critical bound where the value missed that too."""
    if limit.critical is None or not limit.is_critical(value):
        return f"limit {limit}"
    return f"limit {limit}; the critical bound of {show(limit.critical, limit.unit, BOUND_DIGITS)} is missed too"


def would_not_pass(limit: Limit) -> str:
    """Return what a pass of a single reading rules out, as a sentence about the limit."""
    bound = show(limit.target, limit.unit, BOUND_DIGITS)
    match limit.op:
        case "<":
            return f"a reading of {bound} or more would not have passed"
        case "<=":
            return f"a reading above {bound} would not have passed"
        case ">":
            return f"a reading of {bound} or less would not have passed"
        case ">=":
            return f"a reading below {bound} would not have passed"


def number(value: float) -> str:
    """Return a number in full as far as it matters: whole numbers exactly, others to four digits or one decimal."""
    if math.isfinite(value) and value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"
