"""One export from the client's side: what its answer means, and its file's download."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assertions.contract import RUN_PATH
from assertions.record.types import Fetch, Hit, Request
from loadtests.client.answer import Answer
from loadtests.client.target import Target

JSON_HEADERS = {"Content-Type": "application/json"}
MAX_ANSWER_CHARS = 64 * 1024
"""Characters of an answer that its hit keeps."""
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_FILE_RATIO = 10
"""A larger file is read up to so many times the size of its request: no export of the same records is that large."""


class _Result(msgspec.Struct):
    filename: object = None
    downloadUrl: object = None


class _Envelope(msgspec.Struct):
    result: _Result | None = None


def _result(answer: str | bytes | None) -> _Result:
    try:
        return msgspec.json.decode(answer or "", type=_Envelope).result or _Result()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Result()


def download_url(answer: str | bytes | None) -> str | None:
    """The link in an export's answer; None where there is none."""
    link = _result(answer).downloadUrl
    return link if isinstance(link, str) else None


def answered_filename(answer: str | bytes | None) -> str | None:
    """The file's path in an export's answer, as the target names it; None where there is none."""
    name = _result(answer).filename
    return name if isinstance(name, str) else None


def make_hit(phase: str, request: Request, answer: Answer, *, body_bytes: int, intended: float, client: str) -> Hit:
    """The record of one export request."""
    return Hit(
        id=f"{phase}-{request.index}",
        phase=phase,
        index=request.index,
        case=request.case,
        method="POST",
        path=RUN_PATH,
        format=request.format,
        records=request.records,
        user=request.user,
        tag=request.tag,
        bytes_sent=body_bytes,
        intended=intended,
        start=answer.start,
        end=answer.end,
        status=answer.status,
        error=answer.error,
        headers=answer.headers,
        answer=None if answer.status is None else answer.body.decode("utf-8", "replace")[:MAX_ANSWER_CHARS],
        client=client,
    )


def fetch_file(target: Target, hit: Hit, spool: Path | None, timeout_s: float, *, again: bool = False) -> Fetch:
    """Download the file of an export answered with 200 into `spool/<hit id>.<format>`; None: only its hash is kept.

    A link that is missing or leads to another origin becomes a fetch with the error `no-link` or `other-origin`; a
    file above `file_bytes_most` one with `too-long`, of which nothing is kept. SinkError where the spool is full.
    """
    link = download_url(hit.answer)
    path = None if link is None else target.resolve(link)
    if path is None:
        return no_fetch(hit, target.clock.now(), "no-link" if link is None else "other-origin", again=again)
    sink = Path("/dev/null") if spool is None else spool / f"{hit.id}.{hit.format}"
    with sink.open("wb") as file:
        download = target.download(path, file, timeout_s, max_bytes=file_bytes_most(hit))
        if download.error == "too-long":
            file.truncate(0)  # it is never opened, and many of its size would fill the disk
    return Fetch(
        hit=hit.id,
        path=link or "",
        start=download.start,
        end=download.end,
        status=download.status,
        error=download.error,
        headers=download.headers,
        bytes=download.bytes,
        sha256=download.sha256,
        purpose="again" if again else "file",
    )


def file_bytes_most(hit: Hit) -> int:
    """Return how many bytes of an export's file are read: 64 MiB, or ten times its request's body if that is more."""
    return max(MAX_FILE_BYTES, MAX_FILE_RATIO * hit.bytes_sent)


def no_fetch(hit: Hit, now: float, why: str, *, again: bool = False) -> Fetch:
    """The record of a download that could not be made."""
    return Fetch(
        hit=hit.id,
        path=download_url(hit.answer) or "",
        start=now,
        end=now,
        status=None,
        error=why,
        headers={},
        bytes=0,
        sha256=None,
        purpose="again" if again else "file",
    )
