"""Processes that open files: what each limit makes of a task, and that none of them is ever left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence.collect.check_workers import Breach, Checkers, CheckersError, cores

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Asked:
    """One task: what to do, and its limits."""

    what: str
    group: str = "one"
    weight: int = 1
    memory_bytes: int = 2**28
    seconds: float = 20.0
    mark: str = ""


def work(task: Asked) -> str:
    """Do what a task asks for."""
    match task.what:
        case "spin":
            while True:
                pass
        case "eat":
            return str(len(bytearray(2**30)))
        case "abort":
            os.abort()
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
        case "exit":
            os._exit(3)
        case "once" if not Path(task.mark).exists():
            Path(task.mark).touch()
            os.abort()
        case "raise":
            raise NameError("a defect of the checker")
        case "who":
            return str(os.getpid())
    return f"done {task.what}"


def results(*tasks: Asked, count: int = 1) -> list[str | Breach]:
    """Each task's result, in order."""
    with Checkers[Asked, str](work, count) as checkers:
        return [result for _, result in sorted(checkers.run(tasks), key=lambda one: one[0])]


def test_tasks_are_done() -> None:
    """Each by one process, whatever their number; none where there are no tasks."""
    assert results(*(Asked(str(number)) for number in range(5)), count=2) == [f"done {number}" for number in range(5)]
    assert results(count=0) == []


def test_a_task_without_end_is_a_breach() -> None:
    """After its processor time; the tasks behind it are done."""
    assert results(Asked("spin", seconds=0.3), Asked("a")) == [
        Breach("it took more than 0 s of processor time"),
        "done a",
    ]


def test_a_task_without_bound_is_a_breach() -> None:
    """Beyond its address space; with more of it the same task is done."""
    assert results(Asked("eat"), Asked("a")) == [Breach("it took more than 268 MB of memory"), "done a"]
    assert results(Asked("eat", memory_bytes=2**32)) == [str(2**30)]


def test_a_task_that_breaks_its_process_is_tried_twice(tmp_path: Path) -> None:
    """Once by chance it is done after all; twice is a breach, and the others are done."""
    assert results(Asked("once", mark=str(tmp_path / "mark"))) == ["done once"]
    assert results(Asked("abort"), Asked("a"), count=2) == [
        Breach("it ended the process that opened it, twice (SIGABRT)"),
        "done a",
    ]


@pytest.mark.parametrize(("what", "cause"), [("kill", "SIGKILL"), ("terminate", "SIGTERM"), ("exit", "exit code 3")])
def test_a_process_ended_from_outside_is_no_breach(what: str, cause: str) -> None:
    """No file is blamed for it, nor for an end that is no crash."""
    with pytest.raises(CheckersError, match=rf"a process that checks files died \({cause}\)"):
        results(Asked(what))


def test_a_defect_is_raised() -> None:
    """What the work raises ends the run; it is no finding."""
    with pytest.raises(NameError, match="a defect of the checker"):
        results(Asked("raise"))


def test_a_group_stays_with_its_process() -> None:
    """What its tasks share is made once; the group with the most work is begun first."""
    groups = ["small", "large", "small", "large"]
    tasks = [Asked("who", group, weight=2 if group == "large" else 1) for group in groups]
    with Checkers[Asked, str](work, 1) as checkers:
        assert [index for index, _ in checkers.run(tasks)] == [1, 3, 0, 2]


def test_tasks_are_prepared_as_they_begin() -> None:
    """A task may be changed by what came before it."""
    came: list[str] = []
    with Checkers[Asked, str](work, 1) as checkers:
        for _, result in checkers.run([Asked("a"), Asked("b")], lambda task: Asked(task.what + str(len(came)))):
            came.append(str(result))
    assert came == ["done a0", "done b1"]


def test_all_processors_are_used() -> None:
    """As many as this process may use, not as many as the machine has."""
    assert cores() == len(os.sched_getaffinity(0))


SCRIPT = """
import os, signal, sys
from evidence.collect.check_workers import Checkers
from tests.evidence.collect.test_check_workers import Asked, work

def stop(number, frame):
    raise KeyboardInterrupt

if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    with Checkers(work, 2) as checkers:
        tasks = [Asked("who"), Asked("who"), Asked("spin"), Asked("spin")]
        for index, result in checkers.run(tasks):
            print(result, flush=True)
"""


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGINT,) * 3, (signal.SIGTERM,), (signal.SIGKILL,)])
def test_no_process_is_left_behind(tmp_path: Path, signals: tuple[signal.Signals, ...]) -> None:
    """One interrupt, several, and the sudden end of the parent: it ends soon, and its processes with it."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        workers = {int(parent.stdout.readline()), int(parent.stdout.readline())}
        for number in signals:
            with contextlib.suppress(ProcessLookupError):
                parent.send_signal(number)
        assert parent.wait(timeout=20) != 0
    deadline = time.monotonic() + 20
    while any(map(_lives, workers)) and time.monotonic() < deadline:
        os.sched_yield()
    assert [pid for pid in workers if _lives(pid)] == []


def _lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
