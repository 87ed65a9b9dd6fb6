"""Calling something at a steady interval in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

INTERVAL_S = 0.2


class Ticker:
    """Calls something every so often on a fixed grid of time, in a thread; slow calls skip beats, never pile up."""

    def __init__(
        self,
        name: str,
        call: Callable[[], object],
        now: Callable[[], float],
        offset_s: float = 0.0,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._call, self._now, self._offset_s, self._interval_s = call, now, offset_s, interval_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End; a call that hangs is left behind as a daemon thread."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        due = self._now() + self._offset_s
        while not self._end.wait(max(due - self._now(), 0)):
            self._call()
            due += self._interval_s
            late = self._now() - due
            if late > 0:
                due += self._interval_s * int(late / self._interval_s + 1)
