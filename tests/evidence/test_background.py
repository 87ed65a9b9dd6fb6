"""Work in a thread while other work goes on: its result, its error, and what happens where the other work breaks."""

from __future__ import annotations

import threading

import pytest

from evidence import background
from evidence.background import in_background


def test_both_are_done() -> None:
    """The block runs while the work does, and gets its result."""
    begun = threading.Event()

    def work() -> int:
        assert begun.wait(60)
        return 7

    with in_background(work) as result:
        begun.set()
        assert result() == 7


def test_an_error_of_the_work_is_raised() -> None:
    """What the work raises is raised where its result is asked for."""

    def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), in_background(work) as result:
        result()


def test_a_block_that_breaks_waits_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the block raises, its error is raised, whether or not the work has come to its end."""
    monkeypatch.setattr(background, "GIVE_UP_S", 0.01)
    never, ended = threading.Event(), []
    with pytest.raises(KeyboardInterrupt), in_background(lambda: ended.append(never.wait(60))):
        raise KeyboardInterrupt
    assert ended == []
    never.set()
