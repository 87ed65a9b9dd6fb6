"""Times of the main job: read from nox's output, and shown by stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.main_job.measuring import REPEATS_MOST, MainJobError, measure, read_sessions
from benchmarks.main_job.page import page
from benchmarks.main_job.publishing import measure_and_publish
from benchmarks.main_job.types import JobTime, MainJobTimes, SessionTime, TreeName
from benchmarks.report.types import Machine

SCENARIO = """\
nox > Running session {name}
nox > uv pip install -r requirements/run.txt
run     start             0.50 s
{name:<8}service start     0.25 s
{name:<8}load              4.00 s
run     judge             0.50 s
run     judge             0.25 s
in all                    5.50 s
nox > Session {name} was successful in 6 seconds."""
GATE = """\
nox > Running session gate
gate    kept files        1.00 s
in all                    1.00 s
nox > Session gate was successful in 1 second."""


def lines(*sessions: str) -> list[tuple[float, str]]:
    """A job's output, a line each second."""
    text = "\n".join(GATE if name == "gate" else SCENARIO.format(name=name) for name in sessions)
    return [(float(number), line) for number, line in enumerate(text.splitlines())]


def test_stages_are_read_by_session() -> None:
    """Rows of one stage are added up, and what the rows leave of the session's time is nox's own."""
    found = read_sessions(lines("smoke", "load", "batch", "gate"))
    stages = {"start": 0.5, "service start": 0.25, "load": 4.0, "judge": 0.75, "nox": 2.5}
    assert found[1] == SessionTime(session="load", seconds=8.0, stages=stages)
    assert found[3] == SessionTime(session="gate", seconds=3.0, stages={"kept files": 1.0, "nox": 2.0})


@pytest.mark.parametrize("sessions", [(), ("smoke", "load", "batch"), ("load", "smoke", "batch", "gate")])
def test_another_job_is_none(sessions: tuple[str, ...]) -> None:
    """Output without the four sessions in order has no times."""
    with pytest.raises(MainJobError, match="expected the stages of smoke, load, batch, gate"):
        read_sessions(lines(*sessions))


def test_a_session_without_stages_is_none() -> None:
    """A session that printed no stages is no zero."""
    without = [(moment, line) for moment, line in lines("smoke", "load", "batch", "gate") if "kept files" not in line]
    with pytest.raises(MainJobError):
        read_sessions(without)


def job(tree: TreeName, load_s: float) -> JobTime:
    """A job whose sessions differ in nothing."""
    stages = {"load": load_s, "nox": 1.0}
    sessions = tuple(
        SessionTime(session=name, seconds=load_s + 1, stages=stages) for name in ("smoke", "load", "batch", "gate")
    )
    return JobTime(tree=tree, seconds=4 * load_s + 4, load_average=0.0, sessions=sessions)


def test_the_page_shows_medians_with_the_extremes() -> None:
    """Each stage stands there for both trees, its median with the lowest and the highest."""
    machine = Machine(system="s", cpu="c", cores=2, memory_bytes=8_000_000_000, python="3.11", node=None, packages={})
    jobs = (*(job("now", load_s) for load_s in (1.0, 3.0, 2.0)), job("before", 5.0))
    shown = page(MainJobTimes(commit="a", dirty=False, before="b", day="d", machine=machine, jobs=jobs))
    assert "| stage | before | now |" in shown
    assert "| load | 20.00 (20.00 to 20.00) | 8.00 (4.00 to 12.00) |" in shown
    assert "| smoke | 6.00 (6.00 to 6.00) | 3.00 (2.00 to 4.00) |" in shown
    assert "| **in all** | **24.00 (24.00 to 24.00)** | **12.00 (8.00 to 16.00)** |" in shown
    assert "warm: **12.00 (8.00 to 16.00) s**, jobs: 3." in shown


@pytest.mark.parametrize(
    ("tree", "failures", "measured"), [("before", 1, True), ("before", 9, False), ("now", 1, False)]
)
def test_only_jobs_of_the_other_tree_are_run_again(
    tree: TreeName, failures: int, measured: bool, tmp_path: Path
) -> None:
    """An older tree may have false alarms, some; a job of this tree that is not GREEN ends the measurement."""
    left = [failures]

    def job_in(path: Path, name: TreeName, log: Path) -> JobTime:
        if name == tree and left[0]:
            left[0] -= 1
            raise MainJobError("RED")
        return job(name, 1.0)

    trees: list[tuple[TreeName, Path]] = [("before", tmp_path), ("now", tmp_path)]
    if not measured:
        with pytest.raises(MainJobError, match="RED"):
            measure(trees, 2, tmp_path, lambda _: None, warm_up=False, job_in=job_in)
        assert left[0] == max(0, failures - 1 - REPEATS_MOST)
        return
    jobs, repeated = measure(trees, 2, tmp_path, lambda _: None, warm_up=False, job_in=job_in)
    assert ([one.tree for one in jobs], repeated) == (["before", "now"] * 2, 1)


def test_another_tree_is_a_checkout(tmp_path: Path) -> None:
    """A folder without a noxfile is refused before anything is measured."""
    with pytest.raises(MainJobError, match="expected another checkout of this project, found no noxfile"):
        measure_and_publish(1, tmp_path, tmp_path / "out", print, warm_up=False)
    assert not (tmp_path / "out").exists()
