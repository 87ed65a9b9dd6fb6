"""The behaviour probes: odd, bad and hostile requests, each sent once."""

from __future__ import annotations

from assertions.probes.behaviour import CASES, FILE, NO_SUCH_FILE
from assertions.record.types import PhaseRun
from loadtests.client.export import answered_filename, download_url
from loadtests.client.target import Target
from loadtests.examiner.requests import PROBE_TIMEOUT_S, RecordHit, _probe_hit

DISCONNECT_TIMEOUT_S = 1.0
"""For each further one, once several have not been answered."""


DISCONNECT_AFTER = 3


def behaviour(target: Target, record_hit: RecordHit) -> PhaseRun:
    """Send each behaviour probe, one at a time, and record it as a hit of the phase `behaviour`, its case the probe's.

    Last come a good export and its file. An answer that does not come is recorded too; nothing is raised for it.
    """
    start = target.clock.now()
    name = NO_SUCH_FILE
    silent = 0
    for index, case in enumerate(CASES):
        path = case.path.replace(FILE, name)
        timeout_s = PROBE_TIMEOUT_S if silent < DISCONNECT_AFTER else DISCONNECT_TIMEOUT_S
        intended = target.clock.now()
        answer = target.request(case.method, path, case.body, dict(case.headers), timeout_s)
        silent = silent + 1 if answer.status is None else 0
        hit = _probe_hit(case, index, path, answer, intended)
        record_hit(hit)
        if case.kind == "export":
            name = _file_name(hit.answer)
    return PhaseRun(
        name="behaviour",
        start=start,
        end=target.clock.now(),
        planned=len(CASES),
        recorded=len(CASES),
        completed=True,
    )


def _file_name(answer: str | None) -> str:
    """The name under which an export's file is served; that of no file where the answer tells none."""
    told = download_url(answer) or answered_filename(answer) or NO_SUCH_FILE
    return told.split("?")[0].replace("\\", "/").rpartition("/")[2] or NO_SUCH_FILE
