"""Warm worker processes behind `concurrent.futures.Executor`: one task's dead worker is no other task's trouble."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

NICENESS = 10
RECURSION_LIMIT = 4_000
PRELOAD = ["service.pipeline"]


class WorkerDied(Exception):
    """The process that ran the task ended before the task did (killed, out of memory)."""


def _start_worker() -> None:
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    # a worker decodes nested text with less stack in use than its checker had, and never the other way round
    sys.setrecursionlimit(RECURSION_LIMIT)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _ready() -> int:
    return os.getpid()


class WorkerPool(Executor):
    """`workers` processes, each an executor of one, so that a death breaks one task and is mended at once.

    Tasks start in the order they were submitted. Task functions must be importable, arguments picklable.
    """

    def __init__(self, workers: int, recycle_after: int = 0) -> None:
        self._context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        if sys.platform == "linux":
            self._context.set_forkserver_preload(PRELOAD)
        self._recycle_after = recycle_after or None
        self._lock = threading.Lock()
        self._tasks: deque[tuple[Future[Any], Callable[[], tuple[Any, ...]]]] = deque()
        self._closed = False
        self._lanes: list[ProcessPoolExecutor] = [self._lane() for _ in range(workers)]
        self._free: deque[int] = deque(range(workers))

    def _lane(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, self._context, initializer=_start_worker, max_tasks_per_child=self._recycle_after)

    def warm_up(self) -> list[Future[int]]:
        """Start every process now; each future gives its pid."""
        return [lane.submit(_ready) for lane in self._lanes]

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` in the next free process; WorkerDied as the result when that process dies."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is shut down")
            self._tasks.append((future, lambda: (fn, args, kwargs)))
        self._dispatch()
        return future

    def _dispatch(self) -> None:
        while True:
            with self._lock:
                if not self._tasks or not self._free:
                    return
                outer, task = self._tasks.popleft()
                if not outer.set_running_or_notify_cancel():
                    continue
                number = self._free.popleft()
            fn, args, kwargs = task()
            try:
                inner = self._lanes[number].submit(fn, *args, **kwargs)
            except BrokenProcessPool:
                # it died at rest: nobody's task is hurt
                self._mend(number)
                inner = self._lanes[number].submit(fn, *args, **kwargs)
            inner.add_done_callback(lambda done, outer=outer, number=number: self._finish(done, outer, number))

    def _finish(self, inner: Future[Any], outer: Future[Any], number: int) -> None:
        error = inner.exception()
        if isinstance(error, BrokenProcessPool):
            self._mend(number)
            error = WorkerDied("the worker process died in mid-export")
        with self._lock:
            self._free.append(number)
        if error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())
        self._dispatch()

    def _mend(self, number: int) -> None:
        broken = self._lanes[number]
        self._lanes[number] = self._lane()
        broken.shutdown(wait=False)

    def pids(self) -> list[int]:
        """The processes that live now."""
        return [pid for lane in self._lanes for pid in (lane._processes or {})]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; with `cancel_futures` drop those that wait."""
        with self._lock:
            self._closed = True
            dropped = list(self._tasks) if cancel_futures else []
            if cancel_futures:
                self._tasks.clear()
        for future, _ in dropped:
            future.cancel()
        for lane in self._lanes:
            lane.shutdown(wait=wait, cancel_futures=cancel_futures)
