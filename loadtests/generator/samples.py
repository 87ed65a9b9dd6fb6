"""A bounded sample of figures."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_SAMPLES = 100_000


@dataclass
class Samples:
    """Values thinned evenly over the whole run, so that a long one stays bounded: first all, then every second …"""

    values: list[float] = field(default_factory=list)
    every: int = 1
    seen: int = 0

    def add(self, value: float) -> None:
        """Keep every n-th value."""
        if self.seen % self.every == 0:
            self.values.append(value)
            if len(self.values) >= MOST_SAMPLES:
                self.values, self.every = self.values[::2], self.every * 2
        self.seen += 1
