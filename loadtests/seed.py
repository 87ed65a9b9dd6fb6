"""The runbook's seed script: one export, or the batch of five, and a line for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from assertions.records import Hit, Request
from loadtests.datasets import USER, encode_body, make_dataset, make_tag, parse_case, tagged
from loadtests.exporting import RUN_PATH, download_url, make_hit
from loadtests.target import Target

BATCH = ("csv-1k", "csv-5k", "csv-10k", "pdf-1k", "pdf-5k")


class _Result(msgspec.Struct):
    success: object = None
    bytes: object = None


class _Envelope(msgspec.Struct):
    success: object = None
    result: _Result | None = None
    error: object = None


def _envelope(answer: str | None) -> _Envelope:
    try:
        return msgspec.json.decode(answer or "", type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Envelope()


def seed_ok(hit: Hit) -> bool:
    """Whether an export was made: 200, success said twice, bytes and a link given."""
    said = _envelope(hit.answer)
    result = said.result
    return (
        hit.status == 200
        and said.success is True
        and result is not None
        and result.success is True
        and type(result.bytes) is int
        and download_url(hit.answer) is not None
    )


def seed_line(hit: Hit) -> str:
    """One line on one export: format, records, status, bytes, milliseconds, link; and the error, where there is one."""
    said = _envelope(hit.answer)
    size = said.result.bytes if said.result is not None else None
    return (
        f"format={hit.format} records={hit.records} status={hit.status if hit.status is not None else hit.error} "
        f"bytes={size if type(size) is int else '-'} ms={(hit.end - hit.start) * 1000:.1f} "
        f"downloadUrl={download_url(hit.answer) or '-'}"
        + ("" if seed_ok(hit) else f" FAILED {said.error if isinstance(said.error, str) else ''}".rstrip())
    )


def seed(target: Target, cases: Sequence[str], seed_number: int, tell: Callable[[str], None]) -> bool:
    """Make the exports one after the other and tell a line of each; True when every one was made. CaseError."""
    made = True
    for index, case in enumerate(cases):
        dataset = make_dataset(case, seed_number)
        tag = make_tag(99, index) if dataset.tagged else None
        body = tagged(encode_body(dataset), tag)
        request = Request(
            index=index, case=case, format=parse_case(case).format, records=len(dataset.rows), user=USER, tag=tag
        )
        asked = target.clock.now()
        answer = target.request("POST", RUN_PATH, body=body, headers={"Content-Type": "application/json"})
        hit = make_hit("seed", request, answer, body_bytes=len(body), intended=asked, client="seed")
        tell(seed_line(hit))
        made = made and seed_ok(hit)
    return made
