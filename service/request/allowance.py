"""How much of a body may be checked at once where nothing else can go on meanwhile: on the event loop."""

from __future__ import annotations

import time
from collections.abc import Callable

from service.errors import ServiceError

LONGEST_S = 0.02
"""Processor time of the slices of one body; ordinary records of 2 MB take less."""
LARGEST_BYTES = 256 * 1024
"""Of what is decoded at once, a slice of records or a body without its records: 40 ms of the worst found."""


class TooCostly(ServiceError):
    """A check was broken off; the body is to be checked in another process, from its beginning."""


class Allowance:
    """What one body's check may take; made when the check begins. `clock` gives this thread's processor time in s."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._end = clock() + LONGEST_S

    def take(self, size: int) -> None:
        """Raise TooCostly where `size` bytes are too many to decode at once, or the time is over."""
        if size > LARGEST_BYTES or self._clock() > self._end:
            raise TooCostly
