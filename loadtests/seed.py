"""The runbook's seed script: one export, or the batch of five, told in the runbook's form with our facts below each."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence

import msgspec

from assertions.contents.tags import USER, tagged
from assertions.record.types import Hit, Request
from loadtests.client.export import RUN_PATH, download_url, make_hit
from loadtests.client.target import Target
from loadtests.datasets.records import encode_body, make_dataset, make_tag, parse_case

BATCH = ("csv-1k", "csv-5k", "csv-10k", "pdf-1k", "pdf-5k")
BATCH_BEGIN = "Running batch export tests..."
LONGEST = 300
"""Characters of what a target answered that are shown."""


class _Result(msgspec.Struct):
    success: object = None
    bytes: object = None


class _Envelope(msgspec.Struct):
    success: object = None
    result: _Result | None = None
    error: object = None
    processingTime: object = None


def _envelope(answer: str | None) -> _Envelope | None:
    try:
        return msgspec.json.decode(answer or "", type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def failure_of(hit: Hit) -> str | None:
    """Return why an export was not made, in a few words; None where the answer says success and gives bytes and a link.

    The target's own error sentence is part of the reason.
    """
    if hit.status is None:
        return f"no answer came ({hit.error})"
    said = _envelope(hit.answer)
    if hit.status != 200:
        error = said.error if said is not None and isinstance(said.error, str) else ""
        return f"answered {hit.status}" + (f": {_plain(error)}" if error else "")
    if said is None:
        return "the answer is no JSON object of the contract's shape"
    if said.success is not True:
        return "no `success: true` in the answer"
    if said.result is None:
        return "no result in the answer"
    if said.result.success is not True:
        return "no `success: true` in the answer's result"
    if type(said.result.bytes) is not int:
        return "no bytes in the answer"
    if download_url(hit.answer) is None:
        return "no downloadUrl in the answer"
    return None


def seed_lines(hit: Hit) -> str:
    """Two lines on one export: the runbook's with the target's own figures, and ours, indented."""
    said = _envelope(hit.answer)
    size = said.result.bytes if said is not None and said.result is not None else None
    failure = failure_of(hit)
    if failure is None:
        first = (
            f"✅ Export successful: {{ format: '{hit.format}', records: {hit.records}, bytes: {size}, "
            f"processingTime: {_milliseconds(said.processingTime if said is not None else None)} }}"
        )
    else:
        first = f"❌ Export failed: {failure} {{ format: '{hit.format}', records: {hit.records} }}"
    link = download_url(hit.answer)
    return (
        f"{first}\n    status: {hit.status if hit.status is not None else hit.error}, "
        f"by our clock: {(hit.end - hit.start) * 1000:.1f}ms, downloadUrl: {'none' if link is None else _plain(link)}"
    )


def batch_end(made: int, asked: int) -> str:
    """Return the batch's last line: the runbook's where every export was made."""
    return "✅ All batch tests completed" if made == asked > 0 else f"❌ {made} of {asked} batch tests completed"


def batch_log(hits: Sequence[Hit], asked: int) -> str:
    """Return what `seed --batch` prints, from recorded exports; asked: how many were planned."""
    made = sum(failure_of(hit) is None for hit in hits)
    return "".join(f"{line}\n" for line in (BATCH_BEGIN, *map(seed_lines, hits), batch_end(made, asked)))


def _milliseconds(value: object) -> str:
    """A processingTime as the target answered it, to a tenth; `unknown` where it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "unknown"
    return f"{value:.0f}ms" if value == int(value) else f"{value:.1f}ms"


def _plain(text: str) -> str:
    """A target's words on one line: control and format characters can neither end the line nor steer a terminal."""
    words = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text).split()
    plain = " ".join(words)
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"


def seed(target: Target, cases: Sequence[str], seed_number: int, tell: Callable[[str], None]) -> int:
    """Make the exports one after the other and tell the lines of each; returns how many were made. CaseError."""
    made = 0
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
        tell(seed_lines(hit))
        made += failure_of(hit) is None
    return made
