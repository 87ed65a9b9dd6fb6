"""Who may run: at most `max_running` exports at once, at most `max_waiting` in a first-in-first-out queue."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable

from service.errors import ServiceError

MAX_RETRY_AFTER_S = 120
RECENT_RUNS = 50


class QueueFull(ServiceError):
    """All places, running and waiting, are taken."""


class Ticket:
    """One admitted export's place: it waits until `turn` is done, then runs until it leaves."""

    def __init__(self, turn: asyncio.Future[None]) -> None:
        self.turn = turn
        """Done when the export may run; failed when the wait was broken off."""


class Admission:
    """The queue; only called from the event loop's thread. `on_change(running, waiting)` is called at every change."""

    def __init__(self, max_running: int, max_waiting: int, on_change: Callable[[int, int], None]) -> None:
        self.max_running = max_running
        self.max_waiting = max_waiting
        self._on_change = on_change
        self._running: set[Ticket] = set()
        self._waiting: deque[Ticket] = deque()
        self._recent_s: deque[float] = deque(maxlen=RECENT_RUNS)
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        """Exports running now."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Exports waiting now."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """True: the next one is refused."""
        return self.running >= self.max_running and self.waiting >= self.max_waiting

    def enter(self) -> Ticket:
        """Take a place, running if one is free, else at the queue's end; QueueFull when there is none."""
        if self.full:
            raise QueueFull
        ticket = Ticket(asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        self._advance()
        return ticket

    def leave(self, ticket: Ticket, ran_s: float | None = None) -> None:
        """Give the place back, from either state; `ran_s` is how long it ran, for `retry_after_s`."""
        if ticket in self._running:
            self._running.remove(ticket)
            if ran_s is not None:
                self._recent_s.append(ran_s)
        else:
            self._waiting.remove(ticket)
        self._advance()

    def _advance(self) -> None:
        while self._waiting and self.running < self.max_running:
            ticket = self._waiting.popleft()
            self._running.add(ticket)
            ticket.turn.set_result(None)
        if self._running:
            self._idle.clear()
        else:
            self._idle.set()
        self._on_change(self.running, self.waiting)

    async def idle(self) -> None:
        """Return when nothing runs and nothing waits."""
        await self._idle.wait()

    def retry_after_s(self) -> int:
        """Seconds until a place is likely free: the mean recent run over the slots; 1 to 120."""
        mean_s = sum(self._recent_s) / len(self._recent_s) if self._recent_s else 1.0
        # a refused client should come back when half the queue is gone, not to fight for the first free place
        wait_s = mean_s * (self.waiting / 2 + 1) / self.max_running
        return max(1, min(MAX_RETRY_AFTER_S, math.ceil(wait_s)))
