"""Work in a thread while other work goes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
GIVE_UP_S = 3.0
"""Longest wait for the thread's end where the other work was broken off: an interrupted run ends soon."""


class _Work(threading.Thread, Generic[T]):
    """One call, its result or its error."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(name="background", daemon=True)
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work."""
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error

    def result(self) -> T:
        """Wait for the end; return the result, or raise what the work raised."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._results[0]


@contextlib.contextmanager
def in_background(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Do some work while the block runs; yield a function that waits for the work's result, or raises its error.

    Where the block raises, the work's end is waited for a little, and its result and error are dropped.
    """
    thread = _Work(work)
    thread.start()
    try:
        yield thread.result
    except BaseException:
        thread.join(GIVE_UP_S)
        raise
    thread.join()
