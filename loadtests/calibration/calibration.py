"""Calibration: before a scenario its generators measure a server whose times are known.

Each generator process makes the same short open phase, by the code that will measure the target. The reference server
gives in each answer when the request came and when the answer left. What the client measures beyond that is the
generator's own error, and it is recorded raw, one text line a request.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from assertions.record.files import read_lines, write_lines
from assertions.record.types import Calibration, Hit, PhasePlan, RecordError, Request
from loadtests import subprocesses
from loadtests.calibration import reference_server
from loadtests.calibration.reference_server import Schedule
from loadtests.client.clock import Clock
from loadtests.client.target import Target
from loadtests.errors import LocustError
from loadtests.plan.limits import PhaseLimits
from loadtests.recorders.shards import calibration_folder, hits_path

COUNT = 160
RATE_PER_S = 200.0
LEAD_S = 0.02

PHASE = PhasePlan(
    name="calibration",
    mode="open",
    clients=40,
    requests=tuple(Request(index=index, case="known", intended_s=index / RATE_PER_S) for index in range(COUNT)),
    timeout_s=2.0,
)
LIMITS = PhaseLimits(least=COUNT, seconds=0.0, max_seconds=5.0)
TEMPLATES = {"known": b'{"format":"csv","columns":["id"],"title":"known","user":"loadtest","data":[{"id":1}]}'}


def reference_target(port: int, clock: Clock) -> Target:
    """Return the reference server as a target, without the headers of the real one."""
    return Target(scheme="http", host="127.0.0.1", port=port, base_path="", clock=clock)


@contextlib.contextmanager
def reference_server_port(schedule: Schedule) -> Iterator[int]:
    """Run a reference server in its own process during the block; yield its port on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = int(listener.getsockname()[1])
        try:
            process = subprocesses.start(
                reference_server.command(listener, schedule),
                cwd=Path.cwd(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(listener.fileno(),),
            )
        except OSError as error:
            raise LocustError(f"the reference server can't be started: {error}") from error
    try:
        yield port
    finally:
        subprocesses.kill(process)


def gather(parts: Path, workers: int, clock: Clock, anchors: Mapping[int, float], into: Path) -> None:
    """Write what all generators measured as one file, one text line a request.

    anchors: of the clocks of generators on other machines, where each had its own reference server.
    """
    clocks = {worker: Clock(anchor=anchor) for worker, anchor in anchors.items()}
    write_lines(
        into, (one for worker in range(workers) for one in _of_worker(parts, worker, clocks.get(worker, clock)))
    )


class _ServerTimes(msgspec.Struct):
    arrived: float
    left: float


def _of_worker(parts: Path, worker: int, clock: Clock) -> Iterator[Calibration]:
    with contextlib.suppress(RecordError):  # an ended generator's file may be missing or cut: what is there counts
        for hit in read_lines(hits_path(calibration_folder(parts), worker), Hit):
            times = _server_times(hit)
            yield Calibration(
                worker=worker,
                index=hit.index,
                intended=hit.intended,
                start=hit.start,
                end=hit.end,
                status=hit.status,
                error=hit.error,
                server_start=None if times is None else clock.anchor + times.arrived,
                server_end=None if times is None else clock.anchor + times.left,
            )


def _server_times(hit: Hit) -> _ServerTimes | None:
    try:
        return msgspec.json.decode(hit.answer or "", type=_ServerTimes)
    except msgspec.DecodeError:
        return None
