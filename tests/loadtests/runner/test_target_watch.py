"""An end in sight: the target answers no more, or the scenario's longest time is over. The clock is handed in."""

from __future__ import annotations

import pytest

from assertions.contract import HEALTH_PATH, METRICS_PATH
from loadtests.errors import EarlyEnd
from loadtests.plan.deadline import MARGIN_S, deadline_s
from loadtests.plan.profile import load_profile, parse_profile
from loadtests.runner.target_watch import HEALTH_SILENCE_S, SILENCE_S, TIMEOUTS_IN_A_ROW, TargetWatch


class Clock:
    """A clock that a test sets."""

    now_s = 1_000.0

    def now(self) -> float:
        """Return the moment that is set."""
        return self.now_s


def watch(deadline: float = 180.0) -> tuple[TargetWatch, Clock]:
    """A watch whose scenario has just begun, and its clock."""
    clock = Clock()
    made = TargetWatch(clock.now, deadline)
    made.begin()
    return made, clock


def end_of(made: TargetWatch) -> tuple[str, str] | None:
    """Why the scenario ends now; None: it goes on."""
    try:
        made.check()
    except EarlyEnd as early:
        return early.ended, early.note
    return None


@pytest.mark.parametrize(("after_s", "ends"), [(179.9, False), (180.0, False), (180.1, True)])
def test_the_longest_time_ends_a_scenario_of_a_target_that_answers(after_s: float, ends: bool) -> None:
    """Whatever the target does; the sentence says how many exports there were."""
    made, clock = watch()
    clock.now_s += after_s
    made.add_exports(7, 0)
    reason = "the scenario's longest time of 180 s is over; 7 exports were answered, 0 timed out"
    assert end_of(made) == (("deadline", reason) if ends else None)


@pytest.mark.parametrize(("after_s", "ends"), [(SILENCE_S - 0.1, False), (SILENCE_S, False), (SILENCE_S + 0.1, True)])
def test_a_target_that_answers_nothing_ends_a_scenario(after_s: float, ends: bool) -> None:
    """Neither an export nor a page was answered."""
    made, clock = watch()
    clock.now_s += after_s
    made.add_page(METRICS_PATH, False)
    found = end_of(made)
    assert (found is not None and found[0] == "timed out" and "answered nothing for 35 s" in found[1]) is ends


def test_any_answer_ends_the_silence() -> None:
    """A page that is answered, or an export refused, is a sign of life."""
    for page in (True, False):
        made, clock = watch()
        clock.now_s += SILENCE_S - 1
        made.add_page(METRICS_PATH, page)
        made.add_exports(int(not page), 0)
        clock.now_s += SILENCE_S - 1
        assert end_of(made) is None


@pytest.mark.parametrize("timeouts", [TIMEOUTS_IN_A_ROW - 1, TIMEOUTS_IN_A_ROW])
def test_a_target_that_never_answered_an_export_ends_after_few_timeouts(timeouts: int) -> None:
    """Its health page may be fine."""
    made, clock = watch()
    clock.now_s += 30
    made.add_page(HEALTH_PATH, True)
    made.add_exports(0, timeouts)
    reason = "the first 2 exports all timed out, none was answered; the load was ended"
    assert end_of(made) == (("timed out", reason) if timeouts == TIMEOUTS_IN_A_ROW else None)


@pytest.mark.parametrize(("silent_s", "ends"), [(HEALTH_SILENCE_S, False), (HEALTH_SILENCE_S + 0.1, True)])
def test_timeouts_while_health_is_silent_end_a_scenario(silent_s: float, ends: bool) -> None:
    """After exports that were answered, too; while /health answers, a slow target gets its time."""
    made, clock = watch()
    made.add_exports(5, 0)
    made.add_page(HEALTH_PATH, True)
    clock.now_s += silent_s
    made.add_page(METRICS_PATH, True)
    made.add_exports(0, TIMEOUTS_IN_A_ROW)
    found = end_of(made)
    assert (found is not None and "2 exports in a row timed out, and /health has not answered" in found[1]) is ends


def test_timeouts_between_answers_are_not_in_a_row() -> None:
    """An answer of whatever status begins the count anew."""
    made, _ = watch()
    for _ in range(5):
        made.add_exports(0, 1)
        made.add_exports(1, 0)
    assert end_of(made) is None


def test_nothing_ends_before_the_load_begins() -> None:
    """Workers of other machines may take their time."""
    clock = Clock()
    made = TargetWatch(clock.now, 1.0)
    clock.now_s += 1_000
    assert end_of(made) is None


def test_every_profile_has_a_longest_time() -> None:
    """Three minutes for smoke, six for load and batch; any other its planned seconds and a margin."""
    assert [deadline_s(load_profile(name)) for name in ("smoke", "load", "batch")] == [180.0, 360.0, 360.0]
    text = b'[[phase]]\nname = "a"\nmode = "closed"\nclients = 2\n%b\nmix = [{ case = "csv-1k", count = 2 }]\n'
    assert deadline_s(parse_profile("mine", text % b"seconds = 20\nmax_count = 99")) == 20 + MARGIN_S
    assert deadline_s(parse_profile("mine", text % b"max_seconds = 40")) == 40 + MARGIN_S
    leak = b'[leak]\ncase = ["csv-1k"]\ncount = 50\nseconds = 10\n'
    assert deadline_s(parse_profile("mine", leak + text % b"max_seconds = 40")) == 40 + 4 * 10 + MARGIN_S
