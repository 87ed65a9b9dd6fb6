"""Warm worker processes behind `concurrent.futures.Executor`: one task's dead worker is no other task's trouble."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from service.errors import ServiceError
from service.pdf import fonts

P = ParamSpec("P")
T = TypeVar("T")

NICENESS = 10
RECURSION_LIMIT = 4_000
VALIDATOR_RECURSION_LIMIT = RECURSION_LIMIT // 2
"""Of the process that checks bodies: what it can read, a worker can write, however its stack stands."""
STOPPING = (signal.SIGINT, signal.SIGTERM)
PRELOAD = ["service.jobs.pipeline"]


class WorkerDied(ServiceError):
    """The process that ran the task ended before the task did (killed, out of memory)."""


class WorkerTimeout(WorkerDied):
    """The task took longer than it may, and its process was killed."""


def _start_worker(recursion_limit: int) -> None:
    # Ctrl-C and a stop of the whole group reach workers too; when to end is the service's to say
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    sys.setrecursionlimit(recursion_limit)
    fonts.warm_up()
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _ready() -> int:
    return os.getpid()


class _Task:
    """One submitted call and the future its submitter holds."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.future: Future[Any] = Future()
        self.timed_out = False


class WorkerPool(Executor):
    """`workers` processes, each an executor of one, so that a death breaks one task and is mended at once.

    Tasks start in the order they were submitted. Task functions must be importable, arguments picklable. A task that
    runs longer than `timeout_s` is ended with its process, whatever the process does, and the process is replaced.
    """

    def __init__(
        self,
        workers: int,
        recycle_after: int = 0,
        recursion_limit: int = RECURSION_LIMIT,
        timeout_s: float = math.inf,
    ) -> None:
        self._timeout_s = timeout_s
        self._clock = threading.Condition()
        self._deadlines: dict[int, tuple[float, _Task]] = {}
        """Worker's number -> when its task must be done; only of tasks that run."""
        self._clock_runs = False
        self._context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        if sys.platform == "linux":
            self._context.set_forkserver_preload(PRELOAD)
        self._recycle_after = recycle_after or None
        self._recursion_limit = recursion_limit
        self._state = threading.Condition()
        self._tasks: deque[_Task] = deque()
        self._closed = False
        self._workers = [self._new_worker() for _ in range(workers)]
        self._free = deque(range(workers))

    def _new_worker(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1,
            self._context,
            initializer=_start_worker,
            initargs=(self._recursion_limit,),
            max_tasks_per_child=self._recycle_after,
        )

    def warm_up(self) -> list[Future[int]]:
        """Start every process now; each future gives its pid."""
        _start_forkserver()
        return [worker.submit(_ready) for worker in self._workers]

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` in the next free process; WorkerDied as the result when that process dies."""
        task = _Task(partial(fn, *args, **kwargs))
        with self._state:
            if self._closed:
                raise RuntimeError("the pool is shut down")
            self._tasks.append(task)
        self._dispatch()
        return task.future

    def _dispatch(self) -> None:
        while True:
            with self._state:
                if not self._tasks or not self._free:
                    return
                task = self._tasks.popleft()
                if not task.future.set_running_or_notify_cancel():
                    continue
                number = self._free.popleft()
            _replace_stopped_forkserver()
            # an idle worker that died is replaced before it gets a task
            if not all(process.is_alive() for process in _processes(self._workers[number])):
                self._replace_worker(number)
            try:
                inner = self._started(number, task)
            except (BrokenProcessPool, OSError, EOFError):
                self._replace_worker(number)
                self._give_back(number)
                task.future.set_exception(WorkerDied("no worker process could be started for the export"))
                continue
            self._watch(task, number)
            inner.add_done_callback(partial(self._finish, task, number))

    def _watch(self, task: _Task, number: int) -> None:
        if self._timeout_s >= threading.TIMEOUT_MAX:
            return
        with self._clock:
            self._deadlines[number] = (time.monotonic() + self._timeout_s, task)
            if not self._clock_runs:
                self._clock_runs = True
                threading.Thread(target=self._time_out, name="export-timeout", daemon=True).start()

    def _time_out(self) -> None:
        """Kill the workers of tasks that take too long, for as long as this process lives."""
        with self._clock:
            while True:
                now = time.monotonic()
                for number in [number for number, (end, _) in self._deadlines.items() if end <= now]:
                    self._deadlines.pop(number)[1].timed_out = True
                    for process in _processes(self._workers[number]):
                        process.kill()
                    _replace_stopped_forkserver()  # else nobody would learn that they are gone
                # nobody needs to wake this thread: what starts meanwhile must not be done before it wakes anyway
                nearest = min((end for end, _ in self._deadlines.values()), default=math.inf)
                self._clock.wait(min(nearest - now, self._timeout_s))

    def _started(self, number: int, task: _Task) -> Future[Any]:
        try:
            return self._workers[number].submit(task.call)
        except (BrokenProcessPool, OSError, EOFError):
            self._replace_worker(number)
            return self._workers[number].submit(task.call)

    def _give_back(self, number: int) -> None:
        with self._state:
            self._free.append(number)
            self._state.notify_all()

    def _give_back_started(self, number: int) -> None:
        """Start a replaced worker, and give it back when it is ready: no task's time runs while its process starts."""

        def give_back(_: object) -> None:
            self._give_back(number)
            self._dispatch()

        try:
            self._workers[number].submit(_ready).add_done_callback(give_back)
        except (RuntimeError, OSError, EOFError):  # shut down meanwhile, or no process to be had: the next task sees it
            self._give_back(number)

    def _finish(self, task: _Task, number: int, inner: Future[Any]) -> None:
        with self._clock:
            if self._deadlines.get(number, (0.0, None))[1] is task:
                del self._deadlines[number]
        error = inner.exception()
        if isinstance(error, BrokenProcessPool):
            self._replace_worker(number)
            if task.timed_out:
                error = WorkerTimeout(f"not done in {self._timeout_s:g} s")
            else:
                error = WorkerDied("the worker process died in mid-export")
            self._give_back_started(number)
        else:
            self._give_back(number)
        if error is not None:
            task.future.set_exception(error)
        else:
            task.future.set_result(inner.result())
        self._dispatch()

    def _replace_worker(self, number: int) -> None:
        broken = self._workers[number]
        self._workers[number] = self._new_worker()
        broken.shutdown(wait=False)

    def pids(self) -> list[int]:
        """The processes that live now."""
        return [process.pid for worker in self._workers for process in _processes(worker) if process.pid is not None]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; with `cancel_futures` drop those that wait, else they are still run."""
        with self._state:
            self._closed = True
            if cancel_futures:
                while self._tasks:
                    self._tasks.popleft().future.cancel()
            if wait or not cancel_futures:
                self._state.wait_for(lambda: not self._tasks and len(self._free) == len(self._workers))
        for worker in self._workers:
            worker.shutdown(wait=wait)

    def stop(self, most_s: float) -> None:
        """End all processes, and take nothing more; those that don't end within `most_s` are killed."""
        with self._state:
            self._closed = True
            while self._tasks:
                self._tasks.popleft().future.cancel()
        processes = [process for worker in self._workers for process in _processes(worker)]
        for worker in self._workers:
            worker.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + most_s
        for process in processes:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()

    def kill(self) -> None:
        """End everything at once, take nothing more; what ran or waited fails with WorkerDied."""
        with self._state:
            self._closed = True
            waiting = list(self._tasks)
            self._tasks.clear()
        for task in waiting:
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(WorkerDied("the service ended before the export began"))
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _start_forkserver() -> None:
    """Start the workers' parent, which ignores a stop of the whole group; one that comes meanwhile is held back."""
    if sys.platform != "linux":
        return
    resource_tracker.ensure_running()  # it sets the mask itself
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)


def end_forkserver(most_s: float) -> None:
    """End the workers' parent; kill it when it does not end within `most_s`, stopped by a signal for instance.

    Only then do the threads that watch its children learn that those are gone.
    """
    if sys.platform != "linux":
        return
    server: Any = forkserver._forkserver
    pid, descriptor = server._forkserver_pid, server._forkserver_alive_fd
    if pid is None or descriptor is None:
        return
    os.close(descriptor)
    end = time.monotonic() + most_s
    while not (ended := os.waitpid(pid, os.WNOHANG)[0]) and time.monotonic() < end:
        time.sleep(0.01)
    if not ended:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    server._forkserver_pid = server._forkserver_alive_fd = None
    with contextlib.suppress(OSError):
        Path(server._forkserver_address).unlink()
    server._forkserver_address = None


_REPLACING = threading.Lock()


def _replace_stopped_forkserver() -> None:
    """End a workers' parent that a signal stopped: who asked it for a worker, or waits for one, would wait for ever."""
    if sys.platform != "linux":
        return
    server: Any = forkserver._forkserver
    with _REPLACING, contextlib.suppress(OSError):
        pid = server._forkserver_pid
        if pid is None:
            return
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            state = os.read(descriptor, 256).rpartition(b")")[2].split()[0]
        finally:
            os.close(descriptor)
        if state in (b"T", b"t"):
            end_forkserver(0)


def _processes(worker: ProcessPoolExecutor) -> list[BaseProcess]:
    return list((worker._processes or {}).values())
