"""Single requests and their answers, as a client would have seen them."""

from __future__ import annotations

import json

from assertions.probes.behaviour import AFTER_TEXTS, REST_AFTER_DISCONNECT, BehaviourCase
from assertions.record.phases import DISCONNECTS
from assertions.record.types import Hit
from tests.assertions.healthy.simulation import Job, Service, iso

MEDIA = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


def answer_of(job: Job | None, at: float, service: Service) -> tuple[str, int, dict[str, str]]:
    """An export's answer, its status and its headers."""
    headers = {"content-type": "application/json"}
    if job is None:
        body = {"success": False, "error": "the queue is full", "queueDepth": service.waiting(at), "timestamp": iso(at)}
        return json.dumps(body), 429, headers | {"retry-after": "2"}
    if job.status != 200:
        return json.dumps({"success": False, "error": "the engine broke", "timestamp": iso(job.ended)}), 500, headers
    result = {
        "success": True,
        "bytes": job.bytes,
        "filename": f"exports/{job.filename}",
        "downloadUrl": f"/export/files/{job.filename}",
    }
    body = {
        "success": True,
        "result": result,
        "processingTime": job.latency_ms,
        "records": job.records,
        "timestamp": iso(job.ended),
    }
    return json.dumps(body), 200, headers


def probe_hit(
    case: BehaviourCase, index: int, start: float, end: float, status: int, job: Job | None, page: str
) -> Hit:
    """One behaviour probe, answered as the contract says."""
    headers = {"content-type": "application/json"}
    match case.kind:
        case "export":
            answer = answer_of(job, start, Service())[0]
        case "link":
            answer = json.dumps({"downloadUrl": "/export/files/after.csv", "status": "ready", "timestamp": iso(end)})
        case "file":
            answer = "ref,name\r\n" + "".join(f"after-{i},{text}\r\n" for i, text in enumerate(AFTER_TEXTS))
            name = 'attachment; filename="after.csv"'
            headers = {"content-type": MEDIA["csv"], "content-length": "90", "content-disposition": name}
        case "page":
            answer, headers = page, {"content-type": "text/plain; version=0.0.4"}
        case _:
            error = f"`{case.field or 'the request'}` is wrong"
            answer = json.dumps({"success": False, "error": error, "timestamp": iso(end)})
    return Hit(
        id=f"behaviour-{index}",
        phase="behaviour",
        index=index,
        case=case.name,
        method=case.method,
        path=case.path.replace("{file}", "after.csv"),
        format=case.format,
        records=len(AFTER_TEXTS) if job else None,
        user="examiner",
        tag=None,
        bytes_sent=len(case.body or b""),
        intended=start,
        start=start,
        end=end,
        status=status,
        error=None,
        headers=headers,
        answer=answer,
        client="examiner",
    )


def hung_up_hit(case: str, index: int, start: float, status: int | None, page: str) -> Hit:
    """One request of the disconnects phase; status None: its client disconnected."""
    rest = case == REST_AFTER_DISCONNECT
    return Hit(
        id=f"{DISCONNECTS}-{index}",
        phase=DISCONNECTS,
        index=index,
        case=case,
        method="GET" if rest else "POST",
        path="/export/status" if rest else "/export/run",
        format=None if rest else "csv",
        records=None if rest else 1_000,
        user="loadtest",
        tag=None,
        bytes_sent=0 if rest else 110_100,
        intended=start,
        start=start,
        end=start + 0.03,
        status=status,
        error=None if status else "disconnected",
        headers={},
        answer=page if rest else None,
        client="examiner",
    )
