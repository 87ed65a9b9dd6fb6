"""Stress, the effects: exports made one at a time, then step after step, each a scenario with its whole raw record.

DIR/csv-10k/unloaded.jsonl     lines of records.Hit: exports made one at a time, before the load
DIR/csv-10k/step-01/        one step's scenario folder, with its profile in it
DIR/stress.json             what was found: a function of all of the above
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from assertions.contents.tags import USER
from assertions.contract import RUN_PATH
from assertions.limits import Limits
from assertions.record.files import read_lines, read_one, write_lines
from assertions.record.types import Hit, PhaseRun, RecordError, Request, Scenario
from loadtests.client.export import JSON_HEADERS, make_hit
from loadtests.client.target import Target
from loadtests.datasets.large_bodies import large_body
from loadtests.datasets.records import Dataset, make_dataset, parse_case
from loadtests.errors import FolderError
from loadtests.locks import lock_folder
from loadtests.plan.plan import build_plan
from loadtests.plan.profile import Profile, parse_profile
from loadtests.progress import Progress
from loadtests.runner.request import NAME as REQUEST
from loadtests.runner.scenario import Settings, run_plan
from loadtests.stress import host_load
from loadtests.stress.search import (
    LATENCY,
    SUCCESS,
    CaseResult,
    Step,
    Stress,
    conclude,
    judge_step,
    next_rate,
    search_for,
    step_seconds,
)
from loadtests.stress.table import step_line

REPORT = "stress.json"
PAGE = "stress.html"
"""Drawn from it by others, into the same folder."""
UNLOADED = "unloaded.jsonl"
PROFILE = "profile.toml"
UNLOADED_MOST = 3
UNLOADED_S = 3.0
"""No further single export begins after so long."""
TIMEOUT_S = 30.0
MOST_CLIENTS = 1000

Log = Callable[[str], None]


@dataclass(frozen=True)
class StressSettings:
    """What a session is asked for."""

    target: Target
    out: Path
    cases: tuple[str, ...]
    limits: Limits
    seed: int
    ladder: tuple[float, ...] = ()
    """Rates to try; empty: searched."""
    most_per_s: float = 1000.0
    seconds: float = 5.0
    """Of each step, at least."""
    workers: int = 1
    target_pid: int | None = None


def run_stress(settings: StressSettings, log: Log) -> Stress:
    """Measure all cases and write `stress.json`.

    FolderError, RunError or LocustError where no record can be made (one sentence). KeyboardInterrupt ends the session;
    the steps recorded until then stay.
    """
    prepare_out(settings.out, settings.cases)
    for case in settings.cases:
        with lock_folder(settings.out / case):
            _Case(settings, case, log).run()
    report = read_stress(settings.out, settings.cases, settings.limits, settings.target.url, settings.seed)
    write_report(settings.out, report)
    return report


def prepare_out(out: Path, cases: tuple[str, ...]) -> None:
    """Make the folder and empty those of the cases; FolderError where they hold what is not a stress session's."""
    try:
        if out.exists() and not out.is_dir():
            raise FolderError(f"--out {out} is no folder")
        strange = next((entry for entry in out.iterdir() if not _ours(entry)), None) if out.is_dir() else None
        if strange is not None:
            raise FolderError(f"--out {out} holds {strange.name}, which is no stress session's; name another folder")
        there = [out / case for case in cases if (out / case).is_dir()]
        for folder in there:
            with lock_folder(folder):
                pass
        (out / REPORT).unlink(missing_ok=True)
        for folder in (out / case for case in cases):
            if folder.exists():
                if any(folder.iterdir()) and not (folder / UNLOADED).is_file():
                    raise FolderError(
                        f"--out {out} holds a {folder.name} that is no stress session's; name another folder"
                    )
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
    except OSError as error:
        raise FolderError(f"--out {out} can't be written: {error.strerror or error}") from error


def _ours(entry: Path) -> bool:
    """Whether a session may have left it: a case, the reports, a service's log."""
    if entry.is_dir():
        return (entry / UNLOADED).is_file() or not any(entry.iterdir())
    return entry.name in (REPORT, PAGE, REQUEST) or entry.name.endswith("-service.log")


def read_stress(out: Path, cases: tuple[str, ...], limits: Limits, target: str, seed: int) -> Stress:
    """What the raw records of these cases show; RecordError where one is missing or malformed."""
    return Stress(
        target=target,
        seed=seed,
        limits_sha256=limits.sha256,
        latency_limit=str(limits[LATENCY]),
        success_limit=str(limits[SUCCESS]),
        found=tuple(read_case(out / case, case, limits) for case in cases),
    )


def read_case(folder: Path, case: str, limits: Limits) -> CaseResult:
    """What one case's raw record shows."""
    asked = parse_case(case)
    unloaded = tuple(read_lines(folder / UNLOADED, Hit))
    steps = [read_step(path, limits) for path in sorted(folder.glob("step-*")) if (path / "scenario.json").is_file()]
    body_bytes = max((hit.bytes_sent for hit in unloaded), default=0)
    return conclude(case, asked.format, asked.count or 0, body_bytes, unloaded, steps, limits)


