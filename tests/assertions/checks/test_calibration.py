"""The instrument's own checks at their limits, and what rests on them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.catalogue import CHECKS
from assertions.checks.harness import calibration
from assertions.checks.harness.generator import generator
from assertions.judge import judge
from assertions.record.files import read_one
from assertions.record.run import load_run, load_scenario
from assertions.record.types import Calibration, Scenario
from assertions.verdicts import SCENARIOS
from tests.assertions.cases.instrument import generated, late, unanswered
from tests.assertions.healthy.records import changed, from_files, healthy, healthy_run, write_run

LIMITS = limits_file.load()


@pytest.mark.parametrize(("more", "expected"), [(48.9, "PASS"), (49.1, "NO DATA")])
def test_the_error_at_its_limit(more: float, expected: str) -> None:
    """An error of up to 50 ms in all (1 ms is there anyway) may be, more is no instrument."""
    assert calibration.calibration(late(more)(healthy("load")), LIMITS).status == expected


@pytest.mark.parametrize(("share", "expected"), [(0.05, "PASS"), (0.06, "NO DATA")])
def test_one_in_twenty_may_be_far_off(share: float, expected: str) -> None:
    """The bound is on the P95: five of a hundred may be late, six may not."""
    assert calibration.calibration(late(900.0, share)(healthy("load")), LIMITS).status == expected


@pytest.mark.parametrize(("count", "expected"), [(58, "NO DATA"), (59, "PASS"), (60, "PASS")])
def test_as_many_as_a_p95_needs(count: int, expected: str) -> None:
    """Fifty-nine answers are the fewest that bound a P95."""
    record = healthy("load")
    assert calibration.calibration(changed(record, calibration=record.calibration[:count]), LIMITS).status == expected


@pytest.mark.parametrize(("count", "expected"), [(1, "PASS"), (2, "NO DATA")])
def test_one_answer_in_a_hundred_may_be_lost(count: int, expected: str) -> None:
    """The known server answers all; a generator that loses more than one in a hundred is not whole."""
    assert calibration.calibration(unanswered(count)(healthy("load")), LIMITS).status == expected


def test_the_worst_generator_counts() -> None:
    """Of two generators the one with the larger error is judged, not their mean."""
    record = generated(workers=2, end_marks=2)(healthy("load"))
    second = tuple(msgspec.structs.replace(one, worker=1, end=one.end + 0.08) for one in record.calibration)
    swapped = tuple(msgspec.structs.replace(one, worker=1 - one.worker) for one in record.calibration + second)
    for both in (record.calibration + second, swapped):
        judged = calibration.calibration(changed(record, calibration=both), LIMITS)
        assert judged.status == "NO DATA"
        assert judged.readings[0].value == pytest.approx(81.0, abs=0.01)


def test_a_pass_says_the_error_and_the_lateness() -> None:
    """Median, P95 and P99 of the error and the lateness are readings of the pass."""
    judged = calibration.calibration(healthy("load"), LIMITS)
    assert judged.status == "PASS"
    assert {one.name: round(one.value or 0, 2) for one in judged.readings} == {
        "generator's error, P95": 1.0,
        "generator's error, median": 1.0,
        "generator's error, P99": 1.0,
        "start delay, P99": 0.5,
    }


@pytest.mark.parametrize(("slip", "expected"), [(99.9, "PASS"), (100.0, "PASS"), (100.1, "NO DATA")])
def test_open_arrivals_at_their_limit(slip: float, expected: str) -> None:
    """The generator itself may begin an open arrival a tenth of a second late."""
    record = generated(start_delay_p99_ms=slip, scheduling_delay_p99_ms=slip)(healthy("load"))
    assert generator(record, LIMITS).status == expected


def test_waits_for_a_slow_target_are_not_the_generators_fault() -> None:
    """Late because all connections wait for the target: that is the target's latency, and is judged."""
    record = generated(start_delay_p99_ms=9_000.0, scheduling_delay_p99_ms=1.0)(healthy("load"))
    assert generator(record, LIMITS).status == "PASS"


def test_a_wrong_instrument_takes_back_what_rests_on_its_clock() -> None:
    """Neither PASS nor FAIL by a clock that was wrong about a known server; what needs no clock stays."""
    report = judge(healthy_run(load=late(60.0)(healthy("load"))), LIMITS)
    by_clock = {check.id for check in CHECKS if check.by_clock}
    taken = {one.id for one in report.verdicts if "the generator was not fit in load" in one.judgement.reason}
    assert taken == by_clock - {"smoke-latency", "batch"}
    assert report.colour == "NO DATA"
    kept = [one for one in report.verdicts if one.id == "latency-target"]
    assert [one.status for one in kept] == ["PASS"]


def test_records_from_before_are_read(tmp_path: Path) -> None:
    """Without calibration.jsonl, and without the newer field, a record is read; its instrument is not known."""
    folder = write_run(healthy_run(), tmp_path) / "smoke"
    (folder / "calibration.jsonl").unlink()
    text = (folder / "scenario.json").read_text()
    assert '"scheduling_delay_p99_ms": null' in text
    (folder / "scenario.json").write_text(text.replace(',\n    "scheduling_delay_p99_ms": null', ""))
    assert "scheduling_delay_p99_ms" not in (folder / "scenario.json").read_text()
    assert read_one(folder / "scenario.json", Scenario) == healthy("smoke").scenario
    assert load_scenario(folder) == from_files(healthy("smoke"), calibration=(), queries=None, log=None)


def test_a_broken_calibration_is_named(tmp_path: Path) -> None:
    """A malformed line is a problem of its scenario, as in every other file."""
    path = write_run(healthy_run(), tmp_path) / "smoke" / "calibration.jsonl"
    path.write_text("{}\n")
    said = load_run(tmp_path, SCENARIOS).problems["smoke"]
    assert said.startswith(f"calibration.jsonl line 1 is no {Calibration.__name__}: ")
