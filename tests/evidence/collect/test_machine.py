"""Samples of the machine while a scenario runs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from evidence.collect import machine
from evidence.collect.machine import NAME, read_samples, sample, sampled
from evidence.comparison.conditions import Place
from evidence.comparison.folders import read_recorded
from tests.evidence.conftest import Made


def test_samples_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples follow on each other while the block runs, and are what is read again."""
    enough = threading.Event()
    taken = []

    def take() -> machine.MachineSample:
        taken.append(sample())
        if len(taken) == 3:
            enough.set()
        return taken[-1]

    monkeypatch.setattr(machine, "EVERY_S", 0.001)
    monkeypatch.setattr(machine, "sample", take)
    with sampled(tmp_path):
        assert enough.wait(30)
    assert read_samples(tmp_path) == tuple(taken)
    assert all(one.work_ms > 0 and one.busy_s > 0 and one.cpus >= 1 for one in taken)
    assert [one.at for one in taken] == sorted(one.at for one in taken)


def test_nothing_is_written_where_nothing_was_recorded(tmp_path: Path) -> None:
    """A scenario that left no folder gets none, and a folder without samples has none."""
    with sampled(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()
    assert read_samples(tmp_path) == ()
    assert not (tmp_path / NAME).exists()


@pytest.mark.e2e
def test_a_run_samples_its_machine(made: Made) -> None:
    """A real run has samples of its machine before, in and after its measured phase."""
    samples = read_samples(made.path / "smoke")
    run = read_recorded(made.path)
    phase = next(phase for phase in run.run.scenarios["smoke"].scenario.phases if phase.name == "measure")
    assert samples[0].at < phase.start < phase.end < samples[-1].at
    assert run.conditions[Place("smoke", "measure")].cpu_ms
