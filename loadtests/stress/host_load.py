"""How busy other processes kept the machine during a step, which may be why a limit broke."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import psutil

from assertions.record.files import read_lines
from assertions.record.types import Probe, RecordError
from loadtests.plan.limits import Struct

FILE = "machine.json"


class Machine(Struct, frozen=True, kw_only=True):
    """CPU seconds of one step, of all processors together."""

    cpus: int
    wall_s: float
    busy_s: float
    """Of whomever; what the machine's host took for others is in it."""
    ours_s: float
    """Of the load: runner, generators, recorders."""


def _read_seconds() -> tuple[float, float, float]:
    """Return the monotonic clock, and the CPU seconds of the machine and of the load, all since some start."""
    return time.monotonic(), _busy_s(), _ours_s()


class Meter:
    """Measures the machine from its creation on."""

    def __init__(self, read_seconds: Callable[[], tuple[float, float, float]] = _read_seconds) -> None:
        self._read_seconds = read_seconds
        self._start = read_seconds()

    def read(self) -> Machine:
        """Return what was used since then."""
        wall_s, busy_s, ours_s = (now - start for now, start in zip(self._read_seconds(), self._start, strict=True))
        return Machine(cpus=psutil.cpu_count() or 1, wall_s=wall_s, busy_s=busy_s, ours_s=ours_s)


def others_ratio(machine: Machine, probes: Iterable[Probe]) -> float | None:
    """The share of the machine that neither target nor load used; None where the target's processes were not seen."""
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for probe in probes:
        for one in probe.processes:
            first.setdefault(one.pid, one.cpu_s)
            last[one.pid] = one.cpu_s
    if not last or machine.wall_s <= 0:
        return None
    target_s = sum(last[pid] - first[pid] for pid in last)
    return max(0.0, machine.busy_s - machine.ours_s - target_s) / (machine.cpus * machine.wall_s)


def write(folder: Path, machine: Machine) -> None:
    """Write it into a step's folder."""
    (folder / FILE).write_bytes(msgspec.json.encode(machine) + b"\n")


def read_others(folder: Path) -> float | None:
    """`others_ratio` of a step's folder; None where it was not recorded. RecordError where its probes are malformed."""
    try:
        machine = msgspec.json.decode((folder / FILE).read_bytes(), type=Machine)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise RecordError(f"{folder / FILE} can't be read: {error}") from error
    return others_ratio(machine, read_lines(folder / "probes.jsonl", Probe))


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _ours_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
