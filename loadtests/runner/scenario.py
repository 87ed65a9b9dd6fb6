"""One scenario from plan to raw record."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from assertions.record.files import read_lines, write_one
from assertions.record.phases import DISCONNECTS
from assertions.record.types import INTERRUPTED, Generator, GeneratorClock, Hit, PhaseRun, Plan, Scenario
from assertions.stats import nearest_rank
from loadtests.calibration import calibration
from loadtests.calibration.reference_server import Schedule
from loadtests.client.export import answered_filename, fetch_file
from loadtests.client.target import Target
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.errors import STOPPED, AbortRun, RunError
from loadtests.examiner.session import ExaminerSession
from loadtests.plan.limits import PhaseLimits
from loadtests.plan.plan import PROBE_TIMEOUT_S, build_plan, cases_of, drive_of
from loadtests.plan.profile import RESERVED, Profile, ProfileError
from loadtests.progress import Progress
from loadtests.protocol import messages
from loadtests.protocol.server import ControlServer
from loadtests.recorders.exports_folder import FolderWatch, absent, exports_folder, holds, leftovers, names_told
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.pages import Scraper, gauges, watchers
from loadtests.recorders.processes import Found, Prober, find_process
from loadtests.recorders.record_folder import Folder, prepare
from loadtests.recorders.run_state import RunState
from loadtests.recorders.ticker import Ticker
from loadtests.runner.abort import AbortLimits, AbortWatch, scrape_and_watch
from loadtests.runner.coordinator import REST_S, Coordinator
from loadtests.runner.listen import open_control
from loadtests.runner.locust_process import (
    LocustProcess,
    clean_environment,
    free_port,
    locust_arguments,
    locust_version,
)
from loadtests.runner.merge import MergedRecord, merge
from loadtests.runner.phase_outcomes import busiest, driven, never_began
from loadtests.runner.signals import interruptible
from loadtests.seed import batch_log

CLOCK_SLACK_S = 1.0
"""A file system's clock may lag behind the process's by so much."""
CLEANING_S = 10.0
LOCUST_EXIT_S = 20.0
LONGEST_RUN_S = 6 * 3600.0


@dataclass(frozen=True)
class Settings:
    """What one run of a scenario is asked for."""

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


def run_scenario(settings: Settings, report: Callable[[Progress], None]) -> Scenario:
    """Run one scenario and write its record into a folder of its own.

    FolderError, ProfileError, RunError or LocustError where no record can be made (one sentence). An interrupt
    (SIGINT, SIGTERM) ends the load; what was recorded until then is completed, and the phases say that they were cut
    short.
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
    """The same from a plan of the profile and the encoded body of each of its cases."""
    folder = prepare(settings.out)
    try:
        for case, template in templates.items():
            (folder.sent / f"{case}.json").write_bytes(template)
        write_one(folder.plan, plan)
        return _Run(settings, folder, plan, templates, report).run()
    except OSError as error:
        raise RunError(f"the record can't be written to {settings.out}: {error.strerror or error}") from error


