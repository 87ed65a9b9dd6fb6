"""What a generator's clients do: one attempt a request on a connection of their own, and every request recorded.

Imported only where gevent has patched the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import gevent
import msgspec
from locust.contrib.fasthttp import FastHttpSession

from assertions.records import Fetch, Hit, Request
from loadtests import drive
from loadtests.exporting import RUN_PATH, make_hit
from loadtests.target import Answer, Target, error_name, lower_headers
from loadtests.wire import Wire

IDLE_S = 1.0
"""A connection that rested longer is not used again: servers close idle ones, and a lost race looks like a failure."""


NewSession = Callable[[Target, float], FastHttpSession]
"""Makes one client's session with a target, given the timeout of each wait in seconds."""


BATCH = 64


class _Deadline(BaseException):
    """Not an Exception: Locust's client would swallow it."""


class Sent(NamedTuple):
    """One request that is over, as it waits to be recorded."""

    phase: str
    request: Request
    answer: Answer
    body_bytes: int
    intended: float
    client: str

    def hit(self) -> Hit:
        """Its record."""
        return make_hit(
            self.phase,
            self.request,
            self.answer,
            body_bytes=self.body_bytes,
            intended=self.intended,
            client=self.client,
        )


class Parts:
    """One generator's own record files."""

    def __init__(self, folder: Path, worker: int) -> None:
        self.folder, self.worker = folder, worker
        self.hits: BinaryIO = drive.hits_path(folder, worker).open("wb")
        self.fetches: BinaryIO = drive.fetches_path(folder, worker).open("wb")
        self.hit_count = self.fetch_count = 0
        self._waiting: list[Sent] = []
        self._encoder = msgspec.json.Encoder()

    def hit(self, sent: Sent) -> None:
        """Write one hit; a batch is made and encoded together, which costs half of doing it between two requests."""
        self._waiting.append(sent)
        self.hit_count += 1
        if len(self._waiting) >= BATCH:
            self._write_waiting()

    def fetch(self, fetch: Fetch) -> None:
        """Write one fetch."""
        self.fetches.write(self._encoder.encode(fetch) + b"\n")
        self.fetch_count += 1

    def flush(self) -> None:
        """Hand what is written to the system."""
        self._write_waiting()
        self.hits.flush()
        self.fetches.flush()

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.hits.write(self._encoder.encode_lines([sent.hit() for sent in waiting]))

    def close(self, lags_ms: tuple[float, ...], slips_ms: tuple[float, ...]) -> None:
        """Close the files and write the end mark, which says how much must be in them."""
        self._write_waiting()
        self.hits.close()
        self.fetches.close()
        mark = drive.EndMark(hits=self.hit_count, fetches=self.fetch_count, lags_ms=lags_ms, slips_ms=slips_ms)
        drive.end_mark_path(self.folder, self.worker).write_bytes(drive.encode(mark))


@dataclass
class Counts:
    """Sums since the scenario's start."""

    started: int = 0
    answered: int = 0
    exports: int = 0
    latencies_ms: list[float] = field(default_factory=list)


class Connection:
    """One client's connection: one attempt a request, one deadline over all of it, no redirects."""

    def __init__(self, target: Target, new_session: NewSession) -> None:
        self.target = target
        self._new_session = new_session
        self._session: FastHttpSession | None = None
        self._used = 0.0
        self._headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            **dict(target.headers),
        }

    def post(self, body: bytes, timeout_s: float) -> Answer:
        """Send one export request; whatever happens becomes an Answer."""
        clock = self.target.clock
        if self._session is None or clock.now() - self._used > IDLE_S:
            self._session = self._new_session(self.target, timeout_s)
        agent: Any = self._session.client
        wire: Wire = agent.clientpool
        wire.clear()
        start = clock.now()
        error: str | None = None
        status: int | None = None
        headers: dict[str, str] = {}
        content = b""
        try:
            with gevent.Timeout(timeout_s, _Deadline):
                response: Any = self._session.request(
                    "POST",
                    RUN_PATH,
                    data=body,  # type: ignore[arg-type]  # bytes go through as they are
                    headers=self._headers,
                    stream=True,
                )
                problem = getattr(response, "error", None)
                if problem is None:
                    headers = lower_headers(list(response.headers.items()))
                    content = response.content or b""
                    status = response.status_code
                else:
                    error = _why(problem)
        except _Deadline:
            error = "timeout"
        except gevent.GreenletExit:
            error = "interrupted"
        except Exception as problem:
            error = "short" if headers else _why(problem)
        end = self._used = clock.now()
        if error is not None:
            self._session = None
        elif wire.began is not None and wire.ended is not None:
            start, end = wire.began, wire.ended
        return Answer(status, error, headers, content, start, end)


def _why(problem: BaseException) -> str:
    name = type(problem).__name__
    return {"HTTPConnectionClosed": "reset", "HTTPParseError": "protocol"}.get(name) or error_name(problem)


@dataclass
class Work:
    """A generator's part of one phase, handed out request by request."""

    requests: Sequence[Request]
    limits: drive.PhaseDrive
    at: float
    """When the phase began."""
    now: Callable[[], float]
    taken: int = 0
    cut: str | None = None
    """Why it ended before its time; None: it did not."""

    def take(self) -> Iterator[Request]:
        """The next request, until both the least number and the least time are reached; all clients share one."""
        for request in self.requests:
            elapsed = self.now() - self.at
            if request.index >= self.limits.least and elapsed >= self.limits.seconds:
                return
            if elapsed > self.limits.max_seconds:
                self.cut = f"not over after {self.limits.max_seconds:g} s"
                return
            self.taken += 1
            yield request
