"""One scenario from plan to raw record: load, experiments, rest, and what is known only at the end."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from assertions.contract import RUN_PATH
from assertions.record.files import compress, write_one
from assertions.record.phases import DISCONNECTS, REFUSALS
from assertions.record.types import INTERRUPTED, Generator, Hit, PhaseEnd, PhasePlan, PhaseRun, Plan, Scenario
from assertions.stats import percentile_or_none
from loadtests.client.export import fetch_file
from loadtests.client.target import Target
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.errors import EarlyEnd, RunError
from loadtests.examiner.experiments import run_phase
from loadtests.examiner.session import ExaminerSession
from loadtests.plan.deadline import deadline_s
from loadtests.plan.plan import EXAMINER_TIMEOUT_S, build_plan, cases_of
from loadtests.plan.profile import RESERVED, Profile, ProfileError
from loadtests.progress import Progress
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.record_folder import Folder, prepare
from loadtests.runner.abort import AbortLimits, AbortWatch
from loadtests.runner.coordinator import REST_S
from loadtests.runner.exports_record import ExportsRecord
from loadtests.runner.load import NOTHING_LOADED, LoadResult, LoadSettings, record_load
from loadtests.runner.locust_process import locust_version
from loadtests.runner.phase_outcomes import never_began
from loadtests.runner.recording import Recorders, recorders
from loadtests.runner.target_watch import TargetWatch
from loadtests.runner.watch import Watch
from loadtests.seed import batch_log
from loadtests.signals import interruptible

CLEANING_S = 10.0
"""For what is left of exports whose clients disconnected."""


@dataclass(frozen=True)
class Settings:
    """What one run of a scenario is made of."""

    profile: Profile
    target: Target
    out: Path
    seed: int
    workers: int = 1
    target_pid: int | None = None
    exports: Path | None = None
    embedded: bool = False
    abort: AbortLimits | None = None
    """When to stop early; None: never."""
    listen: tuple[str, int] | None = None
    """Address of a Locust master for workers of other machines, which make the whole load; None: they are forked here.
    The runner itself listens at the next port."""
    deadline_s: float | None = None
    """Longest time of the load and the experiments, in seconds from the start of the load; None: that of the profile
    (180 for smoke, 360 for load and batch, any other its planned seconds plus 300)."""


def run_scenario(settings: Settings, report: Callable[[Progress], None]) -> Scenario:
    """Run one scenario and write its record into a folder of its own.

    FolderError, ProfileError, RunError or LocustError where no record can be made. An interrupt (SIGINT, SIGTERM), the
    deadline, and a target that answers no more end the load; the record up to then is completed, and its phases give
    the reason.
    """
    datasets = {case: make_dataset(case, settings.seed) for case in cases_of(settings.profile)}
    plan = build_plan(settings.profile, datasets, settings.seed)
    idle = [phase.name for phase in plan.phases if not phase.requests and phase.name not in RESERVED]
    if idle:
        raise ProfileError([f"profile {plan.scenario}: phase {name!r} asks for nothing at all" for name in idle])
    return run_plan(settings, plan, {case: encode_body(dataset) for case, dataset in datasets.items()}, report)


def run_plan(
    settings: Settings, plan: Plan, templates: Mapping[str, bytes], report: Callable[[Progress], None]
) -> Scenario:
    """Run a plan of the profile, with the encoded body of each of its cases; otherwise as `run_scenario`."""
    folder = prepare(settings.out)
    plan = replace(plan, bodies={case: hashlib.sha256(template).hexdigest() for case, template in templates.items()})
    try:
        for case, template in templates.items():
            (folder.sent / f"{case}.json").write_bytes(template)
        write_one(folder.plan, plan)
        return _record(settings, folder, plan, templates, report)
    except OSError as error:
        raise RunError(f"the record can't be written to {settings.out}: {error.strerror or error}") from error


def _record(
    settings: Settings,
    folder: Folder,
    plan: Plan,
    templates: Mapping[str, bytes],
    report: Callable[[Progress], None],
) -> Scenario:
    now = settings.target.clock.now
    start = now()
    longest_s = deadline_s(settings.profile) if settings.deadline_s is None else settings.deadline_s
    abort = None if settings.abort is None else AbortWatch(plan, settings.abort)
    watch = Watch(TargetWatch(now, longest_s), report, abort)
    load_settings = LoadSettings(settings.profile, settings.target, settings.workers, settings.listen, longest_s)
    with recorders(settings.target, settings.target_pid, settings.exports, folder, watch) as observers:
        exports = ExportsRecord(folder, settings.exports, observers.process.pid, observers.folder_watch, start)
        load, runs, early, settled = NOTHING_LOADED, list[PhaseRun](), None, False
        with interruptible():
            try:
                load = record_load(load_settings, folder, plan, templates, observers.state, watch)
                runs += load.phases
                session = _session(settings, folder, plan, templates, observers, watch)
                experiments = plan.phases[len(settings.profile.phases) :]
                counted = [phase for phase in experiments if phase.name != DISCONNECTS]
                early = load.early or _examine(session, folder, watch, counted, runs)
                early = early or _fetch_again(settings.target, folder, watch, load)
                observers.settle()
                settled = True
                # after the last pages: how requests without a client are counted is the service's own affair
                last = [phase for phase in experiments if phase.name == DISCONNECTS]
                early = early or _disconnect(session, folder, watch, observers, exports, last, runs)
            except KeyboardInterrupt:
                early = early or EarlyEnd("interrupted", INTERRUPTED)
            if not settled:
                observers.settle()
        ended: PhaseEnd = "not begun" if early is None else early.ended
        note = "never began" if early is None or ended == "interrupted" else early.note
        runs += never_began(plan, runs, now(), ended, note)
    watch.check_record()
    return _write_scenario(settings, folder, plan, observers, exports, load, tuple(runs), start)


def _session(
    settings: Settings,
    folder: Folder,
    plan: Plan,
    templates: Mapping[str, bytes],
    observers: Recorders,
    watch: Watch,
) -> ExaminerSession:
    """Return the examiner's session; its records are opened for each group of phases."""

    def observe(session: ExaminerSession, hit: Hit) -> None:
        watch.add_exports(int(hit.status is not None), int(hit.error == "timeout"))
        if hit.status == 200 and hit.path == RUN_PATH:
            observers.state.count(observers.state.snapshot().exports_done + 1)
        if hit.phase != REFUSALS:
            watch.show(session.progress(plan.scenario, hit.phase))

    prober = observers.prober
    return ExaminerSession(
        target=settings.target,
        seed=plan.seed,
        templates=templates,
        record_hit=_nowhere,
        record_fetch=_nowhere,
        spool=folder.spool,
        leak=settings.profile.leak,
        sample=lambda: None if prober is None else prober.probe(resting=True),
        check=watch.check,
        observe=observe,
        time_left_s=watch.target.time_left_s,
        enter=observers.state.enter,
    )


