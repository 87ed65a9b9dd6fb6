"""The generator inside Locust: runs the plan's phases with many clients, and records every request itself.

Imported only where gevent has patched the standard library. Locust's own figures are not used: they are rounded, short
at a run's end, and miss what was never answered.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
from gevent.lock import BoundedSemaphore
from gevent.queue import Queue
from locust.contrib.fasthttp import FastHttpSession

from assertions.records import Hit, PhasePlan, Plan, Request, read_one
from loadtests import drive
from loadtests.clients import Connection, Counts, Parts, Work
from loadtests.datasets import tagged
from loadtests.exporting import fetch_file, make_hit, no_fetch
from loadtests.target import Answer, SinkError, Target

TICK_S = 0.1
FLUSH_S = 1.0
LAG_SLEEP_S = 0.02
MAX_LAGS = 100_000
MAX_PREPARED_BYTES = 256 * 1024 * 1024


class Generator:
    """One generator process: takes every n-th request of each phase, in order."""

    def __init__(self, settings: drive.Drive, target: Target, new_session: Callable[[float], FastHttpSession]) -> None:
        self.settings, self.target, self.new_session = settings, target, new_session
        self.plan = read_one(Path(settings.plan), Plan)
        self.templates = {case: Path(path).read_bytes() for case, path in settings.templates.items()}
        self.spool = Path(settings.spool)
        self.counts = Counts()
        self.lags_ms: list[float] = []
        self.loading = False
        self.stopped: str | None = None
        self.trouble: str | None = None
        self.crew: list[gevent.Greenlet] = []
        self.worker, self.workers = 0, 1
        self.line = socket.create_connection(("127.0.0.1", settings.control_port), timeout=10)
        self.line.settimeout(None)
        self.reader = self.line.makefile("rb")
        self.parts: Parts | None = None

    def say(self, message: drive.GeneratorMessage) -> None:
        """Tell the runner; when it is gone there is nobody to work for."""
        try:
            self.line.sendall(drive.encode(message) + b"\n")
        except OSError:
            self.stop("the runner went away")

    def listen(self) -> drive.RunnerMessage | None:
        """The runner's next word; None when it is gone."""
        try:
            line = self.reader.readline()
        except OSError:
            return None
        return drive.decode_runner(line) if line.endswith(b"\n") else None

    def run(self, pid: int) -> None:
        """The generator's whole life, from hello to the end mark."""
        self.say(drive.Hello(pid=pid, conductor=True))
        welcome = self.listen()
        if not isinstance(welcome, drive.Welcome):
            return
        self.worker, self.workers = welcome.worker, welcome.workers
        self.parts = Parts(Path(self.settings.folder), self.worker)
        helpers = [gevent.spawn(self._tick), gevent.spawn(self._flush), gevent.spawn(self._measure_lag)]
        orders: Queue[drive.RunnerMessage | None] = Queue()
        helpers.append(gevent.spawn(self._take_orders, orders))
        over = False
        try:
            for number, phase in enumerate(self.plan.phases):
                if phase.mode == "probe" or number >= len(self.settings.phases):
                    break
                prepared = self._prepare(phase)
                self.say(drive.Ready(phase=number))
                order = orders.get()
                if not isinstance(order, drive.Go):
                    over = True
                    break
                self._run_phase(number, phase, order.at, prepared)
                if self.stopped is not None:
                    break
        finally:
            gevent.killall(helpers[:3])
            try:
                self.parts.close(tuple(self.lags_ms))
            except OSError as error:
                self.trouble = f"the record can't be written: {error.strerror or error}"
            self.say(drive.Trouble(text=self.trouble) if self.trouble else drive.Ended())
        if not over and self.stopped is None:
            orders.get()

    def stop(self, why: str) -> None:
        """Give up what is in flight; each of it records itself as interrupted."""
        if self.stopped is None:
            self.stopped = why
            gevent.spawn(gevent.killall, list(self.crew))

    def _take_orders(self, orders: Queue[drive.RunnerMessage | None]) -> None:
        while True:
            order = self.listen()
            if order is None or isinstance(order, drive.Stop):
                self.stop("interrupted" if order is not None else "the runner went away")
            orders.put(order)
            if order is None:
                return

    def _mine(self, phase: PhasePlan) -> tuple[Request, ...]:
        return phase.requests[self.worker :: self.workers]

    def _prepare(self, phase: PhasePlan) -> dict[int, bytes]:
        """Of a burst, each client's first body, made before the start so that all can start in one moment."""
        if not phase.at_once:
            return {}
        prepared: dict[int, bytes] = {}
        size = 0
        for request in self._mine(phase)[: len(self._clients(phase))]:
            prepared[request.index] = tagged(self.templates[request.case], request.tag, request.user)
            size += len(prepared[request.index])
            if size > MAX_PREPARED_BYTES:
                break
        return prepared

    def _clients(self, phase: PhasePlan) -> range:
        return range(self.worker, phase.clients, self.workers)

    def _run_phase(self, number: int, phase: PhasePlan, at: float, prepared: dict[int, bytes]) -> None:
        work = Work(self._mine(phase), self.settings.phases[number], at, self.target.clock.now)
        gevent.sleep(max(at - self.target.clock.now(), 0))
        self.loading = True
        if phase.mode == "open":
            self._run_open(phase, work)
        else:
            stream = work.take()
            self.crew = [gevent.spawn(self._client, phase, one, stream, prepared) for one in self._clients(phase)]
        gevent.joinall(self.crew)
        self.loading = False
        self.crew = []
        self._tell_counts()
        cut = self.trouble or self.stopped or work.cut
        self.say(drive.Done(phase=number, taken=work.taken, end=self.target.clock.now(), cut=cut))

    def _client(self, phase: PhasePlan, client: int, stream: Iterator[Request], prepared: dict[int, bytes]) -> None:
        """One client of a closed phase: asks again when it has its answer and its file."""
        connection = Connection(self.target, self.new_session)
        for request in stream:
            free = self.target.clock.now()
            body = prepared.pop(request.index, None) or tagged(self.templates[request.case], request.tag, request.user)
            hit = self._send(phase, request, connection, body, intended=free, client=client)
            self._fetch(phase, hit)
            if self.stopped is not None or self.trouble is not None:
                return

    def _run_open(self, phase: PhasePlan, work: Work) -> None:
        """Each request at its own moment, whether or not others still wait for their answers."""
        idle = [(client, Connection(self.target, self.new_session)) for client in self._clients(phase)]
        slots = BoundedSemaphore(len(idle))
        for request in work.take():
            due = work.at + (request.intended_s or 0.0)
            gevent.sleep(max(due - self.target.clock.now(), 0))
            if self.stopped is not None or self.trouble is not None:
                return
            self.crew.append(gevent.spawn(self._arrive, phase, request, due, slots, idle))
            if request.index % 512 == 0:
                self.crew = [one for one in self.crew if not one.dead]

    def _arrive(
        self,
        phase: PhasePlan,
        request: Request,
        due: float,
        slots: BoundedSemaphore,
        idle: list[tuple[int, Connection]],
    ) -> None:
        """One arrival of the open model; one that found no free connection in time is recorded as `not-sent`."""
        body = tagged(self.templates[request.case], request.tag, request.user)
        try:
            free = slots.acquire(timeout=phase.timeout_s)
        except gevent.GreenletExit:
            free = False
        if not free:
            now = self.target.clock.now()
            unsent = Answer(None, "interrupted" if self.stopped else "not-sent", {}, b"", now, now)
            self.counts.started += 1
            self._record(phase, request, unsent, body_bytes=0, intended=due, client=f"locust-{self.worker}-none")
            return
        client, connection = idle.pop()
        try:
            hit = self._send(phase, request, connection, body, intended=due, client=client)
        finally:
            idle.append((client, connection))
            slots.release()
        self._fetch(phase, hit)

    def _send(
        self, phase: PhasePlan, request: Request, connection: Connection, body: bytes, *, intended: float, client: int
    ) -> Hit:
        self.counts.started += 1
        answer = connection.post(body, phase.timeout_s)
        label = f"locust-{self.worker}-{client}"
        return self._record(phase, request, answer, body_bytes=len(body), intended=intended, client=label)

    def _record(
        self, phase: PhasePlan, request: Request, answer: Answer, *, body_bytes: int, intended: float, client: str
    ) -> Hit:
        hit = make_hit(phase.name, request, answer, body_bytes=body_bytes, intended=intended, client=client)
        self._write(lambda parts: parts.hit(hit))
        self.counts.answered += 1
        if hit.status == 200:
            self.counts.exports += 1
            self.counts.latencies_ms.append((hit.end - hit.intended) * 1000)
        return hit

    def _fetch(self, phase: PhasePlan, hit: Hit) -> None:
        """Download the file of a finished export."""
        if hit.status != 200 or self.stopped is not None:
            return
        try:
            fetch = fetch_file(self.target, hit, self.spool, phase.timeout_s)
        except gevent.GreenletExit:
            fetch = no_fetch(hit, self.target.clock.now(), "interrupted")
        except (SinkError, OSError) as error:
            self.trouble = str(error)
            return
        self._write(lambda parts: parts.fetch(fetch))

    def _write(self, write: Callable[[Parts], None]) -> None:
        """A record that can't be written ends the run: what is not on disk can't be judged."""
        if self.parts is None:
            return
        try:
            write(self.parts)
        except OSError as error:
            self.trouble = f"the record can't be written: {error.strerror or error}"

    def _tell_counts(self) -> None:
        counts = self.counts
        latencies, counts.latencies_ms = tuple(counts.latencies_ms), []
        self.say(
            drive.Tick(started=counts.started, answered=counts.answered, exports=counts.exports, latencies_ms=latencies)
        )

    def _tick(self) -> None:
        while True:
            gevent.sleep(TICK_S)
            self._tell_counts()

    def _flush(self) -> None:
        while True:
            gevent.sleep(FLUSH_S)
            self._write(Parts.flush)

    def _measure_lag(self) -> None:
        """How much later than asked for a sleeping greenlet wakes, while load runs."""
        now = self.target.clock.now
        while True:
            before = now()
            gevent.sleep(LAG_SLEEP_S)
            if self.loading and len(self.lags_ms) < MAX_LAGS:
                self.lags_ms.append(max(now() - before - LAG_SLEEP_S, 0) * 1000)
