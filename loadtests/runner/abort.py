"""For `--abort-on-fail`: whether the run can still be GREEN. Judges nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from assertions.limits import Limits
from assertions.prometheus.exposition import read_page
from assertions.record.phases import LEAK, JudgedFor
from assertions.record.types import PhasePlan, Plan, Scrape
from loadtests.errors import EarlyEnd
from loadtests.progress import Progress

LARGE = 10_000
"""Records of the exports that the latency limit is about."""
QUICK_SHARE = 0.95
"""Of the exports must keep the latency limit."""
UNANSWERED_SHARE = 0.01
"""Of a scenario's requests may have no answer (check `answered`), and one in any case."""
PROBES_MOST = 200
"""Requests of the examiner that no plan counts: behaviour probes and disconnects, two rounds."""
GAUGES = (
    ("export_concurrent_running", "concurrent_exports", "exports run"),
    ("export_queue_depth", "queue_depth", "exports wait"),
)


@dataclass(frozen=True)
class AbortLimits:
    """When a run is to be stopped early."""

    limits: Limits
    elsewhere: int
    """Exports that the run's other scenarios plan at most: the share that may fail is one of all."""


@dataclass
class AbortWatch:
    """Watches the load; `sentence` is set once, by the thread that first sees a reason."""

    plan: Plan
    abort: AbortLimits
    sentence: str | None = None
    _phase: str = ""
    _failed_before: int = 0
    """Exports that failed before the present phase."""
    _failed: int = 0
    _counted: int = 0
    """Failures that count, of the phases before the present one."""
    _timeouts: int = 0
    _slow: dict[str, int] = field(default_factory=dict)

    def progress(self, progress: Progress) -> None:
        """Look at the number of failed exports."""
        if self._planned(progress.phase) is None:
            return
        if progress.phase != self._phase:
            self._counted += self._in_phase()
            self._phase, self._failed_before = progress.phase, self._failed
        self._failed = progress.failed
        failed = self._counted + self._in_phase()
        planned = self.abort.elsewhere + sum(len(phase.requests) for phase in self.plan.phases)
        limit = self.abort.limits["success_ratio"]
        if not limit.holds((planned - failed) / planned):
            self._set(f"{failed} exports failed, more than {limit} allows of the {planned} planned at the most")

    def add_exports(self, timeouts: int) -> None:
        """Note exports that timed out since the last call."""
        self._timeouts += timeouts
        # a leak series makes two refused requests with each export
        most = PROBES_MOST + sum(len(phase.requests) * (3 if phase.name == LEAK else 1) for phase in self.plan.phases)
        if self._timeouts > max(1, UNANSWERED_SHARE * most):
            self._set(f"{self._timeouts} exports had no answer within their timeout, of {most} requests at the most")

    def _planned(self, name: str) -> PhasePlan | None:
        return next((phase for phase in self.plan.phases if phase.name == name), None)

    def _in_phase(self) -> int:
        """Return the failures of the present phase; of more clients than fit the queue some are rightly refused."""
        phase = self._planned(self._phase)
        crowded = phase is None or phase.clients > MAX_CONCURRENT + MAX_QUEUE
        return 0 if crowded else self._failed - self._failed_before

    def latencies(self, phase_name: str, latencies_ms: tuple[float, ...]) -> None:
        """Look at the latencies of a phase's exports that are done."""
        phase = self._planned(phase_name)
        if phase is None or JudgedFor.LATENCY not in phase.judged_for:
            return
        if any((request.records or 0) < LARGE for request in phase.requests):
            return
        limit = self.abort.limits["latency_p95_ms"]
        slow = self._slow[phase_name] = self._slow.get(phase_name, 0) + sum(not limit.holds(ms) for ms in latencies_ms)
        most = len(phase.requests)
        if slow > most - math.ceil(QUICK_SHARE * most):
            self._set(f"{slow} exports of {LARGE:,} records broke {limit}, of {most} planned at the most")

    def page(self, scrape: Scrape) -> None:
        """Look at a reading of the metrics page."""
        if scrape.status != 200:
            return
        page = read_page(scrape.text, scrape.content_type)
        for gauge, limit_id, what in GAUGES:
            value, limit = page.total(gauge), self.abort.limits[limit_id]
            if value is not None and not limit.holds(value):
                self._set(f"{value:g} {what} by {gauge}, the limit is {limit}")

    def _set(self, sentence: str) -> None:
        self.sentence = self.sentence or sentence

    def check(self) -> None:
        """Raise EarlyEnd where the run can no longer be GREEN."""
        if self.sentence is not None:
            raise EarlyEnd("aborted", self.sentence)
