"""Services that work another way, or elsewhere, within the contract."""

from __future__ import annotations

import asyncio
import random
from itertools import count
from pathlib import Path

from aiohttp import web

from tests.targets.fixtures import jobs
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.fault_tools import fail_each, slow_when_busy
from tests.targets.fixtures.reference_target import Handler, ReferenceTarget, Reply
from tests.targets.fixtures.request import Ask
from tests.targets.fixtures.slots import Full, Slots

GROUP = Group("healthy", healthy=True)


@GROUP.make("jitter", "Each export takes 50 to 150 ms longer.")
def _jitter(target: ReferenceTarget) -> None:
    dice = random.Random(7)
    target.pause_s = lambda ask: dice.uniform(0.05, 0.15)


@GROUP.make("slow-but-legal", "Slow, within all limits: more records take longer.")
def _slow(target: ReferenceTarget) -> None:
    target.pause_s = lambda ask: 0.15 if len(ask.rows) < 5000 else 0.4


@GROUP.make("no-keep-alive", "Every connection is closed after its answer.")
def _close(target: ReferenceTarget) -> None:
    def wrap(inner: Handler) -> Handler:
        async def outer(request: web.Request) -> web.StreamResponse:
            response = await inner(request)
            response.force_close()
            return response

        return outer

    target.wrap.append(wrap)


@GROUP.make("one-at-a-time", "Exports are made one after the other; the others wait, and the gauges say so.")
def _serial(target: ReferenceTarget) -> None:
    target.slots = Slots(most_running=1, most_waiting=100)


@GROUP.make("threads", "One process; its threads make the files.")
def _threads(target: ReferenceTarget) -> None:
    target.pool = jobs.threads


@GROUP.make("two-workers", "Five exports run on two worker processes.")
def _two(target: ReferenceTarget) -> None:
    from tests.targets.healthy.pages import two_processes

    target.pool = two_processes


@GROUP.make("no-children", "One process, one thread a worker, nothing else to be seen.")
def _no_children(target: ReferenceTarget) -> None:
    from concurrent.futures import ThreadPoolExecutor

    target.slots = Slots(most_running=2)
    target.pool = lambda: ThreadPoolExecutor(2)


KEPT_S = 120.0
"""The contract has files kept until the run that asked for them is over; a short scenario takes a minute."""


@GROUP.make(
    "retention", "Files are removed two minutes after they were made, when the scenario that asked for them is over."
)
def _retention(target: ReferenceTarget) -> None:
    def later(made: jobs.Made) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(KEPT_S, _remove_older, target.folder, KEPT_S)

    target.after.append(later)


def _remove_older(folder: Path, seconds: float) -> None:
    """Remove what is older."""
    import time

    for path in folder.glob("export_*"):
        if time.time() - path.stat().st_mtime > seconds:
            path.unlink(missing_ok=True)


@GROUP.make("base-path", "The service lives below a base path.")
def _base(target: ReferenceTarget) -> None:
    target.prefix = "/tools/exports-v1"


@GROUP.make("ipv6", "The service listens on [::1].")
def _ipv6(target: ReferenceTarget) -> None:
    target.host = "::1"


@GROUP.make("fails-1-in-60", "One export in sixty fails, as it should counted: within the limit of 95 %.")
def _one_in_60(target: ReferenceTarget) -> None:
    fail_each(target, 60)


@GROUP.make("first-is-slow", "The first export of each format takes a moment longer: fonts must be loaded.")
def _first(target: ReferenceTarget) -> None:
    seen: set[str] = set()

    def pause_s(ask: Ask) -> float:
        first = ask.format not in seen
        seen.add(ask.format)
        return 0.4 if first else 0.0

    target.pause_s = pause_s


@GROUP.make("rare-hiccup", "One export in 40 takes a quarter of a second longer.")
def _hiccup(target: ReferenceTarget) -> None:
    numbers = count(1)
    target.pause_s = lambda ask: 0.25 if next(numbers) % 40 == 0 else 0.0


@GROUP.make("four-at-once", "Four run at once instead of five.")
def _four(target: ReferenceTarget) -> None:
    target.slots = Slots(most_running=4)


class Newest(Slots):
    """Serves who came last."""

    def next_place(self) -> int:
        """The end of the line."""
        return -1


@GROUP.make("last-come-first", "Whoever came last is served first: the contract orders no queue.")
def _newest(target: ReferenceTarget) -> None:
    target.slots = Newest()
    slow_when_busy(target, 0.05, waiting=3)


class Called(Slots):
    """A place that comes free is taken by the next in line a moment later, as where processes must wake up first."""

    def admit(self) -> asyncio.Future[None]:
        """Requests that find 105 inside are rejected."""
        if self.running + len(self.line) >= self.most_running + self.most_waiting:
            raise Full
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.line.append(turn)
        self._call()
        return turn

    def leave(self) -> None:
        """Twenty milliseconds for the next to hear of it."""
        self.running -= 1
        asyncio.get_running_loop().call_later(0.02, self._call)

    def _call(self) -> None:
        if self.line and self.running < self.most_running:
            self.running += 1
            self.line.pop(0).set_result(None)


@GROUP.make("places-filled-late", "A free place is filled 20 ms later: meanwhile four run and 101 wait.")
def _late(target: ReferenceTarget) -> None:
    target.slots = Called()
    slow_when_busy(target, 0.05, waiting=90)


@GROUP.make("workers-on-demand", "Workers are started when the load needs them, each with all its libraries.")
def _on_demand(target: ReferenceTarget) -> None:
    target.pool = jobs.on_demand


@GROUP.make("users-other", "The hundred names of the user label are taken; all others are `other`.")
def _users(target: ReferenceTarget) -> None:
    for number in range(99):
        target.counters.user_label(f"colleague-{number}")


class Cancels(ReferenceTarget):
    """Stops an export when its client disconnects, and counts it."""

    def __init__(self, folder: Path) -> None:
        """Listens for clients that go."""
        super().__init__(folder)
        self.cancels = True

    async def wait(self, turn: asyncio.Future[None]) -> None:
        """As always; who goes while it waits gives up its place."""
        try:
            await asyncio.shield(turn)
        except asyncio.CancelledError:
            self.slots.give_up(turn)
            raise

    async def export(self, ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        """As always, and counted when it is broken off."""
        try:
            return await super().export(ask, body, turn, arrived)
        except asyncio.CancelledError:
            self.counters.failed(ask.format, ask.user, "error")
            raise

    async def do(self, job: jobs.Job) -> jobs.Made:
        """As always; a file that nobody waits for any more is removed."""
        made = asyncio.ensure_future(super().do(job))
        try:
            return await asyncio.shield(made)
        except asyncio.CancelledError:
            made.add_done_callback(lambda _: (job.folder / job.name).unlink(missing_ok=True))
            raise


@GROUP.make(
    "cancels", "An export whose client disconnects is stopped, counted as failed, its file removed.", kind=Cancels
)
def _cancels(target: ReferenceTarget) -> None:
    pass


TARGETS = GROUP.targets