def read_step(folder: Path, limits: Limits) -> Step:
    """What one step's raw record shows."""
    try:
        profile = parse_profile("step", (folder / PROFILE).read_bytes())
    except OSError as error:
        raise RecordError(f"{folder / PROFILE} can't be read: {error.strerror}") from error
    (start, rate), (end, _) = profile.phases[0].shape[0], profile.phases[0].shape[-1]
    hits = tuple(read_lines(folder / "hits.jsonl", Hit))
    number = int(folder.name.removeprefix("step-"))
    scenario = read_one(folder / "scenario.json", Scenario)
    return judge_step(number, rate, end - start, hits, scenario, limits, host_load.read_others(folder))


def write_report(out: Path, report: Stress) -> None:
    """Write `stress.json`; FolderError where that can't be done."""
    try:
        (out / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise FolderError(f"{out / REPORT} can't be written: {error.strerror or error}") from error


def step_profile(case: str, rate_per_s: float, seconds: float, timeout_s: float) -> str:
    """A step as a profile: evenly spaced arrivals, so that equal steps are equally hard."""
    clients = min(MOST_CLIENTS, int(rate_per_s * seconds) + 2)
    return (
        f'[[phase]]\nname = "step"\nmode = "open"\narrivals = "uniform"\nclients = {clients}\n'
        f"rate_per_s = {rate_per_s!r}\nseconds = {seconds!r}\ntimeout_s = {timeout_s!r}\n"
        f'mix = [{{ case = "{case}" }}]\n'
    )


class _Case:
    """One case while it is measured."""

    def __init__(self, settings: StressSettings, case: str, log: Log) -> None:
        self.settings, self.case, self.log = settings, case, log
        self.asked = parse_case(case)
        self.folder = settings.out / case
        self.timeout_s = max(TIMEOUT_S, 3 * settings.limits[LATENCY].target / 1000)
        self.body = large_body(case, settings.seed)

    def run(self) -> None:
        """Make single exports first; go on under load only where they were done."""
        unloaded = self._send_unloaded()
        done_ms = [(hit.end - hit.start) * 1000 for hit in unloaded if hit.status == 200]
        if len(done_ms) < len(unloaded):
            return
        # what the first export loads into the target, later ones find there
        warm_ms = done_ms[1:] or done_ms
        asked = self.settings
        search = search_for(warm_ms, asked.ladder, asked.most_per_s, asked.limits, asked.seconds)
        steps: list[Step] = []
        while (rate := next_rate(search, steps)) is not None:
            step = self._step(len(steps) + 1, rate)
            steps.append(step)
            self.log(step_line(self.case, step))

    def _send_unloaded(self) -> list[Hit]:
        target = self.settings.target
        dataset = _stub(self.case, self.settings.seed)
        hits: list[Hit] = []
        start = target.clock.now()
        while len(hits) < UNLOADED_MOST and (not hits or target.clock.now() - start < UNLOADED_S):
            intended = target.clock.now()
            answer = target.request("POST", RUN_PATH, self.body, JSON_HEADERS, max(90.0, self.timeout_s))
            request = Request(
                index=len(hits), case=self.case, format=dataset.format, records=len(dataset.rows), user=USER
            )
            hits.append(
                make_hit("unloaded", request, answer, body_bytes=len(self.body), intended=intended, client="stress")
            )
            if hits[-1].status != 200:
                break
        write_lines(self.folder / UNLOADED, hits)
        latencies = ", ".join(
            f"{(hit.end - hit.start) * 1000:,.0f} ms" if hit.status == 200 else str(hit.status or hit.error)
            for hit in hits
        )
        self.log(f"{self.case} unloaded ({len(self.body) / 1e6:,.1f} MB): {latencies}")
        return hits

    def _step(self, number: int, rate_per_s: float) -> Step:
        settings = self.settings
        folder = self.folder / f"step-{number:02}"
        text = step_profile(self.case, rate_per_s, step_seconds(rate_per_s, settings.seconds), self.timeout_s)
        profile: Profile = parse_profile("step", text.encode())
        dataset = _stub(self.case, settings.seed)
        # the same bytes each time: encoding or tagging 100 MB in the generator would be measured too
        plan = build_plan(profile, {self.case: dataset}, settings.seed)
        run = Settings(
            profile=profile,
            target=settings.target,
            out=folder,
            seed=settings.seed,
            workers=settings.workers,
            target_pid=settings.target_pid,
        )
        meter = host_load.Meter()
        with _signals_kept():
            scenario = run_plan(run, plan, {self.case: self.body}, _silent)
        host_load.write(folder, meter.read())
        (folder / PROFILE).write_text(text, "utf-8")
        for bulky in ("sent", "spool"):
            shutil.rmtree(folder / bulky, ignore_errors=True)
        if any(_interrupted(phase) for phase in scenario.phases):
            raise KeyboardInterrupt
        return read_step(folder, settings.limits)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """A run takes the signals for itself; between two runs they are what they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _stub(case: str, seed: int) -> Dataset:
    """What a plan needs of a case's data set; its records are in the body only."""
    asked = parse_case(case)
    small = make_dataset(f"{asked.format}-0", seed)
    return replace(small, case=case, rows=({},) * (asked.count or 0), tagged=False)


def _interrupted(phase: PhaseRun) -> bool:
    return phase.ended == "interrupted"


def _silent(_: Progress) -> None:
    """Show nothing: each step has a line of its own when it is over."""
