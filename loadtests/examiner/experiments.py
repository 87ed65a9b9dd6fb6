"""The experiments by the name of their phase, and one phase from start to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from assertions.record.phases import BEHAVIOUR, BURSTS, DISCONNECTS, LEAK, OVER_ADMISSION
from assertions.record.types import INTERRUPTED, PhasePlan, PhaseRun
from loadtests.client.answer import SinkError
from loadtests.errors import EarlyEnd, RunError
from loadtests.examiner.behaviour import probe_behaviour
from loadtests.examiner.bursts import make_bursts
from loadtests.examiner.disconnects import probe_disconnects
from loadtests.examiner.leak import make_leak_series
from loadtests.examiner.over_admission import probe_over_admission
from loadtests.examiner.session import ExaminerSession, phase_run

EXPERIMENTS: Mapping[str, Callable[[ExaminerSession, PhasePlan], PhaseRun]] = {
    BEHAVIOUR: probe_behaviour,
    LEAK: make_leak_series,
    BURSTS: make_bursts,
    OVER_ADMISSION: probe_over_admission,
    DISCONNECTS: probe_disconnects,
}


def run_phase(session: ExaminerSession, phase: PhasePlan) -> tuple[PhaseRun, EarlyEnd | None]:
    """Make one phase of the examiner's; return its record, and the reason where the scenario must end with it."""
    session.begin(phase.name)
    try:
        return EXPERIMENTS[phase.name](session, phase), None
    except KeyboardInterrupt:
        early = EarlyEnd("interrupted", INTERRUPTED)
    except EarlyEnd as error:
        early = error
    except SinkError as error:
        raise RunError(str(error)) from error
    finally:
        session.enter("rest", None)
    planned = max(len(phase.requests), session.counted)
    return (
        phase_run(
            phase.name,
            session.began,
            session.now(),
            planned=planned,
            recorded=session.counted,
            ended=early.ended,
            note=early.note,
        ),
        early,
    )
