"""Who used the machine: neither the target's processes nor the load's own are counted as others."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions.record.files import write_lines
from assertions.record.types import Probe, ProcessSample, RecordError
from loadtests.stress.host_load import FILE, Machine, Meter, others_ratio, read_others, write

pytestmark = pytest.mark.e2e

MACHINE = Machine(cpus=2, wall_s=10.0, busy_s=14.0, ours_s=3.0)


def probe(at: float, **cpu_s: float) -> Probe:
    """The target's processes by pid (`p7=1.5`) and the CPU seconds of each since its start."""
    processes = tuple(
        ProcessSample(
            pid=int(pid[1:]), name="python", uss_bytes=None, rss_bytes=1, peak_rss_bytes=None, cpu_s=used, fds=None,
            threads=1,
        )
        for pid, used in cpu_s.items()
    )  # fmt: skip
    return Probe(at=at, phase=None, exports_done=0, resting=False, processes=processes)


def test_what_neither_target_nor_load_used_is_the_others() -> None:
    """Of 20 CPU seconds 14 were used: 3 by the load, 5 by the target (4 and 1), so 6 by others: 30 %."""
    probes = [probe(1, p1=10.0, p2=0.5), probe(2), probe(3, p1=14.0, p2=0.5), probe(4, p1=14.0, p2=1.5)]
    assert others_ratio(MACHINE, probes) == pytest.approx(0.3)


def test_a_process_that_came_or_went_counts_for_its_time() -> None:
    """A worker that was replaced is counted as far as it was seen; what was used before is not the target's."""
    assert others_ratio(MACHINE, [probe(1, p1=1.0), probe(2, p1=3.0), probe(3, p9=5.0)]) == pytest.approx(0.45)


def test_never_below_nothing() -> None:
    """Readings of different moments may add up to more than was used; that is nobody's share."""
    assert others_ratio(MACHINE, [probe(1, p1=0.0), probe(2, p1=19.0)]) == 0.0


def test_a_target_that_is_not_seen_leaves_it_open() -> None:
    """A target elsewhere uses nothing here, but one that hides would be taken for a neighbour."""
    assert others_ratio(MACHINE, [probe(1), probe(2)]) is None


def test_it_is_read_back_from_the_steps_folder(tmp_path: Path) -> None:
    """From machine.json and the probes next to it; a folder without is open, a broken file is an error."""
    assert read_others(tmp_path) is None
    write(tmp_path, MACHINE)
    write_lines(tmp_path / "probes.jsonl", [probe(1, p1=0.0), probe(2, p1=5.0)])
    assert read_others(tmp_path) == pytest.approx(0.3)
    (tmp_path / FILE).write_text("{")
    with pytest.raises(RecordError, match=FILE):
        read_others(tmp_path)


def test_the_meter_measures_from_its_creation() -> None:
    """Wall time, and CPU seconds of the whole machine and of the load, are differences."""
    readings = iter([(10.0, 200.0, 7.0), (15.0, 204.0, 8.5)])
    machine = Meter(lambda: next(readings)).read()
    assert (machine.wall_s, machine.busy_s, machine.ours_s) == (5.0, 4.0, 1.5)
    assert machine.cpus >= 1


def test_the_real_meter_never_counts_backwards() -> None:
    """The system's own figures only rise."""
    machine = Meter().read()
    assert min(machine.wall_s, machine.busy_s, machine.ours_s) >= 0
