"""A strict reader of TOML tables: every wrong or unknown key is noted by its full name, all of them at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class TableReader:
    """Takes keys out of one table; `problems` is shared with the readers of the tables inside it."""

    def __init__(self, table: Mapping[str, object], prefix: str = "", problems: list[str] | None = None) -> None:
        self.table = table
        self.prefix = prefix
        self.problems: list[str] = problems if problems is not None else []
        self.given = frozenset(table)
        self._asked: set[str] = set()
        self._before = len(self.problems)

    def wrong(self, key: str, what: str) -> None:
        """Note a problem with a key."""
        self.problems.append(f"{self.prefix}{key} {what}")

    @property
    def sound(self) -> bool:
        """Whether no key of it was wrong so far: only then can they be held against each other."""
        return len(self.problems) == self._before

    def done(self) -> None:
        """Note every key that nobody asked for."""
        for key in sorted(self.given - self._asked):
            self.wrong(key, f"is no known key; known here: {', '.join(sorted(self._asked))}")

    def take(self, key: str, kind: type[T], default: T | None) -> T | None:
        """The value of a key; `default` None: it must be there, and None is returned when it is not."""
        self._asked.add(key)
        if key not in self.table:
            if default is None:
                self.wrong(key, "is missing")
            return default
        value = self.table[key]
        # TOML's true is an int to Python, and no count
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.wrong(key, f"must be {_NAMES.get(kind, kind.__name__)}, not {value!r}")
            return default
        return value

    def text(self, key: str) -> str:
        """A string that must be there; empty when it is not."""
        return self.take(key, str, None) or ""

    def flag(self, key: str) -> bool:
        """true or false; false when it is not there."""
        return bool(self.take(key, bool, False))

    def one_of(self, key: str, words: Sequence[str], default: str | None) -> str:
        """One of some words."""
        word = self.take(key, str, default)
        if word is not None and word not in words:
            self.wrong(key, f"must be one of {', '.join(words)}, not {word!r}")
        return word or words[0]

    def whole(self, key: str, default: int | None, least: int, most: int) -> int:
        """A whole number within bounds; `default` None: it must be there."""
        value = self.take(key, int, default)
        if value is not None and not least <= value <= most:
            self.wrong(key, f"must be a whole number from {least} to {most}, not {value}")
        return least if value is None else value

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """A finite number within bounds, with a default."""
        self._asked.add(key)
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(key, f"must be a number, not {value!r}")
            return default
        if not (math.isfinite(value) and least <= value <= most):
            self.wrong(key, f"must be a finite number from {least:g} to {most:g}, not {value}")
            return default
        return float(value)

    def tables(self, key: str) -> list[TableReader]:
        """A list of tables, each with a reader that shares this one's problems; it must not be empty."""
        values = self.take(key, list, None)
        if values is not None and (not values or not all(isinstance(value, dict) for value in values)):
            self.wrong(key, "must be a list of tables, at least one")
            return []
        return [
            TableReader(value, f"{self.prefix}{key}[{number}].", self.problems)
            for number, value in enumerate(values or [])
        ]

    def table_or_none(self, key: str) -> TableReader | None:
        """One table, or None when it is not there."""
        self._asked.add(key)
        if key not in self.table:
            return None
        value = self.take(key, dict, None)
        return None if value is None else TableReader(value, f"{self.prefix}{key}.", self.problems)

    def points(self, key: str, most_x: float, most_y: float) -> tuple[tuple[float, float], ...]:
        """Return points [x, y], x from 0 upwards, y not negative; empty when they are not there."""
        values = self.take(key, list, [])
        points: list[tuple[float, float]] = []
        for value in values or []:
            if not (isinstance(value, list) and len(value) == 2 and all(_is_amount(part) for part in value)):
                self.wrong(key, f"must hold points [seconds, rate] of finite numbers, not {value!r}")
                return ()
            points.append((float(value[0]), float(value[1])))
        if not points:
            return ()
        ascending = all(a[0] <= b[0] for a, b in itertools.pairwise(points))
        if len(points) < 2 or points[0][0] != 0 or not ascending or points[-1][0] <= 0:
            self.wrong(key, "must hold at least two points, the first at 0 seconds, their seconds never falling")
            return ()
        if points[-1][0] > most_x or max(y for _, y in points) > most_y:
            self.wrong(key, f"must end by {most_x:g} seconds and stay below {most_y:g} a second")
            return ()
        return tuple(points)


_NAMES: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
