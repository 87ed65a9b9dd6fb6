"""Services that are too slow, now and then, more and more, or at the wrong place."""

from __future__ import annotations

import asyncio
import time
from itertools import count

from aiohttp import web

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.fault_tools import slow
from tests.targets.fixtures.reference_target import Handler, ReferenceTarget
from tests.targets.fixtures.request import Ask

GROUP = Group("slowness", "load")


@GROUP.make("slow-large", "Exports of 10,000 records take two seconds longer.", "latency-outside")
def _slow_large(target: ReferenceTarget) -> None:
    slow(target, 2.0, at_least=10_000)


@GROUP.make(
    "slow-small", "Exports of 1,000 records take too long, one after the other.", "smoke-latency", scenarios=("smoke",)
)
def _slow_small(target: ReferenceTarget) -> None:
    target.pause_s = lambda ask: 0.6 if 1000 <= len(ask.rows) < 5000 and target.slots.running == 1 else 0.0


@GROUP.make(
    "slow-batch",
    "Lone exports of 5,000 records and more take two and a half seconds longer.",
    "batch",
    scenarios=("batch",),
)
def _slow_batch(target: ReferenceTarget) -> None:
    target.pause_s = lambda ask: 2.5 if len(ask.rows) >= 5000 and target.slots.running == 1 else 0.0


@GROUP.make("slow-one-in-ten", "One large export in ten takes three seconds.", "latency-outside")
def _one_in_ten(target: ReferenceTarget) -> None:
    numbers = count(1)
    target.pause_s = lambda ask: 3.0 if len(ask.rows) >= 10_000 and next(numbers) % 10 == 0 else 0.0


@GROUP.make(
    "slow-one-in-ten-by-far",
    "Of large exports that run with others one in ten takes eleven seconds, beyond the contract's own limit.",
    "latency-outside",
)
def _one_in_ten_by_far(target: ReferenceTarget) -> None:
    numbers = count(1)
    target.pause_s = lambda ask: (
        11.0 if len(ask.rows) >= 10_000 and target.slots.running > 1 and next(numbers) % 10 == 0 else 0.0
    )


@GROUP.make("slow-together", "Exports that run with two others take a second and a half longer.", "throughput")
def _together(target: ReferenceTarget) -> None:
    target.pause_s = lambda ask: 1.5 if target.slots.running > 2 else 0.0


@GROUP.make("drifting", "From the sixtieth on each export takes a little longer than the one before it.", "drift")
def _drifting(target: ReferenceTarget) -> None:
    target.pause_s = lambda ask: max(0, target.made - 60) * 0.008


@GROUP.make(
    "drifting-long", "Each export takes two milliseconds longer than the one before it, from the first on.", "drift"
)
def _drifting_long(target: ReferenceTarget) -> None:
    target.pause_s = lambda ask: target.made * 0.002


@GROUP.make("tired", "After 40 exports each of 10,000 records takes another two and a half seconds.", "latency-outside")
def _tired(target: ReferenceTarget) -> None:
    target.pause_s = lambda ask: 2.5 if target.made > 40 and len(ask.rows) >= 10_000 else 0.0


@GROUP.make("blocking", "The event loop stands still while an export is made, and /health waits.", "health")
def _blocking(target: ReferenceTarget) -> None:
    def stop(ask: Ask) -> float:
        time.sleep(0.00003 * len(ask.rows))
        return 0.0

    target.pause_s = stop


@GROUP.make(
    "stalling",
    "Everything stands still for two seconds once in 25 exports.",
    "health",
    "latency-outside",
    "smoke-latency",
)
def _stalling(target: ReferenceTarget) -> None:
    numbers = count(1)

    def stop(ask: Ask) -> float:
        if next(numbers) % 25 == 0:
            time.sleep(2.0)
        return 0.0

    target.pause_s = stop


def _delay(target: ReferenceTarget, path: str, seconds: float) -> None:
    """Every answer of one path comes late."""

    def wrap(inner: Handler) -> Handler:
        async def outer(request: web.Request) -> web.StreamResponse:
            if request.path.endswith(path):
                await asyncio.sleep(seconds)
            return await inner(request)

        return outer

    target.wrap.append(wrap)


@GROUP.make("health-slow", "/health takes a second.", "health", at_length=True)
def _health(target: ReferenceTarget) -> None:
    _delay(target, "/health", 1.0)


@GROUP.make(
    "answers-late",
    "Every export's answer is held back 0.7 seconds, unseen by its own clock.",
    "latency-agree",
    "smoke-latency",
    scenarios=("smoke",),
)
def _late(target: ReferenceTarget) -> None:
    _delay(target, "/export/run", 0.7)


TARGETS = GROUP.targets
