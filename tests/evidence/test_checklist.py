"""The checklist: complete, and ticked by checks only."""

from __future__ import annotations

from assertions.checks import CHECKS
from assertions.verdicts import Verdict, failed, no_data, passed
from evidence.checklist import BOXES, state, verdicts_of
from tests.evidence.reports import GREEN, REMOTE, WAIVED, report

IDS = {check.id for check in CHECKS}
OPTIONAL = next(check.id for check in CHECKS if check.optional)


def box_of(check: str) -> list[Verdict]:
    """The verdicts of the first box that rests on a check, in a green report."""
    return verdicts_of(next(box for box in BOXES if check in box.checks), GREEN)


def test_every_check_has_a_box() -> None:
    """Each check of the judge's list stands in at least one box."""
    assert IDS - {check for box in BOXES for check in box.checks} == set()


def test_every_box_has_checks_that_exist() -> None:
    """Each box rests on checks, all of them in the judge's list, none twice."""
    for box in BOXES:
        assert box.checks
        assert set(box.checks) <= IDS
        assert len(set(box.checks)) == len(box.checks)


def test_all_ticked_when_all_pass() -> None:
    """Where every check passes each box is ticked, and names its checks."""
    mine = report("GREEN", "GREEN", {})
    for box in BOXES:
        ticked, reason = state(verdicts_of(box, mine))
        assert ticked
        assert set(reason.split(", ")) == set(box.checks)


def test_each_check_can_untick() -> None:
    """A FAIL of any check unticks every box that rests on it, and no other."""
    for check in CHECKS:
        mine = report("RED", "RED", {check.id: failed("broken")})
        for box in BOXES:
            assert state(verdicts_of(box, mine))[0] == (check.id not in box.checks)


def test_no_data_unticks() -> None:
    """NO DATA of a check that is needed unticks its box, with its reason."""
    mine = report("NO DATA", "NO DATA", {"batch": no_data("nothing was measured")})
    box = next(box for box in BOXES if "batch" in box.checks)
    assert state(verdicts_of(box, mine)) == (False, "NO DATA, batch/batch: nothing was measured")


def test_a_waiver_does_not_tick() -> None:
    """What was waived is not ticked, and says so."""
    box = next(box for box in BOXES if "memory" in box.checks)
    ticked, reason = state(verdicts_of(box, WAIVED))
    assert not ticked
    assert reason.startswith(f"waived ({REMOTE['memory']}): ")


def test_a_fail_speaks_before_a_waiver() -> None:
    """A FAIL beside a waived check is what the box says."""
    mine = report("RED", "RED", {"memory-gauge": failed("too much"), "memory": no_data("unseen")}, REMOTE)
    box = next(box for box in BOXES if "memory" in box.checks)
    assert state(verdicts_of(box, mine))[1].startswith("FAIL, smoke/memory-gauge")


def test_optional_no_data_is_said() -> None:
    """NO DATA of an optional check alone leaves the tick, and is said."""
    mine = report("GREEN", "GREEN", {OPTIONAL: no_data("unseen here")})
    box = next(box for box in BOXES if OPTIONAL in box.checks)
    ticked, reason = state(verdicts_of(box, mine))
    assert ticked
    assert "; not seen: " in reason
    assert reason.endswith("unseen here")


def test_nothing_seen_is_no_tick() -> None:
    """Where only optional checks speak and none saw anything the box stays empty, as it does without any verdict."""
    unseen = list(report("GREEN", "GREEN", {OPTIONAL: no_data("unseen")}).verdicts)
    only = [verdict for verdict in unseen if verdict.id == OPTIONAL]
    assert state(only) == (False, "not seen: unseen")
    assert state([]) == (False, "no check speaks for it")


def test_one_pass_is_enough_for_a_reason() -> None:
    """A single pass ticks and is named."""
    one = report("GREEN", "GREEN", {"rules": passed("all well")})
    box = next(box for box in BOXES if "rules" in box.checks)
    assert state(verdicts_of(box, one)) == (True, "rules")
