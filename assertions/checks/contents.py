"""What the answers say and what the files hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from msgspec.structs import replace

from ..bundle import CLOCK_TICKS_S, CLOCKS_S, PROBING, ScenarioRecord, stands_still, told_near
from ..contract import FILENAME, FORMATS
from ..limits import Limits
from ..records import INTERRUPTED, Fetch, Hit
from ..verdicts import Fault, Judgement, failed, failed_for, no_data, passed
from .file_faults import kinds, sentence

_MEDIA = {"csv": "text/csv", "pdf": "application/pdf"}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)")
_LENGTH = re.compile(r"\d+")
NAMES_NEEDED = 20
"""So many names are enough to tell random from constant."""
ALIKE_MOST = 0.1
"""Share of different random parts that is no randomness."""
COUNTED_STEP = 10
"""As many names may be given out of turn, or used up by others."""
COUNTED_SHARE = 0.8


def csv_contents(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Every CSV file, cell by cell, against what was sent."""
    return _contents(record, "csv")


def pdf_contents(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Every PDF file, page by page, against what was sent."""
    return _contents(record, "pdf")


def _contents(record: ScenarioRecord, fmt: str) -> Judgement:
    done = [hit for hit in record.done if hit.format == fmt]
    checked = {check.hit: check for check in record.files}
    broken = [checked[hit.id] for hit in done if hit.id in checked and checked[hit.id].finding_count]
    missing = [hit for hit in done if hit.id not in checked]
    never = _never_done(record, fmt)
    said = _never_said(*never) if never else ""
    if broken:
        besides = f"; {len(missing)} more were not opened" if missing else ""
        head = f"{len(broken)} of {len(done)} {fmt} files do not hold what was sent{besides}; "
        told = "; ".join(filter(None, (head + sentence(broken, {hit.id: hit for hit in done}), said)))
        return replace(failed(told), findings=kinds(broken))
    if never and len(never[1]) > 1:
        return failed(said)
    if not done:
        return no_data(f"no {fmt} export was done")
    if missing:
        return no_data(f"{len(missing)} of {len(done)} {fmt} files were not opened, the first of {missing[0].id}")
    if never:
        return no_data(f"{said}; once is no rule")
    records = sum(hit.records or 0 for hit in done)
    return passed(f"{len(done)} {fmt} files with {records:,} records hold what was sent")


def _never_said(case: str, tries: Sequence[Hit]) -> str:
    times = "once" if len(tries) == 1 else f"{len(tries)} times"
    last = tries[-1]
    what = last.status if last.status is not None else last.error
    return f"{case} was asked for {times} and never done, last answered {what}: {(last.answer or '')[:120]}"


def _never_done(record: ScenarioRecord, fmt: str) -> tuple[str, list[Hit]] | None:
    """A data set that was asked for and never made. One export in twenty may fail, but not one kind of data."""
    asked: dict[str, list[Hit]] = {}
    for hit in record.exports:
        if hit.format == fmt and hit.status != 429 and hit.error != INTERRUPTED:
            asked.setdefault(hit.case, []).append(hit)
    never = [(case, hits) for case, hits in asked.items() if all(hit.status != 200 for hit in hits)]
    return max(never, key=lambda one: len(one[1]), default=None)


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
        elif not told_near(body.get("timestamp"), hit.start, hit.end):
            yield "an error of another time", f"{name} bears no timestamp of its time"


def _stopped_clock(record: ScenarioRecord) -> str | None:
    """Times that are near enough each, and the same in all."""
    done = sorted(record.done, key=lambda hit: hit.end)
    span = done[-1].end - done[0].end
    if len(done) < NAMES_NEEDED or span < CLOCK_TICKS_S:
        return None
    bodies = [record.answers[hit.id] for hit in done]
    always = f"of {len(done)} answers over {span:.0f} s is always"
    if stands_still((body["timestamp"] for body in bodies), span):
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
    if not told_near(body.get("timestamp"), hit.start, hit.end):
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


def _result(record: ScenarioRecord, hit: Hit) -> Mapping[str, object]:
    result = record.answers.get(hit.id, {}).get("result")
    return result if isinstance(result, dict) else {}


def _name_of(result: Mapping[str, object]) -> str | None:
    filename = result.get("filename")
    if not isinstance(filename, str) or FILENAME.search(filename) is None:
        return None
    return re.split(r"[/\\]", filename)[-1]


def names(record: ScenarioRecord, limits: Limits) -> Judgement:
    """A file name is never used twice."""
    given = Counter(name for hit in record.done if (name := _name_of(_result(record, hit))) is not None)
    if not given:
        return no_data("no answer named a file")
    twice = [name for name, times in given.items() if times > 1]
    if twice:
        return failed(f"{len(twice)} file names were given more than once, {twice[0]} {given[twice[0]]} times")
    tails = [match["rand"] for name in given if (match := FILENAME.search(name))]
    if len(tails) >= NAMES_NEEDED and len(set(tails)) <= ALIKE_MOST * len(tails):
        return failed(
            f"{len(tails)} file names end in {len(set(tails))} different ways, such as {tails[0]}: they can be guessed"
        )
    if len(tails) >= NAMES_NEEDED and _counted(record):
        return failed(
            f"{len(tails)} file names end in a number that is counted up, such as {tails[0]}: no letter of it "
            "is random, so they can be guessed"
        )
    return passed(f"{len(given)} exports, {len(given)} names")


def _counted(record: ScenarioRecord) -> bool:
    """Whether the random parts of names, of all or of one format's, are a counter in whatever base."""
    each = [[hit for hit in record.done if hit.format == form] for form in FORMATS]
    return any(_rises(record, hits) for hits in (record.done, *each) if len(hits) >= NAMES_NEEDED)


def _rises(record: ScenarioRecord, hits: Sequence[Hit]) -> bool:
    """Whether most are a step from the one before, in the order in which exports ended or came.

    Whichever is nearer to the order of naming.
    """
    for base in (10, 16, 36):
        for moment in (lambda hit: hit.end, lambda hit: hit.start):
            numbers = []
            for hit in sorted(hits, key=moment):
                match = FILENAME.search(str(_result(record, hit).get("filename")))
                numbers += [_number(match["rand"], base)] if match else []
            steps = [
                later - earlier for earlier, later in pairwise(numbers) if earlier is not None and later is not None
            ]
            near = max(
                sum(0 < step <= COUNTED_STEP for step in steps), sum(0 < -step <= COUNTED_STEP for step in steps)
            )
            if near >= COUNTED_SHARE * (len(numbers) - 1):
                return True
    return False


def _number(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None


def downloads(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each file can be fetched whole, with its media type, length and download name, and stays the same."""
    cut_short = {phase.name for phase in record.scenario.phases if not phase.completed}
    broken_off = 0
    faults: list[Fault] = []
    for hit in record.done:
        fetch = record.fetched.get(hit.id)
        if hit.phase in cut_short and (fetch is None or fetch.error == INTERRUPTED):
            broken_off += 1
        elif fetch is None or fetch.status != 200 or fetch.error is not None:
            faults.append(_not_fetched(hit, fetch))
        else:
            faults += ((kind, f"the {hit.format} file of {hit.id} {what}") for kind, what in _head_faults(hit, fetch))
    for again in record.fetches:
        first = record.fetched.get(again.hit)
        # how long files are kept is the service's own affair; what a name stands for is not
        if again.purpose == "again" and again.status == 200 and first is not None and again.sha256 != first.sha256:
            faults.append(("changed", f"the file of {again.hit} was another when it was fetched again"))
    if faults:
        return failed_for(faults)
    if not record.done:
        return no_data("no export was done")
    if broken_off:
        return no_data(f"the run was cut short before {broken_off} of {len(record.done)} files were fetched whole")
    return passed(f"{len(record.done)} files were fetched whole, with media type and name")


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
