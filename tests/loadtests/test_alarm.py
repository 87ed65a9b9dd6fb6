"""Waiting for a moment without holding the event loop, and the stamps next to the socket."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import gevent
import pytest

from loadtests.alarm import Alarm
from loadtests.wire import Wire


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_waits_until_the_moment_while_others_run() -> None:
    turns: list[float] = []

    def other() -> None:
        while True:
            turns.append(time.monotonic())
            gevent.sleep(0.001)

    beside = gevent.spawn(other)
    with Alarm() as alarm:
        assert alarm.exact
        for wait_s in (0.0503, 0.0007, 0.02):
            due = time.monotonic() + wait_s
            alarm.wait_until(due)
            assert time.monotonic() >= due
    beside.kill()
    assert len(turns) > 5


def test_a_moment_that_is_past_lets_others_run_all_the_same() -> None:
    ran: list[int] = []
    gevent.spawn(ran.append, 1)
    with Alarm() as alarm:
        alarm.wait_until(time.monotonic() - 1)
    assert ran == [1]


def test_a_wait_can_be_ended_from_outside_and_leaves_no_descriptor() -> None:
    before = _descriptors()

    def wait() -> None:
        with Alarm() as alarm:
            alarm.wait_until(time.monotonic() + 60)

    for _ in range(20):
        waiting = gevent.spawn(wait)
        gevent.sleep(0.001)
        waiting.kill()
        assert waiting.dead
    assert _descriptors() <= before + 1


def test_without_such_timers_it_waits_by_the_loops_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "elsewhere")
    with Alarm() as alarm:
        assert not alarm.exact
        due = time.monotonic() + 0.005
        alarm.wait_until(due)
        assert time.monotonic() >= due


class _Pool:
    """A connection pool whose connection takes one tick to open."""

    size = 1

    def __init__(self, ticks: list[float]) -> None:
        self.ticks, self.back = ticks, 0

    def get_socket(self) -> object:
        self.ticks[0] += 1
        return object()

    def return_socket(self, _sock: object) -> None:
        self.back += 1

    release_socket = return_socket


class _Client:
    def __init__(self, pool: Any) -> None:
        self._connection_pool = pool


class _Clients:
    def __init__(self, client: _Client) -> None:
        self.client = client

    def get_client(self, _url: object) -> _Client:
        return self.client


def test_opening_a_connection_counts_and_the_generators_own_work_does_not() -> None:
    ticks = [100.0]
    pool = _Pool(ticks)
    wire = Wire(_Clients(_Client(pool)), lambda: ticks[0])
    for _ in range(2):
        wire.clear()
        assert (wire.began, wire.ended) == (None, None)
        ticks[0] += 10  # headers, URL, events
        begun = ticks[0]
        connections = wire.get_client("http://x/")._connection_pool
        connections.get_socket()  # one tick
        connections.get_socket()  # asked again, since the first was closed meanwhile
        ticks[0] += 5
        connections.return_socket(object())
        ticks[0] += 10  # statistics
        assert (wire.began, wire.ended) == (begun, begun + 7)
    assert pool.back == 2
