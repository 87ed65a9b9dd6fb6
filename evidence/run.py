"""Running scenarios: the stages in order, their record into one run directory, then judgement and report."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from assertions import limits as limits_file
from assertions.judge import Report, blocks
from assertions.record.files import read_one, write_lines, write_one
from assertions.record.types import FileCheck, Plan, RecordError, Scenario
from evidence.background import in_background
from evidence.bundle import run_folder as folders
from evidence.bundle.attest import inputs, signing
from evidence.bundle.attest.signing import SigningError
from evidence.bundle.layout import CONTEXT, LIMITS
from evidence.bundle.placeholder import publish_placeholder
from evidence.collect import provenance as contexts
from evidence.collect.check_workers import OpeningError
from evidence.collect.code_version import judge_sha256
from evidence.collect.embedded import EmbeddedError
from evidence.collect.provenance import Context
from evidence.collect.request_bodies import SENT
from evidence.collect.service_log import captured
from evidence.interrupts import ignored
from evidence.reports.plots.drawing_process import DrawingProcess
from evidence.settings import EMBEDDED, LAST_GREEN, RunError, Settings, request_for
from evidence.stages import Stages
from evidence.timings import Timings
from loadtests.client.target_settings import TARGET_HEADERS, TARGET_TOKEN
from loadtests.errors import FolderError
from loadtests.locks import lock_folder
from loadtests.plan.profile import ProfileError, load_profile
from loadtests.progress_view import View

if TYPE_CHECKING:
    from evidence.publish import Drawn

UNDER_WAY = "the run is under way, or was ended before its report"
_STOPS = (RunError, EmbeddedError, OpeningError, RecordError, limits_file.LimitsError, OSError)
"""What ends a run with a sentence; all else is a defect of ours."""


def run(settings: Settings, view: View, stages: Stages | None = None) -> tuple[Report, int, Timings]:
    """Run the scenarios and report. The code: 0 nothing failed, 1 something did, 2 something could not be measured.

    RunError where nothing could be run or written. The target is reached before the run directory is touched; an older
    run in it is moved aside, never deleted, and no older GREEN stands for this run. Of another run that is under way
    nothing is touched.
    """
    stages = stages or Stages()
    timings = Timings.since_start()
    try:
        with stages.drawing() as drawing:
            report, code = _begin_and_run(settings, view, stages, timings, drawing)
        return report, code, timings
    except (FolderError, limits_file.LimitsError, SigningError) as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(_sentence(error, settings.out)) from error


def _begin_and_run(
    settings: Settings, view: View, stages: Stages, timings: Timings, drawing: DrawingProcess
) -> tuple[Report, int]:
    mine, profiles = _context(settings), _profile_hashes(settings)
    if settings.sign is not None:
        signing.check_private(settings.sign)
    _check_baseline(settings)
    stages.reach(settings)
    for note in limits_file.load(settings.limits).notes:
        view.say(note)
    with lock_folder(settings.out):
        context = _begin(settings, mine, view)
        inputs.write(settings.out, context, profiles)
        report, code = _run(settings, context, view, stages, timings, drawing)
        if settings.sign is not None:
            signing.sign(settings.out, settings.sign, report, context)
        return report, code


def _run(
    settings: Settings, context: Context, view: View, stages: Stages, timings: Timings, drawing: DrawingProcess
) -> tuple[Report, int]:
    doing = ""
    try:
        view.say(stages.queries(settings))
        timings.end_start()
        for name in settings.scenarios:
            doing = f"{name}: "
            _record(settings, name, view, stages, timings, drawing)
            if settings.abort_on_fail and (failed := _failed(settings.out, name)):
                left = settings.scenarios[settings.scenarios.index(name) + 1 :]
                view.say(
                    f"{name}: {failed}; the run can no longer be GREEN"
                    + (f", {', '.join(left)} not run" if left else "")
                )
                break
        doing = ""
        drawn = _check_tools(settings, view, stages, timings, drawing)
        _hold_inputs(settings.out)
        report = stages.publish(settings.out, timings, drawn)
    except KeyboardInterrupt:
        _give_up(settings.out, context, f"{doing}interrupted before {_missing(settings.out, doing)}", stages, timings)
        raise
    except _STOPS as error:
        sentence = f"{doing}{_sentence(error, settings.out)}"
        _give_up(settings.out, context, sentence, stages, timings)
        raise RunError(sentence) from error
    except BaseException as error:
        _give_up(settings.out, context, f"{doing}{type(error).__name__}: {error}", stages, timings)
        raise
    return report, exit_code(report) or _compared_code(settings)


def _check_tools(
    settings: Settings, view: View, stages: Stages, timings: Timings, drawing: DrawingProcess
) -> Drawn | None:
    """Check rules, dashboard and package; meanwhile compare with the baseline, and draw the plots.

    Return the plots where the stage did what is to be done meanwhile.
    """
    drawn: list[Drawn] = []

    def compare_and_draw() -> None:
        with timings.measure("comparison"):
            stages.compare(settings, view)
        drawn.append(stages.draw(settings.out, timings, drawing.draw))

    with timings.measure("tools"):
        stages.check_tools(settings, view, compare_and_draw)
    return drawn[0] if drawn else None


def _record(
    settings: Settings, name: str, view: View, stages: Stages, timings: Timings, drawing: DrawingProcess
) -> None:
    """Drive one scenario and check its files."""
    out, folder, log = settings.out, settings.out / name, settings.out / f"{name}-service.log"
    if settings.target is not None:
        request = request_for(settings, name, settings.target, settings.target_pid, settings.exports)
        observed = stages.observe(name, settings.target, folder)
        drawing.wait_until_ready()
        with captured(settings.log, log), observed, timings.measure("load", name), stages.sample_machine(folder):
            stages.drive(out, request, view)
        _check_files(settings, name, view, stages, timings)
        return
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as observing:
        with timings.measure("service start", name):
            service = stack.enter_context(stages.serve(log))
            drawing.wait_until_ready()
        with timings.measure("prometheus", name):
            observing.enter_context(stages.observe(name, service.url, folder))
        with timings.measure("load", name), stages.sample_machine(folder):
            stages.drive(out, request_for(settings, name, service.url, service.pid, service.exports), view)

        def end_service() -> None:
            observing.close()
            code = service.stop()
            scenario = read_one(folder / "scenario.json", Scenario)
            write_one(folder / "scenario.json", replace(scenario, embedded=True, shutdown_exit_code=code))

        # nothing is measured any more, and Prometheus, which reads a last page and ends, mostly waits
        with in_background(end_service) as await_end:
            _check_files(settings, name, view, stages, timings)
            with timings.measure("service stop", name):
                await_end()


def _check_files(settings: Settings, name: str, view: View, stages: Stages, timings: Timings) -> None:
    start = time.monotonic()
    with timings.measure("file checks", name):
        stages.check_files(settings.out / name, lambda done, of: view.files(name, done, of), settings.jobs)
    view.say(f"{name}: every exported file opened and checked in {time.monotonic() - start:.1f} s")


def _profile_hashes(settings: Settings) -> dict[str, str]:
    try:
        return {name: load_profile(name, settings.profiles).sha256 for name in settings.scenarios}
    except ProfileError as error:
        raise RunError("; ".join(error.problems)) from error


def _hold_inputs(out: Path) -> None:
    """Raise RunError where limits, profiles, judge or subject are not those that the run began with."""
    profiles = {path.parent.name: read_one(path, Plan).profile_sha256 for path in out.glob("*/plan.json")}
    changed = next(inputs.differences(out, read_one(out / CONTEXT, Context), profiles), None)
    if changed is not None:
        raise RunError(changed)


def _missing(out: Path, doing: str) -> str:
    """Return what was not there yet when a run was interrupted."""
    if not doing:
        return "the report was written"
    try:
        scenario = read_one(out / doing.removesuffix(": ") / "scenario.json", Scenario)
    except RecordError:
        return "the record was complete"
    whole = all(phase.completed for phase in scenario.phases)
    return "the exported files were opened" if whole else "the record was complete"


def _failed(out: Path, name: str) -> str | None:
    """Return why a scenario's record can't become GREEN any more; None where it can."""
    scenario = read_one(out / name / "scenario.json", Scenario)
    stopped = next((phase.note for phase in scenario.phases if phase.ended == "aborted"), None)
    if stopped:
        return stopped
    from evidence.publish import judge_folder  # noqa: PLC0415 - slow to load

    _, _, report, _ = judge_folder(out)
    failed = [verdict for verdict in report.verdicts if verdict.status == "FAIL" and verdict.scenario == name]
    return f"{failed[0].id} is FAIL: {failed[0].judgement.reason}" if failed else None


def exit_code(report: Report) -> int:
    """0: green, or nothing failed and scenarios are still to come; 1: something failed; 2: something has no data."""
    if any(verdict.status == "FAIL" for verdict in report.verdicts):
        return 1
    return 2 if any(blocks(verdict) and not verdict.judgement.waiting for verdict in report.verdicts) else 0


def _check_baseline(settings: Settings) -> None:
    """Raise RunError where a run directory that was named as the baseline is none."""
    if settings.baseline in (None, LAST_GREEN):
        return
    from evidence.comparison.folders import CompareError, check_baseline  # noqa: PLC0415 - slow to load, seldom asked for

    folder = Path(settings.baseline or "")
    if folder.resolve() == settings.out.resolve():
        raise RunError(f"--baseline {folder} is the run directory itself; use --baseline {LAST_GREEN}")
    try:
        check_baseline(folder)
    except CompareError as error:
        raise RunError(str(error)) from error


def _compared_code(settings: Settings) -> int:
    """Return what a comparison that was asked for makes of the exit code: 1 worse, 2 not comparable."""
    if settings.baseline is None:
        return 0
    from evidence.comparison import stored  # noqa: PLC0415 - slow to load, seldom asked for
    from evidence.comparison.folders import compared_code  # noqa: PLC0415

    compared = stored.read(settings.out)
    return 0 if compared is None else compared_code(compared)


def _sentence(error: Exception, out: Path) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or out} can't be written or read: {error.strerror or error}"
    return str(error)


def _begin(settings: Settings, mine: Context, view: View) -> Context:
    """Join the run that is in the run directory where both belong together; else move that one aside."""
    out = settings.out
    try:
        if not folders.is_ours(out):
            raise RunError(f"{out} holds other files and is no run directory; choose an empty --out")
        there = folders.context_of(out)
        reason = _new_run_reason(settings, there, mine)
        if there is not None and reason is None:
            publish_placeholder(out, UNDER_WAY)
            return there
        with ignored():
            older = folders.move_aside(out)
        if older is not None:
            since = f"a new run begins, since {reason}; " if reason is not None else ""
            view.say(f"{since}the older run is kept in {older}")
            folders.prune(older.parent, settings.keep)
    except OSError as error:
        raise RunError(f"{out} can't be written ({error.strerror or error}); choose another --out") from error
    try:
        publish_placeholder(out, UNDER_WAY)
        shutil.copyfile(settings.limits, out / LIMITS)
        write_one(out / CONTEXT, mine)
    except OSError as error:
        sentence = _sentence(error, out)
        with contextlib.suppress(OSError):
            publish_placeholder(out, sentence)
        raise RunError(sentence) from error
    return mine


def _new_run_reason(settings: Settings, there: Context | None, mine: Context) -> str | None:
    """Return why the scenarios can't join the run that is there; None: they can, or there is none that can be read."""
    if there is None:
        return None
    twice = [name for name in (*settings.scenarios, *settings.then) if (settings.out / name).exists()]
    return f"the older one has {' and '.join(twice)} already" if twice else there.misfit(mine)


