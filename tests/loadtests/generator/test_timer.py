"""Waiting for a moment without holding the event loop."""

from __future__ import annotations

import sys
import time

import gevent
import pytest

from loadtests.generator.timer import PreciseTimer
from tests.leftovers import open_descriptors


def test_waits_until_the_moment_while_others_run() -> None:
    """A wait ends at its moment, never before, and other tasks run meanwhile."""
    turns: list[float] = []

    def other() -> None:
        while True:
            turns.append(time.monotonic())
            gevent.sleep(0.001)

    other_task = gevent.spawn(other)
    with PreciseTimer() as timer:
        assert timer.exact
        for wait_s in (0.0503, 0.0007, 0.02):
            due = time.monotonic() + wait_s
            timer.wait_until(due)
            assert time.monotonic() >= due
    other_task.kill()
    assert len(turns) > 5


def test_a_moment_that_is_past_lets_others_run_all_the_same() -> None:
    """A moment that is past is no wait, but other tasks get their turn."""
    ran: list[int] = []
    gevent.spawn(ran.append, 1)
    with PreciseTimer() as timer:
        timer.wait_until(time.monotonic() - 1)
    assert ran == [1]


def test_a_wait_can_be_ended_from_outside_and_leaves_no_descriptor() -> None:
    """Waits that are killed leave no open descriptor behind."""
    before = open_descriptors()

    def wait() -> None:
        with PreciseTimer() as timer:
            timer.wait_until(time.monotonic() + 60)

    for _ in range(20):
        waiting = gevent.spawn(wait)
        gevent.sleep(0.001)
        waiting.kill()
        assert waiting.dead
    assert open_descriptors() <= before + 1


def test_without_such_timers_it_waits_by_the_loops_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the system's timers a wait by the loop's own timer ends no earlier."""
    monkeypatch.setattr(sys, "platform", "elsewhere")
    with PreciseTimer() as timer:
        assert not timer.exact
        due = time.monotonic() + 0.005
        timer.wait_until(due)
        assert time.monotonic() >= due
