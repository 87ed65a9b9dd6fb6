"""Reading a run directory: raw records in, one view a scenario out. The only part of the judge that opens files."""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .contract import MAX_CONCURRENT
from .exposition import Page, read_page
from .queries import Queries
from .records import (
    Calibration,
    Fetch,
    FileCheck,
    HealthProbe,
    Hit,
    PhaseRun,
    Plan,
    Probe,
    RecordError,
    Scenario,
    Scrape,
    read_lines,
    read_one,
)

BURSTS = "bursts"
"""The examiner's phase of small exports that come many at once, most of which have to wait."""
SIXTH = "sixth"
"""The examiner's phase in which a sixth export is asked for while five run."""
HANG_UP = "hang-up"
"""The examiner's last phase: clients that go away. How their requests are counted is the service's own affair."""
PROBING = ("behaviour", "refusals")
"""Phases of requests that are not well-formed."""
DAY_S = 86_400
"""Zones that a time does not name differ by less."""
CLOCKS_S = 600
"""Two machines' clocks may be so far apart; time zones are further apart."""
CLOCK_TICKS_S = 3.0
"""In so long a time every clock moves on that tells seconds."""
MINUTES_S = 90.0
"""And one that tells minutes."""
RUN_PATH = "/export/run"
QUERIES = "queries.json"
"""What alert rules and panels ask for, at the top of a run directory."""

R = TypeVar("R")


@dataclass(frozen=True)
class TimedPage:
    """A scrape that was answered, read."""

    scrape: Scrape
    page: Page

    @property
    def running(self) -> float | None:
        return self.page.total("export_concurrent_running")

    @property
    def waiting(self) -> float | None:
        return self.page.total("export_queue_depth")


