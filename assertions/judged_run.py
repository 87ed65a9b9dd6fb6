"""A run directory judged whole, with its own limits, waivers and incidents; the same for every command."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assertions import limits as limits_file
from assertions.judge import Report, judge, with_incidents
from assertions.record.results.baseline import read_baseline
from assertions.record.run import Run, load_run
from assertions.record.types import RecordError
from assertions.verdicts import SCENARIOS

NOTES = "run.json"
LIMITS = "limits.toml"


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge needs of `run.json`; its other keys are passed over."""

    waivers: dict[str, str] = {}
    """Check id or group to the reason for which its NO DATA is accepted."""
    incidents: tuple[str, ...] = ()
    """What could not be done in the run."""


def read_notes(folder: Path) -> Notes:
    """Return the waivers and incidents of a run directory, none where it has no `run.json`. RecordError: malformed."""
    path = folder / NOTES
    try:
        return msgspec.json.decode(path.read_bytes(), type=Notes)
    except FileNotFoundError:
        return Notes()
    except OSError as error:
        raise RecordError(f"{path} can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} holds no waivers and incidents that can be used: {error}") from error


def judge_run_folder(folder: Path, limits: Path | None = None) -> tuple[Run, limits_file.Limits, Report]:
    """Judge a run directory. limits: a file; None: the directory's own, else the default ones.

    RecordError or LimitsError when it can't be judged.
    """
    own = folder / LIMITS
    bounds = limits_file.load(limits or (own if own.is_file() else limits_file.DEFAULT_PATH))
    run = load_run(folder, SCENARIOS)
    return run, bounds, judge_run(run, bounds)


def judge_run(run: Run, limits: limits_file.Limits) -> Report:
    """Judge a run that was read, with the waivers, incidents and baseline of its directory. RecordError."""
    notes = read_notes(run.path)
    baseline = read_baseline(run.path)
    if baseline is not None:
        limits = limits_file.with_baseline(limits, baseline.figures)
    return with_incidents(judge(run, limits, notes.waivers), notes.incidents)
