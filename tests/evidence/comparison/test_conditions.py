"""Conditions of a phase: CPU time of the exports, speed of the machine, other work on it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from assertions.record.types import Probe
from assertions.record.view import ScenarioRecord
from evidence.collect.machine import MachineSample
from evidence.comparison.conditions import Conditions, Place, conditions_of, expected_ratio, reference_ratio
from tests.assertions.healthy.records import changed, healthy

PLACE = Place("load", "measure")


def with_cpu(record: ScenarioRecord, cores: float) -> ScenarioRecord:
    """The record as if the target's root had used that many processors all the time, and the rest none."""
    start = record.probes[0].at

    def used(probe: Probe) -> Probe:
        root, *others = probe.processes
        return replace(
            probe,
            processes=(
                replace(root, cpu_s=(probe.at - start) * cores),
                *(replace(process, cpu_s=0.0) for process in others),
            ),
        )

    return changed(record, probes=tuple(used(probe) if probe.processes else probe for probe in record.probes))


def samples(record: ScenarioRecord, busy_cores: float, work_ms: float = 1.5) -> list[MachineSample]:
    """Samples of a machine of two processors, five a second, of which so many were busy."""
    start, end = record.scenario.start - 1, record.scenario.end + 1
    return [
        MachineSample(at=start + number / 5, work_ms=work_ms, busy_s=number / 5 * busy_cores, cpus=2)
        for number in range(int((end - start) * 5) + 1)
    ]


def test_a_phase() -> None:
    """CPU time is by export, other work by what all processors could have done, the speed the median of the phase."""
    record = with_cpu(healthy("load"), 1.5)
    found = conditions_of({"load": record}, {"load": samples(record, 1.8)}, 2)[PLACE]
    phase = next(phase for phase in record.scenario.phases if phase.name == "measure")
    done = [hit for hit in record.of_phase("measure") if hit.status == 200]
    assert found.cpu_ms == pytest.approx(1500 * (phase.end - phase.start) / len(done))
    assert (found.others, found.used) == pytest.approx((0.15, 0.9))
    assert found.reference_ms == 1.5
    assert found.cpu_bound is not None
    assert 0 < found.cpu_bound <= 1


def test_what_was_not_recorded() -> None:
    """Without samples of the machine only the CPU time is known, and without the target's processes nothing."""
    record = with_cpu(healthy("load"), 1.5)
    unsampled = conditions_of({"load": record}, {}, 2)[PLACE]
    assert (unsampled.others, unsampled.reference_ms) == (None, None)
    assert unsampled.cpu_ms is not None
    unseen = changed(record, probes=tuple(replace(probe, processes=()) for probe in record.probes))
    assert conditions_of({"load": unseen}, {"load": samples(record, 1.8)}, 2)[PLACE] == Conditions()


def test_expected_ratios() -> None:
    """A service that only computes is as much slower as its CPU time; one that waits, by its share of computing."""
    before, after = Conditions(cpu_ms=100.0, cpu_bound=0.5), Conditions(cpu_ms=120.0, cpu_bound=0.5)
    assert expected_ratio(before, after) == pytest.approx(1.1)
    assert expected_ratio(replace(before, cpu_bound=1.0), after) == pytest.approx(1.2)
    assert expected_ratio(before, Conditions()) is None
    assert expected_ratio(Conditions(), after) is None
    assert reference_ratio(Conditions(reference_ms=1.0), Conditions(reference_ms=1.1)) == pytest.approx(1.1)
    assert reference_ratio(Conditions(), Conditions(reference_ms=1.1)) is None
