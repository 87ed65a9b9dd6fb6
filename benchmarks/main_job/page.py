"""docs/timings.md: the main job by stage, from `main_job.json`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks.main_job.types import NOX, SESSIONS, JobTime, MainJobTimes, stages_of

AIM_S = 60.0
"""Warm, on two quiet cores."""
Trees = Sequence[tuple[str, tuple[JobTime, ...]]]


def page(times: MainJobTimes) -> str:
    """Return the page."""
    return "\n".join(_lines(times)) + "\n"


def _lines(times: MainJobTimes) -> Iterator[str]:
    now = times.of("now")
    trees = [(name, jobs) for name, jobs in (("before", times.of("before")), ("now", now)) if jobs]
    yield from (
        "# How long the main job takes",
        "",
        "Written by `python -m benchmarks main-job` from [main_job.json](../benchmarks/results/main_job.json); no",
        "figure is typed by hand. Cells are seconds: the median of the jobs, with the lowest and the highest.",
        "",
        f"`nox -s smoke load batch gate`, warm: **{_cell(job.seconds for job in now)} s**, jobs: {len(now)}. "
        f"The aim on two quiet cores is {AIM_S:.0f} s.",
        "",
        "## By stage, all sessions together",
        "",
    )
    yield from _table(("stage", *(name for name, _ in trees)), _by_stage(trees))
    yield from ("", "## By session", "")
    yield from _table(("session", *(name for name, _ in trees)), _by_session(trees))
    yield from ("", "## Stages of each session", "")
    yield from _table(("stage", *SESSIONS), _stages_by_session(now))
    yield from (
        "",
        f"`start`: of a command, until its first stage. `other`: between its stages. `{NOX}`: what a session takes in",
        "addition: nox, uv's look at the requirement file, the end of the process. `judge` and `plots` stand for two",
        "moments each: before the tools have ended, so that pictures are drawn meanwhile, and after.",
        "",
    )
    yield from _table(("", ""), _facts(times))
    yield from (
        "",
        "## Repeat it",
        "",
        "On a machine that does nothing else:",
        "",
        "    python -m benchmarks main-job                  # five jobs, after one to warm up",
        "    python -m benchmarks main-job --before DIR     # in turn with another checkout, such as a git worktree",
    )


def _by_stage(trees: Trees) -> Iterator[tuple[str, ...]]:
    for stage in stages_of(job for _, jobs in trees for job in jobs):
        yield stage, *(_cell(job.stage_s(stage) for job in jobs) for _, jobs in trees)
    yield "**in all**", *(f"**{_cell(job.seconds for job in jobs)}**" for _, jobs in trees)


def _by_session(trees: Trees) -> Iterator[tuple[str, ...]]:
    for session in SESSIONS:
        yield session, *(_cell(job.session_s(session) for job in jobs) for _, jobs in trees)


def _stages_by_session(jobs: tuple[JobTime, ...]) -> Iterator[tuple[str, ...]]:
    for stage in stages_of(jobs):
        yield stage, *(_cell(job.stage_s(stage, session) for job in jobs) for session in SESSIONS)


def _cell(seconds: Iterable[float]) -> str:
    values = list(seconds)
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if any(values) else "–"


def _facts(times: MainJobTimes) -> Iterator[tuple[str, str]]:
    machine = times.machine
    yield "commit", f"{times.commit or 'unknown'}{', with changes' if times.dirty else ''}"
    if times.before is not None:
        yield "before", times.before
        if times.repeated:
            yield "jobs of before that were not GREEN, and were run again", str(times.repeated)
    yield "day", times.day
    yield "machine", f"{machine.system}, {machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 1e9:.0f} GB"
    yield "Python", machine.python
    averages = [job.load_average for job in times.jobs]
    yield "load average of the machine before a job", f"{min(averages):.1f} to {max(averages):.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
