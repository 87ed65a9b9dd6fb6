"""Waiting for a moment to some microseconds, without holding the event loop.

gevent's own timers are whole milliseconds, rounded up. Linux has timers that are files (timerfd_create(2)), which an
event loop watches like a socket; Python's `os` knows them from 3.13 on only. Elsewhere the loop's timers serve.
Imported only where gevent has patched the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from types import TracebackType
from typing import Any, Self

import gevent

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME


class _Spec(ctypes.Structure):
    """struct itimerspec."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class PreciseTimer:
    """For one greenlet at a time; close it when it is done with."""

    def __init__(self) -> None:
        self._libc: Any = None
        self._fd = -1
        if sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError):
                libc = ctypes.CDLL(None, use_errno=True)
                self._fd = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
                self._libc = libc
        self._watcher = gevent.get_hub().loop.io(self._fd, 1) if self._fd >= 0 else None

    @property
    def exact(self) -> bool:
        """Whether it waits by a timer of its own."""
        return self._watcher is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the timer back."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
            self._watcher, self._fd = None, -1

    def wait_until(self, moment_s: float) -> None:
        """Let others run until that moment of the monotonic clock; at least once, when it is past already."""
        left = moment_s - time.monotonic()
        if left <= 0 or self._watcher is None or not self._set(moment_s):
            gevent.sleep(max(left, 0))
            return
        gevent.get_hub().wait(self._watcher)
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)

    def _set(self, moment_s: float) -> bool:
        whole = int(moment_s)
        spec = _Spec(0, 0, whole, int((moment_s - whole) * 1e9))
        return bool(self._libc.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(spec), None) == 0)
