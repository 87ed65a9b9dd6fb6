"""Recorders that read the target's pages over HTTP while load runs: metrics, /health and /export/status."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable

from assertions.contract import HEALTH_PATH, METRICS_PATH, STATUS_PATH
from assertions.record.types import HealthProbe, Scrape
from loadtests.client.target import Target
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.run_state import RunState, seen_between
from loadtests.recorders.ticker import INTERVAL_S, Ticker

WATCHED_PATHS = (HEALTH_PATH, STATUS_PATH)
TIMEOUT_S = 30.0
SETTLE_TIMEOUT_S = 10.0
"""Of a reading after the load."""
MAX_METRICS_BYTES = 8 * 1024 * 1024
MAX_CUT_CHARS = 64 * 1024
"""Kept of a page that was cut off: it is not judged, and five a second would fill the disk."""
MAX_ANSWER_CHARS = 4 * 1024
"""Kept of an answer of /health or /export/status."""
PROMETHEUS_ACCEPT = "text/plain;version=0.0.4;q=0.9,*/*;q=0.1"
_RESTLESS = ("export_throughput_ops_per_sec",)
_AT_REST = ("export_concurrent_running", "export_queue_depth")
_GAUGE = re.compile(rf"^[ \t]*({'|'.join(_AT_REST)})[ \t]*(?:\{{.*\}})?[ \t]*([^\s{{}}]+)", re.MULTILINE)


def _nothing(_: object) -> None:
    """Stand in for an observer where there is none."""


class Scraper:
    """Reads the whole metrics page."""

    def __init__(
        self, target: Target, state: RunState, out: LineFile, observe: Callable[[Scrape], object] = _nothing
    ) -> None:
        """observe: called with each reading of the ticker."""
        self._target, self._state, self._out = target, state, out
        self._lock = threading.Lock()
        self.last = ""
        """The latest page."""
        self.ticker = Ticker("scraper", lambda: observe(self.scrape()), target.clock.now)

    def scrape(self, timeout_s: float = TIMEOUT_S) -> Scrape:
        """Read the page once and record it."""
        with self._lock:
            before = self._state.snapshot()
            answer = self._target.request(
                "GET",
                METRICS_PATH,
                headers={"Accept": PROMETHEUS_ACCEPT},
                timeout_s=timeout_s,
                max_bytes=MAX_METRICS_BYTES,
            )
            state = seen_between(before, self._state.snapshot())
            text = answer.body.decode("utf-8", "replace")
            scrape = Scrape(
                start=answer.start,
                end=answer.end,
                moment=state.moment,
                phase=state.phase,
                status=answer.status,
                error=answer.error,
                content_type=answer.headers.get("content-type"),
                text=text[:MAX_CUT_CHARS] if answer.error == "too-long" else text,
            )
            self._out.write(scrape)
            self.last = scrape.text
            return scrape

    def settle(self, pause: Callable[[float], object], seconds: float = 3.0) -> None:
        """Read after the load until two pages in a row are equal and at rest, or the time is over."""
        deadline = self._target.clock.now() + seconds
        last: tuple[str, ...] | None = None
        while True:
            scrape = self.scrape(SETTLE_TIMEOUT_S)
            page = resting_page(scrape.text)
            if page is not None and page == last:
                return
            last = page
            if self._target.clock.now() + INTERVAL_S > deadline:
                return
            pause(INTERVAL_S)


def resting_page(text: str) -> tuple[str, ...] | None:
    """Return the page's own lines that do not change while nothing happens; None where exports run or wait."""
    if any(gauges(text)):
        return None
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line.startswith("export_") and not line.startswith(_RESTLESS))


def gauges(text: str) -> tuple[float | None, float | None]:
    """Return the exports running and waiting by a metrics page, not judged; None where the page lacks them."""
    found: dict[str, float] = {}
    for name, value in _GAUGE.findall(text):
        with contextlib.suppress(ValueError):
            found[name] = found.get(name, 0.0) + float(value)
    return found.get(_AT_REST[0]), found.get(_AT_REST[1])


class Watcher:
    """Calls /health or /export/status: does the target answer while it works, and with what?"""

    def __init__(
        self,
        target: Target,
        state: RunState,
        out: LineFile,
        path: str,
        offset_s: float,
        observe: Callable[[HealthProbe], object] = _nothing,
    ) -> None:
        self._target, self._state, self._out, self._path = target, state, out, path
        self.ticker = Ticker(f"watch {path}", lambda: observe(self.probe()), target.clock.now, offset_s)

    def probe(self) -> HealthProbe:
        """Make one call and record it."""
        before = self._state.snapshot()
        answer = self._target.request("GET", self._path, timeout_s=TIMEOUT_S)
        probe = HealthProbe(
            path=self._path,
            phase=seen_between(before, self._state.snapshot()).phase,
            start=answer.start,
            end=answer.end,
            status=answer.status,
            error=answer.error,
            answer=None if answer.status is None else answer.body.decode("utf-8", "replace")[:MAX_ANSWER_CHARS],
        )
        self._out.write(probe)
        return probe


def watchers(
    target: Target, state: RunState, out: LineFile, observe: Callable[[HealthProbe], object] = _nothing
) -> list[Watcher]:
    """Return one watcher for each watched path; their calls alternate."""
    step_s = INTERVAL_S / len(WATCHED_PATHS)
    return [Watcher(target, state, out, path, number * step_s, observe) for number, path in enumerate(WATCHED_PATHS)]
