"""What the answers say and what the files hold."""

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
from assertions.verdicts import Fault, Judgement, failed, failed_for, no_data, passed


def answers(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each 200 says what the contract says it says, and says it truly."""
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
        return no_data("no export was done")
    return passed(f"{len(record.done)} answers are complete, and true of their files")


def _error_faults(record: ScenarioRecord) -> Iterator[Fault]:
    """What is wrong with the answers to exports that were not done."""
    for hit in record.posts:
        if hit.status is None or hit.status == 200 or hit.phase in PROBING:
            continue
        name = f"the {hit.status} of {hit.id} ({hit.case})"
        if hit.status in (400, 413):
            yield (
                "refused though right",
                f"{hit.id} ({hit.case}) is as the contract has it, and was refused with {hit.status}: "
                f"{(hit.answer or '')[:120]}",
            )
            continue
        body = record.answers.get(hit.id)
        if body is None or body.get("success") is not False or not isinstance(body.get("error"), str):
            yield "an error without its sentence", f"{name} bears no `success: false` and `error` in JSON"
        elif not is_plausible_time(body.get("timestamp"), hit.start, hit.end):
            yield "an error of another time", f"{name} bears no timestamp of its time"


def _stopped_clock(record: ScenarioRecord) -> str | None:
    """Times that are near enough each, and the same in all."""
    done = sorted(record.done, key=lambda hit: hit.end)
    span = done[-1].end - done[0].end
    if len(done) < NAMES_NEEDED or span < CLOCK_TICKS_S:
        return None
    bodies = [record.answers[hit.id] for hit in done]
    always = f"of {len(done)} answers over {span:.0f} s is always"
    if clock_is_frozen((body["timestamp"] for body in bodies), span):
        return f"the timestamp {always} {bodies[0]['timestamp']}: a clock that stands still"
    if len({_match(body)["ms"] for body in bodies}) == 1:
        return f"the time in the file name {always} {_match(bodies[0])['ms']}: a clock that stands still"
    return None


def _match(body: Mapping[str, Any]) -> re.Match[str]:
    """The parts of an answer's file name, which was looked at before."""
    match = FILENAME.search(body["result"]["filename"])
    assert match is not None
    return match


def _answer_fault(record: ScenarioRecord, hit: Hit) -> Fault | None:
    """The first thing that is wrong with an answer, and of which part of it."""
    body = record.answers.get(hit.id)
    if body is None:
        return "JSON", "is no JSON object"
    result = body.get("result")
    if body.get("success") is not True or not isinstance(result, dict) or result.get("success") is not True:
        return "success", "does not say success"
    if body.get("records") != hit.records:
        return "records", f"says {body.get('records')!r} records where {hit.records} were sent"
    if not is_plausible_time(body.get("timestamp"), hit.start, hit.end):
        return "timestamp", f"timestamp {body.get('timestamp')!r} is no ISO 8601 of the export's time"
    name = _name_of(result)
    told = f"filename {result.get('filename')!r}"
    if name is None:
        return "filename", f"{told} does not end in export_<ms>_<letters or digits>.<format>"
    match = FILENAME.search(name)
    if match is None or match["format"] != hit.format:
        return "filename", f"{told} is not of a {hit.format} file"
    if not hit.start - CLOCKS_S <= int(match["ms"]) / 1000 <= hit.end + CLOCKS_S:
        return "filename", f"{told} bears no time near the export's"
    url = result.get("downloadUrl")
    if not isinstance(url, str) or "/export/files/" not in url or unquote(url.rsplit("/", 1)[-1]) != name:
        return "downloadUrl", f"downloadUrl {url!r} does not lead to /export/files/{name}"
    size = result.get("bytes")
    fetch = record.fetched.get(hit.id)
    if not isinstance(size, int) or isinstance(size, bool):
        return "bytes", f"bytes is {size!r}"
    if fetch is not None and fetch.status == 200 and size != fetch.bytes:
        return "bytes", f"says {size} bytes where the file has {fetch.bytes}"
    return None


def answered(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Requests are answered: they neither hang nor break off. One in a hundred may, it counts as a failed export."""
    if not record.posts:
        return no_data("no request was sent")
    asked = [hit for hit in record.posts if hit.error != INTERRUPTED]
    if not asked:
        return no_data("no request was let come to its end")
    lost = [hit for hit in asked if hit.status is None]
    if len(lost) > max(1, 0.01 * len(asked)):
        return failed(f"{len(lost)} of {len(asked)} requests had no answer, {lost[0].id} ({lost[0].error}) first")
    return passed(f"{len(asked) - len(lost)} of {len(asked)} requests were answered")
