"""Comparing run directories: whether two can be compared, which is the baseline, and the comparison itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assertions import limits as limits_file
from assertions.checks.user_rules import measure
from assertions.judge import Report
from assertions.record.files import read_one, write_one
from assertions.record.results.baseline import BASELINE, Baseline
from assertions.record.run import Run, load_run
from assertions.record.types import RecordError
from assertions.verdicts import SCENARIOS
from evidence.bundle import manifest
from evidence.bundle.apart import verify_apart
from evidence.bundle.errors import VerifyError
from evidence.bundle.layout import COMPARISON, CONTEXT, LIMITS, VERDICT
from evidence.bundle.run_folder import history_of, last_green
from evidence.collect.machine import MachineSample, read_samples
from evidence.collect.provenance import Context
from evidence.comparison import stored
from evidence.comparison.compare import compare
from evidence.comparison.conditions import Conditions, Place, conditions_of
from evidence.comparison.samples import Samples, samples_of
from evidence.comparison.types import Comparison, Row, RunName
from evidence.reports.units import plain
from evidence.settings import EMBEDDED, LAST_GREEN
from evidence.subject import named


class CompareError(Exception):
    """A run can't be compared; the message says which, why, and what to do."""


@dataclass(frozen=True)
class RecordedRun:
    """A run directory, read; nothing of it is judged."""

    run: Run
    context: Context
    colour: str | None
    """By its verdict."""
    machine: Mapping[str, Sequence[MachineSample]]
    """Samples of the machine by scenario, where they were taken."""

    @property
    def conditions(self) -> dict[Place, Conditions]:
        """Under which conditions each phase was measured."""
        return conditions_of(self.run.scenarios, self.machine, self.context.cpus)

    @property
    def name(self) -> RunName:
        """Which run."""
        context = self.context
        return RunName(
            run_id=context.run_id,
            started=context.started,
            colour=self.colour,
            subject=named(context.subject, embedded=context.target == EMBEDDED, target=context.target, version=None),
        )


def read_recorded(folder: Path, judged: bool = True) -> RecordedRun:
    """Read a run directory. CompareError where it can't be. judged: it has a verdict of this run, too."""
    try:
        run = load_run(folder, SCENARIOS)
        return RecordedRun(
            run=run,
            context=read_one(folder / CONTEXT, Context),
            colour=_colour(folder) if judged else None,
            machine={name: read_samples(folder / name) for name in run.scenarios},
        )
    except RecordError as error:
        raise CompareError(f"{folder} can't be compared: {error}") from error
    except OSError as error:
        raise CompareError(f"{error.filename or folder} can't be read: {error.strerror or error}") from error


def _colour(folder: Path) -> str:
    try:
        return msgspec.json.decode((folder / VERDICT).read_bytes(), type=Report).colour
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{VERDICT} is no verdict: {error}") from error


def check_files(folder: Path) -> None:
    """Raise CompareError where a run directory is not as its manifest says."""
    try:
        problems = manifest.differences(folder, manifest.read(folder))
    except RecordError as error:
        raise CompareError(f"{folder} can't be compared: {error}") from error
    except OSError as error:
        raise CompareError(f"{error.filename or folder} can't be read: {error.strerror or error}") from error
    if problems:
        raise CompareError(f"{folder} does not verify: {_first(problems)}")


def check_baseline(folder: Path, any_colour: bool = False) -> None:
    """Raise CompareError where a folder is no baseline: it does not verify, or is not GREEN and must be.

    It is verified in a separate process, within limits of memory and time. Call it from the main thread.
    """
    if not folder.is_dir():
        raise CompareError(f"{folder} can't be a baseline: it is no run directory")
    try:
        problems, report = verify_apart(folder)
    except VerifyError as error:
        raise CompareError(f"{folder} can't be a baseline: {error}") from error
    if problems or report is None:
        raise CompareError(f"{folder} can't be a baseline, it does not verify: {_first(problems)}")
    if report.colour != "GREEN" and not any_colour:
        raise CompareError(
            f"{folder} can't be a baseline: it is {report.colour}, and a baseline is GREEN; with --any it is taken"
        )


def _first(problems: list[str]) -> str:
    more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
    return f"{plain(problems[0])}{more}"


def compare_runs(baseline: RecordedRun, newer: RecordedRun) -> Comparison:
    """Compare two runs; where they can't be compared, the comparison says why."""
    problems = tuple(_incomparable(baseline, newer))
    return Comparison(
        baseline=baseline.name,
        newer=newer.name,
        problems=problems,
        notes=tuple(_notes(baseline, newer)),
        rows=() if problems else _rows(baseline, newer),
    )


