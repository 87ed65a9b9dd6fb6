"""One scenario's record, with what is derived from it."""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assertions.contract import MAX_CONCURRENT, RUN_PATH
from assertions.prometheus.exposition import Page
from assertions.record.phases import DISCONNECTS, PROBING, JudgedFor
from assertions.record.prometheus_run import PrometheusRun
from assertions.record.queries import Queries
from assertions.record.scrapes import TimedPage, read_scrapes
from assertions.record.types import (
    Calibration,
    Fetch,
    FileCheck,
    HealthProbe,
    Hit,
    PhasePlan,
    PhaseRun,
    Plan,
    Probe,
    Scenario,
    Scrape,
)


@dataclass(frozen=True)
class ScenarioRecord:
    """The whole record of one scenario."""

    scenario: Scenario
    plan: Plan
    hits: tuple[Hit, ...]
    fetches: tuple[Fetch, ...]
    files: tuple[FileCheck, ...]
    scrapes: tuple[Scrape, ...]
    """Where `read` is given, the text of pages that were answered is left out, but for the last one's."""
    probes: tuple[Probe, ...]
    health: tuple[HealthProbe, ...]
    disconnect_probes: tuple[Probe, ...] = ()
    """The processes at rest before and after each round of disconnects; empty where processes can't be read."""
    final_page: Page | None = None
    """The last page, long after the last disconnect; None where none was read."""
    calibration: tuple[Calibration, ...] = ()
    """What the generators measured of a known server; older records have none."""
    queries: Queries | None = None
    """Selectors of alert rules and panels; None: not recorded."""
    prometheus: PrometheusRun | None = None
    """The record of a Prometheus server that scraped the target; None: none ran."""
    read: tuple[TimedPage, ...] | None = None
    """The pages as read from a file, whose scrapes have no text any more; None: they are read from the scrapes."""
    log: tuple[str, ...] | None = None
    """Lines that the service logged during the scenario; None: its log was not captured."""

    @property
    def name(self) -> str:
        return self.scenario.name

    @cached_property
    def posts(self) -> tuple[Hit, ...]:
        """Every request for an export, well-formed or not, except those of the phase `disconnects`."""
        return tuple(
            hit
            for hit in self.hits
            if hit.method == "POST" and hit.path.endswith(RUN_PATH) and hit.phase != DISCONNECTS
        )

    @cached_property
    def exports(self) -> tuple[Hit, ...]:
        """Well-formed requests for an export; what the examiner asks badly is judged by its own check."""
        return tuple(hit for hit in self.posts if hit.phase not in PROBING)

    @cached_property
    def done(self) -> tuple[Hit, ...]:
        """Exports that were answered 200."""
        return tuple(hit for hit in self.exports if hit.status == 200)

    @cached_property
    def pages(self) -> tuple[TimedPage, ...]:
        """The metrics pages that came, in order of time."""
        return read_scrapes(self.scrapes, with_text=True).pages if self.read is None else self.read

    @cached_property
    def before(self) -> Page | None:
        """The last page before the first request; None when there is none."""
        return next((timed.page for timed in reversed(self.pages) if timed.scrape.moment == "before"), None)

    @cached_property
    def after(self) -> Page | None:
        """The last page, with the target at rest; None when there is none."""
        return next((timed.page for timed in reversed(self.pages) if timed.scrape.moment == "after"), None)

    def phase(self, name: str) -> PhaseRun | None:
        return next((phase for phase in self.scenario.phases if phase.name == name), None)

    def phases_for(self, *purposes: JudgedFor) -> tuple[PhasePlan, ...]:
        """The planned phases that are judged for any of these, in order."""
        return tuple(phase for phase in self.plan.phases if phase.judged_for & set(purposes))

    def names_for(self, *purposes: JudgedFor) -> frozenset[str]:
        """The names of the phases that are judged for any of these."""
        return frozenset(phase.name for phase in self.phases_for(*purposes))

    def exports_for(self, *purposes: JudgedFor) -> tuple[Hit, ...]:
        """Well-formed exports of the phases that are judged for any of these, in order of their start."""
        return self.of_phase(*self.names_for(*purposes))

    def of_phase(self, *names: str) -> tuple[Hit, ...]:
        """Well-formed exports of these phases, in order of their start."""
        return tuple(sorted((hit for hit in self.exports if hit.phase in names), key=lambda hit: hit.start))

    def delta(self, name: str, **labels: str) -> float | None:
        """How far a counter moved over the scenario; a series that was not there before counts from 0."""
        if self.before is None or self.after is None:
            return None
        after = self.after.total(name, **labels)
        return None if after is None else after - (self.before.total(name, **labels) or 0.0)

    @cached_property
    def in_flight(self) -> InFlight:
        """Requests for an export under way, by the clients' record."""
        return InFlight(self.posts)

    @cached_property
    def surely_inside(self) -> InFlight:
        """Exports that ran or waited in the target for sure, by its own times within those of the clients.

        A request whose answer is on its way is no running export. Of a request of d seconds whose `processingTime` is
        p, the export covers whatever lies within p of both its start and its end; nothing where p is half of d or less.
        """
        spans = []
        for hit in self.posts:
            reported_ms = self.answers.get(hit.id, {}).get("processingTime") if hit.status == 200 else None
            if (
                isinstance(reported_ms, int | float)
                and not isinstance(reported_ms, bool)
                and math.isfinite(reported_ms)
            ):
                inside_s = min(max(reported_ms / 1000, 0.0), hit.end - hit.start)
                first, last = hit.end - inside_s, hit.start + inside_s
                spans += [(first, last)] if first < last else []
        return InFlight.of_spans(spans)

    @cached_property
    def admitted(self) -> InFlight:
        """The same of those that were not rejected."""
        return InFlight(hit for hit in self.posts if hit.status not in (400, 413, 429, 503))

    @cached_property
    def most_running(self) -> int:
        """Exports that the target runs at once by its own gauge, five at most; a service may run fewer."""
        running = [timed.running for timed in self.pages if timed.running is not None]
        return MAX_CONCURRENT if not running else round(min(MAX_CONCURRENT, max(1.0, *running)))

    @cached_property
    def answers(self) -> Mapping[str, dict[str, Any]]:
        """The answers that are JSON objects, by hit id."""
        return {hit.id: body for hit in self.posts if (body := as_object(hit.answer)) is not None}

    @cached_property
    def fetched(self) -> Mapping[str, Fetch]:
        """The first download of each export's file, by hit id."""
        return {fetch.hit: fetch for fetch in self.fetches if fetch.purpose == "file"}


