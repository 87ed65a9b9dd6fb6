"""Everything that observes a running scenario: progress for people, and the reasons to end it early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from assertions.contract import METRICS_PATH
from assertions.record.types import HealthProbe, Scrape
from loadtests.errors import RunError
from loadtests.progress import Progress
from loadtests.recorders.pages import gauges
from loadtests.runner.abort import AbortWatch
from loadtests.runner.target_watch import TargetWatch


@dataclass
class Watch:
    """The observers of one scenario."""

    target: TargetWatch
    report: Callable[[Progress], None]
    abort: AbortWatch | None = None
    """None: a run that can no longer be GREEN goes on."""
    trouble: str | None = None
    """Why the record can't be written."""
    _page: str = field(default="", repr=False)
    """The latest metrics page."""

    def fail(self, text: str) -> None:
        """Note that the record can't be written."""
        self.trouble = self.trouble or text

    def begin(self) -> None:
        """Start the time of the scenario."""
        self.target.begin()

    def add_scrape(self, scrape: Scrape) -> None:
        """Note one reading of the metrics page."""
        self._page = scrape.text
        self.target.add_page(METRICS_PATH, scrape.status is not None)
        if self.abort is not None:
            self.abort.page(scrape)

    def add_health(self, probe: HealthProbe) -> None:
        """Note one call of /health or /export/status."""
        self.target.add_page(probe.path, probe.status is not None)

    def add_exports(self, answered: int, timeouts: int) -> None:
        """Note exports that are over since the last call: answered with any status, and timed out."""
        self.target.add_exports(answered, timeouts)
        if self.abort is not None:
            self.abort.add_exports(timeouts)

    def add_latencies(self, phase: str, latencies_ms: tuple[float, ...]) -> None:
        """Note the latencies of a phase's exports that are done."""
        if self.abort is not None:
            self.abort.latencies(phase, latencies_ms)

    def show(self, progress: Progress) -> None:
        """Show progress to people."""
        running, waiting = gauges(self._page)
        self.report(replace(progress, running=running, waiting=waiting))

    def add_progress(self, progress: Progress) -> None:
        """Show progress of the load, and look at its failures."""
        self.show(progress)
        if self.abort is not None:
            self.abort.progress(progress)

    def check_record(self) -> None:
        """Raise RunError where the record can't be written."""
        if self.trouble is not None:
            raise RunError(self.trouble)

    def check(self) -> None:
        """Raise RunError or EarlyEnd where the scenario must end."""
        self.check_record()
        if self.abort is not None:
            self.abort.check()
        self.target.check()
