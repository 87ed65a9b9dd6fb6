"""The checklists: the runbook's two in its words, then ours; complete, and ticked by checks only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from assertions.checks.catalogue import CHECKS
from assertions.judge import Report
from assertions.verdicts import SCENARIOS, Verdict, failed, no_data, passed
from evidence.bundle.run_folder import OURS
from evidence.reports.checklists.boxes import FINAL_VALIDATION, GREEN_STATUS, RUNBOOK_BOUNDS
from evidence.reports.checklists.further_boxes import CHECKLISTS, FURTHER
from evidence.reports.checklists.ticks import Box, Checklist, state, tick, verdicts_of
from tests.evidence.sample_reports import GREEN, LIMITS, REMOTE, SMOKE_ONLY, WAIVED, report

IDS = {check.id for check in CHECKS}
OPTIONAL = next(check.id for check in CHECKS if check.optional)
BOXES = tuple(box for checklist in CHECKLISTS for box in checklist.boxes)
GROUNDED = tuple(box for box in BOXES if not box.unseen)
RUNBOOK = Path(__file__).with_name("runbook_boxes.txt")
"""The runbook's headings and boxes, copied line by line without their ticks."""


def ticked_in(box: Box, mine: Report) -> tuple[bool, str]:
    """Whether a box is ticked by the runbook's bounds, and why."""
    return tick(box, mine, RUNBOOK_BOUNDS)


def box_of(check: str) -> Box:
    """The first box that names a check."""
    return next(box for box in BOXES if check in box.checks)


def lines_of(checklist: Checklist) -> Iterator[str]:
    """A list as the runbook writes it."""
    yield f"## {checklist.title}"
    for section in checklist.sections:
        yield f"### {section.title}"
        yield from (f"- {box.text}" for box in section.boxes)


def test_the_runbooks_lists_are_there_to_the_letter() -> None:
    """Both lists of the runbook, section by section and box by box, in its order and words, and nothing else."""
    ours = [*lines_of(GREEN_STATUS), *lines_of(FINAL_VALIDATION)]
    assert ours == RUNBOOK.read_text(encoding="utf-8").splitlines()
    assert (GREEN_STATUS, FINAL_VALIDATION, FURTHER) == CHECKLISTS


def test_every_check_has_a_box() -> None:
    """Each check of the judge's list stands by name in at least one box."""
    assert IDS - {check for box in BOXES for check in box.checks} == set()


def test_every_box_has_one_ground() -> None:
    """A box rests on checks that exist, on a scenario, on the six assertions, or says why on nothing; never on two."""
    for box in BOXES:
        grounds = [bool(box.checks or box.scenario), box.six, bool(box.unseen)]
        assert grounds.count(True) == 1, box.text
        assert set(box.checks) <= IDS
        assert len(set(box.checks)) == len(box.checks)
        assert box.scenario in (None, *SCENARIOS)


def test_a_box_links_to_a_file_of_the_run_just_where_it_can_be_ticked() -> None:
    """Each artifact is one that a run leaves; a box that no check speaks for has none."""
    for box in BOXES:
        assert bool(box.artifact) is not bool(box.unseen), box.text
        assert not box.artifact or box.artifact.split("/")[0] in OURS, box.artifact


def test_all_ticked_when_all_pass() -> None:
    """Where every check passes each box with a ground is ticked and names its checks; one without never is."""
    mine = report("GREEN", "GREEN", {})
    for box in BOXES:
        ticked, reason = ticked_in(box, mine)
        assert ticked is (not box.unseen)
        if box.checks:
            assert {part.partition(":")[0] for part in reason.split(", ")} == set(box.checks)
        elif box.unseen:
            assert reason == box.unseen


def test_each_check_can_untick() -> None:
    """A FAIL of any check unticks every box that rests on it, and no other."""
    for check in CHECKS:
        mine = report("RED", "RED", {check.id: failed("broken")})
        mine = msgspec.structs.replace(mine, assertions=GREEN.assertions)
        for box in GROUNDED:
            hit = any(verdict.id == check.id for verdict in verdicts_of(box, mine))
            assert ticked_in(box, mine)[0] is not hit, (check.id, box.text)


