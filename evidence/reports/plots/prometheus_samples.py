"""The samples that a Prometheus server kept of a scenario (`promtool tsdb dump`): the few series that are drawn."""

from __future__ import annotations

import lzma
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

DRAWN = ("export_concurrent_running", "export_queue_depth", "export_requests_total")
_LINE = re.compile(
    r'\{__name__="(?P<name>[a-z_]+)"(?P<labels>.*)\} (?P<value>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|NaN|[-+]?Inf) '
    r"(?P<at_ms>[0-9]{1,15})$"
)
_STATUS = re.compile(r', status="([a-z]+)"')

Points = list[tuple[float, float]]
"""(Unix seconds, value), in order of time."""


@dataclass(frozen=True)
class Samples:
    """Sums over all label sets, by metric and status."""

    values: Mapping[tuple[str, str], Points] = field(default_factory=dict)

    def gauge(self, metric: str) -> Points:
        """Return the values of a metric at each scrape."""
        return self.values.get((metric, ""), [])

    def rate(self, metric: str, status: str) -> Points:
        """Return by how much a counter moved a second, from each scrape to the next; a reset counts from 0."""
        points = self.values.get((metric, status), [])
        return [
            (at, (after if after < before else after - before) / (later - at))
            for (at, before), (later, after) in pairwise(points)
            if later > at
        ]


def read_samples(path: Path) -> Samples | None:
    """Return what a scenario's samples hold of the series that are drawn; None where there are none to read."""
    try:
        with lzma.open(path, "rt", encoding="utf-8", errors="replace") as lines:
            return samples_of(lines)
    except (OSError, lzma.LZMAError, EOFError):
        return None


def samples_of(lines: Iterable[str]) -> Samples:
    """Return the samples in lines of a dump; lines of other series are left out."""
    sums: dict[tuple[str, str], dict[int, float]] = {}
    for line in lines:
        found = _LINE.match(line.rstrip("\n"))
        if found is None or found["name"] not in DRAWN:
            continue
        value = float(found["value"])
        if not math.isfinite(value):
            continue
        status = _STATUS.search(found["labels"])
        by_time = sums.setdefault((found["name"], status[1] if status else ""), {})
        at_ms = int(found["at_ms"])
        by_time[at_ms] = by_time.get(at_ms, 0.0) + value
    return Samples({key: [(at / 1000, by_time[at]) for at in sorted(by_time)] for key, by_time in sums.items()})
