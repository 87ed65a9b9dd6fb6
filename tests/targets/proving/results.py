"""What the harness said of one target: the only place that knows its `verdict.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assertions.checks.catalogue import CHECKS
from assertions.judge import Report
from assertions.verdicts import Judgement

OPTIONAL = frozenset(check.id for check in CHECKS if check.optional)
"""Checks whose NO DATA changes no colour."""


class Unjudged(Exception):
    """The harness left no verdict; the message says what was found instead."""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict."""

    id: str
    scenario: str
    status: str
    """PASS, FAIL or NO DATA."""
    reason: str
    counts: bool
    """False: it was waived, or is one whose NO DATA does not matter."""
    critical: str | None = None
    """Id of the limit whose critical bound was missed; None: none was."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One run's verdict."""

    colour: str
    """GREEN, RED or NO DATA."""
    headline: str
    words: tuple[Word, ...]

    def of(self, status: str, *, counting: bool = False) -> dict[str, str]:
        """Ids with a verdict of this status, each with its scenario and its reason.

        counting: without those that change no colour.
        """
        return {
            word.id: f"{word.scenario}: {word.reason}"
            for word in reversed(self.words)
            if word.status == status and (word.counts or not counting)
        }


class _Limit(msgspec.Struct):
    id: str


class _Judgement(msgspec.Struct):
    status: str
    reason: str
    critical: bool = False
    limit: _Limit | None = None


class _Verdict(msgspec.Struct):
    id: str
    scenario: str
    judgement: _Judgement
    waived: str | None = None


class _File(msgspec.Struct):
    colour: str
    headline: str = ""
    verdicts: tuple[_Verdict, ...] = ()


def _critical(judgement: Judgement | _Judgement) -> str | None:
    return judgement.limit.id if judgement.critical and judgement.limit is not None else None


def judged_of(report: Report) -> Judged:
    """The verdict that the judge gave in this process."""
    words = tuple(
        Word(
            id=verdict.id,
            scenario=verdict.scenario,
            status=verdict.status,
            reason=verdict.judgement.reason,
            counts=verdict.waived is None and verdict.id not in OPTIONAL,
            critical=_critical(verdict.judgement),
        )
        for verdict in report.verdicts
    )
    return Judged(colour=report.colour, headline=report.headline, words=words)


def read_judged(path: Path) -> Judged:
    """Read a `verdict.json`; Unjudged where there is none, or no verdict in it."""
    try:
        read = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        raise Unjudged(f"there is no {path.name}") from None
    except msgspec.DecodeError as error:
        raise Unjudged(f"{path.name} is no verdict: {error}") from None
    if not read.verdicts:
        raise Unjudged(read.headline or f"{path.name} holds no verdicts")
    words = tuple(
        Word(
            id=one.id,
            scenario=one.scenario,
            status=one.judgement.status,
            reason=one.judgement.reason,
            counts=one.waived is None and one.id not in OPTIONAL,
            critical=_critical(one.judgement),
        )
        for one in read.verdicts
    )
    return Judged(colour=read.colour, headline=read.headline, words=words)
