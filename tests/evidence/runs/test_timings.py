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


def test_what_another_process_measured_is_no_time_of_this_one() -> None:
    """Stages taken in are shown, and what they leave of the stage around them is that one's own."""
    timings = ticking()
    with timings.measure("start"):
        timings.add([StageTime(scenario=None, stage="judge", seconds=0.5)])
    assert timings.stages == (
        StageTime(scenario=None, stage="judge", seconds=0.5),
        StageTime(scenario=None, stage="start", seconds=1.0),
    )


def test_one_stage_at_several_moments_is_one_row() -> None:
    """What a stage took is added up, where it stands first."""
    stages = [StageTime(scenario=None, stage=stage, seconds=1.5) for stage in ("records", "judge", "records")]
    assert table(stages, "gate") == (
        "gate    records           3.00 s\ngate    judge             1.50 s\nin all                    4.50 s"
    )


def test_what_no_stage_measures_is_other(tmp_path: Path) -> None:
    """Of a whole whose beginning is known, the start ends with its first stage, and the rest is other: they add up."""
    seconds = iter([3.0, 3.5, 5.5, 7.0, 9.0])
    timings = Timings(lambda: next(seconds), began=1.0)
    timings.end_start()
    with timings.measure("load", "smoke"):
        pass
    measured = (
        StageTime(scenario=None, stage="start", seconds=2.0),
        StageTime(scenario="smoke", stage="load", seconds=2.0),
    )
    assert timings.stages == (*measured, StageTime(scenario=None, stage="other", seconds=2.0))
    timings.write(tmp_path)
    written = read_one(tmp_path / NAME, TimingsRecord).stages
    assert written == (*measured, StageTime(scenario=None, stage="other", seconds=4.0))


def test_a_process_has_begun_before_now() -> None:
    """The start of this process is known: its first stage took longer than nothing."""
    timings = Timings.since_start()
    timings.end_start()
    assert timings.stages[0].stage == "start"
    assert timings.stages[0].seconds > 0
