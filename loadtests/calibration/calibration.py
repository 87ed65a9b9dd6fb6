"""The instrument judges itself: before a scenario its generators measure a server whose times are known.

Each generator process makes the same short open phase, by the code that will measure the target; the known server says
in each answer when the request came and when the answer left. What the client's clock says beyond that is the
instrument's own error, and it is written down raw, one line a request.
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


def known_target(port: int, clock: Clock) -> Target:
    """The known server as a target; the real one's headers are not for it."""
    return Target(scheme="http", host="127.0.0.1", port=port, base_path="", clock=clock)


@contextlib.contextmanager
def known(schedule: Schedule) -> Iterator[int]:
    """The port of a known server on 127.0.0.1, in a process of its own until the block ends."""
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
            raise LocustError(f"the known server can't be started: {error}") from error
    try:
        yield port
    finally:
        subprocesses.kill(process)


def gather(parts: Path, workers: int, clock: Clock, anchors: Mapping[int, float], into: Path) -> None:
    """Write what all generators measured as one file, one line a request; one that measured nothing has no line.

    anchors: of the clocks of generators on other machines, where each had a known server of its own.
    """
    clocks = {worker: Clock(anchor=anchor) for worker, anchor in anchors.items()}
    write_lines(
        into, (one for worker in range(workers) for one in _of_worker(parts, worker, clocks.get(worker, clock)))
    )


class _Said(msgspec.Struct):
    arrived: float
    left: float


def _of_worker(parts: Path, worker: int, clock: Clock) -> Iterator[Calibration]:
    with contextlib.suppress(RecordError):  # an ended generator's file may be missing or cut: what is there counts
        for hit in read_lines(hits_path(calibration_folder(parts), worker), Hit):
            said = _said(hit)
            yield Calibration(
                worker=worker,
                index=hit.index,
                intended=hit.intended,
                start=hit.start,
                end=hit.end,
                status=hit.status,
                error=hit.error,
                server_start=None if said is None else clock.anchor + said.arrived,
                server_end=None if said is None else clock.anchor + said.left,
            )


def _said(hit: Hit) -> _Said | None:
    try:
        return msgspec.json.decode(hit.answer or "", type=_Said)
    except msgspec.DecodeError:
        return None
