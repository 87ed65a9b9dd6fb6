"""What the answers say and what the files hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from assertions.checks.exports.downloads import _CHARSET, _LENGTH, _MEDIA
from assertions.checks.exports.file_names import NAMES_NEEDED, _name_of
from assertions.contract import FILENAME
from assertions.limits import Limits
from assertions.record.phases import PROBING
from assertions.record.times import CLOCK_TICKS_S, CLOCKS_S, clock_is_frozen, is_plausible_time
from assertions.record.types import INTERRUPTED, Fetch, Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Fault, Judgement, failed, failed_for, no_data, passed


def _never_said(case: str, tries: Sequence[Hit]) -> str:
    times = "once" if len(tries) == 1 else f"{len(tries)} times"
    last = tries[-1]
    what = last.status if last.status is not None else last.error
    return f"{case} was asked for {times} and never done, last answered {what}: {(last.answer or '')[:120]}"


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


def _not_fetched(hit: Hit, fetch: Fetch | None) -> Fault:
    if fetch is None:
        return "no link", f"the file of {hit.id} could not be asked for: {(hit.answer or '')[:200]!r} leads nowhere"
    what = fetch.status if fetch.status is not None else fetch.error
    if fetch.status != 200:
        return "not served", f"the file of {hit.id} ({fetch.path}) was answered {what}"
    return (
        "broken off",
        f"the download of {hit.id} ({fetch.path}) broke off after {fetch.bytes} bytes: {fetch.error}",
    )


def _head_faults(hit: Hit, fetch: Fetch) -> Iterator[Fault]:
    """What is wrong with a download's headers: encoding, media type, length, name."""
    encoding = fetch.headers.get("content-encoding", "identity").strip()
    if encoding.lower() not in ("", "identity"):
        yield "compressed", f"came compressed (Content-Encoding: {encoding}) though identity was asked"
    media, _, more = fetch.headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    charset = _CHARSET.search(more)
    if media != _MEDIA.get(hit.format or ""):
        yield "media type", f"came as {media or 'no media type'}"
    elif hit.format == "csv" and charset and charset[1] not in ("utf-8", "utf8"):
        yield "charset", f"came as {charset[1]}, and is UTF-8"
    length = fetch.headers.get("content-length")
    if "content-encoding" in fetch.headers:
        pass  # the length is that of what was sent, not of what was counted
    elif length is None:
        yield "length", "came without its length (Content-Length)"
    elif not (_LENGTH.fullmatch(length) and int(length) == fetch.bytes):
        yield "length", f"says Content-Length {length} and has {fetch.bytes} bytes"
    disposition = fetch.headers.get("content-disposition", "").lower()
    if "filename" not in disposition:
        yield "download name", "came without a download name (Content-Disposition)"
    elif f".{hit.format}" not in disposition:
        yield "download name", f"has another kind of download name: {disposition!r}"


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
