"""Has something been seen from which no green can come any more? For `--abort-on-fail`; judges nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from assertions.limits import Limits
from assertions.prometheus.exposition import read_page
from assertions.record.phases import JudgedFor
from assertions.record.types import Plan, Scrape
from loadtests.errors import AbortRun
from loadtests.progress import Progress

LARGE = 10_000
"""Records of the exports that the latency limit speaks of."""
QUICK_SHARE = 0.95
"""Of the exports must keep the latency limit."""
GAUGES = (
    ("export_concurrent_running", "concurrent_exports", "exports run"),
    ("export_queue_depth", "queue_depth", "exports wait"),
)


@dataclass(frozen=True)
class AbortLimits:
    """When a run is to be stopped early."""

    limits: Limits
    elsewhere: int
    """Exports that the run's other scenarios ask for at the most: the share that may fail is one of all."""


@dataclass
class AbortWatch:
    """Looks on while load runs; `sentence` is set once, by whichever thread sees it first."""

    plan: Plan
    abort: AbortLimits
    sentence: str | None = None
    _phase: str = ""
    _before: int = 0
    """Failed ones up to the present phase."""
    _seen: int = 0
    _counting: int = 0
    """Those of them that count, of the phases before the present one."""
    _slow: dict[str, int] = field(default_factory=dict)

    def progress(self, seen: Progress) -> None:
        """How far the load is."""
        phase = next((one for one in self.plan.phases if one.name == seen.phase), None)
        if phase is None:
            return
        if seen.phase != self._phase:
            self._counting += self._of_phase()
            self._phase, self._before = seen.phase, self._seen
        self._seen = seen.failed
        failed = self._counting + self._of_phase()
        planned = self.abort.elsewhere + sum(len(one.requests) for one in self.plan.phases)
        limit = self.abort.limits["success_ratio"]
        if not limit.holds((planned - failed) / planned):
            self._say(f"{failed} exports failed, more than {limit} allows of the {planned} planned at the most")

    def _of_phase(self) -> int:
        """Failed ones of the present phase; of a crowd too large for the queue some are turned away, and rightly."""
        phase = next((one for one in self.plan.phases if one.name == self._phase), None)
        crowded = phase is None or phase.clients > MAX_CONCURRENT + MAX_QUEUE
        return 0 if crowded else self._seen - self._before

    def latencies(self, phase_name: str, latencies_ms: tuple[float, ...]) -> None:
        """Exports of a phase that were done, by their latencies."""
        phase = next((one for one in self.plan.phases if one.name == phase_name), None)
        if phase is None or JudgedFor.LATENCY not in phase.judged_for:
            return
        if any((request.records or 0) < LARGE for request in phase.requests):
            return
        limit = self.abort.limits["latency_p95_ms"]
        slow = self._slow[phase_name] = self._slow.get(phase_name, 0) + sum(not limit.holds(ms) for ms in latencies_ms)
        most = len(phase.requests)
        if slow > most - math.ceil(QUICK_SHARE * most):
            self._say(f"{slow} exports of {LARGE:,} records broke {limit}, of {most} planned at the most")

    def page(self, scrape: Scrape) -> None:
        """A reading of the metrics page."""
        if scrape.status != 200:
            return
        page = read_page(scrape.text, scrape.content_type)
        for gauge, limit_id, what in GAUGES:
            value, limit = page.total(gauge), self.abort.limits[limit_id]
            if value is not None and not limit.holds(value):
                self._say(f"{value:g} {what} by {gauge}, the limit is {limit}")

    def _say(self, sentence: str) -> None:
        self.sentence = self.sentence or sentence

    def check(self) -> None:
        """Raise Doomed once something was seen."""
        if self.sentence is not None:
            raise AbortRun(self.sentence)


def scrape_and_watch(scrape: Callable[[], Scrape], watch: AbortWatch) -> Callable[[], None]:
    """A scraper's call whose page is looked at too."""

    def call() -> None:
        watch.page(scrape())

    return call
