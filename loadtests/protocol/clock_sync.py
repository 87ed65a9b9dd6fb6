"""Clock offsets between machines."""

from __future__ import annotations

import time
from dataclasses import dataclass

from loadtests.client.clock import Clock
from loadtests.protocol import messages
from loadtests.protocol.channel import Channel

READINGS = 25
"""Times that the runner's clock is read; the quickest reading counts."""


@dataclass(frozen=True)
class ClockOffset:
    """The runner's time as it was read from another machine."""

    anchor: float
    """Unix seconds of the runner's clock at this machine's monotonic clock's zero."""
    error_s: float
    """Half of the quickest round trip."""

    @property
    def clock(self) -> Clock:
        """The runner's clock, on this machine."""
        return Clock(anchor=self.anchor)

    @property
    def offset_s(self) -> float:
        """This machine's wall clock less the runner's."""
        return time.time() - self.clock.now()


def read_clock(host: str, port: int) -> ClockOffset:
    """Read the runner's clock many times over a connection of its own. OSError where the runner does not reply."""
    best: ClockOffset | None = None
    with Channel(host, port) as channel:
        for _ in range(READINGS):
            sent = time.monotonic()
            channel.send(messages.TimeRequest())
            reply = channel.receive()
            received = time.monotonic()
            if not isinstance(reply, messages.TimeReply):
                raise OSError("the runner did not reply with its time")
            offset = ClockOffset(anchor=reply.now - (sent + received) / 2, error_s=(received - sent) / 2)
            if best is None or offset.error_s < best.error_s:
                best = offset
    assert best is not None
    return best
