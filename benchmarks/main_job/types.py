"""How long main jobs took, as it is kept: `main_job.json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from assertions.record.types import Record
from benchmarks.report.types import Machine

SESSIONS = ("smoke", "load", "batch", "gate")
"""The main job, in order."""
NOX = "nox"
"""Stage of what a session takes in addition to its command's own stages: nox, pip's look, the end of the process."""
TreeName = Literal["now", "before"]


class SessionTime(Record, frozen=True, kw_only=True):
    """One session of one main job."""

    session: str
    seconds: float
    stages: dict[str, float]
    """Seconds by stage, as `--timings` prints them, and `nox`."""


class JobTime(Record, frozen=True, kw_only=True):
    """One main job, from the start of nox to its end; GREEN, its gate open."""

    tree: TreeName
    seconds: float
    load_average: float
    """Of the machine over the minute before the job: others who worked on it."""
    sessions: tuple[SessionTime, ...]

    def stage_s(self, stage: str, session: str | None = None) -> float:
        """Return what a stage took; session None: in all of them."""
        return sum(one.stages.get(stage, 0.0) for one in self.sessions if session in (None, one.session))

    def session_s(self, session: str) -> float:
        """Return what a session took."""
        return sum(one.seconds for one in self.sessions if one.session == session)


class MainJobTimes(Record, frozen=True, kw_only=True):
    """Main jobs of one tree, or of two in turn."""

    commit: str | None
    dirty: bool | None
    before: str | None
    """The commit of the other tree; None: there is none."""
    day: str
    machine: Machine
    jobs: tuple[JobTime, ...]
    repeated: int = 0
    """Jobs of the other tree that were not GREEN, and were run again."""

    def of(self, tree: TreeName) -> tuple[JobTime, ...]:
        """Return the jobs of one tree."""
        return tuple(job for job in self.jobs if job.tree == tree)


def stages_of(jobs: Iterable[JobTime]) -> tuple[str, ...]:
    """Return the names of all stages, in the order in which they come first."""
    return tuple(dict.fromkeys(stage for job in jobs for one in job.sessions for stage in one.stages))
