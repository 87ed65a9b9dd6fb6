"""What relative rules are judged against: `baseline.json`, the figures of an earlier run."""

from __future__ import annotations

from pathlib import Path

from assertions.record.files import read_one
from assertions.record.types import Record, RecordError

BASELINE = "baseline.json"
"""In the run directory; only where the run named a baseline and its limits have relative rules."""


class Baseline(Record, frozen=True, kw_only=True):
    """Figures of the baseline run, from its raw record."""

    run_id: str
    started: float
    """Unix seconds."""
    figures: dict[str, float]
    """`rule-ID` to the statistic of the baseline's exports; a rule that found none there is left out."""


def read_baseline(folder: Path) -> Baseline | None:
    """Return a run's baseline; None where it has none, or one that can't be read: its rules then have no data."""
    try:
        return read_one(folder / BASELINE, Baseline)
    except RecordError:
        return None
