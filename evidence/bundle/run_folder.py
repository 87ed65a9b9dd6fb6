"""The run directory: whether a folder is one, what run it holds, and moving an older run aside."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import time
from pathlib import Path

from assertions.record.files import read_one
from assertions.record.results.alerts_replayed import ALERTS
from assertions.record.results.baseline import BASELINE
from assertions.record.results.panels_drawn import PANELS
from assertions.record.run import QUERIES
from assertions.record.types import RecordError
from assertions.verdicts import SCENARIOS
from evidence import timings
from evidence.bundle import recomputed
from evidence.bundle.attest import inputs
from evidence.bundle.layout import COLOURED, CONTEXT, LIMITS, REPORT, VERDICT
from evidence.collect.provenance import Context
from evidence.reports.proofs.fault_coverage import NAME as SENSITIVITY
from loadtests.runner import request

OURS = frozenset(
    {
        *COLOURED,
        CONTEXT,
        LIMITS,
        SENSITIVITY,
        "plots",
        PANELS,
        ALERTS,
        "promtool.json",
        "promtool_results.txt",
        "dashboard.json",
        "package.json",
        QUERIES,
        timings.NAME,
        request.NAME,
        "rules",
        "dashboards",
        "metrics_snapshot.txt",
        recomputed.NAME,
        inputs.NAME,
        BASELINE,
        "seed_batch.log",
        "sample_1k.csv",
        "sample_1k.pdf",
        *SCENARIOS,
        *(f"{name}-service.log" for name in SCENARIOS),
    }
)
"""All that a run leaves at the top of its directory; anything else there is somebody else's, and stays."""

HISTORY_MOST = 20
"""Older runs that are kept where nobody says how many, in addition to the last GREEN one."""
_RUN_ID = re.compile(r"[0-9A-Za-z-]{1,100}")


def is_ours(out: Path) -> bool:
    """Whether a folder is empty or surely a run directory, of whatever version; OSError when it can't be read."""
    if not any(out.iterdir()):
        return True
    run, verdict = _object(out / CONTEXT), _object(out / VERDICT)
    # a run that was cut off at its very beginning has only a report
    return {"run_id", "harness_sha256"} <= run.keys() or ((out / REPORT).is_file() and "colour" in verdict)


def context_of(out: Path) -> Context | None:
    """The run that a run directory holds; None where it holds none that can be read."""
    try:
        return read_one(out / CONTEXT, Context)
    except RecordError:
        return None


def move_aside(out: Path) -> Path | None:
    """Move what a run left into the history next to the run directory, and return where; None where nothing was left.

    Anything else in the directory stays. What a run left before its first record is no evidence, and is removed.
    OSError when it can't be moved; then the run is as it was.
    """
    entries = [path for path in sorted(out.iterdir()) if path.name in OURS | _beside(out)]
    if not any(path.is_dir() for path in entries) and not (out / CONTEXT).is_file():
        for path in entries:
            path.unlink()
        return None
    place = _free(history_of(out), _name_of(out))
    place.mkdir(parents=True)
    moved: list[Path] = []
    try:
        for path in entries:
            shutil.move(path, place / path.name)
            moved.append(path)
    except OSError:
        for path in moved:
            shutil.move(place / path.name, path)
        shutil.rmtree(place, ignore_errors=True)
        raise
    return place


def prune(history: Path, keep: int = HISTORY_MOST) -> None:
    """Remove the oldest runs beyond the last `keep`; the last GREEN one stays. OSError when one can't be removed."""
    green = last_green(history)
    for path in _newest_first(history)[keep:]:
        if path != green and is_ours(path):
            shutil.rmtree(path)


def last_green(history: Path) -> Path | None:
    """Return the newest older run whose verdict says GREEN; None where there is none."""
    runs = _newest_first(history) if history.is_dir() else []
    return next((path for path in runs if _object(path / VERDICT).get("colour") == "GREEN"), None)


def _newest_first(history: Path) -> list[Path]:
    return sorted((path for path in history.iterdir() if path.is_dir()), key=lambda path: path.name, reverse=True)


def history_of(out: Path) -> Path:
    """Return where older runs of a run directory are kept: `export.history` next to `export`."""
    place = out.resolve()
    return place.with_name(f"{place.name}.history")


def _name_of(out: Path) -> str:
    """A name that sorts by time: the run's id, else when its report was written."""
    run_id = _object(out / CONTEXT).get("run_id")
    if isinstance(run_id, str) and _RUN_ID.fullmatch(run_id):
        return run_id
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(out.stat().st_mtime))


def _free(folder: Path, name: str) -> Path:
    names = (folder / (name if number == 1 else f"{name}.{number}") for number in itertools.count(1))
    return next(path for path in names if not path.exists())


def _beside(out: Path) -> set[str]:
    """What scenarios other than smoke, load and batch left."""
    names = {path.parent.name for path in out.glob("*/plan.json")}
    return names | {f"{name}-service.log" for name in names}


def _object(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
