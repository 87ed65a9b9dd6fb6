"""Recompute a run directory's verdict from its files: hashes, contents of kept files, judgement, first line."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assertions.judge import Report
from assertions.limits import LimitsError
from assertions.records import RecordError

from . import manifest
from .opening import recheck
from .publish import REPORT, VERDICT, judge_folder


class VerifyError(Exception):
    """There is nothing that could be verified; the message says what is missing or malformed."""


def verify(out: Path) -> tuple[list[str], Report | None]:
    """(what does not hold, one sentence each; the verdict as judged anew). VerifyError when `out` is no bundle."""
    if not out.is_dir():
        raise VerifyError(f"{out} is no run directory")
    try:
        said = manifest.read(out)
    except RecordError as error:
        raise VerifyError(f"{out} is no bundle: {error}") from error
    problems = manifest.differences(out, said)
    report: Report | None = None
    try:
        run, _, report, context = judge_folder(out)
    except (RecordError, LimitsError) as error:
        return [*problems, f"it can't be judged again: {error}"], None
    if context.run_id != said.run_id:
        problems.append(f"manifest.json is of the run {said.run_id}, run.json of {context.run_id}")
    problems += _verdict_differs(out, report)
    lines = (
        (out / REPORT).read_text(encoding="utf-8", errors="replace").splitlines() if (out / REPORT).is_file() else []
    )
    if not lines or lines[0] != f"# {report.headline}":
        problems.append(
            f"{REPORT} begins with {lines[0] if lines else 'nothing'!r}, judged again it is '# {report.headline}'"
        )
    for name in run.scenarios:
        try:
            problems += recheck(out / name)
        except RecordError as error:
            problems.append(str(error))
    return problems, report


def _verdict_differs(out: Path, report: Report) -> list[str]:
    try:
        told = msgspec.json.decode((out / VERDICT).read_bytes(), type=Report)
    except OSError:
        return [f"{VERDICT} is missing"]
    except msgspec.DecodeError as error:
        return [f"{VERDICT} is no verdict: {error}"]
    if told == report:
        return []
    problems = []
    if told.headline != report.headline:
        problems.append(f"{VERDICT} says {told.headline!r}, judged again it is {report.headline!r}")
    for then, now in zip(told.verdicts, report.verdicts, strict=False):
        if then != now:
            problems.append(
                f"{VERDICT} says {then.scenario}/{then.id} {then.status} ({then.judgement.reason}); judged again it is "
                f"{now.scenario}/{now.id} {now.status} ({now.judgement.reason})"
            )
    return problems or [f"{VERDICT} differs from what the raw record gives when judged again"]
