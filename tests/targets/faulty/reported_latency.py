"""Latencies reported wrongly: by the histogram or by the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from tests.targets.fixtures import page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.counters import Counters, Done
from tests.targets.fixtures.fault_tools import good, of_answer, slow
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply
from tests.targets.fixtures.request import Ask

GROUP = Group("latency-reported", "load")
LATENCY = "export_latency_ms"


class Reported(Counters):
    """Tells another latency than it measured."""

    change_ms: Callable[[float], float] = float

    def succeeded(self, done: Done) -> None:
        """Changed on its way into the histogram."""
        super().succeeded(replace(done, latency_ms=type(self).change_ms(done.latency_ms)))


class Seconds(Reported):
    """Seconds in a family of milliseconds."""

    @staticmethod
    def change_ms(ms: float) -> float:
        """A thousandth."""
        return ms / 1000


class Half(Reported):
    """Half the truth."""

    @staticmethod
    def change_ms(ms: float) -> float:
        """Half."""
        return ms / 2


class Tenfold(Reported):
    """Ten times the truth."""

    @staticmethod
    def change_ms(ms: float) -> float:
        """Ten times."""
        return ms * 10


class Constant(Reported):
    """Always one."""

    @staticmethod
    def change_ms(ms: float) -> float:
        """One millisecond."""
        return 1.0


def _counters(name: str, why: str, counters: type[Counters], *expect: str) -> None:
    """The reference target, a little slow, with other counters."""

    def change(target: ReferenceTarget) -> None:
        target.counters = counters()
        slow(target, 0.03)

    GROUP.make(name, why, *expect)(change)


_counters("latency-seconds", "The histogram is filled with seconds.", Seconds, "latency-sum")
_counters("latency-half", "The histogram shows half of each latency.", Half, "latency-sum")
_counters("latency-tenfold", "The histogram shows ten times each latency.", Tenfold, "latency-sum")
_counters("latency-constant", "The histogram says 1 ms for every export.", Constant, "latency-sum")


class EverySecond(Counters):
    """Observes every other export."""

    number = 0

    def observe(self, form: str, size: str, latency_ms: float) -> None:
        """Forgets one of two."""
        self.number += 1
        if self.number % 2:
            super().observe(form, size, latency_ms)


class NotLarge(Counters):
    """Observes no large export."""

    def observe(self, form: str, size: str, latency_ms: float) -> None:
        """The slow ones are not its business."""
        if size != "large":
            super().observe(form, size, latency_ms)


class AllSmall(Counters):
    """Every export is small."""

    def observe(self, form: str, size: str, latency_ms: float) -> None:
        """Under the wrong size."""
        super().observe(form, "small", latency_ms)


class OffByOne(Counters):
    """Draws its borders one record too late."""

    def succeeded(self, done: Done) -> None:
        """1,000 records become small, 10,000 medium."""
        super().succeeded(replace(done, records=max(0, done.records - 1)))


_counters(
    "histogram-every-second",
    "The histogram sees every other export.",
    EverySecond,
    "latency-counts",
)
_counters(
    "histogram-not-large",
    "The histogram leaves large exports out.",
    NotLarge,
    "latency-counts",
)
_counters(
    "size-all-small",
    "The histogram calls every export small.",
    AllSmall,
    "latency-counts",
)
_counters(
    "size-off-by-one",
    "The histogram calls 1,000 records small and 10,000 medium.",
    OffByOne,
    "latency-counts",
)

GROUP.page(
    "sum-constant",
    "The histogram's sum stays at 1.",
    page.each_sample(LATENCY, lambda one: replace(one, value=1.0) if one.name.endswith("_sum") else one),
    "histogram",
    "latency-sum",
)
GROUP.page(
    "all-in-inf",
    "Every latency is counted in the +Inf bucket only.",
    page.each_sample(
        LATENCY,
        lambda one: (
            replace(one, value=0.0) if one.name.endswith("_bucket") and page.label(one, "le") != "+Inf" else one
        ),
    ),
    "histogram",
    "latency-sum",
    "latency-target",
)


class FromWork(ReferenceTarget):
    """Starts its clock when the work starts; the queue is nobody's time."""

    def since(self, arrived: float) -> float:
        """Now, behind the wait."""
        return time.monotonic()


class FromWorkHistogram(FromWork):
    """The same, in the histogram only."""

    async def export(self, ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        """The answer reports the true time."""
        reply = await super().export(ask, body, turn, arrived)
        if reply.status == 200:
            reply.body["processingTime"] = (time.monotonic() - arrived) * 1000
        return reply


@GROUP.make(
    "queue-wait-left-out",
    "Latency runs from the start of the work, not from arrival.",
    "latency-agree",
    scenarios=("batch",),
    kind=FromWork,
)
def _from_work(target: ReferenceTarget) -> None:
    slow(target, 0.03)


@GROUP.make(
    "queue-wait-left-out-histogram",
    "The histogram leaves the wait in the queue out; the answers tell it.",
    "latency-sum",
    scenarios=("batch",),
    kind=FromWorkHistogram,
)
def _from_work_histogram(target: ReferenceTarget) -> None:
    slow(target, 0.03)


def _in_seconds(reply: Reply) -> None:
    """The answer's milliseconds as seconds."""
    reply.body["processingTime"] /= 1000


GROUP.reply("time-zero", "processingTime is always 0.", of_answer(processingTime=0), "latency-agree")
GROUP.reply(
    "time-negative",
    "processingTime is negative.",
    of_answer(processingTime=-3.5),
    "latency-agree",
    "answers",
)
GROUP.reply("time-seconds", "processingTime is in seconds.", good(_in_seconds), "latency-agree")
GROUP.reply(
    "time-constant",
    "processingTime says 900 for every export.",
    of_answer(processingTime=900),
    "latency-agree",
)
GROUP.reply("time-text", "processingTime is a text.", of_answer(processingTime="12 ms"), "answers", "latency-agree")


class Swapped(Counters):
    """Tells each export's time as that of the other format's last one."""

    def __init__(self) -> None:
        """Nothing measured yet."""
        super().__init__()
        self.last_ms = {"csv": 0.0, "pdf": 0.0}

    def succeeded(self, done: Done) -> None:
        """The other one's time."""
        self.last_ms[done.form] = done.latency_ms
        super().succeeded(replace(done, latency_ms=self.last_ms["pdf" if done.form == "csv" else "csv"]))


@GROUP.make(
    "latency-of-others", "Each format's histogram holds the other's times.", "latency-sum", scenarios=("smoke",)
)
def _swapped(target: ReferenceTarget) -> None:
    target.counters = Swapped()
    target.pause_s = lambda ask: 0.15 if ask.format == "pdf" else 0.0


TARGETS = GROUP.targets
