"""Leads the generators through the plan, phase by phase, with a rest between two."""

from __future__ import annotations

import queue
from dataclasses import dataclass

from assertions.record.types import INTERRUPTED, PhaseEnd, PhasePlan, Plan
from assertions.stats import percentile_or_none
from loadtests.client.clock import Clock
from loadtests.errors import EarlyEnd, LocustError, RunError
from loadtests.progress import Progress
from loadtests.protocol import messages
from loadtests.protocol.server import ControlServer, Event
from loadtests.recorders.run_state import RunState
from loadtests.runner.locust_process import LocustProcess
from loadtests.runner.watch import Watch

REST_S = 0.6
"""Between two phases."""
LEAD_S = 0.05
"""From the start message to the start."""
START_TIMEOUT_S = 60.0
SILENCE_S = 60.0
"""A generator that sends nothing for so long hangs, and is ended."""
CLOSE_TIMEOUT_S = 15.0
"""For a generator to close its record."""
REMOTE_START_TIMEOUT_S = 300.0
"""Workers of other machines are started by hand."""
UPLOAD_TIMEOUT_S = 600.0
"""For a generator of another machine to upload its record."""
POLL_S = 0.05


@dataclass(frozen=True)
class PhaseResult:
    """How one phase went."""

    name: str
    start: float
    end: float
    taken: int
    """Requests that its generators began; those of a generator that ended early are not known."""
    ended: PhaseEnd = "complete"
    reasons: tuple[str, ...] = ()
    """Why it did not come to its end; empty: it did."""
    cpu_ratio: float | None = None
    """Share of a core that the busiest process of the load used; None: unknown."""


@dataclass
class _Worker:
    heard: float
    """When its latest message came."""
    tick: messages.Tick | None = None
    ready: int = -1
    done: messages.Done | None = None
    ended: bool = False
    gone: bool = False


