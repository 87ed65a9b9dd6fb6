"""How long each stage of a run took: `timings.json`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import psutil

from assertions.record.files import read_one, write_one
from assertions.record.types import Record, RecordError

NAME = "timings.json"
Stage = Literal[
    "start",
    "service start",
    "prometheus",
    "load",
    "service stop",
    "file checks",
    "tools",
    "comparison",
    "panels",
    "judge",
    "plots",
    "report",
    "hashes",
    "records",
    "kept files",
    "other",
]
"""Of a run, of `gate` and of `verify`. start: of the process, until its first stage; prometheus: the server's start;
other: what lies between the stages."""


class StageTime(Record, frozen=True, kw_only=True):
    """One stage."""

    scenario: str | None
    """None: of the run as a whole."""
    stage: Stage
    seconds: float


class TimingsRecord(Record, frozen=True, kw_only=True):
    """All stages of the scenarios in a run directory, in the order in which they ended."""

    stages: tuple[StageTime, ...]


class Timings:
    """Measures stages. clock: seconds from some moment on; began: when the whole began, None: that is not measured."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, began: float | None = None) -> None:
        self._clock = clock
        self._began = began
        self._stages: list[StageTime] = []
        self._inner_s: list[float] = []
        """Of each stage that runs, the time that stages within it took."""

    @classmethod
    def since_start(cls) -> Timings:
        """Measure everything since this process began."""
        return cls(began=time.monotonic() - (time.time() - psutil.Process().create_time()))

    def end_start(self) -> None:
        """End the stage `start`, which began with the whole."""
        if self._began is not None:
            self._stages.append(StageTime(scenario=None, stage="start", seconds=self._left_s()))

    def _left_s(self) -> float:
        """Return what the stages so far leave of the time since the whole began."""
        measured_s = sum(stage.seconds for stage in self._stages)
        return 0.0 if self._began is None else round(max(0.0, self._clock() - self._began - measured_s), 3)

    @contextlib.contextmanager
    def measure(self, stage: Stage, scenario: str | None = None) -> Iterator[None]:
        """Time the block, also where it raises, without the stages that are measured within it."""
        start = self._clock()
        self._inner_s.append(0.0)
        try:
            yield
        finally:
            whole_s = self._clock() - start
            own_s = whole_s - self._inner_s.pop()
            if self._inner_s:
                self._inner_s[-1] += whole_s
            self._stages.append(StageTime(scenario=scenario, stage=stage, seconds=round(own_s, 3)))

    def add(self, stages: Sequence[StageTime]) -> None:
        """Take in what another process measured, as if it had been measured here."""
        if self._inner_s:
            self._inner_s[-1] += sum(stage.seconds for stage in stages)
        self._stages += stages

    def write(self, folder: Path) -> None:
        """Write `timings.json`; what it holds of other scenarios of the same run stays. OSError."""
        known = {stage.scenario for stage in self._stages}
        try:
            earlier = read_one(folder / NAME, TimingsRecord).stages
        except RecordError:
            earlier = ()
        kept = [stage for stage in earlier if stage.scenario is not None and stage.scenario not in known]
        write_one(folder / NAME, TimingsRecord(stages=(*kept, *self.stages)))

    @property
    def stages(self) -> Sequence[StageTime]:
        """What was measured so far; where the whole is measured too, with what the stages leave of it."""
        other = [] if self._began is None else [StageTime(scenario=None, stage="other", seconds=self._left_s())]
        return (*self._stages, *other)


def table(stages: Sequence[StageTime], whole: str = "run") -> str:
    """Return the stages as a table, with their sum; what one stage took at several moments is added up.

    whole: what those are of that belong to no scenario.
    """
    sums: dict[tuple[str, str], float] = {}
    for stage in stages:
        key = stage.scenario or whole, str(stage.stage)
        sums[key] = sums.get(key, 0.0) + stage.seconds
    rows = [(*key, seconds) for key, seconds in sums.items()]
    rows.append(("in all", "", sum(seconds for _, _, seconds in rows)))
    return "\n".join(f"{scenario:<8}{stage:<14}{seconds:>8.2f} s" for scenario, stage, seconds in rows)
