"""How long stages took: measured by a clock that is handed in, written, joined, shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions.record.files import read_one
from evidence.timings import NAME, StageTime, Timings, TimingsRecord, table


def ticking() -> Timings:
    """Timings by a clock that goes on by 1.5 s at each look."""
    seconds = iter(number * 1.5 for number in range(100))
    return Timings(lambda: next(seconds))


def test_stages_are_measured_also_when_they_break() -> None:
    """A stage that raises has taken its time, too."""
    timings = ticking()
    with timings.measure("load", "smoke"):
        pass
    with pytest.raises(ValueError), timings.measure("tools"):
        raise ValueError
    assert timings.stages == (
        StageTime(scenario="smoke", stage="load", seconds=1.5),
        StageTime(scenario=None, stage="tools", seconds=1.5),
    )
    assert table(timings.stages) == (
        "smoke   load              1.50 s\nrun     tools             1.50 s\nin all                    3.00 s"
    )


def test_a_stage_within_another_counts_once() -> None:
    """What is done while a stage waits is a separate stage, and the sum is the time that all of them took."""
    timings = ticking()
    with timings.measure("tools"), timings.measure("judge"):
        pass
    assert timings.stages == (
        StageTime(scenario=None, stage="judge", seconds=1.5),
        StageTime(scenario=None, stage="tools", seconds=3.0),
    )


def test_scenarios_of_one_run_complete_each_other(tmp_path: Path) -> None:
    """What another scenario took stays; stages of the run as a whole are those of the last one."""
    for name in ("smoke", "load", "load"):
        timings = ticking()
        with timings.measure("load", name):
            pass
        with timings.measure("tools"):
            pass
        timings.write(tmp_path)
    record = read_one(tmp_path / NAME, TimingsRecord)
    assert [(stage.scenario, stage.stage) for stage in record.stages] == [
        ("smoke", "load"),
        ("load", "load"),
        (None, "tools"),
    ]