class Coordinator:
    """Runs the phases that Locust drives."""

    def __init__(
        self, plan: Plan, control: ControlServer, locust: LocustProcess, state: RunState, clock: Clock, watch: Watch
    ) -> None:
        self.plan, self.control, self.locust = plan, control, locust
        self.state, self.clock, self.watch = state, clock, watch
        self.results: list[PhaseResult] = []
        self._workers: dict[int, _Worker] = {}
        self._latencies_ms: list[float] = []
        """Of the present phase's exports."""
        self._answered = self._timeouts = 0
        """Passed on to the watch."""
        self._closing = False

    def run(self, loads: int) -> EarlyEnd | None:
        """Run the first `loads` phases of the plan; return the reason where they end early.

        RunError where the load can't go on; LocustError where Locust ended or never started.
        """
        timeout_s = START_TIMEOUT_S if self.control.remote is None else REMOTE_START_TIMEOUT_S
        present: tuple[PhasePlan, float] | None = None
        try:
            self._await_workers(timeout_s)
            self.watch.begin()
            for number in range(loads):
                self._await_ready(number, timeout_s)
                present = self.plan.phases[number], self.clock.now() + LEAD_S
                self.results.append(self._run_phase(number, *present))
                present = None
                if not self._alive():
                    break
            self._finish(messages.End())
        except KeyboardInterrupt:
            early = EarlyEnd("interrupted", INTERRUPTED)
        except EarlyEnd as error:
            early = error
        else:
            return None
        self._closing = True
        if present is not None:
            phase, start = present
            self.results.append(self._result(phase.name, start, early.ended, (early.note,)))
            self.state.enter("rest")
        self._finish(messages.Stop())
        return early

    def _finish(self, message: messages.RunnerMessage) -> None:
        """Send the last message, and wait until the generators' records are closed."""
        self.control.send(message)
        start = self.clock.now()
        while any(self.clock.now() < self._closed_until(start, number) for number in self._workers):
            self._take_messages(POLL_S)
        self.control.dismiss()

    def _closed_until(self, start: float, number: int) -> float:
        """Return how long to wait for a generator; one of another machine that still sends is uploading its record."""
        worker = self._workers[number]
        if worker.gone or worker.ended:
            return start
        if number in self.control.pids or self._closing:
            return start + CLOSE_TIMEOUT_S
        return min(max(start, worker.heard) + CLOSE_TIMEOUT_S, start + UPLOAD_TIMEOUT_S)

    def _alive(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if not worker.gone]

    def _await_workers(self, timeout_s: float) -> None:
        deadline = self.clock.now() + timeout_s
        while len(self._workers) < self.control.workers:
            self._check_locust(deadline, f"start within {timeout_s:g} s")

    def _await_ready(self, number: int, timeout_s: float) -> None:
        """Wait until all generators are ready for a phase, and at least for the rest between two."""
        rest_until = self.clock.now() + REST_S
        deadline = self.clock.now() + timeout_s
        while any(worker.ready < number for worker in self._alive()):
            self._check_locust(deadline, f"get ready within {timeout_s:g} s")
        while self.clock.now() < rest_until:
            self._take_messages(POLL_S)

    def _check_locust(self, deadline: float, what: str) -> None:
        if not self.locust.running():
            raise LocustError(f"Locust ended before the load did: {self.locust.log_end()}")
        if self.clock.now() > deadline:
            raise LocustError(f"Locust did not {what}: {self.locust.log_end()}")
        self._take_messages(POLL_S)
        self._end_hanging()

    def _run_phase(self, number: int, phase: PhasePlan, start: float) -> PhaseResult:
        self._latencies_ms = []
        answered_before = self._sum("answered")
        cpu_before = self._cpu_seconds()
        self.state.enter("during", phase.name)
        self.control.send(messages.Go(phase=number, at=start))
        while not all(worker.done is not None and worker.done.phase == number for worker in self._alive()):
            self._take_messages(2 * POLL_S, phase.name)
            self._end_hanging()
            self._show(phase, start, answered_before)
        ended, reasons = self._reasons(number)
        cpu_ratio = self._cpu_ratio(cpu_before, self.clock.now() - start)
        result = self._result(phase.name, start, ended, reasons, cpu_ratio)
        self.state.enter("rest")
        self._show(phase, start, answered_before)
        return result

    def _reasons(self, number: int) -> tuple[PhaseEnd, tuple[str, ...]]:
        """Return why a phase did not come to its end, for all generators."""
        ended: PhaseEnd = "complete"
        reasons = []
        for name, worker in sorted(self._workers.items()):
            if worker.done is None or worker.done.phase != number:
                ended = "incomplete record"
                reasons.append(f"generator {name} ended early")
            elif worker.done.cut:
                ended = worker.done.ended if ended == "complete" else ended
                reasons.append(worker.done.cut)
        return ended, tuple(dict.fromkeys(reasons))

    def _result(
        self, name: str, start: float, ended: PhaseEnd, reasons: tuple[str, ...], cpu_ratio: float | None = None
    ) -> PhaseResult:
        done = [worker.done for worker in self._workers.values() if worker.done is not None]
        done = [message for message in done if message.end >= start]
        known = done and len(done) == len(self._workers)
        end = max(message.end for message in done) if known else self.clock.now()
        return PhaseResult(name, start, end, sum(message.taken for message in done), ended, reasons, cpu_ratio)

    def _cpu_seconds(self) -> dict[int, float]:
        """Return those of each process of the load; of another machine's, under numbers below 0, as its ticks say."""
        remote = {-1 - name: worker.tick for name, worker in self._workers.items() if name not in self.control.pids}
        return self.locust.cpu_seconds() | {name: tick.cpu_s for name, tick in remote.items() if tick is not None}

    def _cpu_ratio(self, before: dict[int, float], wall_s: float) -> float | None:
        used = [cpu_s - before[pid] for pid, cpu_s in self._cpu_seconds().items() if pid in before]
        return max(used) / wall_s if used and wall_s > 0 else None

    def _end_hanging(self) -> None:
        """End a generator that was ready once and sends nothing any more; its broken connection shows the rest."""
        for name, worker in self._workers.items():
            if not worker.gone and worker.ready >= 0 and self.clock.now() - worker.heard > SILENCE_S:
                self.control.drop(name)

    def _take_messages(self, timeout_s: float, phase: str = "") -> None:
        try:
            self._take(self.control.events.get(timeout=timeout_s), phase)
            while True:
                self._take(self.control.events.get_nowait(), phase)
        except queue.Empty:
            pass
        if self._closing:
            self.watch.check_record()
        else:
            self.watch.check()

    def _take(self, event: Event, phase: str) -> None:
        if event.worker is None:
            return
        worker = self._workers.setdefault(event.worker, _Worker(heard=self.clock.now()))
        worker.heard = self.clock.now()
        match event.message:
            case None:
                worker.gone = True
            case messages.Ready(phase=number):
                worker.ready = number
            case messages.Tick() as tick:
                worker.tick = tick
                self._latencies_ms.extend(tick.latencies_ms)
                self._pass_on(tick, phase)
            case messages.Done() as done:
                worker.done = done
            case messages.Ended():
                worker.ended = True
            case messages.Trouble(text=text):
                raise RunError(text)
            case _:
                pass

    def _pass_on(self, tick: messages.Tick, phase: str) -> None:
        self.state.count(self._sum("exports"))
        self.watch.add_latencies(phase, tick.latencies_ms)
        answered, timeouts = self._sum("answered"), self._sum("timeouts")
        self.watch.add_exports(answered - self._answered, timeouts - self._timeouts)
        self._answered, self._timeouts = answered, timeouts

    def _sum(self, name: str) -> int:
        return sum(int(getattr(worker.tick, name)) for worker in self._workers.values() if worker.tick is not None)

    def _show(self, phase: PhasePlan, start: float, answered_before: int) -> None:
        answered = self._sum("answered")
        self.watch.add_progress(
            Progress(
                scenario=self.plan.scenario,
                phase=phase.name,
                started=self._sum("started"),
                answered=answered,
                failed=self._sum("over") - self._sum("exports"),
                rate_per_s=(answered - answered_before) / max(self.clock.now() - start, 0.001),
                p95_ms=percentile_or_none(self._latencies_ms, 0.95),
                timed_out=self._sum("timeouts"),
                phase_answered=answered - answered_before,
                phase_planned=len(phase.requests),
            )
        )
