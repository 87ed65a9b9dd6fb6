"""What an experiment works with: requests to the target within the time left, and a record of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from assertions.contents.tags import TAG_PLACEHOLDER, tagged
from assertions.contract import RUN_PATH
from assertions.record.phases import LEAK, PROBING, REFUSALS
from assertions.record.types import INTERRUPTED, Fetch, Hit, PhaseEnd, PhasePlan, PhaseRun, Probe, Request
from loadtests.client.answer import Answer
from loadtests.client.export import JSON_HEADERS, fetch_file, make_hit
from loadtests.client.target import Target
from loadtests.plan.profile import Leak
from loadtests.progress import Progress


def _nothing(*_: object) -> None:
    """Stand in for an observer where there is none."""


def _no_sample() -> Probe | None:
    return None


@dataclass
class ExaminerSession:
    """The examiner's side of one scenario. The methods raise EarlyEnd or RunError where the scenario must end."""

    target: Target
    seed: int
    """Of the made-up data."""
    templates: Mapping[str, bytes]
    """Encoded request bodies by case."""
    record_hit: Callable[[Hit], object]
    record_fetch: Callable[[Fetch], object]
    spool: Path | None = None
    """Where downloaded files go; None: only their hashes are kept."""
    leak: Leak | None = None
    sample: Callable[[], Probe | None] = _no_sample
    """Samples the target's processes between two requests; None where they can't be seen."""
    check: Callable[[], object] = _nothing
    """Raises where the scenario must end."""
    observe: Callable[[ExaminerSession, Hit], object] = _nothing
    """Called after each recorded hit."""
    time_left_s: Callable[[], float] = lambda: math.inf
    """Seconds until the scenario's deadline."""
    enter: Callable[[Literal["during", "rest"], str | None], object] = _nothing
    """Called as a phase begins, with its name, and as it ends."""
    began: float = 0.0
    """When the present phase began."""
    counted: int = 0
    """Hits of the present phase, refusals of the leak series excepted."""
    failed: int = 0
    solo_s: list[float] = field(default_factory=list)
    """Seconds that each export of the leak series' first case took."""

    def now(self) -> float:
        """Return the moment in Unix seconds."""
        return self.target.clock.now()

    def begin(self, phase: str) -> None:
        """Begin a phase."""
        self.counted = self.failed = 0
        self.began = self.now()
        self.enter("during", phase)

    def progress(self, scenario: str, phase: str) -> Progress:
        """Return how far the present phase is."""
        return Progress(
            scenario=scenario,
            phase=phase,
            started=self.counted,
            answered=self.counted,
            failed=self.failed,
            rate_per_s=self.counted / max(self.now() - self.began, 1e-3),
            p95_ms=None,
        )

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Answer:
        """Make one request; where the scenario's deadline ends it, its error is `interrupted`."""
        self.check()
        left_s = self.time_left_s()
        answer = self.target.request(method, path, body, headers, max(min(timeout_s, left_s), 0.01))
        if answer.error == "timeout" and left_s < timeout_s:
            return Answer(None, INTERRUPTED, answer.headers, answer.body, answer.start, answer.end)
        return answer

    def post(self, phase: str, request: Request, body: bytes, timeout_s: float, client: str) -> Hit:
        """Make one export request and return its hit, which is not recorded yet."""
        intended = self.now()
        answer = self.request("POST", RUN_PATH, body, JSON_HEADERS, timeout_s)
        return make_hit(phase, request, answer, body_bytes=len(body), intended=intended, client=client)

    def post_planned(self, plan: PhasePlan, request: Request, body: bytes) -> Hit:
        """Make one planned export request of a phase with several clients."""
        client = f"examiner-{request.index % len(plan.requests)}"
        return self.post(plan.name, request, body, plan.timeout_s, client)

    def record(self, *hits: Hit) -> None:
        """Record hits of requests that were made at once; all are written before the scenario may end."""
        for hit in hits:
            self.record_hit(hit)
            self.counted += hit.phase != REFUSALS
            self.failed += hit.phase not in PROBING and hit.status != 200
            if self.leak is not None and hit.phase == LEAK and hit.case == self.leak.cases[0]:
                self.solo_s.append(hit.end - hit.start)
            self.observe(self, hit)
        self.check()

    def fetch(self, hit: Hit, timeout_s: float) -> None:
        """Download the file of an export that was answered with 200, and record the download."""
        if hit.status != 200:
            return
        left_s = self.time_left_s()
        fetch = fetch_file(self.target, hit, self.spool, max(min(timeout_s, left_s), 0.01))
        if fetch.error == "timeout" and left_s < timeout_s:
            fetch = msgspec.structs.replace(fetch, error=INTERRUPTED)
        self.record_fetch(fetch)
        self.check()

    def body_of(self, case: str, tag: str | None) -> bytes:
        """Return the request body of a case, with a tag in it where the case has tags."""
        template = self.templates[case]
        return tagged(template, tag if TAG_PLACEHOLDER.encode() in template else None)


def phase_run(
    name: str, start: float, end: float, *, planned: int, recorded: int, ended: PhaseEnd, note: str | None = None
) -> PhaseRun:
    """Return the record of a phase that the examiner made."""
    return PhaseRun(
        name=name,
        start=start,
        end=end,
        planned=planned,
        recorded=recorded,
        completed=ended == "complete",
        ended=ended,
        note=note,
    )
