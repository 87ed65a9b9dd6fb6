"""Flame graphs by py-spy and allocation reports by memray, each of one piece of work in a separate process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.http_service import ROOT
from benchmarks.records import body

WORK = (
    ("export-csv-10k", "csv", 10_000, 20),
    ("export-pdf-10k", "pdf", 10_000, 10),
    ("export-csv-1M", "csv", 1_000_000, 1),
    ("export-pdf-1M", "pdf", 1_000_000, 1),
    ("check-csv-10k", "csv records checked", 10_000, 10),
    ("check-pdf-10k", "pdf records checked", 10_000, 2),
)
"""Name, series, records, and how often the work is done for a flame graph with enough samples."""
HZ = "500"
TIMEOUT_S = 600
Progress = Callable[[str], None]


def profile(out: Path, only: str | None, progress: Progress) -> int:
    """Write NAME.svg (CPU), NAME.html and NAME.txt (allocations) for each work; 0, or 1 where a tool failed."""
    out.mkdir(parents=True, exist_ok=True)
    failed = False
    for name, series, records, times in WORK:
        if only is not None and only not in name:
            continue
        with tempfile.TemporaryDirectory(prefix="profile-") as folder:
            progress(f"{name}: records")
            if series in ("csv", "pdf"):
                (Path(folder) / f"body-{series}-{records}").write_bytes(body(series, records))
            progress(f"{name}: flame graph")
            failed |= not _flame_graph(out / f"{name}.svg", _target(series, records, folder, times), progress)
            progress(f"{name}: allocations")
            failed |= not _allocations(out, name, Path(folder), _target(series, records, folder, 1), progress)
    return int(failed)


def _target(series: str, records: int, folder: str, times: int) -> Sequence[str]:
    return ["-m", "benchmarks.probes.profiled", series, str(records), folder, str(times)]


def _flame_graph(path: Path, target: Sequence[str], progress: Progress) -> bool:
    words = [
        str(Path(sys.executable).with_name("py-spy")),
        "record",
        "--rate",
        HZ,
        "--format",
        "flamegraph",
        "--output",
        str(path),
        "--",
    ]
    return _run([*words, sys.executable, *target], progress)


def _allocations(out: Path, name: str, folder: Path, target: Sequence[str], progress: Progress) -> bool:
    recorded = folder / "memray.bin"
    memray = [sys.executable, "-m", "memray"]
    made = _run([*memray, "run", "--force", "--quiet", "--output", str(recorded), *target], progress)
    page = out / f"{name}.html"
    made = made and _run([*memray, "flamegraph", "--force", "--output", str(page), str(recorded)], progress)
    if not made:
        return False
    done = subprocess.run([*memray, "stats", str(recorded)], capture_output=True, timeout=TIMEOUT_S, check=False)
    (out / f"{name}.txt").write_bytes(done.stdout)
    return done.returncode == 0


def _run(words: Sequence[str], progress: Progress) -> bool:
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        progress(f"{words[0]}: {error}")
        return False
    if done.returncode:
        progress(f"{words[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.returncode == 0
