"""Running the main job, and reading how long its stages took."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.main_job.types import NOX, SESSIONS, JobTime, SessionTime, TreeName

_BEGINS = re.compile(r"^nox > Running session (\w+)$")
_ENDS = re.compile(r"^nox > Session (\w+) was successful")
_STAGE = re.compile(r"^(?:smoke|load|batch|run|gate) +([a-z]+(?: [a-z]+)*) +([\d.]+) s$")


REPEATS_MOST = 3
"""Of the other tree's jobs, in all: an older one may have had a false alarm that was mended since."""


class MainJobError(Exception):
    """The main job can't be measured; the message says why and what to do."""


def find_nox() -> str:
    """Return nox's path. MainJobError."""
    nox = shutil.which("nox", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if nox is None:
        raise MainJobError("expected nox on PATH, found none: install requirements/nox.txt")
    return nox


def run_job(tree: Path, name: TreeName, log: Path) -> JobTime:
    """Run the main job in a checkout and return its times. MainJobError where it is not GREEN.

    log: takes its output.
    """
    words = [find_nox(), "--nocolor", "-s", *SESSIONS, "--", "--timings"]
    # of this process's environment nothing may change what nox runs
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    load_average = os.getloadavg()[0]
    begin = time.monotonic()
    lines: list[tuple[float, str]] = []
    with (
        subprocess.Popen(
            words, cwd=tree, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
        log.open("w", encoding="utf-8") as kept,
    ):
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            lines.append((time.monotonic() - begin, line))
            kept.write(f"{line}\n")
    seconds = time.monotonic() - begin
    if process.returncode != 0:
        raise MainJobError(f"expected a GREEN main job, nox ended with {process.returncode}: see {log}")
    return JobTime(
        tree=name, seconds=round(seconds, 3), load_average=round(load_average, 2), sessions=tuple(read_sessions(lines))
    )


def read_sessions(lines: Iterable[tuple[float, str]]) -> list[SessionTime]:
    """Return the sessions in nox's output. lines: each with the second at which it came. MainJobError."""
    found: list[SessionTime] = []
    stages: dict[str, float] = {}
    begin_s = 0.0
    for moment_s, line in lines:
        if _BEGINS.match(line):
            stages, begin_s = {}, moment_s
        elif stage := _STAGE.match(line):
            stages[stage[1]] = stages.get(stage[1], 0.0) + float(stage[2])
        elif session := _ENDS.match(line):
            seconds = moment_s - begin_s
            rest = round(max(0.0, seconds - sum(stages.values())), 3)
            found.append(SessionTime(session=session[1], seconds=round(seconds, 3), stages={**stages, NOX: rest}))
    names = tuple(one.session for one in found)
    if names != SESSIONS or not all(len(one.stages) > 1 for one in found):
        raise MainJobError(f"expected the stages of {', '.join(SESSIONS)}, found {', '.join(names) or 'no session'}")
    return found


def measure(
    trees: Sequence[tuple[TreeName, Path]],
    runs: int,
    out: Path,
    progress: Callable[[str], None],
    *,
    warm_up: bool,
    job_in: Callable[[Path, TreeName, Path], JobTime] = run_job,
) -> tuple[tuple[JobTime, ...], int]:
    """Run the main job `runs` times in each tree, in turn. warm_up: once more before, which does not count.

    Return the jobs, and how many of the other tree were not GREEN and were repeated. MainJobError.
    """
    jobs = []
    repeated = 0
    for number in range(0 if warm_up else 1, runs + 1):
        for name, tree in trees:
            while True:
                try:
                    job = job_in(tree, name, out / f"main-job-{name}-{number}.log")
                    break
                except MainJobError as error:
                    if name == "now" or repeated == REPEATS_MOST:
                        raise
                    repeated += 1
                    progress(f"{name} {number} of {runs}: run again, since {error}")
            progress(f"{name} {number} of {runs}: {job.seconds:.1f} s{'' if number else ', to warm up'}")
            if number:
                jobs.append(job)
    return tuple(jobs), repeated
