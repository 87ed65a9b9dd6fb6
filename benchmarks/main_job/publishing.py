"""Measuring the main job, and writing what is kept of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.http_service import ROOT
from benchmarks.main_job.measuring import MainJobError, measure
from benchmarks.main_job.page import page
from benchmarks.main_job.types import MainJobTimes, TreeName
from benchmarks.report.machine import read_commit, read_machine
from benchmarks.report.publishing import PUBLISHED

NAME = "main_job.json"
PAGE = ROOT / "docs" / "timings.md"


def measure_and_publish(
    runs: int, before: Path | None, out: Path, progress: Callable[[str], None], *, warm_up: bool
) -> list[Path]:
    """Measure main jobs of this tree, and of another one in turn; write figures and page; the paths. MainJobError."""
    if before is not None and not (before / "noxfile.py").is_file():
        raise MainJobError(f"expected another checkout of this project, found no noxfile.py in {before}")
    out.mkdir(parents=True, exist_ok=True)
    trees: list[tuple[TreeName, Path]] = [("now", ROOT)]
    if before is not None:
        trees.insert(0, ("before", before))
    commit, dirty = read_commit()
    jobs, repeated = measure(trees, runs, out, progress, warm_up=warm_up)
    times = MainJobTimes(
        commit=commit,
        dirty=dirty,
        before=None if before is None else _commit_of(before),
        day=time.strftime("%Y-%m-%d", time.gmtime()),
        machine=read_machine(),
        jobs=jobs,
        repeated=repeated,
    )
    (PUBLISHED / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(times), indent=0) + b"\n")
    PAGE.write_text(page(times), encoding="utf-8")
    return [PUBLISHED / NAME, PAGE]


def _commit_of(tree: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(tree), "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MainJobError(f"expected a git checkout, found {tree}: {error}") from error
    return done.stdout.strip()
