"""Short ways to write an animal down: the keeper with one change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.zoo.animal import Animal, Service
from tests.zoo.keeper import Keeper

Change = Callable[[Keeper], None]


class Group:
    """Collects the animals of one module."""

    def __init__(self, name: str, *, healthy: bool = False) -> None:
        """An empty group."""
        self.name = name
        self.healthy = healthy
        self.animals: list[Animal] = []

    def add(self, name: str, why: str, change: Change, *expect: str) -> None:
        """One animal: the keeper after `change`; `expect` are the verdicts of which one must fail."""

        def build(folder: Path) -> Service:
            keeper = Keeper(folder)
            change(keeper)
            return keeper

        self.add_built(name, why, build, *expect)

    def add_built(self, name: str, why: str, build: Callable[[Path], Service], *expect: str) -> None:
        """One animal that is more than a changed keeper."""
        if self.healthy == bool(expect):
            raise ValueError(f"{name}: a broken animal names the verdicts that must fail, a healthy one names none")
        self.animals.append(
            Animal(
                name=name,
                group=self.name,
                healthy=self.healthy,
                expect=frozenset(expect),
                why=why,
                build=build,
            )
        )

    def broken(self, name: str, why: str, *expect: str) -> Callable[[Change], Change]:
        """The same as a decorator of the change."""

        def take(change: Change) -> Change:
            self.add(name, why, change, *expect)
            return change

        return take

    def legal(self, name: str, why: str) -> Callable[[Change], Change]:
        """A healthy animal, as a decorator of its change."""
        return self.broken(name, why)
