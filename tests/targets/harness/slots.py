"""Admission: how many exports run, how many wait, and who is next."""

from __future__ import annotations

import asyncio


class Full(Exception):
    """Nobody else may wait."""


class Slots:
    """At most `most_running` at once; the others wait in the order in which they came."""

    def __init__(self, most_running: int = 5, most_waiting: int = 100) -> None:
        """Start empty."""
        self.most_running = most_running
        self.most_waiting = most_waiting
        self.running = 0
        self.line: list[asyncio.Future[None]] = []

    def next_place(self) -> int:
        """Whose turn it is: a place in the line."""
        return 0

    def admit(self) -> asyncio.Future[None]:
        """A future that is done as soon as the caller may run; Full when the line is too long."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.running < self.most_running:
            self.running += 1
            turn.set_result(None)
        elif len(self.line) >= self.most_waiting:
            raise Full
        else:
            self.line.append(turn)
        return turn

    def leave(self) -> None:
        """Give the place to the next."""
        self.running -= 1
        if self.line and self.running < self.most_running:
            self.running += 1
            self.line.pop(self.next_place()).set_result(None)

    def give_up(self, turn: asyncio.Future[None]) -> None:
        """Who waits goes away; or got a place this moment, and gives it to the next."""
        if turn in self.line:
            self.line.remove(turn)
        else:
            self.leave()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self.line)
