"""Short ways to write an animal down: the keeper with one change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.targets.harness import page
from tests.targets.harness.entry import SCENARIOS, Entry, Service
from tests.targets.harness.jobs import Write
from tests.targets.harness.reference_target import Keeper, Reply

Change = Callable[[Keeper], None]


class Group:
    """Collects the animals of one module."""

    def __init__(self, name: str, *scenarios: str, healthy: bool = False) -> None:
        """An empty group; `scenarios` are those in which its faults show (all, when none is named)."""
        self.name = name
        self.scenarios = scenarios or SCENARIOS
        self.healthy = healthy
        self.animals: list[Entry] = []

    def add(
        self,
        name: str,
        why: str,
        build: Callable[[Path], Service],
        *expect: str,
        scenarios: tuple[str, ...] = (),
        at_length: bool = False,
    ) -> None:
        """One animal, by what builds it; `expect` are the verdicts of which one must fail."""
        if self.healthy == bool(expect):
            raise ValueError(f"{name}: a broken animal names the verdicts that must fail, a healthy one names none")
        self.animals.append(
            Entry(
                name=name,
                group=self.name,
                healthy=self.healthy,
                expect=frozenset(expect),
                why=why,
                build=build,
                scenarios=scenarios or self.scenarios,
                at_length=at_length,
            )
        )

    def make(
        self,
        name: str,
        why: str,
        *expect: str,
        kind: Callable[[Path], Keeper] = Keeper,
        scenarios: tuple[str, ...] = (),
        at_length: bool = False,
    ) -> Callable[[Change], Change]:
        """A decorator: the animal is a keeper (of that kind) after the decorated change."""

        def take(change: Change) -> Change:
            def build(folder: Path) -> Service:
                keeper = kind(folder)
                change(keeper)
                return keeper

            self.add(name, why, build, *expect, scenarios=scenarios, at_length=at_length)
            return change

        return take

    def page(self, name: str, why: str, change: page.Change, *expect: str, scenarios: tuple[str, ...] = ()) -> None:
        """The keeper with one change of its metrics page."""
        self.make(name, why, *expect, scenarios=scenarios)(lambda keeper: keeper.changes.append(change))

    def file(self, name: str, why: str, form: str, write: Write, *expect: str) -> None:
        """The keeper with another writer for one format; a worker must be able to import it."""
        self.make(name, why, *expect)(lambda keeper: keeper.write.update({form: write}))

    def reply(self, name: str, why: str, change: Callable[[Reply], Reply], *expect: str) -> None:
        """The keeper with one change of its answers to exports."""
        self.make(name, why, *expect)(lambda keeper: keeper.replies.append(change))
