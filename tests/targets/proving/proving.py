"""Judging all records: does the judge of today catch every recorded fault, and pass every healthy target?"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult, Pool
from pathlib import Path

from tests.targets.edits.edit import Edit
from tests.targets.edits.every import BASE, EDITS
from tests.targets.fixtures.entry import Entry, all_targets
from tests.targets.proving.judging import Case, Unreadable, case_of, judge_record, statuses, unnoticed_without
from tests.targets.proving.results import Judged, judged_of
from tests.targets.recording.archive import AGAIN, ArchiveError, Made, listed, unpack
from tests.targets.recording.conditions import BY_NAME, Conditions

AHEAD = 8
"""Records that are unpacked before each process's turn comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How the judge did on one recorded case."""

    case: Case
    made: Made
    judged: Judged
    statuses: Mapping[str, str]
    """Every verdict's status, by `<scenario>/<check>`."""
    unnoticed: Mapping[str, str]
    """Checks without which it would be judged wrongly, each with how; empty where that was not asked."""

    @property
    def problem(self) -> str | None:
        """What the judge did wrong; None: it judged rightly."""
        return self.case.problem(self.judged)

    @property
    def failed(self) -> dict[str, str]:
        """Ids of verdicts that FAILed, with scenario and reason."""
        return self.judged.of("FAIL")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What a process found."""

    name: str
    judged: Judged
    statuses: dict[str, str]
    unnoticed: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What one process is given: a folder with unpacked files, and what they are of."""

    folder: Path
    name: str
    made: Made
    edit: str | None
    mutate: bool


def prove(folder: Path, targets: Mapping[str, Entry], jobs: int, *, mutate: bool) -> list[Proof]:
    """Judge every record of a folder, and the edits of a healthy one. ArchiveError when records can't be judged.

    mutate: find out, too, which checks each fault would pass unnoticed without.
    """
    known = listed(folder)
    if not known:
        raise ArchiveError(f"{folder} holds no records; {AGAIN}")
    unknown = [name for name, (made, _) in known.items() if made.target not in targets]
    if unknown:
        raise ArchiveError(f"{unknown[0]} is recorded, and is no target of the catalogue any more; {AGAIN}")
    with tempfile.TemporaryDirectory(prefix="prove-") as work:
        results = {result.name: result for result in _results(known, Path(work), jobs, mutate)}
    cases = {name: (case_of(targets[made.target], name), made) for name, (made, _) in known.items()}
    if BASE in known:
        cases |= {edit.name: (case_of(edit, edit.name), known[BASE][0]) for edit in EDITS}
    return [
        Proof(case=case, made=made, judged=result.judged, statuses=result.statuses, unnoticed=result.unnoticed)
        for name, (case, made) in cases.items()
        for result in (results[name],)
    ]


def _results(known: Mapping[str, tuple[Made, Path]], work: Path, jobs: int, mutate: bool) -> Iterator[_Result]:
    """Results as they come. With one job all is judged in this process."""
    if jobs == 1:
        yield from map(_judge, _jobs(known, work, mutate))
        return
    with _pool(jobs) as pool:
        waiting: deque[AsyncResult[_Result]] = deque()
        for job in _jobs(known, work, mutate):
            waiting.append(pool.apply_async(_judge, [job]))
            # so that not all lie unpacked on the disk
            if len(waiting) > AHEAD * jobs:
                yield waiting.popleft().get()
        yield from (result.get() for result in waiting)


def _jobs(known: Mapping[str, tuple[Made, Path]], work: Path, mutate: bool) -> Iterator[_Job]:
    for path in dict.fromkeys(path for _, path in known.values()):
        for name in unpack(path, [one for one, (_, place) in known.items() if place == path], work):
            made = known[name][0]
            edits: Sequence[Edit] = EDITS if name == BASE else ()
            for edit in edits:
                copy = work / edit.name
                shutil.copytree(work / name, copy)
                yield _Job(folder=copy, name=edit.name, made=made, edit=edit.name, mutate=mutate)
            yield _Job(folder=work / name, name=name, made=made, edit=None, mutate=mutate)


def _pool(jobs: int) -> Pool:
    """Start processes that ignore Ctrl-C from their first moment: a terminal sends it to them, too.

    The process that started them ends them.
    """
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # is inherited, and so holds while a process imports
    try:
        return get_context("spawn").Pool(jobs)
    finally:
        signal.signal(signal.SIGINT, handler)


def _judge(job: _Job) -> _Result:
    """Judge one unpacked record and remove it."""
    edit = next((edit for edit in EDITS if edit.name == job.edit), None)
    try:
        if edit is not None:
            edit.apply(job.folder)
        run, limits, report = judge_record(job.folder, conditions_of(job.made), opening=edit is None)
    except Unreadable as error:
        raise ArchiveError(f"{error}; it was made at commit {job.made.commit}, {AGAIN}") from error
    finally:
        shutil.rmtree(job.folder)
    unnoticed = {}
    if job.mutate:
        subject = edit or next(target for target in all_targets() if target.name == job.made.target)
        unnoticed = unnoticed_without(case_of(subject, job.name), run, limits, report)
    return _Result(name=job.name, judged=judged_of(report), statuses=statuses(report), unnoticed=unnoticed)


def conditions_of(made: Made) -> Conditions:
    """The conditions by which a record is judged. ArchiveError where there are no such any more."""
    if made.conditions not in BY_NAME:
        raise ArchiveError(f"the record of {made.name} was made under {made.conditions!r}, which is unknown; {AGAIN}")
    return BY_NAME[made.conditions]


def usual_jobs() -> int:
    """As many processes as the machine has cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