@dataclass(frozen=True)
class ScenarioRecord:
    """All that was written down in one scenario."""

    scenario: Scenario
    plan: Plan
    hits: tuple[Hit, ...]
    fetches: tuple[Fetch, ...]
    files: tuple[FileCheck, ...]
    scrapes: tuple[Scrape, ...]
    probes: tuple[Probe, ...]
    health: tuple[HealthProbe, ...]
    hung: tuple[Probe, ...] = ()
    """The processes at rest before and after each round of clients that hung up; none where they can't be seen."""
    parting: Page | None = None
    """The last page, long after the last client hung up; None where none was read."""
    calibration: tuple[Calibration, ...] = ()
    """What the generators measured of a known server; records from before there was one have none."""
    queries: Queries | None = None
    """What alert rules and panels ask for; None: nobody wrote it down."""
    log: tuple[str, ...] | None = None
    """Lines that the service logged during the scenario; None: its log was not captured."""

    @property
    def name(self) -> str:
        return self.scenario.name

    @cached_property
    def posts(self) -> tuple[Hit, ...]:
        """Every request for an export, well-formed or not, but for those that were hung up on and what followed."""
        return tuple(
            hit for hit in self.hits if hit.method == "POST" and hit.path.endswith(RUN_PATH) and hit.phase != HANG_UP
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
        known: dict[tuple[str | None, str], Page] = {}
        pages = []
        for scrape in self.scrapes:
            if scrape.status == 200:
                key = (scrape.content_type, scrape.text)
                if key not in known:
                    known[key] = read_page(scrape.text, scrape.content_type)
                pages.append(TimedPage(scrape, known[key]))
        return tuple(pages)

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
        """How many requests for an export were under way, as the clients saw it."""
        return InFlight(self.posts)

    @cached_property
    def surely_inside(self) -> InFlight:
        """Exports that ran or waited in the target for sure, by its own times within those of the clients.

        A request whose answer is on its way is no running export. Of a request of d seconds whose `processingTime` is
        p, the export covers whatever lies within p of both its start and its end; nothing where p is half of d or less.
        """
        spans = []
        for hit in self.posts:
            told = self.answers.get(hit.id, {}).get("processingTime") if hit.status == 200 else None
            if isinstance(told, int | float) and not isinstance(told, bool) and math.isfinite(told):
                inside_s = min(max(told / 1000, 0.0), hit.end - hit.start)
                first, last = hit.end - inside_s, hit.start + inside_s
                spans += [(first, last)] if first < last else []
        return InFlight.of_spans(spans)

    @cached_property
    def let_in(self) -> InFlight:
        """The same of those that were not turned away."""
        return InFlight(hit for hit in self.posts if hit.status not in (400, 413, 429, 503))

    @cached_property
    def most_running(self) -> int:
        """How many the target runs at once by its own word, at the most five; a service may run fewer."""
        told = [timed.running for timed in self.pages if timed.running is not None]
        return MAX_CONCURRENT if not told else round(min(MAX_CONCURRENT, max(1.0, *told)))

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
        just_after = (math.nextafter(one, math.inf) for one in self._ends[first:last])
        moments = [start, end, *(one for one in just_after if one <= end)]
        return min(self.at(moment) for moment in moments)


class ToolStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a tool's run; keys that the judge does not use are passed over."""

    name: str
    ok: bool
    output: str = ""
    note: str | None = None


class ToolRun(msgspec.Struct, frozen=True, kw_only=True):
    """What `python -m rules` or `python -m dashboards check` wrote down."""

    ok: bool
    steps: tuple[ToolStep, ...]
    version: str | None = None


@dataclass(frozen=True)
class Run:
    """A run directory, read."""

    path: Path
    scenarios: Mapping[str, ScenarioRecord]
    problems: Mapping[str, str] = field(default_factory=dict)
    """Scenarios whose record is there but can't be read, with the reason."""
    promtool: ToolRun | None = None
    dashboard: ToolRun | None = None


def as_object(text: str | None) -> dict[str, Any] | None:
    """A JSON object's keys and values; None for anything else."""
    if text is None:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def unix_time(text: object) -> float | None:
    """Unix seconds of an ISO 8601 time, taken for UTC where it names no zone; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        told = datetime.fromisoformat(text.upper())  # RFC 3339 allows t and z
    except ValueError:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def stands_still(told: Iterable[str], seconds: float) -> bool:
    """Whether ISO 8601 times that were told over so long a time are all the same, and must not be."""
    times = {unix_time(text) for text in told}
    moment = times.pop() if len(times) == 1 else None
    return moment is not None and seconds > (MINUTES_S if moment % 60 == 0 else CLOCK_TICKS_S)


def told_near(text: object, start: float, end: float | None = None) -> bool:
    """Whether an ISO 8601 time is that of a moment between start and end (Unix seconds), as far as clocks agree.

    A time that names no zone may be local time, and is good for a day.
    """
    told = unix_time(text)
    if told is None:
        return False
    slack = CLOCKS_S if datetime.fromisoformat(str(text).upper()).tzinfo else DAY_S
    return start - slack <= told <= (start if end is None else end) + slack


def load_scenario(folder: Path) -> ScenarioRecord:
    """Read one scenario's folder; RecordError when a file is missing or malformed.

    Pages and samples end where clients begin to hang up: what the target counts of those is not specified.
    """
    scenario = read_one(folder / "scenario.json", Scenario)
    end = min((phase.start for phase in scenario.phases if phase.name == HANG_UP and phase.recorded), default=math.inf)
    probes = tuple(read_lines(folder / "probes.jsonl", Probe))
    scrapes = tuple(read_lines(folder / "scrapes.jsonl", Scrape))
    return ScenarioRecord(
        scenario=scenario,
        plan=read_one(folder / "plan.json", Plan),
        hits=tuple(read_lines(folder / "hits.jsonl", Hit)),
        fetches=tuple(read_lines(folder / "fetches.jsonl", Fetch)),
        files=tuple(read_lines(folder / "files.jsonl", FileCheck)),
        scrapes=_until(end, scrapes, lambda one: one.end, lambda one: one.start),
        probes=_until(end, probes, lambda one: one.at, lambda one: one.at),
        health=_until(
            end, read_lines(folder / "health.jsonl", HealthProbe), lambda one: one.end, lambda one: one.start
        ),
        hung=tuple(one for one in probes if one.phase == HANG_UP and one.resting and one.processes),
        parting=_parting(scrapes, scenario.phases),
        calibration=_calibration(folder / "calibration.jsonl"),
    )


def _parting(scrapes: Iterable[Scrape], phases: Sequence[PhaseRun]) -> Page | None:
    """The last page from after the clients that hung up."""
    end = next((phase.end for phase in phases if phase.name == HANG_UP and phase.recorded), math.inf)
    later = [one for one in scrapes if one.start >= end and one.status == 200]
    last = max(later, key=lambda one: one.start, default=None)
    return None if last is None else read_page(last.text, last.content_type)


def _until(
    moment: float, records: Iterable[R], over: Callable[[R], float], began: Callable[[R], float]
) -> tuple[R, ...]:
    """Those that were over by a moment, in the order in which they began."""
    return tuple(sorted((one for one in records if over(one) <= moment), key=began))


def _calibration(path: Path) -> tuple[Calibration, ...]:
    """What is missing is judged by its check; what is malformed is a broken record like any other."""
    return tuple(read_lines(path, Calibration)) if path.exists() else ()


def load_run(path: Path, names: Sequence[str]) -> Run:
    """Read a run directory; RecordError when it is none at all. A broken scenario is a problem, not an exception.

    names: the scenarios that a run consists of; any other that was recorded beside them is read after them.
    """
    if not path.is_dir():
        raise RecordError(f"{path} is no run directory; make one with `python -m evidence run smoke load batch`")
    scenarios: dict[str, ScenarioRecord] = {}
    problems: dict[str, str] = {}
    queries = _queries(path / QUERIES)
    beside = {one.parent.name for file in ("plan", "scenario") for one in path.glob(f"*/{file}.json")} - set(names)
    for name in (*names, *sorted(beside)):
        if not (path / name).is_dir():
            continue
        try:
            scenarios[name] = replace(load_scenario(path / name), queries=queries, log=_log(path, name))
        except RecordError as error:
            problems[name] = str(error).replace(f"{path}/", "")  # a run directory may be moved
    return Run(path, scenarios, problems, _tool(path / "promtool.json"), _tool(path / "dashboard.json"))


def _tool(path: Path) -> ToolRun | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ToolRun)
    except (OSError, msgspec.DecodeError):
        return None


def _queries(path: Path) -> Queries | None:
    """What can't be read is as good as not there: its check says NO DATA."""
    try:
        return read_one(path, Queries)
    except RecordError:
        return None


def _log(path: Path, name: str) -> tuple[str, ...] | None:
    """The lines of a scenario's service log; None where it was not captured."""
    try:
        return tuple((path / f"{name}-service.log").read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return None