def common_samples(baseline: Run, newer: Run) -> tuple[Samples, Samples]:
    """Return what is compared of both runs: the samples of the scenarios that both have."""
    common = [name for name in newer.scenarios if name in baseline.scenarios]
    before, after = (samples_of({name: run.scenarios[name] for name in common}) for run in (baseline, newer))
    return before, after


def _rows(baseline: RecordedRun, newer: RecordedRun) -> tuple[Row, ...]:
    return compare(*common_samples(baseline.run, newer.run), (baseline.conditions, newer.conditions))


def _incomparable(baseline: RecordedRun, newer: RecordedRun) -> Iterator[str]:
    common = [name for name in newer.run.scenarios if name in baseline.run.scenarios]
    for label, judged in (("baseline", baseline), ("newer run", newer)):
        for name, problem in judged.run.problems.items():
            yield f"{name} of the {label} can't be read: {problem}"
        if judged.context.incidents:
            yield f"the {label} did not come to its end: {judged.context.incidents[0]}"
    if not common:
        yield "no scenario was run in both"
    if baseline.context.limits_sha256 != newer.context.limits_sha256:
        yield "other limits (limits.toml)"
    for name in common:
        then, now = baseline.run.scenarios[name].plan, newer.run.scenarios[name].plan
        if then.profile_sha256 != now.profile_sha256:
            yield f"another profile of {name}"
        if then.seed != now.seed:
            yield f"another seed of {name}: {then.seed} and {now.seed}"


def _notes(baseline: RecordedRun, newer: RecordedRun) -> Iterator[str]:
    for name in (*baseline.run.scenarios, *newer.run.scenarios):
        if (name in baseline.run.scenarios) != (name in newer.run.scenarios):
            yield f"{name} was run in the {'baseline' if name in baseline.run.scenarios else 'newer run'} only"
    then, now = baseline.context, newer.context
    if (then.machine, then.cpus, then.memory_bytes) != (now.machine, now.cpus, now.memory_bytes):
        yield f"other machines: {then.machine}, {then.cpus} CPUs, and {now.machine}, {now.cpus} CPUs"
    if then.target != now.target:
        yield f"other targets: {then.target} and {now.target}"


def compared_code(comparison: Comparison) -> int:
    """Return the exit code: 0 nothing was found worse, 1 something was, 2 the runs can't be compared."""
    if comparison.problems:
        return 2
    return 1 if comparison.count("worse") else 0


def baseline_for(out: Path, asked: str | None) -> Path | None:
    """Return the folder of the baseline of a run in `out`; None where no earlier run was GREEN.

    asked: `last-green`, a folder, or None for `last-green` when there is one.
    """
    return last_green(history_of(out)) if asked in (None, LAST_GREEN) else Path(asked or "")


def write_baseline(out: Path, asked: str | None) -> Baseline | None:
    """Write what the relative rules of a run are judged against, and return it.

    None, and nothing written, where no baseline was asked for, there is none, or no rule is relative. CompareError
    where the baseline can't be read. OSError.
    """
    folder = None if asked is None else baseline_for(out, asked)
    rules = [rule for rule in limits_file.load(out / LIMITS).rules if rule.baseline is not None]
    if folder is None or not rules:
        return None
    check_files(folder)
    recorded = read_recorded(folder)
    figures = {rule.verdict_id: measure(rule, recorded.run.scenarios) for rule in rules}
    baseline = Baseline(
        run_id=recorded.context.run_id,
        started=recorded.context.started,
        figures={name: value for name, value in figures.items() if value is not None},
    )
    write_one(out / BASELINE, baseline)
    return baseline


def compare_into(out: Path, asked: str | None) -> Comparison | None:
    """Compare the run in `out` with its baseline and write `comparison.json`; None where there is no baseline.

    A baseline that can't be compared is a comparison with its problem. What was compared before is replaced. OSError.
    """
    (out / COMPARISON).unlink(missing_ok=True)
    folder = baseline_for(out, asked)
    if folder is None:
        return None
    newer = read_recorded(out, judged=False)
    try:
        # the whole of a baseline that was chosen was verified before the run
        check_files(folder)
        baseline = read_recorded(folder)
        comparison = compare_runs(baseline, newer)
    except CompareError as error:
        problem = str(error).replace(str(folder), folder.name)
        comparison = Comparison(baseline=None, newer=newer.name, problems=(problem,), notes=(), rows=())
    stored.write(out, comparison)
    return comparison
