"""The clients of one generator: they make a phase's requests, in the closed or the open model, and record each one.

Imported only where gevent has patched the standard library. The same code drives the target and, before it, the known
server that the generator is measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import gevent
from gevent.lock import BoundedSemaphore

from assertions.contents.tags import tagged
from assertions.record.types import INTERRUPTED, PhasePlan, Request
from loadtests.client.answer import Answer, SinkError
from loadtests.client.export import fetch_file, no_fetch
from loadtests.client.target import Target
from loadtests.generator.http_client import HttpClient, NewHttpClient
from loadtests.generator.samples import Samples
from loadtests.generator.shard_writer import Counters, PhaseWork, SentRequest, ShardWriter
from loadtests.generator.timer import PreciseTimer
from loadtests.plan.limits import PhaseLimits

MAX_PREPARED_BYTES = 256 * 1024 * 1024
NOTICE_S = 0.5
"""A stop is noticed between two arrivals that lie further apart."""


class VirtualUsers:
    """All clients of one generator process; it makes every n-th request of each phase, in order."""

    def __init__(
        self,
        target: Target,
        new_wire: NewHttpClient,
        templates: Mapping[str, bytes],
        parts: ShardWriter,
        *,
        worker: int = 0,
        workers: int = 1,
        spool: Path | None = None,
    ) -> None:
        """spool: where finished exports are downloaded to; None: they are not downloaded."""
        self.target, self.new_wire, self.templates = target, new_wire, templates
        self.parts, self.spool = parts, spool
        self.worker, self.workers = worker, workers
        self.counts = Counters()
        self.scheduling_delays_ms = Samples()
        """How late open arrivals were begun, before any wait for a free connection: the generator's own part."""
        self.loading = False
        self.stopped: str | None = None
        self.trouble: str | None = None
        self._crew: list[gevent.Greenlet] = []
        self._fault: BaseException | None = None
        """Of its own code; it ends the run, since what a client that died did not ask for would be missed by nobody."""

    @property
    def _over(self) -> bool:
        """Whether no more is to be sent."""
        return self.stopped is not None or self.trouble is not None

    def stop(self, why: str) -> None:
        """Give up what is in flight; each of it records itself as interrupted."""
        if self.stopped is None:
            self.stopped = why
            gevent.spawn(gevent.killall, list(self._crew))

    def prepare(self, phase: PhasePlan) -> dict[int, bytes]:
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

    def run(self, phase: PhasePlan, limits: PhaseLimits, at: float, prepared: dict[int, bytes]) -> PhaseWork:
        """Make one phase's requests from the moment `at` on (Unix seconds), until nothing of it is in flight."""
        work = PhaseWork(self._mine(phase), limits, at, self.target.clock.now)
        gevent.sleep(max(at - self.target.clock.now(), 0))
        self.loading = True
        if phase.mode == "open":
            self._run_open(phase, work)
        else:
            stream = work.take()
            self._crew = [self._spawn(self._client, phase, one, stream, prepared) for one in self._clients(phase)]
        gevent.joinall(self._crew)
        if self._fault is not None:
            raise self._fault
        self.loading = False
        self._crew = []
        return work

    def flush(self) -> None:
        """Hand what is recorded to the system."""
        self._write(ShardWriter.flush)

    def _spawn(self, work: Callable[..., None], *arguments: object) -> gevent.Greenlet:
        client = gevent.Greenlet(work, *arguments)
        client.link_exception(self._failed)
        client.start()
        return client

    def _failed(self, client: gevent.Greenlet) -> None:
        if self._fault is None:
            self._fault = client.exception
            self.stop("the generator failed")

    def _mine(self, phase: PhasePlan) -> tuple[Request, ...]:
        """Every n-th request; where there are fewer clients than generators, only the first ones make any."""
        makers = min(self.workers, phase.clients)
        return phase.requests[self.worker :: makers] if self.worker < makers else ()

    def _clients(self, phase: PhasePlan) -> range:
        return range(self.worker, phase.clients, self.workers)

    def _client(self, phase: PhasePlan, client: int, stream: Iterator[Request], prepared: dict[int, bytes]) -> None:
        """One client of a closed phase: asks again when it has its answer and its file."""
        wire = self.new_wire(self.target)
        for request in stream:
            free = self.target.clock.now()
            body = prepared.pop(request.index, None) or tagged(self.templates[request.case], request.tag, request.user)
            self._fetch(phase, self._send(phase, request, wire, body, intended=free, client=client))
            if self._over:
                return

    def _run_open(self, phase: PhasePlan, work: PhaseWork) -> None:
        """Each request at its own moment, whether or not others still wait for their answers."""
        idle = [(client, self.new_wire(self.target)) for client in self._clients(phase)]
        slots = BoundedSemaphore(len(idle))
        with PreciseTimer() as alarm:
            for request in work.take():
                due = work.at + (request.intended_s or 0.0)
                if not self._waited(alarm, due):
                    return
                self._crew.append(self._spawn(self._arrive, phase, request, due, slots, idle))
                if request.index % 512 == 0:
                    self._crew = [one for one in self._crew if not one.dead]

    def _waited(self, alarm: PreciseTimer, due: float) -> bool:
        """Wait for the moment of an arrival; False: the load has ended meanwhile."""
        clock = self.target.clock
        while due - clock.now() > NOTICE_S and not self._over:
            gevent.sleep(NOTICE_S / 2)
        if not self._over:
            alarm.wait_until(due - clock.anchor)
        return not self._over

    def _arrive(
        self,
        phase: PhasePlan,
        request: Request,
        due: float,
        slots: BoundedSemaphore,
        idle: list[tuple[int, HttpClient]],
    ) -> None:
        """One arrival of the open model; one that found no free connection in time is recorded as `not-sent`."""
        body = tagged(self.templates[request.case], request.tag, request.user)
        self.scheduling_delays_ms.add((self.target.clock.now() - due) * 1000)
        try:
            free = slots.acquire(timeout=phase.timeout_s)
        except gevent.GreenletExit:
            free = False
        if not free:
            now = self.target.clock.now()
            unsent = Answer(None, INTERRUPTED if self.stopped else "not-sent", {}, b"", now, now)
            self.counts.started += 1
            self._record(SentRequest(phase.name, request, unsent, 0, due, f"locust-{self.worker}-none"))
            return
        client, wire = idle.pop()
        try:
            sent = self._send(phase, request, wire, body, intended=due, client=client)
        finally:
            idle.append((client, wire))
            slots.release()
        self._fetch(phase, sent)

    def _send(
        self, phase: PhasePlan, request: Request, wire: HttpClient, body: bytes, *, intended: float, client: int
    ) -> SentRequest:
        self.counts.started += 1
        answer = wire.post(body, phase.timeout_s)
        sent = SentRequest(phase.name, request, answer, len(body), intended, f"locust-{self.worker}-{client}")
        self._record(sent)
        return sent

    def _record(self, sent: SentRequest) -> None:
        self._write(lambda parts: parts.hit(sent))
        self.counts.answered += 1
        if sent.answer.status == 200:
            self.counts.exports += 1
            self.counts.latencies_ms.append((sent.answer.end - sent.intended) * 1000)

    def _fetch(self, phase: PhasePlan, sent: SentRequest) -> None:
        """Download the file of a finished export."""
        if self.spool is None or sent.answer.status != 200 or self.stopped is not None:
            return
        hit = sent.hit()
        try:
            fetch = fetch_file(self.target, hit, self.spool, phase.timeout_s)
        except gevent.GreenletExit:
            fetch = no_fetch(hit, self.target.clock.now(), INTERRUPTED)
        except (SinkError, OSError) as error:
            self.trouble = str(error)
            return
        self._write(lambda parts: parts.fetch(fetch))

    def _write(self, write: Callable[[ShardWriter], None]) -> None:
        """A record that can't be written ends the run: what is not on disk can't be judged."""
        try:
            write(self.parts)
        except OSError as error:
            self.trouble = f"the record can't be written: {error.strerror or error}"
