"""A process that draws plots, started early: the library that draws takes longer to load than a plot to be drawn.

It is started before a run's load and waits; where it can't draw, its caller draws by itself.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Final

from evidence.collect.provenance import ROOT, interpreter
from evidence.reports.plots import static
from evidence.reports.plots.model import Drawing
from evidence.reports.plots.static import Pictures
from loadtests import subprocesses

READY: Final = b"ready\n"
_CHILD: Final = "from evidence.reports.plots.drawing_process import main; main()"


class DrawingProcess:
    """The process, as its owner has it. Use `started`."""

    def __init__(self, process: subprocess.Popen[bytes] | None) -> None:
        """process: None: there is none, and everything is drawn in this one."""
        self._process = process
        self._ready: bool | None = None

    def wait_until_ready(self) -> bool:
        """Wait until the libraries are loaded, so that nothing else runs during a load; return whether they are."""
        if self._ready is None:
            self._ready = self._process is not None and self._answers.readline() == READY
        return self._ready

    def draw(self, drawings: Sequence[Drawing]) -> list[Pictures]:
        """Return the pictures of plots, drawn on all processors."""
        if drawings and self.wait_until_ready():
            with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):
                return self._ask(drawings)
            self._ready = False
        return static.draw_all(drawings)

    def _ask(self, drawings: Sequence[Drawing]) -> list[Pictures]:
        assert self._process is not None
        assert self._process.stdin is not None
        pickle.dump(list(drawings), self._process.stdin)
        self._process.stdin.flush()
        pictures: list[Pictures] = pickle.load(self._answers)
        return pictures

    @property
    def _answers(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout


@contextlib.contextmanager
def started() -> Iterator[DrawingProcess]:
    """Start the process; end it in any case."""
    process = subprocesses.start(
        [interpreter(), "-c", _CHILD],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # none of its threads would survive a fork, and plots need none
        environment={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    try:
        yield DrawingProcess(process)
    finally:
        subprocesses.kill(process)


def main() -> None:
    """Load the libraries, then draw what comes on stdin until that is closed."""
    # whatever a library prints must not get between the pictures
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    static.load_libraries()
    answers.write(READY)
    answers.flush()
    with contextlib.suppress(EOFError):
        while True:
            pickle.dump(draw_side_by_side(pickle.load(sys.stdin.buffer)), answers)
            answers.flush()


def draw_side_by_side(drawings: Sequence[Drawing]) -> list[Pictures]:
    """Draw each plot of one half in this process, the others in a copy of it. OSError or EOFError where that ends."""
    if not hasattr(os, "fork") or sys.platform == "darwin" or len(os.sched_getaffinity(0)) < 2 or len(drawings) < 2:
        return static.draw_all(drawings)
    heaviest = sorted(range(len(drawings)), key=lambda place: _weight(drawings[place]), reverse=True)
    # by weight 1, 4, 5, 8, … and 2, 3, 6, 7, …
    mine = [place for rank, place in enumerate(heaviest) if rank % 4 in (0, 3)]
    other = [place for place in heaviest if place not in mine]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException), os.fdopen(writing, "wb") as answer:
            os.close(reading)
            pickle.dump(static.draw_all([drawings[place] for place in other]), answer)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = dict(zip(mine, static.draw_all([drawings[place] for place in mine]), strict=True))
        found |= zip(other, pickle.load(answer), strict=True)
    os.waitpid(child, 0)
    return [found[place] for place in range(len(drawings))]


def _weight(drawing: Drawing) -> int:
    """Return how long a plot takes, roughly: its axes, and its points."""
    return sum(1_000 + sum(len(one.xs) for one in panel.series) for panel in drawing.panels)
