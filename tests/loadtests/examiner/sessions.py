"""Examiner sessions on a target, whose records are lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assertions.record.types import Fetch, Hit, PhasePlan, Probe
from loadtests.client.target import Target
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.examiner.session import ExaminerSession
from loadtests.plan.plan import EXAMINER_TIMEOUT_S
from loadtests.plan.profile import Leak


@dataclass
class Recorded:
    """A session and what it recorded."""

    session: ExaminerSession
    hits: list[Hit] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    """How many fetches there were at each sample."""


def small_templates(*cases: str) -> dict[str, bytes]:
    """Return small bodies in place of the cases' own."""
    return {case: encode_body(make_dataset(f"{case.partition('-')[0]}-3", 1)) for case in cases}


def make_session(
    target: Target,
    templates: Mapping[str, bytes] | None = None,
    leak: Leak | None = None,
    sample: Callable[[], Probe | None] | None = None,
) -> Recorded:
    """Return a session that records into lists."""
    hits: list[Hit] = []
    fetches: list[Fetch] = []
    session = ExaminerSession(
        target=target,
        seed=1,
        templates=templates or {},
        record_hit=hits.append,
        record_fetch=fetches.append,
        leak=leak,
    )
    recorded = Recorded(session, hits, fetches)
    session.sample = sample or (lambda: recorded.samples.append(len(recorded.fetches)))
    return recorded


def probe_plan(name: str) -> PhasePlan:
    """Return the plan of a phase that plans no requests."""
    return PhasePlan(name=name, mode="probe", clients=1, requests=(), timeout_s=EXAMINER_TIMEOUT_S)