def _context(settings: Settings) -> Context:
    return contexts.read(
        target=settings.target or EMBEDDED,
        limits_sha256=limits_file.load(settings.limits).sha256,
        profiles_sha256=_profiles_sha256(settings.profiles),
        waivers=dict(settings.waivers),
        harness_sha256=judge_sha256(),
        subject=settings.subject,
        header_variables=tuple(name for name in (TARGET_TOKEN, TARGET_HEADERS) if os.environ.get(name, "").strip()),
    )


def _profiles_sha256(folder: Path | None) -> str | None:
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.glob("*.toml") if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


_BULKY = ("spool", SENT, "parts")
"""Folders of a scenario that no run keeps."""


def _give_up(out: Path, context: Context, sentence: str, stages: Stages, timings: Timings) -> None:
    """Report what there is, with what went wrong; on a full disk at least no colour stays."""
    with ignored():
        try:
            publish_placeholder(out, sentence)
            write_one(out / CONTEXT, contexts.with_incident(context, sentence))
            _close_records(out)
            stages.publish(out, timings, None)
        except Exception:
            # the sentence to tell is the one that ended the run
            with contextlib.suppress(OSError):
                publish_placeholder(out, sentence)


def _close_records(out: Path) -> None:
    """Let a record whose files were not opened be judged as far as it goes: no file of it was checked.

    What is bulky goes also where the load side was killed before its record had an end.
    """
    for scenario in {path.parent for name in ("scenario.json", *_BULKY) for path in out.glob(f"*/{name}")}:
        if not (scenario / "files.jsonl").exists():
            if (scenario / "scenario.json").exists():
                write_lines(scenario / "files.jsonl", list[FileCheck]())
            for bulky in _BULKY:
                shutil.rmtree(scenario / bulky, ignore_errors=True)