@pytest.mark.parametrize("scenario", ["smoke", "load"])
def test_a_scenarios_box_rests_on_all_its_checks(scenario: str) -> None:
    """`Smoke tests pass` counts every verdict of smoke, and none of another scenario."""
    box = next(box for box in GREEN_STATUS.boxes if box.scenario == scenario)
    mine = [verdict for verdict in GREEN.verdicts if verdict.scenario == scenario]
    assert verdicts_of(box, GREEN) == mine
    passes = sum(verdict.status == "PASS" for verdict in mine)
    ticked, reason = ticked_in(box, GREEN)
    assert ticked
    assert reason.startswith(f"{passes} of {len(mine)} checks in {scenario} PASS, none FAIL; NO DATA: ")


def test_a_scenario_that_was_not_run_is_not_ticked() -> None:
    """Without a load scenario its box says that it has not been run."""
    box = next(box for box in GREEN_STATUS.boxes if box.scenario == "load")
    assert ticked_in(box, SMOKE_ONLY)[0] is False
    assert ticked_in(box, SMOKE_ONLY)[1].endswith("the scenario load has not been run")


def test_a_box_of_one_scenario_leaves_the_others_out() -> None:
    """`1k CSV export successful` is of smoke: what load shows is not its affair."""
    box = next(box for box in FINAL_VALIDATION.boxes if box.text == "1k CSV export successful")
    assert {verdict.scenario for verdict in verdicts_of(box, GREEN)} == {"smoke"}


def test_the_six_are_ticked_only_together() -> None:
    """6/6 means six PASS; with five the box names the missing one; without any there is no tick."""
    box = next(box for box in BOXES if box.six)
    assert ticked_in(box, GREEN) == (True, "6 of 6 assertions PASS")
    worst = msgspec.structs.replace(GREEN.assertions[1], status="NO DATA", reason="none")
    five = (GREEN.assertions[0], worst, *GREEN.assertions[2:])
    mine: Report = msgspec.structs.replace(GREEN, assertions=five)
    assert ticked_in(box, mine) == (False, f"5 of 6 assertions PASS; {worst.title} is NO DATA: none")
    assert ticked_in(box, msgspec.structs.replace(GREEN, assertions=()))[0] is False


def test_no_data_unticks() -> None:
    """NO DATA of a check that is needed unticks its box, with its reason."""
    mine = report("NO DATA", "NO DATA", {"batch": no_data("nothing was measured")})
    assert ticked_in(box_of("batch"), mine) == (False, "NO DATA, batch/batch: nothing was measured")


def test_a_waiver_does_not_tick() -> None:
    """What was waived is not ticked, and says so."""
    ticked, reason = ticked_in(box_of("memory"), WAIVED)
    assert not ticked
    assert reason.startswith(f"waived ({REMOTE['memory']}): ")


def test_a_fail_speaks_before_a_waiver() -> None:
    """A FAIL together with a waived check is what the box says."""
    mine = report("RED", "RED", {"memory-gauge": failed("too much"), "memory": no_data("unseen")}, REMOTE)
    assert ticked_in(box_of("memory"), mine)[1].startswith("FAIL, smoke/memory-gauge")


def test_optional_no_data_is_said() -> None:
    """NO DATA of an optional check among others leaves the tick, and is named."""
    mine = report("GREEN", "GREEN", {"leftovers": no_data("unseen here")})
    ticked, reason = ticked_in(box_of("leftovers"), mine)
    assert ticked
    assert "; NO DATA: smoke/leftovers: unseen here" in reason


def test_nothing_seen_is_no_tick() -> None:
    """Where only optional checks speak and none saw anything the box stays empty, as it does without any verdict."""
    mine = report("GREEN", "GREEN", {OPTIONAL: no_data("unseen")})
    only: list[Verdict] = [verdict for verdict in mine.verdicts if verdict.id == OPTIONAL]
    assert state(only) == (False, "NO DATA: unseen")
    assert state([]) == (False, "no check decides it")


