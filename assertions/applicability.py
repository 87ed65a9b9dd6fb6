"""Additional scenarios (a soak, a spike, a user's own): which checks judge them, by their plan. Pure.

They can only stand against a release, never replace one of the three: a run without these is NO DATA as before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from assertions.checks.check import Check
from assertions.checks.performance.drift import drifts
from assertions.checks.performance.latency import LARGE
from assertions.record.phases import BEHAVIOUR, LEAK, JudgedFor
from assertions.record.run import Run
from assertions.record.types import Plan
from assertions.record.view import ScenarioRecord
from assertions.stats import needed_for_upper
from assertions.verdicts import SCENARIOS

Applies = Callable[[Plan], bool]


def _named(name: str) -> Applies:
    return lambda plan: any(phase.name == name for phase in plan.phases)


def _for(*purposes: JudgedFor) -> Applies:
    return lambda plan: any(phase.judged_for & set(purposes) for phase in plan.phases)


def _asks(fmt: str) -> Applies:
    return lambda plan: any(one.format == fmt for phase in plan.phases for one in phase.requests)


def _many_large(plan: Plan) -> bool:
    """Enough exports of 10k records under load for a P95 with an upper bound."""
    measured = [request for phase in plan.phases if JudgedFor.LATENCY in phase.judged_for for request in phase.requests]
    return sum((request.records or 0) >= LARGE for request in measured) >= needed_for_upper(0.95)


def _never(_plan: Plan) -> bool:
    return False


APPLIES: Mapping[str, Applies] = {
    "latency-outside": _many_large,
    "latency-target": _many_large,
    "throughput": _for(JudgedFor.THROUGHPUT),
    "throughput-gauge": _for(JudgedFor.THROUGHPUT),
    "drift": drifts,
    "csv-contents": _asks("csv"),
    "pdf-contents": _asks("pdf"),
    "concurrency-agree": _for(JudgedFor.CONCURRENCY),
    "queue-agree": _for(JudgedFor.ADMISSION),
    "health": _for(JudgedFor.HEALTH),
    "behaviour": _named(BEHAVIOUR),
    **{f"leak-{what}": _named(LEAK) for what in ("memory", "fds", "threads", "children")},
    # compares the batch scenario's burst with its own exports made one by one
    "concurrency-outside": _never,
}
"""By check; any other judges every scenario if it judges all of smoke, load and batch."""


def names(run: Run) -> tuple[str, ...]:
    """Return the additional scenarios of a run, in order of their names."""
    return tuple(sorted({*run.scenarios, *run.problems} - set(SCENARIOS)))


def applies(check: Check, record: ScenarioRecord | None) -> bool:
    """Return whether a check judges an additional scenario. record None: it can't be read, and no check may pass."""
    if check.scope == "tools" or not check.additional:
        return False
    if record is not None and check.id in APPLIES:
        return APPLIES[check.id](record.plan)
    return check.scenarios == SCENARIOS
