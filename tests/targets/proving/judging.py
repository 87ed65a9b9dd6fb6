"""Judging unpacked records, as the real command judges a run directory, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from assertions import judge as judging
from assertions.checks.catalogue import CHECKS
from assertions.checks.check import Check
from assertions.judge import Report
from assertions.limits import Limits, LimitsError
from assertions.record.run import Run
from assertions.record.types import RecordError
from assertions.verdicts import Judgement, passed
from evidence.publish import judge_folder
from tests.targets.edits.edit import Edit
from tests.targets.fixtures.entry import Entry
from tests.targets.proving.results import Judged, judged_of
from tests.targets.recording.conditions import Conditions
from tests.targets.recording.run import problem_of
from tests.targets.recording.strip import StripError, open_again


class Unreadable(Exception):
    """A record can't be judged: it was made by another version; one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something recorded that the judge must judge rightly: a target, or an edit of a healthy one."""

    name: str
    why: str
    healthy: bool
    expect: frozenset[str]
    subject: Entry | Edit

    def problem(self, judged: Judged) -> str | None:
        """What is wrong with a judgement, in one sentence; None: it is right."""
        if isinstance(self.subject, Edit):
            return self.subject.problem(judged)
        return problem_of(self.subject, judged)

    def noticed(self, judged: Judged) -> frozenset[str]:
        """The checks by which it was caught for its reason."""
        status = self.subject.status if isinstance(self.subject, Edit) else "FAIL"
        return self.expect & judged.of(status).keys()


def case_of(subject: Entry | Edit, name: str) -> Case:
    """The case of a record of this name."""
    if isinstance(subject, Edit):
        return Case(name=name, why=subject.why, healthy=False, expect=frozenset({subject.check}), subject=subject)
    return Case(name=name, why=subject.why, healthy=subject.healthy, expect=subject.expect, subject=subject)


def judge_record(folder: Path, conditions: Conditions, *, opening: bool = True) -> tuple[Run, Limits, Report]:
    """Open an unpacked record's files again and judge it by the limits of today; the folder is changed by that.

    Unreadable when the record is of another version. opening: False for a copy of a record whose files are opened.
    """
    shutil.copyfile(conditions.limits, folder / "limits.toml")
    try:
        if opening:
            open_again(folder)
        run, limits, report, _ = judge_folder(folder)
    except (RecordError, LimitsError, StripError, OSError) as error:
        raise Unreadable(f"the record of {folder.name} can't be read: {error}") from error
    if run.problems:
        name, problem = next(iter(run.problems.items()))
        raise Unreadable(f"the record of {folder.name} can't be read: {name}: {problem}")
    return run, limits, report


def statuses(report: Report) -> dict[str, str]:
    """Every verdict's status, by `<scenario>/<check>`."""
    return {f"{verdict.scenario}/{verdict.id}": verdict.status for verdict in report.verdicts}


def agreeable(check: Check) -> Check:
    """A check that passes everything."""

    def agree(*_: object) -> Judgement:
        return passed("this check was replaced by one that passes everything")

    return replace(check, judge=agree)


@contextmanager
def checks_without(check_id: str) -> Iterator[None]:
    """The judge of this process with one check replaced by one that passes everything."""
    without = tuple(agreeable(check) if check.id == check_id else check for check in CHECKS)
    with patch.object(judging, "CHECKS", without):
        yield


def unnoticed_without(case: Case, run: Run, limits: Limits, report: Report) -> dict[str, str]:
    """Checks without which the judge would misjudge a case that it judges rightly, each with what it would do."""
    judged = judged_of(report)
    if case.healthy or case.problem(judged) is not None:
        return {}
    noticed = case.noticed(judged)
    if len(noticed) > 1:
        return {}  # another check that must see it still does
    unnoticed: dict[str, str] = {}
    for check_id in noticed:
        with checks_without(check_id):
            problem = case.problem(judged_of(judging.judge(run, limits)))
        unnoticed |= {check_id: problem} if problem is not None else {}
    return unnoticed