class InFlight:
    """Counts of requests under way at a moment, from their starts and ends."""

    def __init__(self, hits: Iterable[Hit]) -> None:
        spans = [(hit.start, hit.end) for hit in hits]
        self._starts = sorted(start for start, _ in spans)
        self._ends = sorted(end for _, end in spans)

    @classmethod
    def of_spans(cls, spans: Sequence[tuple[float, float]]) -> InFlight:
        """Count spans of time (start, end), in Unix seconds, in place of whole requests."""
        made = cls(())
        made._starts = sorted(start for start, _ in spans)
        made._ends = sorted(end for _, end in spans)
        return made

    def at(self, moment: float) -> int:
        """Requests sent and not yet answered at that moment."""
        return bisect.bisect_right(self._starts, moment) - bisect.bisect_left(self._ends, moment)

    def most(self, start: float, end: float, slack_s: float = 0.0) -> int:
        """Upper bound: requests that overlap [start, end], each lengthened by the slack at its end."""
        return bisect.bisect_right(self._starts, end) - bisect.bisect_left(self._ends, start - slack_s)

    def least(self, start: float, end: float) -> int:
        """Lower bound: the fewest under way at any moment of [start, end]."""
        first, last = bisect.bisect_left(self._ends, start), bisect.bisect_right(self._ends, end)
        # just after each end; adding a small constant would be lost in a Unix time's 53 bits
        just_after = (math.nextafter(end_of_one, math.inf) for end_of_one in self._ends[first:last])
        moments = [start, end, *(moment for moment in just_after if moment <= end)]
        return min(self.at(moment) for moment in moments)


def as_object(text: str | None) -> dict[str, Any] | None:
    """A JSON object's keys and values; None for anything else."""
    if text is None:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
