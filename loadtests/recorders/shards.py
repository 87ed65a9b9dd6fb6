"""Where each generator's part of the record lies, and its end mark."""

from __future__ import annotations

from pathlib import Path

from loadtests.plan.limits import Struct


class EndMark(Struct, frozen=True, kw_only=True):
    """A generator's last word: all it recorded is in its files."""

    hits: int
    fetches: int
    event_loop_lags_ms: tuple[float, ...]
    """How late its event loop woke, sampled while load ran."""
    scheduling_delays_ms: tuple[float, ...] = ()
    """How late it began open arrivals, waits for a free connection not counted; sampled evenly."""


def end_mark_path(folder: Path, worker: int) -> Path:
    """Where a generator's end mark is."""
    return folder / f"end-{worker}.json"


def hits_path(folder: Path, worker: int) -> Path:
    """Where a generator writes its hits."""
    return folder / f"hits-{worker}.jsonl"


def calibration_folder(folder: Path) -> Path:
    """Where the generators write what they measured of the known server, in files named like those of the load."""
    return folder / "calibration"


def fetches_path(folder: Path, worker: int) -> Path:
    """Where a generator writes its fetches."""
    return folder / f"fetches-{worker}.jsonl"
