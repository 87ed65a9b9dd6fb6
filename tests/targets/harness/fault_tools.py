"""Small changes that several animals share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from tests.targets.harness import page
from tests.targets.harness.reference_target import Keeper, Reply
from tests.targets.harness.request import Ask


class Broken(Exception):
    """An export that an animal fails on purpose."""


def fail_each(keeper: Keeper, nth: int) -> None:
    """Every nth export fails honestly: 500, counted, no file."""
    numbers = count(1)
    pause_s = keeper.pause_s

    def maybe(ask: Ask) -> float:
        if next(numbers) % nth == 0:
            raise Broken
        return pause_s(ask)

    keeper.pause_s = maybe


def slow(keeper: Keeper, seconds: float, at_least: int = 0) -> None:
    """Every export of so many records takes so much longer, holding its place."""
    keeper.pause_s = lambda ask: seconds if len(ask.rows) >= at_least else 0.0


def slow_when_busy(keeper: Keeper, seconds: float, waiting: int) -> None:
    """Every export takes so much longer while so many wait, so that a burst lasts and all else is quick."""
    keeper.pause_s = lambda ask: seconds if keeper.slots.waiting >= waiting else 0.0


def good(change: Callable[[Reply], None]) -> Callable[[Reply], Reply]:
    """A change of the answers 200 only."""

    def apply(reply: Reply) -> Reply:
        if reply.status == 200:
            change(reply)
        return reply

    return apply


def of_result(**values: object) -> Callable[[Reply], Reply]:
    """Other values in a good answer's `result`."""
    return good(lambda reply: reply.body["result"].update(values))


def of_answer(**values: object) -> Callable[[Reply], Reply]:
    """Other values in a good answer."""
    return good(lambda reply: reply.body.update(values))


def times(name: str, factor: float) -> page.Change:
    """A family whose values are all off by a factor."""
    return page.with_value(name, lambda sample: sample.value * factor)


def without_label(name: str, label: str) -> page.Change:
    """A family that lost a label; its series are added up, as a client library would have done."""

    def change(family: page.Family) -> page.Family:
        sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for sample in family.samples:
            key = (sample.name, tuple(pair for pair in sample.labels if pair[0] != label))
            sums[key] = sums.get(key, 0.0) + sample.value
        return replace(family, samples=tuple(page.Sample(*key, value) for key, value in sums.items()))

    return page.changed(name, change)
