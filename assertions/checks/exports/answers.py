"""Checks: requests are answered, and answers are complete and correct."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from assertions.checks.exports.file_names import NAMES_NEEDED, _name_of
from assertions.contract import FILENAME
from assertions.limits import Limits
from assertions.record.phases import PROBING
from assertions.record.times import CLOCK_TICKS_S, CLOCKS_S, clock_is_frozen, is_plausible_time
from assertions.record.types import INTERRUPTED, Hit
from assertions.record.view import ScenarioRecord
from assertions.units import show
from assertions.verdicts import Fault, Judgement, failed, failed_for, no_data, passed

LOST_SHARE = 0.01
"""Share of the requests that may have no answer; one may in any case."""


def answers(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each 200 has what the contract asks of it, and it is correct; each error has its sentence."""
    wrong = [
        (fault[0], f"the answer of {hit.id} ({hit.case}): {fault[1]}")
        for hit in record.done
        if (fault := _answer_fault(record, hit)) is not None
    ]
    if not wrong and record.done and (stopped := _stopped_clock(record)):
        wrong.append(("clock", stopped))
    wrong += _error_faults(record)
    if wrong:
        return failed_for(wrong)
    if not record.done:
        return no_data("no export was finished")
    return passed(f"{len(record.done)} answers are complete, and fit their files")


def _error_faults(record: ScenarioRecord) -> Iterator[Fault]:
    """Yield what is wrong with the answers to exports that were not finished."""
    for hit in record.posts:
        if hit.status is None or hit.status == 200 or hit.phase in PROBING:
            continue
        name = f"the {hit.status} of {hit.id} ({hit.case})"
        if hit.status in (400, 413):
            yield (
                "valid, but refused",
                f"{hit.id} ({hit.case}) is valid by the contract, but was refused with {hit.status}: "
                f"{(hit.answer or '')[:120]}",
            )
            continue
        body = record.answers.get(hit.id)
        if body is None or body.get("success") is not False or not isinstance(body.get("error"), str):
            yield "an error without its sentence", f"{name} has no `success: false` and `error` in JSON"
        elif not is_plausible_time(body.get("timestamp"), hit.start, hit.end):
            yield "an error with a wrong time", f"{name} has no timestamp of its time"


def _stopped_clock(record: ScenarioRecord) -> str | None:
    """Return which time is the same in all answers, though each may be near enough; None: there is none."""
    done = sorted(record.done, key=lambda hit: hit.end)
    span = done[-1].end - done[0].end
    if len(done) < NAMES_NEEDED or span < CLOCK_TICKS_S:
        return None
    bodies = [record.answers[hit.id] for hit in done]
    always = f"of {len(done)} answers over {show(span, 's')} is always"
    if clock_is_frozen((body["timestamp"] for body in bodies), span):
        return f"the timestamp {always} {bodies[0]['timestamp']}: the clock stands still"
    if len({_match(body)["ms"] for body in bodies}) == 1:
        return f"the time in the file name {always} {_match(bodies[0])['ms']}: the clock stands still"
    return None


def _match(body: Mapping[str, Any]) -> re.Match[str]:
    """Return the parts of an answer's file name, which is known to match."""
    match = FILENAME.search(body["result"]["filename"])
    assert match is not None
    return match


def _answer_fault(record: ScenarioRecord, hit: Hit) -> Fault | None:
    """Return the first thing that is wrong with an answer, and its part; None: nothing."""
    body = record.answers.get(hit.id)
    if body is None:
        return "JSON", "is not a JSON object"
    result = body.get("result")
    if body.get("success") is not True or not isinstance(result, dict) or result.get("success") is not True:
        return "success", "lacks `success: true`"
    if body.get("records") != hit.records:
        return "records", f"has records {body.get('records')!r} where {hit.records} were sent"
    if not is_plausible_time(body.get("timestamp"), hit.start, hit.end):
        return "timestamp", f"timestamp must be the time of the export in ISO 8601, it is {body.get('timestamp')!r}"
    name = _name_of(result)
    given = f"filename {result.get('filename')!r}"
    if name is None:
        return "filename", f"{given} does not end in export_<ms>_<letters or digits>.<format>"
    match = FILENAME.search(name)
    if match is None or match["format"] != hit.format:
        return "filename", f"{given} is not of a {hit.format} file"
    if not hit.start - CLOCKS_S <= int(match["ms"]) / 1000 <= hit.end + CLOCKS_S:
        return "filename", f"{given} has no time near the export's"
    url = result.get("downloadUrl")
    if not isinstance(url, str) or "/export/files/" not in url or unquote(url.rsplit("/", 1)[-1]) != name:
        return "downloadUrl", f"downloadUrl {url!r} does not lead to /export/files/{name}"
    size = result.get("bytes")
    fetch = record.fetched.get(hit.id)
    if not isinstance(size, int) or isinstance(size, bool):
        return "bytes", f"bytes must be a whole number, it is {size!r}"
    if fetch is not None and fetch.status == 200 and size != fetch.bytes:
        return "bytes", f"has bytes {size} where the file has {fetch.bytes}"
    return None


def answered(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Requests are answered. One in a hundred may have no answer; it counts as a failed export."""
    if not record.posts:
        return no_data("no request was sent")
    asked = [hit for hit in record.posts if hit.error != INTERRUPTED]
    if not asked:
        return no_data("every request was interrupted")
    lost = [hit for hit in asked if hit.status is None]
    allowed = max(1, int(LOST_SHARE * len(asked)))
    if len(lost) > allowed:
        timeouts = sum(hit.error == "timeout" for hit in lost)
        how = f" ({timeouts} timed out)" if 0 < timeouts < len(lost) else ""
        return failed(
            f"{len(lost)} of {len(asked)} requests had no answer{how}, the first was {lost[0].id} ({lost[0].error})"
        )
    return passed(
        f"{len(asked) - len(lost)} of {len(asked)} requests were answered",
        catches=f"more than {allowed} without an answer would not have passed",
    )
