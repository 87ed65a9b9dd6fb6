"""The run directory: whether a folder is one, what run it holds, and emptying it of what is ours only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from assertions.record.files import read_one
from assertions.record.run import QUERIES
from assertions.record.types import RecordError
from assertions.verdicts import SCENARIOS
from evidence.collect.provenance import Context
from evidence.layout import COLOURED, CONTEXT, LIMITS, REPORT, VERDICT
from evidence.reports.fault_coverage import NAME as SENSITIVITY

OURS = frozenset(
    {
        *COLOURED,
        CONTEXT,
        LIMITS,
        SENSITIVITY,
        "plots",
        "promtool.json",
        "promtool_results.txt",
        "dashboard.json",
        QUERIES,
        "metrics_snapshot.txt",
        "seed_batch.log",
        "sample_1k.csv",
        "sample_1k.pdf",
        *SCENARIOS,
        *(f"{name}-service.log" for name in SCENARIOS),
    }
)
"""All that a run leaves at the top of its directory; anything else there is somebody else's, and stays."""


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


def clear(out: Path) -> None:
    """Remove what a run left. OSError when it can't be removed."""
    ours = OURS | _beside(out)
    for path in list(out.iterdir()):
        if path.name not in ours:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _beside(out: Path) -> set[str]:
    """What scenarios beside smoke, load and batch left."""
    names = {path.parent.name for path in out.glob("*/plan.json")}
    return names | {f"{name}-service.log" for name in names}


def _object(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
