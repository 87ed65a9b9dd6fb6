"""`comparison.json` of a run directory: written once, read for the report, and checked against the raw record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from assertions.record.files import read_one, write_one
from assertions.record.types import RecordError
from assertions.record.view import ScenarioRecord
from evidence.bundle.layout import COMPARISON, CONTEXT
from evidence.collect.machine import read_samples
from evidence.collect.provenance import Context
from evidence.comparison.compare import decided
from evidence.comparison.conditions import Conditions, Place, conditions_of
from evidence.comparison.samples import Key, samples_of
from evidence.comparison.statistics import statistic_of
from evidence.comparison.text import changes
from evidence.comparison.types import MEASURES, Comparison


def as_json(comparison: Comparison) -> bytes:
    """Return the document as `compare --json` prints it and the run directory holds it."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2) + b"\n"


def write(folder: Path, comparison: Comparison) -> None:
    """Write `comparison.json`. OSError."""
    write_one(folder / COMPARISON, comparison)


def read(folder: Path) -> Comparison | None:
    """Return the comparison of a run directory; None where it has none. RecordError where it is malformed."""
    return read_one(folder / COMPARISON, Comparison) if (folder / COMPARISON).is_file() else None


def read_sound(folder: Path) -> Comparison | None:
    """Return the comparison of a run directory; None where it has none that can be read."""
    try:
        return read(folder)
    except RecordError:
        return None


def changes_of(folder: Path) -> tuple[str, ...] | None:
    """Return the report's lines on what changed; None where nothing was compared."""
    try:
        comparison = read(folder)
    except RecordError as error:
        return (f"{COMPARISON} can't be read: {str(error).rpartition(': ')[2]}",)
    return None if comparison is None else changes(comparison)


def differences(folder: Path, records: Mapping[str, ScenarioRecord]) -> Iterator[str]:
    """Yield what of the stored comparison does not follow from its own figures and from this run's raw record.

    The baseline's figures can't be held against anything: its record is elsewhere.
    """
    try:
        comparison = read(folder)
    except RecordError as error:
        yield str(error)
        return
    if comparison is None:
        return
    if decided(comparison.rows) != comparison.rows:
        yield f"{COMPARISON}: an outcome does not follow from the figures next to it"
    samples = samples_of(records)
    machine = {name: read_samples(folder / name) for name in records}
    conditions = conditions_of(records, machine, read_one(folder / CONTEXT, Context).cpus)
    for row in comparison.rows:
        values = samples.get(Key(scenario=row.scenario, phase=row.phase, measure=row.measure, case=row.case), ())
        newer = statistic_of(values, MEASURES[row.measure].statistic) if values else None
        there = conditions.get(Place(row.scenario, row.phase), Conditions())
        known = (None, None), (there.others, there.used)
        if (newer, len(values)) != (row.newer, row.newer_count) or (row.newer_others, row.newer_used) not in known:
            what = f"{row.measure} {row.case}".strip()
            yield f"{COMPARISON}: {what} of {row.scenario}, {row.phase} is not what the raw record gives"
