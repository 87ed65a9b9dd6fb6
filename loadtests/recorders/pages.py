"""Recorders that look at the target over HTTP while load runs: its metrics page, /health and /export/status."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable

from assertions.record.types import HealthProbe, Scrape
from loadtests.client.target import Target
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.run_state import RunState, StateSnapshot, seen_between
from loadtests.recorders.ticker import INTERVAL_S, Ticker

METRICS_PATH = "/export/metrics"
WATCHED_PATHS = ("/health", "/export/status")
TIMEOUT_S = 30.0
MAX_PAGE_BYTES = 8 * 1024 * 1024
MAX_ANSWER_BYTES = 4 * 1024
PROMETHEUS_ACCEPT = "text/plain;version=0.0.4;q=0.9,*/*;q=0.1"
_RESTLESS = ("export_throughput_ops_per_sec",)
_AT_REST = ("export_concurrent_running", "export_queue_depth")
_GAUGE = re.compile(rf"^[ \t]*({'|'.join(_AT_REST)})[ \t]*(?:\{{.*\}})?[ \t]*([^\s{{}}]+)", re.MULTILINE)


class Scraper:
    """Reads the metrics page whole."""

    def __init__(self, target: Target, stage: RunState, out: LineFile) -> None:
        self._target, self._stage, self._out = target, stage, out
        self._lock = threading.Lock()
        self.last = ""
        """The last page."""
        self.ticker = Ticker("scraper", self.scrape, target.clock.now)

    def scrape(self) -> Scrape:
        """One reading, written down."""
        with self._lock:
            before = self._stage.scene()
            answer = self._target.request(
                "GET",
                METRICS_PATH,
                headers={"Accept": PROMETHEUS_ACCEPT},
                timeout_s=TIMEOUT_S,
                max_bytes=MAX_PAGE_BYTES,
            )
            scene = seen_between(before, self._stage.scene())
            scrape = Scrape(
                start=answer.start,
                end=answer.end,
                moment=scene.moment,
                phase=scene.phase,
                status=answer.status,
                error=answer.error,
                content_type=answer.headers.get("content-type"),
                text=answer.body.decode("utf-8", "replace"),
            )
            self._out.write(scrape)
            self.last = scrape.text
            return scrape

    def settle(self, pause: Callable[[float], object], seconds: float = 3.0) -> None:
        """After the load: read until two pages in a row are equal and at rest, or the time is over."""
        deadline = self._target.clock.now() + seconds
        last: tuple[str, ...] | None = None
        while True:
            scrape = self.scrape()
            page = resting_page(scrape.text)
            if page is not None and page == last:
                return
            last = page
            if self._target.clock.now() + INTERVAL_S > deadline:
                return
            pause(INTERVAL_S)


def resting_page(text: str) -> tuple[str, ...] | None:
    """The page's own lines that stay as they are while nothing happens; None where exports run or wait."""
    if any(gauges(text)):
        return None
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line.startswith("export_") and not line.startswith(_RESTLESS))


def gauges(text: str) -> tuple[float | None, float | None]:
    """Exports running and waiting by a metrics page, not judged; None where it does not say."""
    found: dict[str, float] = {}
    for name, value in _GAUGE.findall(text):
        with contextlib.suppress(ValueError):
            found[name] = found.get(name, 0.0) + float(value)
    return found.get(_AT_REST[0]), found.get(_AT_REST[1])


class Watcher:
    """Calls /health or /export/status: does the target answer while it works, and what does it say?"""

    def __init__(self, target: Target, stage: RunState, out: LineFile, path: str, offset_s: float) -> None:
        self._target, self._stage, self._out, self._path = target, stage, out, path
        self.ticker = Ticker(f"watch {path}", self.probe, target.clock.now, offset_s)

    def probe(self) -> HealthProbe:
        """One call, written down."""
        before = self._stage.scene()
        answer = self._target.request("GET", self._path, timeout_s=TIMEOUT_S)
        scene: StateSnapshot = seen_between(before, self._stage.scene())
        probe = HealthProbe(
            path=self._path,
            phase=scene.phase,
            start=answer.start,
            end=answer.end,
            status=answer.status,
            error=answer.error,
            answer=None if answer.status is None else answer.body.decode("utf-8", "replace")[:MAX_ANSWER_BYTES],
        )
        self._out.write(probe)
        return probe


def watchers(target: Target, stage: RunState, out: LineFile) -> list[Watcher]:
    """One for each watched path, taking turns."""
    step = INTERVAL_S / len(WATCHED_PATHS)
    return [Watcher(target, stage, out, path, number * step) for number, path in enumerate(WATCHED_PATHS)]
