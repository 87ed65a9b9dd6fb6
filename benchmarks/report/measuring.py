"""The parts of a run: each measures, and returns what it found. Parts of one commit are put together."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from assertions.record.files import read_one
from benchmarks.http_service import ROOT
from benchmarks.outputs import WrongOutput
from benchmarks.peers.race import Format, race_services, race_writers
from benchmarks.probes.curves import ProbeError, measure_leak, measure_points
from benchmarks.probes.self_test import self_test
from benchmarks.report.figures import summary
from benchmarks.report.machine import read_commit, read_machine
from benchmarks.report.types import NEEDED, PARTS, Kept, Part, PartName, Point, Race, Results

SUITES = ROOT / "benchmarks" / "suites"
Writers = Mapping[PartName, tuple[tuple[Format, int, int], ...]]
QUICK_WRITERS: Writers = {"csv": (("csv", 10_000, 9),), "pdf": (("pdf", 1_000, 5), ("pdf", 10_000, 3))}
"""Format, records, rounds, by part."""
FULL_WRITERS: Writers = {
    "csv": (("csv", 1_000, 15), ("csv", 10_000, 15), ("csv", 100_000, 7), ("csv", 1_000_000, 3)),
    "pdf": (("pdf", 1_000, 7), ("pdf", 10_000, 5), ("pdf", 100_000, 5), ("pdf", 1_000_000, 3)),
}
QUICK_SERVICES: tuple[tuple[Format, int, int, int], ...] = (("csv", 10_000, 7, 0), ("pdf", 10_000, 3, 0))
"""Format, records, rounds, exports each of five clients at once (0: one client)."""
FULL_SERVICES: tuple[tuple[Format, int, int, int], ...] = (
    ("csv", 1_000, 11, 0), ("csv", 10_000, 11, 0), ("pdf", 1_000, 7, 0), ("pdf", 10_000, 5, 0),
    ("csv", 10_000, 5, 4), ("pdf", 10_000, 3, 1),
)  # fmt: skip
Progress = Callable[[str], None]


def run_part(
    name: PartName, out: Path, *, full: bool, target: str | None, words: Sequence[str], progress: Progress
) -> Part:
    """Measure one part, and write it into `out`. words: passed on to pytest."""
    commit, dirty = read_commit()
    part = Part(
        name=name,
        commit=commit,
        dirty=dirty,
        day=time.strftime("%Y-%m-%d", time.gmtime()),
        full=full,
        target=target,
        machine=read_machine(),
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        part = _measured(part, out, Path(folder), words, progress)
    (out / f"part-{name}.json").write_bytes(msgspec.json.encode(part) + b"\n")
    return part


def _measured(part: Part, out: Path, folder: Path, words: Sequence[str], progress: Progress) -> Part:
    if part.name in ("suites", "bounds"):
        code, kept = _pytest(part, out, words)
        failed = () if code == 0 else (f"{part.name}: pytest ended with {code}; its output says which benchmark",)
        return msgspec.structs.replace(part, measures=kept.measures, verdicts=kept.verdicts, failed=failed)
    if part.name in QUICK_WRITERS:
        wanted = (FULL_WRITERS if part.full else QUICK_WRITERS)[part.name]
        races = [race_writers(format, records, rounds, folder, progress) for format, records, rounds in wanted]
        return msgspec.structs.replace(part, races=tuple(races), failed=tuple(_wrong(races)))
    if part.name == "services":
        races = [
            race_services(format, records, rounds, folder, progress, at_once_each=each)
            for format, records, rounds, each in (FULL_SERVICES if part.full else QUICK_SERVICES)
        ]
        return msgspec.structs.replace(part, races=tuple(races), failed=tuple(_wrong(races)))
    return _curves(part, folder, progress)


def _pytest(part: Part, out: Path, words: Sequence[str]) -> tuple[int, Kept]:
    path = out / f"{part.name}-measures.json"
    path.unlink(missing_ok=True)
    name = "pytest-benchmark.json" if part.name == "suites" else f"pytest-benchmark-{part.name}.json"
    options = ["-q", "--measures", str(path), "--benchmark-json", str(out / name)]
    options += ["--full"] * part.full + (["--target", part.target] if part.target else [])
    # what the machine is too busy for is NO DATA in the table, and no failure of the whole run
    options += ["--bounds", "--bench-noisy-ok"] if part.name == "bounds" else []
    command = [sys.executable, "-m", "pytest", str(SUITES), "-p", "no:cacheprovider", *options, *words]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    kept = read_one(path, Kept) if path.is_file() else Kept()
    path.unlink(missing_ok=True)
    return code, kept


def _wrong(races: Iterable[Race]) -> Iterator[str]:
    """Yield what of the runners that are not left out on purpose has no data."""
    for race in races:
        for runner in race.runners:
            if runner.no_data and runner.kind == "ours":
                yield f"{race.name}: {runner.name}: {runner.no_data}"


def _curves(part: Part, folder: Path, progress: Progress) -> Part:
    tested = self_test()
    if tested.problems:
        return msgspec.structs.replace(
            part, sampler=tested, failed=tuple(f"memory sampler: {one}" for one in tested.problems)
        )
    points: list[Point] = []
    failed: list[str] = []
    leak = None
    try:
        points.extend(measure_points(folder, progress, full=part.full))
        if part.full:
            progress("leak: 200 exports")
            leak = measure_leak(folder / "leak")
    except (ProbeError, WrongOutput) as error:
        failed.append(str(error))
    return msgspec.structs.replace(part, sampler=tested, points=tuple(points), leak=leak, failed=tuple(failed))


def assemble(out: Path, published: Results | None, *, mixed: bool = False) -> Results | None:
    """Put the parts in a folder together; None where there is none.

    Parts of another commit than the latest count as missing, but with `mixed`, where each must be of some commit
    without changes. So do benchmarks that the published results have, and these have not.
    """
    parts = [read_one(path, Part) for name in PARTS if (path := out / f"part-{name}.json").is_file()]
    if not parts:
        return None
    latest = max(parts, key=lambda part: (out / f"part-{part.name}.json").stat().st_mtime)
    same = [part for part in parts if _fits(part, latest, mixed=mixed)]
    found = Results(
        commit=latest.commit if len({part.commit for part in same}) == 1 else None,
        dirty=False if mixed else latest.dirty,
        commits={part.name: part.commit for part in same if part.commit is not None},
        day=latest.day,
        full=latest.full,
        target=latest.target,
        machine=latest.machine,
        measures=tuple(measure for part in same for measure in part.measures),
        verdicts=tuple(verdict for part in same for verdict in part.verdicts),
        races=tuple(race for part in same for race in part.races),
        sampler=next((part.sampler for part in same if part.sampler is not None), None),
        points=tuple(point for part in same for point in part.points),
        leak=next((part.leak for part in same if part.leak is not None), None),
        failed=tuple(problem for part in same for problem in part.failed),
    )
    # what is held against bounds takes longest, and is NO DATA on the page where it was not run
    wanted = PARTS[:1] if latest.target is not None else NEEDED
    absent = [f"the part {name} of this commit" for name in wanted if name not in {part.name for part in same}]
    missing = (*absent, *missing_names(found, published))
    return msgspec.structs.replace(found, summary=tuple(summary(found)), missing=missing)


def _fits(part: Part, latest: Part, *, mixed: bool) -> bool:
    if (part.full, part.target) != (latest.full, latest.target):
        return False
    if mixed:
        return part.commit is not None and part.dirty is False
    return (part.commit, part.dirty) == (latest.commit, latest.dirty)


def missing_names(found: Results, published: Results | None) -> tuple[str, ...]:
    """Return the benchmarks that published results have and these have not, as far as these should have them. Pure."""
    if published is None or found.target is not None:
        return ()
    wanted = {
        measure.name
        for measure in published.measures
        if found.full or not measure.name.endswith(("-100k", "-1M", "check-pdf-10k"))
    }
    return tuple(sorted(wanted - {measure.name for measure in found.measures}))
