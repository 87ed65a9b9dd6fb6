"""A generator's life inside Locust: hello, its own measuring, the plan's phases, the end mark.

Imported only where gevent has patched the standard library. Locust's own figures are not used: they are rounded, short
at a run's end, and miss what was never answered.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from gevent.queue import Queue

from assertions.record.files import read_one
from assertions.record.types import INTERRUPTED, Plan
from loadtests.calibration import calibration
from loadtests.client.target import Target
from loadtests.generator.http_client import NewHttpClient
from loadtests.generator.samples import Samples
from loadtests.generator.shard_writer import ShardWriter
from loadtests.generator.virtual_users import VirtualUsers
from loadtests.protocol import messages
from loadtests.protocol.channel import Channel
from loadtests.recorders.shards import calibration_folder

TICK_S = 0.1
FLUSH_S = 1.0
LAG_SLEEP_S = 0.02


class Generator:
    """One generator process."""

    def __init__(
        self,
        settings: messages.GeneratorConfig,
        target: Target,
        new_wire: NewHttpClient,
        line: Channel,
        welcome: messages.Welcome,
    ) -> None:
        self.settings, self.target, self.new_wire = settings, target, new_wire
        self.line, self.welcome = line, welcome
        self.plan = read_one(Path(settings.plan), Plan)
        self.templates = {case: Path(path).read_bytes() for case, path in settings.templates.items()}
        self.event_loop_lags_ms = Samples()
        self.stopped: str | None = None
        self.crew: VirtualUsers | None = None

    def say(self, message: messages.GeneratorMessage) -> None:
        """Tell the runner; when it is gone there is nobody to work for."""
        try:
            self.line.say(message)
        except OSError:
            self.stop("the runner went away")

    def run(self, deliver: Callable[[], None] = lambda: None) -> None:
        """The generator's whole life, from its welcome to the end mark; deliver: called when its record is closed."""
        welcome = self.welcome
        orders: Queue[messages.RunnerMessage | None] = Queue()
        taking = gevent.spawn(self._take_orders, orders)
        self._calibrate(welcome.worker)
        parts = ShardWriter(Path(self.settings.folder), welcome.worker)
        crew = self.crew = VirtualUsers(
            self.target,
            self.new_wire,
            self.templates,
            parts,
            worker=welcome.worker,
            workers=welcome.workers,
            spool=Path(self.settings.spool),
        )
        telling = gevent.spawn(self._tick, crew)
        helpers = [gevent.spawn(one, crew) for one in (self._flush, self._measure_lag)]
        over = False
        try:
            for number, phase in enumerate(self.plan.phases):
                if phase.mode == "probe" or number >= len(self.settings.phases) or self.stopped is not None:
                    break
                prepared = crew.prepare(phase)
                _set_apart()
                self.say(messages.Ready(phase=number))
                order = orders.get()
                if not isinstance(order, messages.Go):
                    over = True
                    break
                work = crew.run(phase, self.settings.phases[number], order.at, prepared)
                self._tell_counts(crew)
                cut = crew.trouble or self.stopped or work.cut
                self.say(messages.Done(phase=number, taken=work.taken, end=self.target.clock.now(), cut=cut))
        finally:
            gevent.killall(helpers)
            try:
                parts.close(tuple(self.event_loop_lags_ms.values), tuple(crew.scheduling_delays_ms.values))
            except OSError as error:
                crew.trouble = f"the record can't be written: {error.strerror or error}"
            try:
                deliver()
            except OSError as error:
                crew.trouble = f"the record could not be brought to the runner: {error.strerror or error}"
            telling.kill()
            self.say(messages.Trouble(text=crew.trouble) if crew.trouble else messages.Ended())
        if not over and self.stopped is None:
            orders.get()
        taking.kill()

    def stop(self, why: str) -> None:
        """Give up what is in flight; each of it records itself as interrupted."""
        if self.stopped is None:
            self.stopped = why
            if self.crew is not None:
                self.crew.stop(why)

    def _calibrate(self, worker: int) -> None:
        """Measure the known server first, by the very code that will measure the target."""
        port = self.settings.calibration_port
        if port is None:
            return
        parts = ShardWriter(calibration_folder(Path(self.settings.folder)), worker)
        crew = self.crew = VirtualUsers(
            calibration.known_target(port, self.target.clock), self.new_wire, calibration.TEMPLATES, parts
        )
        _set_apart()
        crew.run(calibration.PHASE, calibration.LIMITS, self.target.clock.now() + calibration.LEAD_S, {})
        self.crew = None
        try:
            parts.close((), ())
        except OSError as error:
            crew.trouble = f"the record can't be written: {error.strerror or error}"
        if crew.trouble is not None:
            self.say(messages.Trouble(text=crew.trouble))

    def _take_orders(self, orders: Queue[messages.RunnerMessage | None]) -> None:
        while True:
            order = self.line.listen()
            if order is None or isinstance(order, messages.Stop):
                self.stop(INTERRUPTED if order is not None else "the runner went away")
            orders.put(order)
            if order is None:
                return

    def _tell_counts(self, crew: VirtualUsers) -> None:
        counts = crew.counts
        latencies, counts.latencies_ms = tuple(counts.latencies_ms), []
        self.say(
            messages.Tick(
                started=counts.started,
                answered=counts.answered,
                exports=counts.exports,
                latencies_ms=latencies,
                cpu_s=time.process_time(),
            )
        )

    def _tick(self, crew: VirtualUsers) -> None:
        while True:
            gevent.sleep(TICK_S)
            self._tell_counts(crew)

    def _flush(self, crew: VirtualUsers) -> None:
        while True:
            gevent.sleep(FLUSH_S)
            crew.flush()

    def _measure_lag(self, crew: VirtualUsers) -> None:
        """How much later than asked for a sleeping greenlet wakes, while load runs."""
        now = self.target.clock.now
        while True:
            before = now()
            gevent.sleep(LAG_SLEEP_S)
            if crew.loading:
                self.event_loop_lags_ms.add(max(now() - before - LAG_SLEEP_S, 0) * 1000)


def _set_apart() -> None:
    """What lives for the whole run is not looked at again: the collector's walk over it would hold all clients."""
    gc.collect()
    gc.freeze()
