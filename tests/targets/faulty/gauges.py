"""Gauges that do not show what is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from aiohttp import web

from tests.targets.fixtures import page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.counters import Counters, Done
from tests.targets.fixtures.fault_tools import slow, slow_when_busy, times
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply
from tests.targets.fixtures.slots import Slots

GROUP = Group("gauges", "load", "batch")
RUNNING = "export_concurrent_running"
WAITING = "export_queue_depth"
MEMORY = "export_memory_bytes"
RATE = "export_throughput_ops_per_sec"


def _value(value: float) -> Callable[[page.Sample], float]:
    """Always the same."""
    return lambda sample: value


GROUP.page(
    "running-zero",
    "The running gauge is always 0.",
    page.with_value(RUNNING, _value(0)),
    "concurrency-agree",
    "identity",
)
GROUP.page(
    "running-one",
    "The running gauge is always 1.",
    page.with_value(RUNNING, _value(1)),
    "rest",
    "concurrency-agree",
    "identity",
)
GROUP.page(
    "running-doubled",
    "The running gauge is twice the truth.",
    times(RUNNING, 2),
    "concurrency-target",
    "concurrency-agree",
    "identity",
)
GROUP.page(
    "waiting-zero", "The queue gauge is always 0.", page.with_value(WAITING, _value(0)), "queue-agree", "identity"
)
GROUP.page("waiting-constant", "The queue gauge is always 3.", page.with_value(WAITING, _value(3)), "rest")


@GROUP.make("running-stuck", "One export in ten never leaves the running gauge.", "rest", "identity")
def _stuck(target: ReferenceTarget) -> None:
    target.changes.append(page.with_value(RUNNING, lambda sample: min(5, sample.value + target.made // 10)))


@GROUP.make("waiting-never-falls", "The queue gauge only ever rises.", "rest", "queue-agree", "queue-target")
def _never_falls(target: ReferenceTarget) -> None:
    highest = [0.0]

    def rise(sample: page.Sample) -> float:
        highest[0] = max(highest[0], sample.value)
        return highest[0]

    target.changes.append(page.with_value(WAITING, rise))
    slow_when_busy(target, 0.05, waiting=3)


@GROUP.make("waiting-negative", "The queue gauge is lowered once too often, and falls below 0.", "queue-target")
def _negative(target: ReferenceTarget) -> None:
    target.changes.append(page.with_value(WAITING, lambda sample: sample.value - 1 if target.made else sample.value))


class StatusZero(ReferenceTarget):
    """Its status page knows nothing."""

    def status_body(self) -> dict[str, Any]:
        """Always idle."""
        return super().status_body() | {"concurrentExports": 0, "queueDepth": 0}


@GROUP.make(
    "status-zero",
    "The status page says 0 running and 0 waiting, always.",
    "status-page",
    "concurrency-agree",
    kind=StatusZero,
)
def _status_zero(target: ReferenceTarget) -> None:
    slow(target, 0.02)


class StatusBare(ReferenceTarget):
    """Its status page lacks most keys."""

    def status_body(self) -> dict[str, Any]:
        """One word."""
        return {"status": "ready"}


@GROUP.make(
    "status-bare", "The status page has none of its numbers.", "status-page", scenarios=("smoke",), kind=StatusBare
)
def _status_bare(target: ReferenceTarget) -> None:
    pass


class StatusWrong(ReferenceTarget):
    """Its status page has words where numbers belong."""

    def status_body(self) -> dict[str, Any]:
        """Another limit, numbers as text, a time of no calendar."""
        return super().status_body() | {"maxConcurrentExports": 50, "queueDepth": "none", "timestamp": "now"}


@GROUP.make(
    "status-wrong",
    "The status page has another limit, and text for numbers.",
    "status-page",
    scenarios=("smoke",),
    kind=StatusWrong,
)
def _status_wrong(target: ReferenceTarget) -> None:
    pass


class AtTheEnd(Counters):
    """Counts an export as started when it ends, so that it agrees with gauges that are always 0."""

    def started(self, form: str, user: str) -> None:
        """Not yet."""

    def succeeded(self, done: Done) -> None:
        """Now."""
        super().started(done.form, done.user)
        super().succeeded(done)

    def failed(self, form: str, user: str, reason: str) -> None:
        """Now, too."""
        super().started(form, user)
        super().failed(form, user, reason)


@GROUP.make(
    "idle-throughout",
    "Gauges and status page are always 0, and an export is counted as started when it ends: the lie is whole.",
    "concurrency-agree",
    kind=StatusZero,
)
def _idle(target: ReferenceTarget) -> None:
    target.counters = AtTheEnd()
    slow(target, 0.02)
    target.changes += [page.with_value(RUNNING, _value(0)), page.with_value(WAITING, _value(0))]


@GROUP.make("started-at-the-end", "An export is counted as started when it ends.", "identity")
def _started_at_the_end(target: ReferenceTarget) -> None:
    target.counters = AtTheEnd()
    slow(target, 0.02)


LINGER_S = 0.4


class LateSlots(Slots):
    """A place is free some time after its export was answered."""

    lingering = 0

    def leave(self) -> None:
        """Not yet."""
        self.lingering += 1
        asyncio.get_running_loop().call_later(LINGER_S, self.leave_now)

    def leave_now(self) -> None:
        """The place is free."""
        self.lingering -= 1
        super().leave()


class LateCounters(Counters):
    """What has succeeded is counted as late."""

    def succeeded(self, done: Done) -> None:
        """Not yet."""
        asyncio.get_running_loop().call_later(LINGER_S, super().succeeded, done)


class LetsGoLate(ReferenceTarget):
    """Its status page reports what really runs."""

    def __init__(self, folder: Path) -> None:
        """Late in all else."""
        super().__init__(folder)
        self.slots = self.late = LateSlots()
        self.counters = LateCounters()

    def status_body(self) -> dict[str, Any]:
        """Without those that were answered."""
        return super().status_body() | {"concurrentExports": self.slots.running - self.late.lingering}


@GROUP.make(
    "lets-go-late",
    "An export holds its place, and the gauge shows it as running, for a while after its answer.",
    "concurrency-agree",
    kind=LetsGoLate,
)
def _lets_go_late(target: ReferenceTarget) -> None:
    pass


class EightAtATime(ReferenceTarget):
    """Takes up eight at a time; the others wait where neither gauge nor status page sees them."""

    def __init__(self, folder: Path) -> None:
        """Nobody outside yet."""
        super().__init__(folder)
        self.run_command = asyncio.Semaphore(8)
        self.outside = 0

    async def reply_to(self, request: web.Request, arrived: float) -> Reply:
        """A long line outside is let in whole."""
        if self.outside >= 30:
            return await super().reply_to(request, arrived)
        self.outside += 1
        try:
            async with self.run_command:
                return await super().reply_to(request, arrived)
        finally:
            self.outside -= 1


@GROUP.make("waits-unseen", "Eight at a time are taken up; the others wait unseen.", "queue-agree", kind=EightAtATime)
def _waits_unseen(target: ReferenceTarget) -> None:
    slow_when_busy(target, 0.05, waiting=2)


# -- throughput, memory --

GROUP.page(
    "throughput-inf",
    "The throughput gauge is +Inf.",
    page.with_value(RATE, _value(float("inf"))),
    "moved",
    "throughput-gauge",
    scenarios=("smoke",),
)
GROUP.page(
    "throughput-zero",
    "The throughput gauge stays at 0.",
    page.with_value(RATE, _value(0)),
    "moved",
    "throughput-gauge",
)
GROUP.page(
    "throughput-minute",
    "The throughput gauge reports exports a minute, a thousandfold.",
    times(RATE, 60_000),
    "throughput-gauge",
)


@GROUP.make("memory-zero", "The memory gauge stays at 0.", "memory-gauge", "moved", scenarios=("load",), at_length=True)
def _memory_zero(target: ReferenceTarget) -> None:
    target.changes.append(page.with_value(MEMORY, _value(0)))


GROUP.page(
    "memory-terabyte",
    "The memory gauge says 5 TB.",
    page.with_value(MEMORY, _value(5e12)),
    "memory-gauge",
    scenarios=("smoke",),
)
GROUP.page(
    "memory-negative",
    "The memory gauge is below 0.",
    page.with_value(MEMORY, _value(-4096)),
    "memory-gauge",
    "moved",
    scenarios=("smoke",),
)


def _whole_process(sample: page.Sample) -> float:
    """All that the process holds."""
    return float(psutil.Process(os.getpid()).memory_info().rss) + 200_000_000


def _resident(sample: page.Sample) -> float:
    """All that the process holds, as soon as an export was made."""
    return float(psutil.Process(os.getpid()).memory_info().rss) if sample.value else 0.0


GROUP.page(
    "memory-resident",
    "The memory gauge shows the size of a process of the usual size instead of what an export added.",
    page.with_value(MEMORY, _resident),
    "memory-agree",
    scenarios=("smoke",),
)
GROUP.page(
    "memory-whole-process",
    "The memory gauge shows the size of a whole, big process instead of what an export added.",
    page.with_value(MEMORY, _whole_process),
    "memory-gauge",
    scenarios=("smoke",),
)


class Throughput(Counters):
    """Divides by the duration of the last export."""

    def throughput(self, form: str) -> float:
        """A rate that a single fast export could have had."""
        return 5_000.0 if self.finished[form] else 0.0


@GROUP.make(
    "throughput-of-one",
    "The throughput gauge is one divided by the latest export's time.",
    "throughput-gauge",
)
def _of_one(target: ReferenceTarget) -> None:
    target.counters = Throughput()


@GROUP.make("gauges-flicker", "Every other reading of the running gauge is a constant 4.", "rest", "concurrency-agree")
def _flicker(target: ReferenceTarget) -> None:
    numbers = count()
    target.changes.append(page.each_sample(RUNNING, lambda one: replace(one, value=4.0) if next(numbers) % 2 else one))


TARGETS = GROUP.targets
