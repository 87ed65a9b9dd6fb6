"""Calling a function at a steady interval in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

INTERVAL_S = 0.2
STOP_TIMEOUT_S = 2.0


class Ticker:
    """Calls a function on a fixed grid of time, in a thread; slow calls skip places of the grid, never pile up."""

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

    def ask_to_stop(self) -> None:
        """Make no further call."""
        self._end.set()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Make no further call, and wait for the present one; one that hangs stays behind as a daemon thread."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        due = self._now() + self._offset_s
        while not self._end.wait(max(due - self._now(), 0)):
            self._call()
            due = next_due(due, self._interval_s, self._now())


def next_due(due: float, interval_s: float, now: float) -> float:
    """Return the next place of the grid after `due` that is not past at `now`."""
    late_s = now - (due + interval_s)
    return due + interval_s + (interval_s * int(late_s / interval_s + 1) if late_s > 0 else 0.0)


def stop_all(tickers: Iterable[Ticker]) -> None:
    """Stop tickers together, so that several calls that hang are waited for at once."""
    tickers = tuple(tickers)
    for ticker in tickers:
        ticker.ask_to_stop()
    for ticker in tickers:
        ticker.stop()
