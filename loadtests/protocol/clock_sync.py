"""Clock offsets between machines."""

from __future__ import annotations

import time
from dataclasses import dataclass

from loadtests.client.clock import Clock
from loadtests.protocol import messages
from loadtests.protocol.channel import Channel

ASKS = 25
"""Times that the runner is asked for the time; the quickest answer counts."""


@dataclass(frozen=True)
class ClockOffset:
    """The runner's time as it was read from elsewhere."""

    anchor: float
    """Unix seconds of the runner's clock at this machine's monotonic clock's zero."""
    error_s: float
    """Half of the quickest way to and fro."""

    @property
    def clock(self) -> Clock:
        """The runner's clock, on this machine."""
        return Clock(anchor=self.anchor)

    @property
    def offset_s(self) -> float:
        """This machine's wall clock less the runner's."""
        return time.time() - self.clock.now()


def read_clock(host: str, port: int) -> ClockOffset:
    """Ask the runner for the time, many times over a line of its own. OSError where it does not say."""
    best: ClockOffset | None = None
    with Channel(host, port) as line:
        for _ in range(ASKS):
            sent = time.monotonic()
            line.say(messages.TimeRequest())
            said = line.listen()
            came = time.monotonic()
            if not isinstance(said, messages.TimeReply):
                raise OSError("the runner did not say what time it is")
            reading = ClockOffset(anchor=said.now - (sent + came) / 2, error_s=(came - sent) / 2)
            if best is None or reading.error_s < best.error_s:
                best = reading
    assert best is not None
    return best
