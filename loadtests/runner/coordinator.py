"""Leads the generators through the plan, phase by phase, with a rest between two."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, field

from assertions.record.types import INTERRUPTED, Plan
from assertions.stats import nearest_rank
from loadtests.client.clock import Clock
from loadtests.errors import LocustError, RunError
from loadtests.progress import Progress
from loadtests.protocol import messages
from loadtests.protocol.server import ControlServer, Event
from loadtests.recorders.run_state import RunState
from loadtests.runner.locust_process import LocustProcess

REST_S = 0.6
LEAD_S = 0.05
START_TIMEOUT_S = 60.0
SILENCE_S = 60.0
FAREWELL_S = 15.0
AWAY_START_TIMEOUT_S = 300.0
"""Machines that are not this one are set going by hand."""
AWAY_FAREWELL_S = 600.0
"""A generator elsewhere has so long to bring its record."""


@dataclass
class PhaseResult:
    """How one phase went."""

    name: str
    start: float
    end: float
    taken: int
    """Requests that its generators took on; those of a generator that ended early are not known."""
    cut: list[str] = field(default_factory=list)
    """Why it did not come to its end; empty: it did."""
    cpu_ratio: float | None = None


@dataclass
class _Worker:
    heard: float
    tick: messages.Tick | None = None
    ready: int = -1
    done: messages.Done | None = None
    ended: bool = False
    gone: bool = False


class Coordinator:
    """Runs the phases that Locust drives."""

    def __init__(
        self,
        *,
        plan: Plan,
        loads: int,
        control: ControlServer,
        locust: LocustProcess,
        stage: RunState,
        clock: Clock,
        report: Callable[[Progress], None],
        trouble: Callable[[], str | None],
        watch: Callable[[str, tuple[float, ...]], None] = lambda *_: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """watch: told a phase's latencies as they come; check: raises where the run is to be stopped early."""
        self.plan, self.loads = plan, loads
        self.control, self.locust, self.stage, self.clock = control, locust, stage, clock
        self.report, self.trouble, self.watch, self.check = report, trouble, watch, check
        self.led: list[PhaseResult] = []
        self.workers: dict[int, _Worker] = {}
        self._latencies_ms: list[float] = []
        self._phase = ""
        self._planned = 0
        self._phase_start = 0.0
        self._answered_before = 0
        self._ending = False

    def run(self) -> None:
        """All phases in order. RunError when it can't go on; LocustError when Locust ended or never came up."""
        timeout_s = START_TIMEOUT_S if self.control.away is None else AWAY_START_TIMEOUT_S
        self._await(lambda: len(self.workers) == self.control.workers, timeout_s, "start")
        for number in range(self.loads):
            rest_from = self.clock.now()
            self._await(lambda n=number: all(one.ready >= n for one in self._alive()), timeout_s, "get ready")  # type: ignore[misc]
            while self.clock.now() - rest_from < REST_S:
                self._pump(0.05)
            self._lead(number)
            if not self._alive():
                break
        self.finish(messages.End())

    def interrupt(self, why: str = INTERRUPTED) -> None:
        """Give up what is in flight; the generators record it and end."""
        self._ending = True
        if self.led and self.led[-1].end == 0.0:
            self._close_phase([why])
        self.finish(messages.Stop())

    def finish(self, message: messages.RunnerMessage) -> None:
        """Tell the generators that it is over, and wait until their record is closed."""
        self.control.send(message)
        start = self.clock.now()
        while any(self.clock.now() < self._farewell(start, name) for name in self.workers):
            self._pump(0.05)
        self.control.dismiss()

    def _farewell(self, start: float, name: int) -> float:
        """Until when a generator is waited for; one elsewhere that still tells of itself is bringing its record."""
        worker = self.workers[name]
        if worker.gone or worker.ended:
            return start
        if name in self.control.pids or self._ending:
            return start + FAREWELL_S
        return min(max(start, worker.heard) + FAREWELL_S, start + AWAY_FAREWELL_S)

    def _alive(self) -> list[_Worker]:
        return [one for one in self.workers.values() if not one.gone]

    def _await(self, reached: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = self.clock.now() + timeout_s
        while not reached():
            if not self.locust.running():
                raise LocustError(f"Locust ended before the load did: {self.locust.last_words()}")
            if self.clock.now() > deadline:
                raise LocustError(f"Locust did not {what} within {timeout_s:g} s: {self.locust.last_words()}")
            self._pump(0.05)
            self._end_silent()

    def _lead(self, number: int) -> None:
        phase = self.plan.phases[number]
        self._phase, self._planned, self._latencies_ms = phase.name, len(phase.requests), []
        self._answered_before = self._sum("answered")
        at = self._phase_start = self.clock.now() + LEAD_S
        self.led.append(PhaseResult(phase.name, at, 0.0, 0))
        cpu_before = self._cpu_seconds()
        self.stage.enter("during", phase.name)
        self.control.send(messages.Go(phase=number, at=at))
        while not all(one.done is not None and one.done.phase == number for one in self._alive()):
            self._pump(0.1)
            self._end_silent()
        cut = []
        for name, worker in sorted(self.workers.items()):
            if worker.done is None or worker.done.phase != number:
                cut.append(f"generator {name} ended early")
            elif worker.done.cut:
                cut.append(worker.done.cut)
        self._close_phase(list(dict.fromkeys(cut)))
        self.led[-1].cpu_ratio = self._cpu_ratio(cpu_before, self.clock.now() - at)

    def _close_phase(self, cut: list[str]) -> None:
        led = self.led[-1]
        done = [one.done for one in self.workers.values() if one.done is not None and one.done.end >= led.start]
        led.end = max(one.end for one in done) if done and len(done) == len(self.workers) else self.clock.now()
        led.taken = sum(one.taken for one in done)
        led.cut = cut
        self.stage.enter("rest")
        self._tell()

    def _cpu_seconds(self) -> dict[int, float]:
        """Of each process of the load; of those elsewhere, under numbers below 0, by their own word."""
        away = {-1 - name: one.tick for name, one in self.workers.items() if name not in self.control.pids}
        return self.locust.cpu_seconds() | {name: tick.cpu_s for name, tick in away.items() if tick is not None}

    def _cpu_ratio(self, before: dict[int, float], wall_s: float) -> float | None:
        used = [cpu - before[pid] for pid, cpu in self._cpu_seconds().items() if pid in before]
        return max(used) / wall_s if used and wall_s > 0 else None

    def _end_silent(self) -> None:
        """A generator that has told of itself and falls silent hangs: end it, its broken line tells the rest."""
        for name, worker in self.workers.items():
            if not worker.gone and worker.ready >= 0 and self.clock.now() - worker.heard > SILENCE_S:
                self.control.drop(name)

    def _pump(self, timeout_s: float) -> None:
        try:
            self._take(self.control.events.get(timeout=timeout_s))
            while True:
                self._take(self.control.events.get_nowait())
        except queue.Empty:
            pass
        text = self.trouble()
        if text is not None:
            raise RunError(text)
        self._tell()
        if not self._ending:
            self.check()

    def _take(self, event: Event) -> None:
        if event.worker is None:
            return
        worker = self.workers.setdefault(event.worker, _Worker(heard=self.clock.now()))
        worker.heard = self.clock.now()
        match event.message:
            case None:
                worker.gone = True
            case messages.Ready(phase=number):
                worker.ready = number
            case messages.Tick() as tick:
                worker.tick = tick
                self._latencies_ms.extend(tick.latencies_ms)
                self.watch(self._phase, tick.latencies_ms)
                self.stage.count(self._sum("exports"))
            case messages.Done() as done:
                worker.done = done
            case messages.Ended():
                worker.ended = True
            case messages.Trouble(text=text):
                raise RunError(text)
            case _:
                pass

    def _sum(self, name: str) -> int:
        return sum(int(getattr(one.tick, name)) for one in self.workers.values() if one.tick is not None)

    def _tell(self) -> None:
        if not self._phase:
            return
        answered = self._sum("answered")
        seconds = max(self.clock.now() - self._phase_start, 0.001)
        self.report(
            Progress(
                scenario=self.plan.scenario,
                phase=self._phase,
                started=self._sum("started"),
                answered=answered,
                failed=answered - self._sum("exports"),
                rate_per_s=(answered - self._answered_before) / seconds,
                p95_ms=nearest_rank(self._latencies_ms, 0.95),
                phase_answered=answered - self._answered_before,
                phase_planned=self._planned,
            )
        )
