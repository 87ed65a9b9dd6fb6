"""What an animal is, and the list of all of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SCENARIOS = ("smoke", "load", "batch")
"""What a whole run consists of."""


class Service(Protocol):
    """Something that can be served."""

    def serve(self, port: int, announce: Callable[[str], None]) -> None:
        """Listen on the port (0: any free one), call `announce` with the URL, run until SIGTERM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One service of the zoo."""

    name: str
    group: str
    healthy: bool
    expect: frozenset[str]
    """Ids of verdicts of which at least one must FAIL; empty for a healthy animal."""
    why: str
    """What is wrong with it, or in what it differs; one sentence."""
    build: Callable[[Path], Service]
    """Makes it, given the folder of its exports."""
    scenarios: tuple[str, ...]
    """Where its fault must show; a healthy animal must be GREEN over all of them."""
    at_length: bool = False
    """True: a broken animal whose fault takes as many exports to be seen as a healthy one is driven with."""


class Unknown(Exception):
    """No animal bears this name."""


def animals() -> tuple[Entry, ...]:
    """All animals: the keeper, the other healthy ones, the broken ones, each group in its own order."""
    found = [animal for _, animal in _listed()]
    names = [animal.name for animal in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Unknown(f"two animals are named {', '.join(twice)}")
    return tuple(found)


def module_of(name: str) -> str:
    """The module that defines a target."""
    return next(module for module, animal in _listed() if animal.name == name)


def _listed() -> Iterator[tuple[str, Entry]]:
    from tests.targets import faulty, healthy

    for package in (healthy, faulty):
        for module in sorted(item.name for item in pkgutil.iter_modules(package.__path__)):
            name = f"{package.__name__}.{module}"
            yield from ((name, animal) for animal in importlib.import_module(name).ANIMALS)


def chosen(names: Iterable[str]) -> tuple[Entry, ...]:
    """The animals of these names or groups, in the zoo's order; all when none is named."""
    wanted = set(names)
    every = animals()
    unknown = wanted - {animal.name for animal in every} - {animal.group for animal in every}
    if unknown:
        raise Unknown(f"no animal or group is named {', '.join(sorted(unknown))}; see `python -m tests.targets list`")
    return tuple(animal for animal in every if not wanted or wanted & {animal.name, animal.group})


HEALTHY_STEP, BROKEN_STEP = 4, 16
"""Of a group each such one stands for those that follow it."""


def core(found: Sequence[Entry]) -> tuple[Entry, ...]:
    """Of these animals one broken one for each verdict that they are to turn red, and some of each group.

    For a verdict it is the first that must turn red by that one alone, else the first that may: without its check
    the former goes free.
    """
    groups: dict[str, list[Entry]] = {}
    first: dict[str, Entry] = {}
    for animal in sorted(found, key=lambda animal: len(animal.expect) != 1):
        first |= dict.fromkeys(animal.expect - first.keys(), animal)
    for animal in found:
        groups.setdefault(animal.group, []).append(animal)
    some = [one for group in groups.values() for one in group[:: HEALTHY_STEP if group[0].healthy else BROKEN_STEP]]
    taken = {animal.name for animal in (*first.values(), *some)}
    return tuple(animal for animal in found if animal.name in taken)
