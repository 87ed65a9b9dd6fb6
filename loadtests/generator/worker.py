"""A generator's life inside Locust: calibration, the plan's phases, the end mark.

Imported only where gevent has patched the standard library. Locust's own figures are not used: they are rounded, short
at a run's end, and lack what was never answered.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from gevent.queue import Queue

from assertions.record.files import read_one
from assertions.record.types import INTERRUPTED, PhaseEnd, Plan
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
RUNNER_GONE = "the connection to the runner broke"


class Generator:
    """One generator process."""

    def __init__(
        self,
        settings: messages.GeneratorConfig,
        target: Target,
        new_client: NewHttpClient,
        channel: Channel,
        welcome: messages.Welcome,
    ) -> None:
        self.settings, self.target, self.new_client = settings, target, new_client
        self.channel, self.welcome = channel, welcome
        self.plan = read_one(Path(settings.plan), Plan)
        self.templates = {case: Path(path).read_bytes() for case, path in settings.templates.items()}
        self.event_loop_lags_ms = Samples()
        self.stopped: str | None = None
        self.users: VirtualUsers | None = None
        """Those that run now."""

    def send(self, message: messages.GeneratorMessage) -> None:
        """Send a message to the runner; without a runner there is nothing to do any more."""
        try:
            self.channel.send(message)
        except OSError:
            self.stop(RUNNER_GONE)

    def run(self, upload: Callable[[], None] = lambda: None) -> None:
        """Live from the welcome to the end mark; upload: called when the record is closed."""
        orders: Queue[messages.RunnerMessage | None] = Queue()
        receiver = gevent.spawn(self._receive_orders, orders)
        self._calibrate()
        shard = ShardWriter(Path(self.settings.folder), self.welcome.worker)
        users = self.users = VirtualUsers(
            self.target,
            self.new_client,
            self.templates,
            shard,
            worker=self.welcome.worker,
            workers=self.welcome.workers,
            spool=Path(self.settings.spool),
        )
        ticks = gevent.spawn(self._send_ticks, users)
        helpers = [gevent.spawn(self._flush, users), gevent.spawn(self._measure_lag, users)]
        over = False
        try:
            over = self._run_phases(users, orders)
        finally:
            gevent.killall(helpers)
            self._close(users, upload)
            ticks.kill()
            self.send(messages.Trouble(text=users.trouble) if users.trouble else messages.Ended())
        if not over and self.stopped is None:
            orders.get()
        receiver.kill()

    def _run_phases(self, users: VirtualUsers, orders: Queue[messages.RunnerMessage | None]) -> bool:
        """Run the plan's phases; return whether the runner ended them before their number was reached."""
        for number, phase in enumerate(self.plan.phases):
            if phase.mode == "probe" or number >= len(self.settings.phases) or self.stopped is not None:
                return False
            prepared = users.prepare(phase)
            _freeze_objects()
            self.send(messages.Ready(phase=number))
            order = orders.get()
            if not isinstance(order, messages.Go):
                return True
            work = users.run(phase, self.settings.phases[number], order.at, prepared)
            self._send_tick(users)
            cut = users.trouble or self.stopped or work.cut
            ended: PhaseEnd = "complete"
            if cut is not None:
                ended = "deadline" if cut == work.cut else "interrupted" if cut == INTERRUPTED else "incomplete record"
            now = self.target.clock.now()
            self.send(messages.Done(phase=number, taken=work.taken, end=now, cut=cut, ended=ended))
        return False

    def _close(self, users: VirtualUsers, upload: Callable[[], None]) -> None:
        try:
            users.shard.close(tuple(self.event_loop_lags_ms.values), tuple(users.scheduling_delays_ms.values))
        except OSError as error:
            users.trouble = f"the record can't be written: {error.strerror or error}"
        try:
            upload()
        except OSError as error:
            users.trouble = f"the record could not be uploaded to the runner: {error.strerror or error}"

    def stop(self, why: str) -> None:
        """Break off the requests in flight; each records itself as interrupted."""
        if self.stopped is None:
            self.stopped = why
            if self.users is not None:
                self.users.stop(why)

    def _calibrate(self) -> None:
        """Measure the reference server first, by the same code that will measure the target."""
        port = self.settings.calibration_port
        if port is None:
            return
        shard = ShardWriter(calibration_folder(Path(self.settings.folder)), self.welcome.worker)
        target = calibration.reference_target(port, self.target.clock)
        users = self.users = VirtualUsers(target, self.new_client, calibration.TEMPLATES, shard)
        _freeze_objects()
        users.run(calibration.PHASE, calibration.LIMITS, self.target.clock.now() + calibration.LEAD_S, {})
        self.users = None
        try:
            shard.close((), ())
        except OSError as error:
            users.trouble = f"the record can't be written: {error.strerror or error}"
        if users.trouble is not None:
            self.send(messages.Trouble(text=users.trouble))

    def _receive_orders(self, orders: Queue[messages.RunnerMessage | None]) -> None:
        while True:
            order = self.channel.receive()
            if order is None or isinstance(order, messages.Stop):
                self.stop(INTERRUPTED if order is not None else RUNNER_GONE)
            orders.put(order)
            if order is None:
                return

    def _send_tick(self, users: VirtualUsers) -> None:
        counts = users.counts
        latencies_ms, counts.latencies_ms = tuple(counts.latencies_ms), []
        self.send(
            messages.Tick(
                started=counts.started,
                over=counts.over,
                answered=counts.answered,
                timeouts=counts.timeouts,
                exports=counts.exports,
                latencies_ms=latencies_ms,
                cpu_s=time.process_time(),
            )
        )

    def _send_ticks(self, users: VirtualUsers) -> None:
        while True:
            gevent.sleep(TICK_S)
            self._send_tick(users)

    def _flush(self, users: VirtualUsers) -> None:
        while True:
            gevent.sleep(FLUSH_S)
            users.flush()

    def _measure_lag(self, users: VirtualUsers) -> None:
        """Measure how much later than due a sleeping greenlet wakes, while load runs."""
        now = self.target.clock.now
        while True:
            before = now()
            gevent.sleep(LAG_SLEEP_S)
            if users.loading:
                self.event_loop_lags_ms.add(max(now() - before - LAG_SLEEP_S, 0) * 1000)


def _freeze_objects() -> None:
    """Exempt what lives for the whole run from the collector, whose walk over it would hold up all users."""
    gc.collect()
    gc.freeze()
