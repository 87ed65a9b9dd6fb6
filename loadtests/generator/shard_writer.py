"""What the virtual users of a generator share: the record of every request, and the work, request by request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from assertions.record.types import Fetch, Hit, Request
from loadtests.client.answer import Answer
from loadtests.client.export import make_hit
from loadtests.plan.limits import PhaseLimits
from loadtests.protocol import messages
from loadtests.recorders.shards import EndMark, end_mark_path, fetches_path, hits_path

BATCH = 64
"""Hits that are encoded together."""


class SentRequest(NamedTuple):
    """One request that is over, as it waits to be recorded."""

    phase: str
    request: Request
    answer: Answer
    body_bytes: int
    intended: float
    client: str

    def hit(self) -> Hit:
        """Return its record."""
        return make_hit(
            self.phase,
            self.request,
            self.answer,
            body_bytes=self.body_bytes,
            intended=self.intended,
            client=self.client,
        )


class ShardWriter:
    """One generator's own record files."""

    def __init__(self, folder: Path, worker: int) -> None:
        self.folder, self.worker = folder, worker
        self.hits: BinaryIO = hits_path(folder, worker).open("wb")
        self.fetches: BinaryIO = fetches_path(folder, worker).open("wb")
        self.hit_count = self.fetch_count = 0
        self._waiting: list[SentRequest] = []
        self._encoder = msgspec.json.Encoder()

    def hit(self, sent: SentRequest) -> None:
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

    def close(self, event_loop_lags_ms: tuple[float, ...], scheduling_delays_ms: tuple[float, ...]) -> None:
        """Close the files and write the end mark, which says how much must be in them."""
        self._write_waiting()
        self.hits.close()
        self.fetches.close()
        mark = EndMark(
            hits=self.hit_count,
            fetches=self.fetch_count,
            event_loop_lags_ms=event_loop_lags_ms,
            scheduling_delays_ms=scheduling_delays_ms,
        )
        end_mark_path(self.folder, self.worker).write_bytes(messages.encode(mark))


@dataclass
class Counters:
    """Sums since the scenario's start."""

    started: int = 0
    over: int = 0
    """Requests that ended, with or without an answer."""
    answered: int = 0
    """With any status."""
    timeouts: int = 0
    exports: int = 0
    """Answered with 200."""
    latencies_ms: list[float] = field(default_factory=list)
    """Of the exports answered since the last message to the runner."""

    def add(self, sent: SentRequest) -> None:
        """Count a request that ended."""
        answer = sent.answer
        self.over += 1
        self.answered += answer.status is not None
        self.timeouts += answer.error == "timeout"
        if answer.status == 200:
            self.exports += 1
            self.latencies_ms.append((answer.end - sent.intended) * 1000)


@dataclass
class PhaseWork:
    """A generator's part of one phase, handed out request by request."""

    requests: Sequence[Request]
    limits: PhaseLimits
    at: float
    """When the phase began."""
    now: Callable[[], float]
    taken: int = 0
    cut: str | None = None
    """Why it ended before its time; None: it did not."""

    def take(self) -> Iterator[Request]:
        """Yield the next request, until both the least number and the least time are reached; all users share one."""
        for request in self.requests:
            elapsed_s = self.now() - self.at
            if request.index >= self.limits.least and elapsed_s >= self.limits.seconds:
                return
            if elapsed_s > self.limits.max_seconds:
                self.cut = f"not over after {self.limits.max_seconds:g} s"
                return
            self.taken += 1
            yield request
