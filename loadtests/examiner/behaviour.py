"""The behaviour probes: odd, bad and hostile requests, each sent once."""

from __future__ import annotations

from assertions.probes.behaviour import CASES, FILE, NO_SUCH_FILE
from assertions.record.types import PhasePlan, PhaseRun
from loadtests.client.export import answered_filename, download_url
from loadtests.examiner.requests import probe_hit
from loadtests.examiner.session import ExaminerSession, phase_run

PROBE_TIMEOUT_S = 10.0
"""Of one probe, as long as the target answers."""
UNANSWERED_TIMEOUT_S = 1.0
"""Of each further probe after UNANSWERED_MOST without an answer."""
UNANSWERED_MOST = 3


def probe_behaviour(session: ExaminerSession, phase: PhasePlan) -> PhaseRun:
    """Send each behaviour probe, one at a time, and record it as a hit whose case is the probe's name.

    A good export and its file come last. A probe without an answer is recorded too, and raises nothing.
    """
    start = session.now()
    name = NO_SUCH_FILE
    unanswered = 0
    for index, case in enumerate(CASES):
        path = case.path.replace(FILE, name)
        timeout_s = PROBE_TIMEOUT_S if unanswered < UNANSWERED_MOST else UNANSWERED_TIMEOUT_S
        intended = session.now()
        answer = session.request(case.method, path, case.sent, dict(case.headers), timeout_s)
        unanswered = unanswered + 1 if answer.status is None else 0
        hit = probe_hit(case, index, path, answer, intended)
        session.record(hit)
        if case.kind == "export":
            name = file_name(hit.answer)
    return phase_run(phase.name, start, session.now(), planned=len(CASES), recorded=len(CASES), ended="complete")


def file_name(answer: str | None) -> str:
    """Return the name under which an export's file is served; that of no file where the answer has none."""
    link = download_url(answer) or answered_filename(answer) or NO_SUCH_FILE
    return link.split("?")[0].replace("\\", "/").rpartition("/")[2] or NO_SUCH_FILE
