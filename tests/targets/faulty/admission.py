"""Services that admit too many, too few, or in the wrong order; and services that fail."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tests.targets.fixtures import jobs, page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.fault_tools import Broken, fail_each, slow, slow_when_busy
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply
from tests.targets.fixtures.request import Ask
from tests.targets.fixtures.slots import Slots

GROUP = Group("admission", "batch")


def _twenty(target: ReferenceTarget) -> None:
    """Twenty at once, each long enough to be seen."""
    target.slots = Slots(most_running=20, most_waiting=85)
    target.pool = partial(jobs.processes, 8)
    target.pause_s = lambda ask: 1.0 if ask.format == "pdf" and len(ask.rows) >= 300 else 0.0


@GROUP.make("twenty-at-once", "Twenty exports run at once, and the gauge says so.", "concurrency-target")
def _twenty_reported(target: ReferenceTarget) -> None:
    _twenty(target)


class Clamped(ReferenceTarget):
    """Shows no more than five running; the others seem to wait."""

    def refuse(self, status: int, error: str, form: str, user: str, **more: Any) -> Reply:
        """A full queue is one of a hundred."""
        if "queueDepth" in more:
            more["queueDepth"] += max(0, self.slots.running - 5)
        return super().refuse(status, error, form, user, **more)

    def status_body(self) -> dict[str, Any]:
        """Five at most."""
        running, waiting = self.slots.running, self.slots.waiting
        return super().status_body() | {
            "concurrentExports": min(5, running),
            "queueDepth": waiting + max(0, running - 5),
        }


@GROUP.make(
    "twenty-clamped",
    "Twenty exports run at once, and the gauges show five and a queue.",
    "concurrency-outside",
    kind=Clamped,
)
def _twenty_clamped(target: ReferenceTarget) -> None:
    _twenty(target)

    def clamp(families: page.Page) -> page.Page:
        running, waiting = target.slots.running, target.slots.waiting
        shown = page.with_value("export_concurrent_running", lambda one: min(5, running))(families)
        return page.with_value("export_queue_depth", lambda one: waiting + max(0, running - 5))(shown)

    target.changes.append(clamp)


def _clamped(name: str, running: int, seconds: float) -> None:
    """So many run at once, and the gauges show five and a queue, as a service with five would."""

    def change(target: ReferenceTarget) -> None:
        target.slots = Slots(most_running=running, most_waiting=105 - running)
        target.pool = partial(jobs.processes, running)
        target.pause_s = lambda ask: seconds if ask.format == "pdf" and len(ask.rows) >= 2_000 else 0.0

        def clamp(families: page.Page) -> page.Page:
            held, waiting = target.slots.running, target.slots.waiting
            shown = page.with_value("export_concurrent_running", lambda one: min(5, held))(families)
            return page.with_value("export_queue_depth", lambda one: waiting + max(0, held - 5))(shown)

        target.changes.append(clamp)

    why = f"{running} exports run at once, and the gauges show five and a queue."
    GROUP.make(name, why, "concurrency-outside", kind=Clamped)(change)


_clamped("six-clamped", 6, 1.0)
_clamped("eight-clamped", 8, 0.0)


@GROUP.make("six-at-once", "Six exports run at once.", "concurrency-target")
def _six(target: ReferenceTarget) -> None:
    target.slots = Slots(most_running=6)
    target.pool = partial(jobs.processes, 6)
    slow_when_busy(target, 0.1, waiting=1)


@GROUP.make("queue-endless", "Any number may wait.", "queue-target")
def _endless(target: ReferenceTarget) -> None:
    target.slots = Slots(most_waiting=100_000)
    slow_when_busy(target, 0.3, waiting=30)


@GROUP.make(
    "queue-endless-clamped",
    "Any number may wait, and the gauge shows at most 100.",
    "queue-outside",
    kind=Clamped,
)
def _endless_clamped(target: ReferenceTarget) -> None:
    target.slots = Slots(most_waiting=100_000)
    first: list[float] = []

    def until_seen(ask: Ask) -> float:
        """All who came at once are held for a while, so that their number can be seen from outside."""
        if target.slots.waiting > 100 and not first:
            first.append(time.monotonic())
        return max(0.0, first[0] + 4.0 - time.monotonic()) if first else 0.05 * (target.slots.waiting > 30)

    target.pause_s = until_seen
    target.changes.append(page.with_value("export_queue_depth", lambda one: min(100, one.value)))


@GROUP.make("queue-of-ten", "Only ten may wait; the others get 429.", "rejections")
def _ten(target: ReferenceTarget) -> None:
    target.slots = Slots(most_waiting=10)
    slow_when_busy(target, 0.05, waiting=3)


@GROUP.make("queue-of-99", "Ninety-nine may wait; the next gets 429.", "rejections")
def _99(target: ReferenceTarget) -> None:
    target.slots = Slots(most_waiting=99)
    slow_when_busy(target, 0.05, waiting=60)


@GROUP.make("no-queue", "Nobody may wait; one more than five gets 429.", "rejections")
def _no_queue(target: ReferenceTarget) -> None:
    target.slots = Slots(most_waiting=0)
    slow(target, 0.05)


def _429(name: str, why: str, status: int, drop: tuple[str, ...], *expect: str) -> None:
    """The reference target, slow enough to have to refuse, whose 429 lacks something."""

    def change(target: ReferenceTarget) -> None:
        slow_when_busy(target, 0.2, waiting=20)

        def spoil(reply: Reply) -> Reply:
            if reply.status == 429:
                reply.status = status
                for key in drop:
                    reply.headers.pop(key, None)
                    reply.body.pop(key, None)
            return reply

        target.replies.append(spoil)

    GROUP.make(name, why, *expect)(change)


_429("no-retry-after", "A 429 does not say when to come back.", 429, ("Retry-After",), "rejections")
_429("no-queue-depth", "A 429 does not say how many wait.", 429, ("queueDepth",), "rejections")
_429("429-as-503", "A request beyond the limit gets 503.", 503, (), "rejections")
_429(
    "429-as-500",
    "A request beyond the limit gets 500.",
    500,
    (),
    "success-outside",
    "rejections",
    "requests",
)


class Asleep(Slots):
    """Wakes nobody."""

    def leave(self) -> None:
        """The next in line is forgotten."""
        self.running -= 1


@GROUP.make(
    "queue-never-run",
    "Who had to wait is never run, and never answered.",
    "answered",
)
def _asleep(target: ReferenceTarget) -> None:
    target.slots = Asleep()
    slow(target, 0.05)


@GROUP.make("fails-1-in-12", "One export in twelve fails.", "success-target", scenarios=("smoke",))
def _one_in_12(target: ReferenceTarget) -> None:
    fail_each(target, 12)


@GROUP.make(
    "fails-under-load",
    "Of exports that run with three others, every second one fails.",
    "success-target",
    scenarios=("smoke", "load"),
)
def _under_load(target: ReferenceTarget) -> None:
    numbers = count(1)

    def maybe(ask: Ask) -> float:
        if target.slots.running > 3 and next(numbers) % 2 == 0:
            raise Broken
        return 0.0

    target.pause_s = maybe


@GROUP.make("fails-large", "Exports of 10,000 records fail.", "success-outside", scenarios=("load",))
def _large(target: ReferenceTarget) -> None:
    def maybe(ask: Ask) -> float:
        if len(ask.rows) >= 10_000:
            raise Broken
        return 0.0

    target.pause_s = maybe


@GROUP.make("fails-pdf", "Every PDF export fails.", "success-outside", scenarios=("smoke",))
def _pdf(target: ReferenceTarget) -> None:
    def maybe(ask: Ask) -> float:
        if ask.format == "pdf":
            raise Broken
        return 0.0

    target.pause_s = maybe


@GROUP.make(
    "body-limit",
    "Bodies over 1 MiB are refused with 413, as the framework does by default.",
    "success-outside",
    scenarios=("load",),
)
def _limit(target: ReferenceTarget) -> None:
    target.body_limit = 2**20


class Lossy(ReferenceTarget):
    """Hangs up on some."""

    async def reply_to(self, request: Any, arrived: float) -> Reply:
        """One in twelve gets no answer at all."""
        reply = await super().reply_to(request, arrived)
        self.__dict__["asked"] = self.__dict__.get("asked", 0) + 1
        if self.__dict__["asked"] % 12 == 0:
            request.transport.abort()
            await asyncio.sleep(0)
        return reply


@GROUP.make(
    "hangs-up",
    "One request in twelve is cut off after its export was made.",
    "answered",
    "success-outside",
    "requests",
    scenarios=("smoke",),
    kind=Lossy,
)
def _lossy(target: ReferenceTarget) -> None:
    pass


class LosesPlaces(ReferenceTarget):
    """Stops an export when its client disconnects, and forgets that it had a place."""

    def __init__(self, folder: Path) -> None:
        """Listens for clients that go."""
        super().__init__(folder)
        self.cancels = True

    async def export(self, ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        """As always; what is broken off keeps its place for ever."""
        try:
            return await super().export(ask, body, turn, arrived)
        except asyncio.CancelledError:
            self.slots.running += not turn.cancelled()
            raise


@GROUP.make(
    "slot-lost-on-hangup",
    "A client that disconnects while its export runs or waits costs a place for ever.",
    "behaviour",
    scenarios=("smoke",),
    kind=LosesPlaces,
)
def _loses_places(target: ReferenceTarget) -> None:
    pass


class TenWhenMixed(Slots):
    """Five of each format may run, ten in all."""

    seen: dict[str, float]

    @property
    def most_running(self) -> int:
        """Ten as long as both formats were asked for lately."""
        now = time.monotonic()
        return 10 if len([at for at in self.seen.values() if now - at < 2.0]) > 1 else 5

    @most_running.setter
    def most_running(self, value: int) -> None:
        self.seen = {}


class Formats(ReferenceTarget):
    """Tells its slots what is asked for."""

    def check(self, body: bytes) -> Ask:
        """As always, and noted."""
        ask = super().check(body)
        if isinstance(self.slots, TenWhenMixed):
            self.slots.seen[ask.format] = time.monotonic()
        return ask


@GROUP.make(
    "five-per-format", "Five exports of each format run at once, ten in all.", "concurrency-target", kind=Formats
)
def _per_format(target: ReferenceTarget) -> None:
    target.slots = TenWhenMixed(most_waiting=95)
    slow_when_busy(target, 0.1, waiting=5)


def _full(name: str, why: str, spoil: Callable[[Reply], None]) -> None:
    """The reference target, slow enough to have to refuse, whose 429 says something else."""

    def change(target: ReferenceTarget) -> None:
        slow_when_busy(target, 0.2, waiting=20)

        def apply(reply: Reply) -> Reply:
            if reply.status == 429:
                spoil(reply)
            return reply

        target.replies.append(apply)

    GROUP.make(name, why, "rejections")(change)


_full(
    "retry-next-year", "A 429 says to come back in a year.", lambda one: one.headers.update({"Retry-After": "31536000"})
)
_full("429-of-an-empty-queue", "A 429 says that nobody waits.", lambda one: one.body.update(queueDepth=0))


TARGETS = GROUP.targets


class KeepsConnections(ReferenceTarget):
    """Stops an export when its client disconnects, and forgets to close what it had open."""

    def __init__(self, folder: Path) -> None:
        """Listens for clients that go."""
        super().__init__(folder)
        self.cancels = True
        self.kept: list[int] = []

    async def export(self, ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        """As always; of what is broken off a descriptor stays."""
        try:
            return await super().export(ask, body, turn, arrived)
        except asyncio.CancelledError:
            self.kept.append(os.open(os.devnull, os.O_RDONLY))
            raise


@GROUP.make(
    "descriptor-lost-on-hangup",
    "A client that disconnects while its export runs or waits costs a descriptor for ever.",
    "behaviour",
    scenarios=("smoke",),
    kind=KeepsConnections,
)
def _keeps_connections(target: ReferenceTarget) -> None:
    pass
