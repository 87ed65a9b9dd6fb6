"""Records with one thing wrong in them: for each check what turns it to FAIL or to NO DATA, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assertions.record.view import ScenarioRecord
from tests.assertions.healthy.records import changed, each

Change = Callable[[ScenarioRecord], ScenarioRecord]
ALL = "all"
"""For `Case.on`: all three scenarios are changed."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One healthy record made wrong in one way."""

    id: str
    """Of the check that must see it."""
    name: str
    """What is wrong."""
    on: str
    """The scenario that is changed, or `ALL`."""
    change: Change
    reason: str
    """Stands in the verdict's reason."""
    also: tuple[str, ...] = ()
    """All other checks that must FAIL too: further sources of the same thing."""

    def __str__(self) -> str:
        return f"{self.id}: {self.name}"


Row = tuple[str, Change, str] | tuple[str, Change, str, tuple[str, ...]]
"""Of a table: what is wrong, the change, what stands in the reason, and all other checks that must FAIL too."""


def table(check: str, on: str, *rows: Row) -> tuple[Case, ...]:
    """Return the cases of one check on one scenario, a row each."""
    return tuple(
        Case(id=check, name=name, on=on, change=change, reason=reason, also=also[0] if also else ())
        for name, change, reason, *also in rows
    )


def on_moment(*moments: str) -> Callable[[object], bool]:
    """Whether a scrape is of one of these moments."""
    return lambda scrape: getattr(scrape, "moment", None) in moments


def without(*moments: str) -> Change:
    """A change that drops the scrapes of these moments."""
    return lambda record: changed(record, scrapes=tuple(one for one in record.scrapes if one.moment not in moments))


def scrapes_failing(count: int, status: int | None, error: str | None = None) -> Change:
    """A change that has so many scrapes under load answered otherwise."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        first = {id(one) for one in [one for one in record.scrapes if one.moment == "during"][:count]}
        return changed(
            record,
            scrapes=each(
                record.scrapes, lambda one: {"status": status, "error": error, "text": ""} if id(one) in first else None
            ),
        )

    return change


def no_hits(record: ScenarioRecord) -> ScenarioRecord:
    """Nothing was asked for."""
    return changed(record, hits=(), fetches=(), files=())


def none_done(record: ScenarioRecord) -> ScenarioRecord:
    """Each export was answered 500."""
    return changed(record, hits=each(record.hits, lambda hit: {"status": 500} if hit.status == 200 else None))