class _Run:
    """A scenario while it runs."""

    def __init__(
        self,
        settings: Settings,
        folder: Folder,
        plan: Plan,
        templates: Mapping[str, bytes],
        report: Callable[[Progress], None],
    ) -> None:
        self.settings, self.folder, self.plan, self.templates, self.report = settings, folder, plan, templates, report
        self.target, self.now = settings.target, settings.target.clock.now
        self.stage = RunState()
        self.phases: list[PhaseRun] = []
        self.merged = MergedRecord()
        self.trouble: str | None = None
        self.interrupted = False
        self.doomed: str | None = None
        self.watch = None if settings.abort is None else AbortWatch(plan, settings.abort)
        self.page: Callable[[], str] = str
        self.settled = False
        """The last pages and samples that count are taken."""
        self.left: tuple[str, ...] | None = ()
        """Leftovers from before clients hung up."""
        self.growing: FolderWatch | None = None
        self.clocks: tuple[GeneratorClock, ...] = ()
        self.exit_code: int | None = None
        self.cpu_ratio: float | None = None

    def run(self) -> Scenario:
        """The whole of it."""
        start = self.now()
        found = find_process(self.target, self.settings.target_pid)
        scrapes, probes = LineFile(self.folder.scrapes, self._fail), LineFile(self.folder.probes, self._fail)
        health = LineFile(self.folder.health, self._fail)
        scraper = Scraper(self.target, self.stage, scrapes)
        self.page = lambda: scraper.last
        prober = Prober(self.target, self.stage, probes, found.pid) if found.pid is not None else None
        if self.watch is not None:
            scraper.ticker = Ticker("scraper", scrape_and_watch(scraper.scrape, self.watch), self.now)
        tickers = [scraper.ticker, *(one.ticker for one in watchers(self.target, self.stage, health))]
        tickers += [prober.ticker] if prober is not None else []
        place = exports_folder(self.settings.exports, None, None)
        self.growing = None if place is None else FolderWatch(place, self.now)
        tickers += [self.growing.ticker] if self.growing is not None else []
        scraper.scrape()
        for ticker in tickers:
            ticker.start()
        try:
            with interruptible():
                try:
                    self._load()
                    self._examine(prober)
                    self._fetch_again()
                    self._settle(scraper, prober)
                    self._hang_up(scraper, prober, found, start)
                except KeyboardInterrupt:
                    self.interrupted = True
                except AbortRun as doomed:
                    self.doomed = doomed.sentence
            self._note_missing()
            if not self.settled:
                self._settle(scraper, prober)
        finally:
            for ticker in tickers:
                ticker.stop()
            for file in (scrapes, probes, health):
                file.close()
        self._check_trouble()
        return self._finish(start, found)

    def _fail(self, text: str) -> None:
        self.trouble = self.trouble or text

    def _check_trouble(self) -> None:
        if self.trouble is not None:
            raise RunError(self.trouble)

    def _check(self) -> None:
        """Raises where the run can't, or need not, go on."""
        self._check_trouble()
        if self.watch is not None:
            self.watch.check()

    def _progress(self, progress: Progress) -> None:
        self._show(progress)
        if self.watch is not None:
            self.watch.progress(progress)

    def _show(self, progress: Progress) -> None:
        running, waiting = gauges(self.page())
        self.report(replace(progress, running=running, waiting=waiting))

    def _load(self) -> None:
        """All phases that Locust drives."""
        phases = self.settings.profile.phases
        drives = tuple(drive_of(phase, self.plan.phases[number]) for number, phase in enumerate(phases))
        workers, listen = self.settings.workers, self.settings.listen
        control = (
            ControlServer(workers, self.target.clock)
            if listen is None
            else open_control(self.plan, self.templates, self.target, drives, workers, listen, self.folder)
        )
        path = self.folder.parts / "drive.json"
        stop_s = max(phase.timeout_s for phase in phases) + 5
        arguments = locust_arguments(
            workers=workers,
            stop_timeout_s=stop_s,
            run_time_s=LONGEST_RUN_S,
            port=listen[1] if listen else free_port() if workers > 1 else 0,
            listen=listen[0] if listen else None,
        )
        with (
            calibration.known(Schedule()) as known_port,
            tempfile.TemporaryDirectory(prefix="export-loadtests-") as home,
        ):
            path.write_bytes(messages.encode(self._drive(control.port, known_port, drives)))
            environment = clean_environment(os.environ, Path(home), path.resolve())
            locust = LocustProcess(arguments, environment, Path(home), self.folder.locust_log)
            conductor = Coordinator(
                plan=self.plan,
                loads=len(phases),
                control=control,
                locust=locust,
                stage=self.stage,
                clock=self.target.clock,
                report=self._progress,
                trouble=lambda: self.trouble,
                watch=self.watch.latencies if self.watch else lambda *_: None,
                check=self._check,
            )
            stopped: KeyboardInterrupt | AbortRun | None = None
            try:
                try:
                    conductor.run()
                except (KeyboardInterrupt, AbortRun) as error:
                    stopped = error
                    self.interrupted = isinstance(error, KeyboardInterrupt)
                    conductor.interrupt(_why(error))
                self.exit_code = locust.wait(LOCUST_EXIT_S)
            finally:
                control.close()
                locust.kill()
        self.clocks = tuple(control.clocks[worker] for worker in sorted(control.clocks))
        calibration.gather(self.folder.parts, workers, self.target.clock, control.anchors, self.folder.calibration)
        opened = frozenset(phase.name for phase in phases if phase.mode == "open")
        self.merged = merge(self.folder.parts, workers, opened, self.folder.hits, self.folder.fetches)
        self.cpu_ratio = busiest(conductor.led)
        self.phases += driven(conductor.led, drives, self.merged)
        if stopped is not None:
            raise stopped

    def _drive(self, port: int, known_port: int, drives: tuple[PhaseLimits, ...]) -> messages.GeneratorConfig:
        return messages.GeneratorConfig(
            plan=str(self.folder.plan.resolve()),
            folder=str(self.folder.parts.resolve()),
            spool=str(self.folder.spool.resolve()),
            target=self.target.url,
            anchor=self.target.clock.anchor,
            insecure=self.target.insecure,
            control_host="127.0.0.1" if self.settings.listen is None else self.settings.listen[0],
            control_port=port,
            templates={case: str((self.folder.sent / f"{case}.json").resolve()) for case in self.templates},
            phases=drives,
            calibration_port=known_port,
        )

    def _examine(self, prober: Prober | None, *names: str) -> None:
        """The phases of these names that the examiner makes; all but the hanging up where none is given."""
        hits, fetches = (LineFile(path, self._fail, append=True) for path in (self.folder.hits, self.folder.fetches))
        examining = ExaminerSession(
            plan=self.plan,
            leak=self.settings.profile.leak,
            target=self.target,
            stage=self.stage,
            templates=self.templates,
            hits=hits,
            fetches=fetches,
            spool=self.folder.spool,
            prober=prober,
            check=self._check,
            report=self._show,
        )
        try:
            for phase in self.plan.phases[len(self.settings.profile.phases) :]:
                if phase.name not in names if names else phase.name == DISCONNECTS:
                    continue
                time.sleep(REST_S)
                examining.run(phase, self.phases.append)
        finally:
            hits.close()
            fetches.close()

    def _settle(self, scraper: Scraper, prober: Prober | None) -> None:
        """The target at rest, after all that counts."""
        self.stage.enter("after")
        scraper.settle(time.sleep)
        if prober is not None:
            prober.probe()
        self.settled = True

    def _hang_up(self, scraper: Scraper, prober: Prober | None, found: Found, start: float) -> None:
        """Last of all, after the last pages: nobody knows how what is hung up on is counted."""
        if all(phase.name != DISCONNECTS for phase in self.plan.phases):
            return
        folder = self._exports_folder(found)
        before = self.left = self._leftovers(folder, start)
        self._examine(prober, DISCONNECTS)
        scraper.settle(time.sleep)
        deadline = self.now() + CLEANING_S  # what was broken off may still be written for a moment
        while before != self._leftovers(folder, start) and self.now() < deadline:
            time.sleep(0.2)

    def _fetch_again(self) -> None:
        """The first file of each case once more: is it still there, and still the same?"""
        again = LineFile(self.folder.fetches, self._fail, append=True)
        try:
            for hit in self.merged.firsts.values():
                again.write(fetch_file(self.target, hit, None, PROBE_TIMEOUT_S, again=True))
        finally:
            again.close()

    def _note_missing(self) -> None:
        """Phases that never began are said to be missing, too."""
        note = "never began" if self.doomed is None else f"{STOPPED}{self.doomed}"
        self.phases += never_began(self.plan, self.phases, self.now(), note)

    def _finish(self, start: float, found: Found) -> Scenario:
        """Write what is known only at the end."""
        for path in (self.folder.hits, self.folder.fetches):
            path.touch()
        folder = self._exports_folder(found)
        if self.merged.sequence:
            asked = sum(len(phase.requests) for phase in self.plan.phases if phase.name == "sequence")
            self.folder.seed_log.write_text(batch_log(self.merged.sequence, asked), "utf-8")
        scenario = Scenario(
            name=self.plan.scenario,
            target=self.target.url,
            insecure=self.target.insecure,
            embedded=self.settings.embedded,
            target_pid=found.pid,
            pid_note=found.note,
            start=start,
            end=self.now(),
            phases=tuple(self.phases),
            generator=Generator(
                exit_code=self.exit_code,
                version=locust_version(),
                cpu_ratio=self.cpu_ratio,
                event_loop_lag_p99_ms=nearest_rank(self.merged.event_loop_lags_ms, 0.99),
                start_delay_p99_ms=nearest_rank(self.merged.start_delays_ms, 0.99),
                end_marks=self.merged.marks,
                workers=self.settings.workers,
                scheduling_delay_p99_ms=nearest_rank(self.merged.scheduling_delays_ms, 0.99),
                clocks=self.clocks,
            ),
            exports_folder=None if folder is None else str(folder),
            leftovers=self._leftovers(folder, start),
            grew=self._grew(),
            absent=self._absent(folder),
        )
        write_one(self.folder.scenario, scenario)
        shutil.rmtree(self.folder.parts, ignore_errors=True)
        return scenario

    def _exports_folder(self, found: Found) -> Path | None:
        names = (answered_filename(hit.answer) for hit in self.merged.firsts.values())
        return exports_folder(self.settings.exports, found.pid, next(names, None))

    def _leftovers(self, folder: Path | None, start: float) -> tuple[str, ...] | None:
        hits = list(read_lines(self.folder.hits, Hit))
        unanswered = sum(hit.status is None for hit in hits)
        told = names_told(hits)
        if folder is not None and self._foreign(folder, told):
            return None
        found = leftovers(folder, start - CLOCK_SLACK_S, told, unanswered)
        return None if found is None or self.left is None else tuple(sorted({*self.left, *found}))

    def _absent(self, folder: Path | None) -> tuple[str, ...] | None:
        """Of the files that answers named, those that are not there."""
        told = names_told(read_lines(self.folder.hits, Hit))
        return None if folder is None or self._foreign(folder, told) else absent(folder, told)

    def _foreign(self, folder: Path, told: frozenset[str]) -> bool:
        seen = frozenset[str]() if self.growing is None else self.growing.known
        return bool(told) and not holds(folder, told, seen)

    def _grew(self) -> tuple[str, ...] | None:
        """Of those that were seen to grow, our own: others may write into the same folder."""
        if self.growing is None:
            return None
        told = names_told(read_lines(self.folder.hits, Hit))
        return tuple(name for name in self.growing.grew if name in told)


def _why(error: KeyboardInterrupt | AbortRun) -> str:
    return f"{STOPPED}{error.sentence}" if isinstance(error, AbortRun) else INTERRUPTED
