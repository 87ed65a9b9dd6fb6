"""The virtual users of one generator: they make a phase's requests, closed or open model, and record each one.

Imported only where gevent has patched the standard library. The same code drives the target and, before it, the
reference server that the generator is measured against.
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
"""A stop is noticed between two arrivals that are further apart."""


class VirtualUsers:
    """All virtual users of one generator process, which makes every n-th request of each phase, in order."""

    def __init__(
        self,
        target: Target,
        new_client: NewHttpClient,
        templates: Mapping[str, bytes],
        shard: ShardWriter,
        *,
        worker: int = 0,
        workers: int = 1,
        spool: Path | None = None,
    ) -> None:
        """spool: where finished exports are downloaded to; None: they are not downloaded."""
        self.target, self.new_client, self.templates = target, new_client, templates
        self.shard, self.spool = shard, spool
        self.worker, self.workers = worker, workers
        self.counts = Counters()
        self.scheduling_delays_ms = Samples()
        """How late open arrivals were begun, before any wait for a free connection: the generator's own part."""
        self.loading = False
        self.stopped: str | None = None
        self.trouble: str | None = None
        self._users: list[gevent.Greenlet] = []
        self._fault: BaseException | None = None
        """A bug in a virtual user. It ends the run: otherwise the requests it never sent would go unnoticed."""

    @property
    def _over(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.stopped is not None or self.trouble is not None

    def stop(self, why: str) -> None:
        """Break off the requests in flight; each records itself as interrupted."""
        if self.stopped is None:
            self.stopped = why
            gevent.spawn(gevent.killall, list(self._users))

    def prepare(self, phase: PhasePlan) -> dict[int, bytes]:
        """Return each user's first body of a burst, made before the start so that all can start in one moment."""
        if not phase.at_once:
            return {}
        prepared: dict[int, bytes] = {}
        size = 0
        for request in self._share(phase)[: len(self._user_numbers(phase))]:
            prepared[request.index] = tagged(self.templates[request.case], request.tag, request.user)
            size += len(prepared[request.index])
            if size > MAX_PREPARED_BYTES:
                break
        return prepared

    def run(self, phase: PhasePlan, limits: PhaseLimits, at: float, prepared: dict[int, bytes]) -> PhaseWork:
        """Make one phase's requests from the moment `at` on (Unix seconds), until none of them is in flight."""
        work = PhaseWork(self._share(phase), limits, at, self.target.clock.now)
        gevent.sleep(max(at - self.target.clock.now(), 0))
        self.loading = True
        if phase.mode == "open":
            self._run_open(phase, work)
        else:
            requests = work.take()
            numbers = self._user_numbers(phase)
            self._users = [self._spawn(self._run_user, phase, number, requests, prepared) for number in numbers]
        gevent.joinall(self._users)
        if self._fault is not None:
            raise self._fault
        self.loading = False
        self._users = []
        return work

    def flush(self) -> None:
        """Hand what is recorded to the system."""
        self._write(ShardWriter.flush)

    def _spawn(self, work: Callable[..., None], *arguments: object) -> gevent.Greenlet:
        user = gevent.Greenlet(work, *arguments)
        user.link_exception(self._failed)
        user.start()
        return user

    def _failed(self, user: gevent.Greenlet) -> None:
        if self._fault is None:
            self._fault = user.exception
            self.stop("the generator failed")

    def _share(self, phase: PhasePlan) -> tuple[Request, ...]:
        """Return every n-th request; where there are fewer users than generators, only the first ones make any."""
        makers = min(self.workers, phase.clients)
        return phase.requests[self.worker :: makers] if self.worker < makers else ()

    def _user_numbers(self, phase: PhasePlan) -> range:
        return range(self.worker, phase.clients, self.workers)

    def _run_user(self, phase: PhasePlan, number: int, requests: Iterator[Request], prepared: dict[int, bytes]) -> None:
        """Run one user of a closed phase, who asks again after the answer and its file."""
        client = self.new_client(self.target)
        for request in requests:
            free = self.target.clock.now()
            body = prepared.pop(request.index, None) or tagged(self.templates[request.case], request.tag, request.user)
            self._fetch(phase, self._send(phase, request, client, body, intended=free, number=number))
            if self._over:
                return

    def _run_open(self, phase: PhasePlan, work: PhaseWork) -> None:
        """Make each request at its own moment, whether or not others still wait for their answers."""
        idle = [(number, self.new_client(self.target)) for number in self._user_numbers(phase)]
        slots = BoundedSemaphore(len(idle))
        with PreciseTimer() as timer:
            for request in work.take():
                due = work.at + (request.intended_s or 0.0)
                if not self._waited(timer, due):
                    return
                self._users.append(self._spawn(self._arrive, phase, request, due, slots, idle))
                if request.index % 512 == 0:
                    self._users = [user for user in self._users if not user.dead]

    def _waited(self, timer: PreciseTimer, due: float) -> bool:
        """Wait for the moment of an arrival; return False where the load has ended meanwhile."""
        clock = self.target.clock
        while due - clock.now() > NOTICE_S and not self._over:
            gevent.sleep(NOTICE_S / 2)
        if not self._over:
            timer.wait_until(due - clock.anchor)
        return not self._over

    def _arrive(
        self,
        phase: PhasePlan,
        request: Request,
        due: float,
        slots: BoundedSemaphore,
        idle: list[tuple[int, HttpClient]],
    ) -> None:
        """Make one arrival of the open model; one that found no free connection in time is recorded as `not-sent`."""
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
        number, client = idle.pop()
        try:
            sent = self._send(phase, request, client, body, intended=due, number=number)
        finally:
            idle.append((number, client))
            slots.release()
        self._fetch(phase, sent)

    def _send(
        self, phase: PhasePlan, request: Request, client: HttpClient, body: bytes, *, intended: float, number: int
    ) -> SentRequest:
        self.counts.started += 1
        answer = client.post(body, phase.timeout_s)
        sent = SentRequest(phase.name, request, answer, len(body), intended, f"locust-{self.worker}-{number}")
        self._record(sent)
        return sent

    def _record(self, sent: SentRequest) -> None:
        self._write(lambda shard: shard.hit(sent))
        self.counts.add(sent)

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
        self._write(lambda shard: shard.fetch(fetch))

    def _write(self, write: Callable[[ShardWriter], None]) -> None:
        """Write a part of the record; where that fails the run ends, as what is not on disk can't be judged."""
        try:
            write(self.shard)
        except OSError as error:
            self.trouble = f"the record can't be written: {error.strerror or error}"
