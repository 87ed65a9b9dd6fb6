"""Results of a benchmark run, as `results.json` holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from assertions.record.types import Record
from benchmarks.probes.self_test import SelfTest
from benchmarks.statistics.bounds import Word
from benchmarks.workloads.types import Clock, Suite

Kind = Literal["ours", "peer", "limit"]
PartName = Literal["suites", "bounds", "csv", "pdf", "services", "curves"]
PARTS: tuple[PartName, ...] = ("suites", "csv", "pdf", "services", "curves", "bounds")
NEEDED = PARTS[:-1]
"""Parts without which results are not whole."""


class Machine(Record, frozen=True, kw_only=True):
    """Where the run was made; no host name."""

    system: str
    cpu: str
    cores: int
    memory_bytes: int
    python: str
    node: str | None
    """None: there is none."""
    packages: dict[str, str]


class Measure(Record, frozen=True, kw_only=True):
    """One workload, run again and again."""

    name: str
    suite: Suite
    what: str
    clock: Clock
    """`cpu`: all the work is done in the measuring process."""
    records: int | None
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    """Empty: not known, of somebody else's service."""


class BoundVerdict(Record, frozen=True, kw_only=True):
    """One figure held against a bound of `benchmarks/statistics/bounds.py`."""

    name: str
    where: str
    """The test, with its size."""
    word: Word
    sentence: str


class Kept(Record, frozen=True, kw_only=True):
    """What a pytest session measured."""

    measures: tuple[Measure, ...] = ()
    verdicts: tuple[BoundVerdict, ...] = ()


class Runner(Record, frozen=True, kw_only=True):
    """One of those that did the same work side by side."""

    name: str
    kind: Kind
    how: str
    """In a few words."""
    no_data: str | None = None
    """Why this runner has no figures."""
    wall_s: tuple[float, ...] = ()
    """By round; the n-th of all runners were run in turn."""
    cpu_s: tuple[float, ...] = ()
    """Of all its processes."""
    peak_uss_bytes: int | None = None
    """Of a fresh process with one export, sampled."""
    peak_rss_bytes: int | None = None
    kernel_peak_bytes: int | None = None
    """The kernel's high-water mark; None for a service of several processes."""
    grown_bytes: int | None = None
    """The high-water mark over what was held before the export, its body included."""
    file_bytes: int | None = None


class Race(Record, frozen=True, kw_only=True):
    """Runners that exported the same records, interleaved, with outputs compared."""

    name: str
    format: Literal["csv", "pdf"]
    records: int
    over_http: bool
    exports_a_lap: int = 1
    runners: tuple[Runner, ...]


class Point(Record, frozen=True, kw_only=True):
    """One piece of work of one size, in a fresh process."""

    series: str
    """`csv`, `pdf`, or a part of the harness."""
    records: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    """The kernel's high-water mark of the process."""
    grown_bytes: int
    """The high-water mark over what was held before."""
    peak_uss_bytes: int
    peak_rss_bytes: int
    """Both sampled from outside."""
    hz: float


class Leak(Record, frozen=True, kw_only=True):
    """What stays after many equal exports."""

    exports: int
    held_bytes: tuple[int, ...]
    """USS after each."""
    descriptors: int
    threads: int
    files: int


class Part(Record, frozen=True, kw_only=True):
    """What one command measured: `part-NAME.json`."""

    name: PartName
    commit: str | None
    dirty: bool | None
    day: str
    full: bool
    target: str | None
    machine: Machine
    measures: tuple[Measure, ...] = ()
    verdicts: tuple[BoundVerdict, ...] = ()
    races: tuple[Race, ...] = ()
    sampler: SelfTest | None = None
    points: tuple[Point, ...] = ()
    leak: Leak | None = None
    failed: tuple[str, ...] = ()
    """What ended with an error, one sentence each."""


class Results(Record, frozen=True, kw_only=True):
    """The parts of a run, together: `results.json`."""

    commit: str | None
    """Of all parts; None: unknown, or not the same for all."""
    dirty: bool | None
    commits: Mapping[PartName, str] = msgspec.field(default_factory=dict)
    """By part, where it is known."""
    day: str
    full: bool
    target: str | None
    """Somebody else's service was measured; None: this tree's."""
    machine: Machine
    measures: tuple[Measure, ...] = ()
    verdicts: tuple[BoundVerdict, ...] = ()
    races: tuple[Race, ...] = ()
    sampler: SelfTest | None = None
    points: tuple[Point, ...] = ()
    leak: Leak | None = None
    summary: tuple[str, ...] = ()
    """The headline ratios, a line each, as a main run's report shows them."""
    missing: tuple[str, ...] = ()
    """Benchmarks of the published results that these have not, and parts that were not run."""
    failed: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 where something is missing, else 1 where something failed, else 0."""
        return 2 if self.missing else 1 if self.failed else 0
