"""Lets the examiner make its phases, and writes down what it hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assertions.contents.tags import TAG_PLACEHOLDER, tagged
from assertions.record.phases import BURSTS, DISCONNECTS, OVER_ADMISSION, PROBING
from assertions.record.types import INTERRUPTED, Fetch, Hit, PhasePlan, PhaseRun, Plan, Probe
from assertions.stats import median
from loadtests.client.answer import SinkError
from loadtests.client.export import RUN_PATH, fetch_file
from loadtests.client.target import Target
from loadtests.errors import STOPPED, AbortRun, RunError
from loadtests.examiner import leak as examiner
from loadtests.examiner.behaviour import behaviour
from loadtests.examiner.bursts import bursts
from loadtests.examiner.disconnects import probe_disconnects
from loadtests.examiner.over_admission import probe_over_admission
from loadtests.plan.profile import Leak
from loadtests.progress import Progress
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.processes import Prober
from loadtests.recorders.run_state import RunState


@dataclass
class ExaminerSession:
    """The examiner's surroundings in one scenario."""

    plan: Plan
    leak: Leak | None
    target: Target
    stage: RunState
    templates: Mapping[str, bytes]
    hits: LineFile
    fetches: LineFile
    spool: Path
    """Where the leak series' files go."""
    prober: Prober | None
    check: Callable[[], None]
    """Raises where the record can't be written any more."""
    report: Callable[[Progress], None]
    """Shown to the user."""
    counted: int = 0
    failed: int = 0
    """Of those, in the present phase."""
    began: float = 0.0
    alone_s: list[float] = field(default_factory=list)
    """How long each export of the leak series' first case took."""

    def run(self, phase: PhasePlan, note: Callable[[PhaseRun], None]) -> None:
        """One phase of the examiner's; interrupted, it is noted as cut short and the interrupt goes on."""
        self.counted = self.failed = 0
        start = self.began = self.target.clock.now()
        self.stage.enter("during", phase.name)
        try:
            if phase.name == "behaviour":
                note(behaviour(self.target, self._record_hit))
            elif phase.name == DISCONNECTS:
                note(probe_disconnects(self.target, self._record_hit, self._sample, self.plan.seed))
            elif phase.name == BURSTS:
                note(
                    bursts(
                        self.target,
                        phase,
                        median(self.alone_s) if self.alone_s else 0.0,
                        self._record_hits,
                        lambda hit: self._fetch(hit, phase),
                        self._record_fetch,
                        self._sample,
                        self._make_body,
                    )
                )
            elif phase.name == OVER_ADMISSION:
                note(
                    probe_over_admission(
                        self.target,
                        phase,
                        self._record_hits,
                        lambda hit: self._fetch(hit, phase),
                        self._record_fetch,
                        self._make_body,
                    )
                )
            else:
                assert self.leak is not None
                note(
                    examiner.leak(
                        self.target,
                        self._record_hit,
                        self._record_fetch,
                        self._sample,
                        self._make_body,
                        count=len(phase.requests),
                        seconds=self.leak.seconds,
                        cases=self.leak.cases,
                        spool=self.spool,
                    )
                )
        except (KeyboardInterrupt, AbortRun) as stopped:
            note(
                PhaseRun(
                    name=phase.name,
                    start=start,
                    end=self.target.clock.now(),
                    planned=max(len(phase.requests), self.counted),
                    recorded=self.counted,
                    completed=False,
                    note=INTERRUPTED if isinstance(stopped, KeyboardInterrupt) else f"{STOPPED}{stopped}",
                )
            )
            raise
        except SinkError as error:
            raise RunError(str(error)) from error
        finally:
            self.stage.enter("rest")

    def _record_hit(self, hit: Hit) -> None:
        self._record_hits((hit,))

    def _record_hits(self, hits: Sequence[Hit]) -> None:
        """Requests that were made at once; all are recorded before the run may end."""
        for hit in hits:
            self.counted += hit.phase != "refusals"
            self.failed += hit.phase not in PROBING and hit.status != 200
            self.hits.write(hit)
            if hit.phase == "leak" and self.leak is not None and hit.case == self.leak.cases[0]:
                self.alone_s.append(hit.end - hit.start)
            if hit.status == 200 and hit.path == RUN_PATH:
                self.stage.count(self.stage.scene().exports_done + 1)
        self._tell(hits[-1].phase)
        self.check()

    def _tell(self, phase: str) -> None:
        if phase == "refusals":  # they belong to the series in which they are made
            return
        seconds = max(self.target.clock.now() - self.began, 1e-3)
        told = Progress(
            scenario=self.plan.scenario,
            phase=phase,
            started=self.counted,
            answered=self.counted,
            failed=self.failed,
            rate_per_s=self.counted / seconds,
            p95_ms=None,
        )
        self.report(told)

    def _fetch(self, hit: Hit, phase: PhasePlan) -> Fetch:
        return fetch_file(self.target, hit, self.spool, phase.timeout_s)

    def _record_fetch(self, fetch: Fetch) -> None:
        self.fetches.write(fetch)
        self.check()

    def _sample(self) -> Probe | None:
        """Called by the examiner between two requests: nothing of ours is in flight."""
        return None if self.prober is None else self.prober.probe(resting=True)

    def _make_body(self, case: str, tag: str) -> bytes:
        template = self.templates[case]
        return tagged(template, tag if TAG_PLACEHOLDER.encode() in template else None)
