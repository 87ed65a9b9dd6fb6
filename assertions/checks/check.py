"""What a check is: one thing that is judged, of each scenario, of the whole run's record, or of the tools' results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from assertions.limits import Limits
from assertions.record.run import Run
from assertions.record.view import ScenarioRecord
from assertions.verdicts import SCENARIOS, Judgement

Scope = Literal["scenario", "run record", "tools"]
Records = Mapping[str, ScenarioRecord]
"""The records of several scenarios, by name."""


@dataclass(frozen=True, kw_only=True)
class _Described:
    """What all checks have: how a check is named, and what its verdict rests on."""

    id: str
    title: str
    scenarios: tuple[str, ...] = SCENARIOS
    """Where it is judged, or whose records it needs."""
    group: str = ""
    """A name by which a waiver may cover several checks."""
    optional: bool = False
    """True: a NO DATA of this check does not stop GREEN; a FAIL always does."""
    by_clock: bool = False
    """True: it rests on the generator's clock or load, so it is NO DATA when the generator was not fit."""
    additional: bool = True
    """False: it is not judged in additional scenarios, whatever their plan has."""
    by_record: bool = False
    """True: it rests on every request being recorded, so it is NO DATA when a generator lost its record."""


@dataclass(frozen=True, kw_only=True)
class ScenarioCheck(_Described):
    """Judged once in each of its scenarios."""

    scope: ClassVar[Scope] = "scenario"
    judge: Callable[[ScenarioRecord, Limits], Judgement]
    regardless: Callable[[ScenarioRecord, Limits], Judgement | None] | None = None
    """Returns a FAIL that rests neither on the clock nor on a whole record, or None; None: there is no such FAIL."""


@dataclass(frozen=True, kw_only=True)
class RunRecordCheck(_Described):
    """Judged once, over the records of all its scenarios."""

    scope: ClassVar[Scope] = "run record"
    judge: Callable[[Records, Limits], Judgement]
    regardless: Callable[[Records, Limits], Judgement | None] | None = None
    """Returns a FAIL that rests neither on the clock nor on a whole record, or None; None: there is no such FAIL."""


@dataclass(frozen=True, kw_only=True)
class ToolsCheck(_Described):
    """Judged once, on what promtool and the dashboard check left behind."""

    scope: ClassVar[Scope] = "tools"
    judge: Callable[[Run, Limits], Judgement]


Check = ScenarioCheck | RunRecordCheck | ToolsCheck
