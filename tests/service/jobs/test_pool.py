"""The worker pool: warm, replaced when dead, recycled when old."""

from __future__ import annotations

import gc
import os
import signal
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import psutil
import pytest

from service.jobs.pool import NICENESS, WorkerDied, WorkerPool, WorkerTimeout
from tests.processes import wait_until
from tests.service.helpers import TIMEOUT_S, Running, assert_identity, encoded, sample, workers_of

pytestmark = pytest.mark.e2e


def pid() -> int:
    """Of the worker."""
    return os.getpid()


def niceness() -> int:
    """Of the worker."""
    return os.nice(0)


def die() -> None:
    """As a worker does that the kernel kills for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    """An ordinary error."""
    raise ValueError("an ordinary error")


def wait_for(path: str) -> int:
    """Until the file is there; the worker's pid."""
    while not Path(path).exists():
        time.sleep(0.005)
    return os.getpid()


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    """Two workers."""
    made = WorkerPool(2)
    yield made
    made.shutdown(cancel_futures=True)


def test_tasks_run_in_other_processes_at_low_priority(pool: WorkerPool) -> None:
    """Workers are separate processes, at niceness 10, so that the event loop stays awake."""
    assert pool.submit(pid).result(TIMEOUT_S) != os.getpid()
    assert pool.submit(niceness).result(TIMEOUT_S) == min(19, os.nice(0) + NICENESS)


def test_an_error_comes_back_as_itself(pool: WorkerPool) -> None:
    """What the task raises is what its future raises."""
    with pytest.raises(ValueError, match="an ordinary error"):
        pool.submit(fail).result(TIMEOUT_S)


def test_a_dead_worker_fails_its_own_task_only(pool: WorkerPool, tmp_path: Path) -> None:
    """While one worker is killed in mid-task, the other's task ends well, and those behind them too."""
    long = pool.submit(wait_for, str(tmp_path / "go"))
    dying = pool.submit(die)
    behind = [pool.submit(pid) for _ in range(4)]
    with pytest.raises(WorkerDied):
        dying.result(TIMEOUT_S)
    assert all(one.result(TIMEOUT_S) > 0 for one in behind)
    (tmp_path / "go").touch()
    assert long.result(TIMEOUT_S) not in {one.result() for one in behind}


def test_a_worker_that_dies_at_rest_is_replaced(pool: WorkerPool) -> None:
    """Killed between two tasks, it costs nobody anything."""
    pids = [one.result(TIMEOUT_S) for one in pool.warm_up()]
    for one in pids:
        os.kill(one, signal.SIGKILL)
    wait_until(lambda: not any(map(psutil.pid_exists, pids)))
    assert pool.submit(pid).result(TIMEOUT_S) not in pids


def test_workers_are_recycled() -> None:
    """After so many tasks a worker is replaced by a fresh one."""
    pool = WorkerPool(1, recycle_after=3)
    pids = [pool.submit(pid).result(TIMEOUT_S) for _ in range(7)]
    pool.shutdown()
    assert [pids.index(one) for one in pids] == [0, 0, 0, 3, 3, 3, 6]


def test_shutdown_finishes_what_was_submitted() -> None:
    """Without cancelling, all tasks are done first, then nothing more is taken."""
    pool = WorkerPool(1)
    tasks = [pool.submit(pid) for _ in range(5)]
    pool.shutdown()
    assert all(one.done() and one.result() > 0 for one in tasks)
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(pid)


def test_shutdown_can_cancel_what_waits(tmp_path: Path) -> None:
    """The running task is finished, those behind it are cancelled."""
    pool = WorkerPool(1)
    runs = pool.submit(wait_for, str(tmp_path / "go"))
    waits = pool.submit(pid)
    (tmp_path / "go").touch()
    pool.shutdown(cancel_futures=True)
    assert runs.result(TIMEOUT_S) > 0
    with pytest.raises(CancelledError):
        waits.result(TIMEOUT_S)


def freeze() -> None:
    """As a worker that a debugger or a broken driver stopped."""
    os.kill(os.getpid(), signal.SIGSTOP)


def test_a_task_that_takes_too_long_is_ended_with_its_process(tmp_path: Path) -> None:
    """Running or stopped, the worker is killed after the time limit; its neighbour and its successor work."""
    pool = WorkerPool(2, timeout_s=3)
    long = pool.submit(wait_for, str(tmp_path / "never"))
    stopped = pool.submit(freeze)
    for late in (long, stopped):
        with pytest.raises(WorkerTimeout, match=r"^not done in 3 s$"):
            late.result(TIMEOUT_S)
    # a function of the standard library: a fresh worker needs no time to import it
    assert all(later.result(TIMEOUT_S) > 0 for later in [pool.submit(os.getpid) for _ in range(4)])
    pool.shutdown()


class Argument:
    """Something that a task is given, like a request's body."""


def take(_: Argument) -> None:
    """Do nothing with it."""


def test_a_done_task_keeps_nothing_of_its_arguments() -> None:
    """Bodies go when their exports end, not when the garbage collector next looks for circles."""
    pool = WorkerPool(1, timeout_s=60)
    gc.collect()
    gc.disable()
    try:
        argument = Argument()
        kept = weakref.ref(argument)
        future = pool.submit(take, argument)
        future.result(TIMEOUT_S)
        del argument, future
        pool.submit(pid).result(TIMEOUT_S)  # the pool's threads have left the first task behind
        assert kept() is None
    finally:
        gc.enable()
        pool.shutdown()


def test_a_task_in_time_is_unchanged() -> None:
    """The clock of one task is not the next one's."""
    pool = WorkerPool(1, timeout_s=30)
    assert len({pool.submit(pid).result(TIMEOUT_S) for _ in range(5)}) == 1
    pool.shutdown()


def test_stopped_processes_are_ended_in_time(pool: WorkerPool) -> None:
    """`stop` kills what does not end by itself."""
    pids = [ready.result(TIMEOUT_S) for ready in pool.warm_up()]
    for number in pids:
        os.kill(number, signal.SIGSTOP)
    pool.stop(0.1)
    left = [psutil.Process(number) for number in pids if psutil.pid_exists(number)]
    assert psutil.wait_procs(left, TIMEOUT_S)[1] == []


def test_the_service_outlives_its_workers(service: Running) -> None:
    """With all workers killed again and again, later exports still succeed and nothing is counted twice."""
    for _ in range(3):
        for worker in workers_of(service):
            worker.kill()
            worker.wait(TIMEOUT_S)
        answers = [service.post(encoded(format="csv", columns=["a"], data=[{"a": 1}])) for _ in range(4)]
        assert [one.status for one in answers][-2:] == [200, 200]
        assert {one.status for one in answers} <= {200, 500}
    page = service.metrics()
    assert_identity(page)
    assert sample(page, "export_requests_total", status="started") == 12
    assert sample(page, "export_fail_total") == sample(page, "export_fail_total", reason="worker_died")
