"""Which fault turned which check red: the proof that a check can fail, made by `nox -s prove` and kept here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.record.types import Record
from evidence.reports.tables import Section, Table
from evidence.reports.units import plain

STORED = Path(__file__).resolve().parents[2] / "sensitivity.json"
NAME = "sensitivity.json"

NO_SERVICE = {
    "generator": "none: it blames no target; a load that was not what was asked is NO DATA",
    "calibration": "none: it blames no target; an instrument that errs is NO DATA",
    "shutdown": "none: only a service that the harness started is judged by it",
    "files-present": "none: no service of the catalogue removes its files while the run goes on; the edit file-gone of "
    "a healthy record turns it red",
    "service-log": "none: no log of theirs is captured; only the embedded service's, or that of --log, is judged; the "
    "edit error-logged of a healthy record turns it red",
    "prometheus-rules": "none: a rule that can't be evaluated does, not a service",
    "alerts-replayed": "none: the records keep no replay; edited records turn it red",
    "panels-drawn": "none: no panel is drawn of the broken services; a misnamed metric turns it red",
    "package": "none: a harness that can't be built does, not a service",
}
"""Why no target turns these red; edited records do, see `tests/`."""


class Shown(Record, frozen=True, kw_only=True):
    """One fault that turned a check red."""

    fault: str
    """The faulty target's name."""
    why: str
    """What is wrong with it."""
    only: bool = False
    """No other check turned red: without this one it would have been green."""


class Under(Record, frozen=True, kw_only=True):
    """Limits and profiles that some of the records have in common."""

    description: str
    """Which limits, which profiles, which scenarios."""
    limits_sha256: str
    """Of the limits file by which they were judged."""
    records: int


class AtContract(Record, frozen=True, kw_only=True):
    """A fault that was shown under the contract's own limits and the real profiles."""

    assertion: str
    """Which of the six."""
    fault: str
    why: str
    checks: tuple[str, ...]
    """The checks that turned red for a fitting reason; none: the fault was not caught."""


class CriticalTier(Record, frozen=True, kw_only=True):
    """A critical bound that a record was edited to miss."""

    limit: str
    """Id of the limit."""
    edit: str
    """The edit's name."""
    why: str
    check: str
    """The check that must fail, and must name the critical bound as missed."""
    shown: bool
    """True: it did, and the headline counted it as critical."""


class Sensitivity(Record, frozen=True, kw_only=True):
    """What judging recorded faulty and healthy targets showed of the judge."""

    commit: str | None
    when: str
    """When the records were judged; ISO 8601, UTC."""
    judge_sha256: str
    """Of the judge that was shown able to fail."""
    load_side_sha256: str
    """Of the load side at that time."""
    recorded_first: str
    """When the oldest record was made; ISO 8601, UTC."""
    recorded_last: str
    """When the newest was."""
    stale: int
    """Records made by another load side, with other profiles, or of other code of their target than there is now."""
    repeated: int
    """Records that took more than one run: an earlier one was judged wrongly, or not at all."""
    faulty_known: int
    """Faulty targets in the catalogue."""
    healthy_known: int
    """Healthy targets in the catalogue."""
    faults: int
    """Faulty targets that were judged."""
    caught: int
    """Those that were not green, for a fitting reason."""
    healthy: int
    """Healthy targets that were judged."""
    green: int
    """Those that came out GREEN."""
    edits: int
    """Records of a healthy target that were edited to show a fault of the instrument, the rules or the dashboard."""
    noticed: int
    """Those that were not green, for a fitting reason."""
    conditions: tuple[Under, ...]
    at_contract: tuple[AtContract, ...]
    tiers: tuple[CriticalTier, ...] = ()
    """Each critical bound of the contract's limits; none in a proof from before they were shown."""
    checks: dict[str, tuple[Shown, ...]]
    """Check id to the faults that turned it red, at most five: first those that no other check saw, then the fitting
    ones."""


def read(path: Path) -> Sensitivity | None:
    """Read a stored sensitivity file; None where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sensitivity)
    except (OSError, msgspec.DecodeError):
        return None


def section(shown: Sensitivity | None, judge_sha256: str) -> Section:
    """Return the proof that each check can fail; a stale or missing proof says so."""
    title = "Proof that each check can fail"
    if shown is None:
        return Section(title=title, paragraphs=("NO DATA: no sensitivity.json is stored; `nox -s prove` makes it.",))
    return Section(title=title, paragraphs=tuple(_paragraphs(shown, judge_sha256)), tables=tuple(_tables(shown)))


def _paragraphs(shown: Sensitivity, judge_sha256: str) -> Iterable[str]:
    yield (
        f"{shown.caught} of {shown.faults} faulty targets were caught for a fitting reason and {shown.green} of "
        f"{shown.healthy} healthy ones came out GREEN; the catalogue has {shown.faulty_known} faulty and "
        f"{shown.healthy_known} healthy ones. {shown.noticed} of {shown.edits} edits of a healthy target's record "
        "(faults of the instrument, the rules, the dashboard, and readings beyond each critical bound) were noticed."
    )
    stale = "" if shown.judge_sha256 == judge_sha256 else " Stale: made with another version of the judge."
    yield (
        f"Judged on {shown.when} at commit {(shown.commit or 'unknown')[:21]} by judge {shown.judge_sha256[:16]}, from "
        f"runs recorded between {shown.recorded_first} and {shown.recorded_last}.{stale}"
    )
    if shown.stale:
        yield (
            f"{shown.stale} of these records are stale: made by another load side than {shown.load_side_sha256[:16]}, "
            "with other profiles, or of another version of their target."
        )
    else:
        yield f"All of them were made by load side {shown.load_side_sha256[:16]}, by the same profiles and targets."
    if shown.repeated:
        yield f"{shown.repeated} of them took more than one run."


def _tables(shown: Sensitivity) -> Iterable[Table]:
    yield Table(
        columns=("records", "limits and profiles", "limits by hash"),
        rows=tuple((f"{one.records:,}", plain(one.description), one.limits_sha256[:16]) for one in shown.conditions),
    )
    yield Table(
        columns=("assertion", "a fault under the contract's own limits and the real profiles", "found by"),
        rows=tuple(row for six in ASSERTIONS for row in _at_contract(shown, six.title)),
    )
    if shown.tiers:
        yield Table(
            columns=("critical bound of", "a healthy target's record, edited", "shown to be critical by"),
            rows=tuple(
                (one.limit, plain(f"{one.edit}: {one.why}"), one.check if one.shown else "not shown")
                for one in shown.tiers
            ),
        )
    yield Table(
        columns=("check", "part of", "a fault that turned it red", "found only by it"),
        rows=tuple(_check_row(shown, check.id) for check in CHECKS),
    )


def _at_contract(shown: Sensitivity, title: str) -> Iterable[tuple[str, ...]]:
    found = [one for one in shown.at_contract if one.assertion == title]
    for one in found:
        yield title, plain(f"{one.fault}: {one.why}"), ", ".join(one.checks) or "not caught"
    if not found:
        yield title, "none recorded", "–"


def _check_row(shown: Sensitivity, check: str) -> tuple[str, ...]:
    part = ", ".join(six.title for six in ASSERTIONS if check in (*six.target, *six.outside, *six.agreement))
    faults = shown.checks.get(check, ())
    first = f"{faults[0].fault}: {faults[0].why}" if faults else NO_SERVICE.get(check, "none yet")
    only_by_it = ", ".join(fault.fault for fault in faults if fault.only)
    return check, part or "–", plain(first), plain(only_by_it) or "–"