@pytest.mark.parametrize("check", ["service-log", "files-present"])
def test_an_unseen_log_or_folder_leaves_its_runbook_box_empty(check: str) -> None:
    """`Executor starts without errors` and `Files created` need what only some runs can see."""
    mine = report("GREEN", "GREEN", {check: no_data("can't be seen")})
    assert ticked_in(box_of(check), mine) == (False, "NO DATA: can't be seen")


def test_one_pass_is_enough_for_a_reason() -> None:
    """A single pass ticks and is named."""
    one = report("GREEN", "GREEN", {"rules": passed("all well")})
    box = next(box for box in BOXES if box.checks == ("rules",))
    assert ticked_in(box, one) == (True, "rules: all well")


@pytest.mark.parametrize(
    ("limit_id", "target", "ticked"),
    [
        ("latency_p95_ms", 9_999, True),
        ("latency_p95_ms", 10_000, True),
        ("latency_p95_ms", 10_001, False),
        ("throughput_per_s", 0.06, True),
        ("throughput_per_s", 0.05, True),
        ("throughput_per_s", 0.049, False),
    ],
)
def test_a_laxer_limit_ticks_no_box_of_the_runbooks_bounds(limit_id: str, target: float, ticked: bool) -> None:
    """A pass by a limit that asks for less than the box's words is no tick; one that asks for as much or more is."""
    check = {"latency_p95_ms": "latency-outside", "throughput_per_s": "throughput"}[limit_id]
    limit = msgspec.structs.replace(LIMITS[limit_id], target=target)
    mine = report("GREEN", "GREEN", {check: passed("well", limit=limit)})
    assert ticked_in(box_of(check), mine)[0] is ticked
    if not ticked:
        assert ticked_in(box_of(check), mine)[1].startswith(f"load/{check} was judged by {limit}, which asks for less")


def test_the_limits_file_is_the_runbooks() -> None:
    """The limits that come with the harness ask for just what the runbook's boxes say."""
    assert {limit_id: LIMITS[limit_id].target for limit_id in RUNBOOK_BOUNDS} == RUNBOOK_BOUNDS


EACH = tuple(box for box in BOXES if box.each)
DRAWN = tuple(box for box in EACH if "panels-drawn" in box.checks)


@pytest.mark.parametrize("box", EACH, ids=lambda box: box.text)
def test_boxes_that_need_each_check_are_not_ticked_without_one(box: Box) -> None:
    """A live query without a picture ticks none, nor a picture without a live query, nor a start without a log."""
    for check in box.checks:
        ticked, reason = ticked_in(box, report("GREEN", "GREEN", {check: no_data("it was not done")}))
        assert (ticked, reason.startswith("NO DATA"), reason.endswith(": it was not done")) == (False, True, True)


def test_the_boxes_of_the_dashboard_are_the_runbooks_three() -> None:
    """Import, rendering with live data, and rendering correctly; each says that no Grafana server took part.

    All three rest on the live queries and on the pictures.
    """
    assert [box.text for box in DRAWN] == [
        "Grafana dashboard rendering correctly",
        "Grafana dashboard imported",
        "Panels rendering with live data",
    ]
    assert all({"prometheus-panels", "panels-drawn"} <= set(box.checks) for box in DRAWN)
    assert [box.here.rpartition("; ")[2] for box in DRAWN] == [
        "a Grafana server took no part",
        "not seen: the import itself, since no Grafana server ran",
        "a Grafana server took no part",
    ]


def test_the_start_rests_on_the_log_and_on_health() -> None:
    """A service whose log was not captured has not been seen to start without errors, though it answers."""
    box = next(box for box in BOXES if box.text == "Executor starts without errors")
    assert box.checks == ("service-log", "health")
    mine = report("GREEN", "GREEN", {"service-log": no_data("the service's log was not captured")})
    assert ticked_in(box, mine) == (False, "NO DATA: the service's log was not captured")


def test_a_check_that_was_not_judged_ticks_no_box_that_needs_each() -> None:
    """A report that lacks one of the checks altogether ticks nothing."""
    box = DRAWN[0]
    mine = msgspec.structs.replace(GREEN, verdicts=tuple(one for one in GREEN.verdicts if one.id != "panels-drawn"))
    assert ticked_in(box, mine) == (False, "panels-drawn was not judged")