def _nowhere(_: object) -> None:
    """Stand in for a record that is not open."""


def _examine(
    session: ExaminerSession, folder: Folder, watch: Watch, phases: Sequence[PhasePlan], runs: list[PhaseRun]
) -> EarlyEnd | None:
    """Make phases of the examiner's, and add their runs; return the reason where the scenario must end."""
    hits, fetches = (LineFile(path, watch.fail, append=True) for path in (folder.hits, folder.fetches))
    session.record_hit, session.record_fetch = hits.write, fetches.write
    try:
        for phase in phases:
            time.sleep(REST_S)
            run, early = run_phase(session, phase)
            runs.append(run)
            if early is not None:
                return early
        return None
    finally:
        hits.close()
        fetches.close()


def _fetch_again(target: Target, folder: Folder, watch: Watch, load: LoadResult) -> EarlyEnd | None:
    """Download the first file of each case once more: is it still there, and the same?"""
    fetches = LineFile(folder.fetches, watch.fail, append=True)
    try:
        for hit in load.merged.firsts.values():
            watch.check()
            timeout_s = max(min(EXAMINER_TIMEOUT_S, watch.target.time_left_s()), 0.01)
            fetches.write(fetch_file(target, hit, None, timeout_s, again=True))
        return None
    except EarlyEnd as early:
        return early
    finally:
        fetches.close()


def _disconnect(
    session: ExaminerSession,
    folder: Folder,
    watch: Watch,
    observers: Recorders,
    exports: ExportsRecord,
    phases: Sequence[PhasePlan],
    runs: list[PhaseRun],
) -> EarlyEnd | None:
    """Make the phase of clients that disconnect, and give the target time to remove what is left of their exports."""
    if not phases:
        return None
    exports.keep_leftovers()
    early = _examine(session, folder, watch, phases, runs)
    observers.scraper.settle(time.sleep)
    exports.await_cleaning(CLEANING_S, session.now)
    return early


def _write_scenario(
    settings: Settings,
    folder: Folder,
    plan: Plan,
    observers: Recorders,
    exports: ExportsRecord,
    load: LoadResult,
    runs: tuple[PhaseRun, ...],
    start: float,
) -> Scenario:
    """Write what is known only at the end."""
    merged = load.merged
    for path in (folder.hits, folder.fetches):
        path.touch()
    if merged.sequence:
        planned = sum(len(phase.requests) for phase in plan.phases if phase.name == "sequence")
        folder.seed_log.write_text(batch_log(merged.sequence, planned), "utf-8")
    place = exports.place()
    scenario = Scenario(
        name=plan.scenario,
        target=settings.target.url,
        insecure=settings.target.insecure,
        embedded=settings.embedded,
        target_pid=observers.process.pid,
        pid_note=observers.process.note,
        start=start,
        end=settings.target.clock.now(),
        phases=runs,
        generator=Generator(
            exit_code=load.exit_code,
            version=locust_version(),
            cpu_ratio=load.cpu_ratio,
            event_loop_lag_p99_ms=percentile_or_none(merged.event_loop_lags_ms, 0.99),
            start_delay_p99_ms=percentile_or_none(merged.start_delays_ms, 0.99),
            end_marks=merged.marks,
            workers=settings.workers,
            scheduling_delay_p99_ms=percentile_or_none(merged.scheduling_delays_ms, 0.99),
            clocks=load.clocks,
        ),
        exports_folder=None if place is None else str(place),
        leftovers=exports.leftovers(),
        grew=exports.grew(),
        absent=exports.absent(),
    )
    compress(folder.scrapes)
    write_one(folder.scenario, scenario)
    shutil.rmtree(folder.parts, ignore_errors=True)
    return scenario
