"""Check: files can be downloaded by the link of their answer, with their length, media type and name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assertions.limits import Limits
from assertions.record.types import INTERRUPTED, Fetch, Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Fault, Judgement, failed_for, no_data, passed

_MEDIA = {"csv": "text/csv", "pdf": "application/pdf"}


_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)")


_LENGTH = re.compile(r"\d+")


def downloads(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each file can be downloaded whole, with its media type, length and download name, and stays the same."""
    cut_short = {phase.name for phase in record.scenario.phases if not phase.completed}
    interrupted = 0
    faults: list[Fault] = []
    for hit in record.done:
        fetch = record.fetched.get(hit.id)
        if hit.phase in cut_short and (fetch is None or fetch.error == INTERRUPTED):
            interrupted += 1
        elif fetch is None or fetch.status != 200 or fetch.error is not None:
            faults.append(_not_fetched(hit, fetch))
        else:
            faults += ((kind, f"the {hit.format} file of {hit.id} {what}") for kind, what in _head_faults(hit, fetch))
    for again in record.fetches:
        first = record.fetched.get(again.hit)
        # the service decides how long files are kept, but a name always stands for the same file
        if again.purpose == "again" and again.status == 200 and first is not None and again.sha256 != first.sha256:
            faults.append(("changed", f"the file of {again.hit} had changed when it was downloaded again"))
    if faults:
        return failed_for(faults)
    if not record.done:
        return no_data("no export was finished")
    if interrupted:
        return no_data(f"the run was cut short before {interrupted} of {len(record.done)} files were downloaded whole")
    return passed(f"{len(record.done)} files were downloaded whole, with media type and name")


def _not_fetched(hit: Hit, fetch: Fetch | None) -> Fault:
    if fetch is None:
        return "no link", f"the file of {hit.id} has no link: {(hit.answer or '')[:200]!r}"
    what = fetch.status if fetch.status is not None else fetch.error
    if fetch.status != 200:
        return "not served", f"the download of {hit.id} ({fetch.path}) was answered with {what}"
    return (
        "broken off",
        f"the download of {hit.id} ({fetch.path}) broke off after {fetch.bytes} bytes: {fetch.error}",
    )


def _head_faults(hit: Hit, fetch: Fetch) -> Iterator[Fault]:
    """Yield what is wrong with a download's headers: encoding, media type, length, name."""
    encoding = fetch.headers.get("content-encoding", "identity").strip()
    if encoding.lower() not in ("", "identity"):
        yield "compressed", f"came compressed (Content-Encoding: {encoding}) though identity was requested"
    media, _, more = fetch.headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    charset = _CHARSET.search(more)
    if media != _MEDIA.get(hit.format or ""):
        yield "media type", f"has the Content-Type {media or '(none)'}, expected {_MEDIA.get(hit.format or '')}"
    elif hit.format == "csv" and charset and charset[1] not in ("utf-8", "utf8"):
        yield "charset", f"has the charset {charset[1]} in its Content-Type, and is UTF-8"
    length = fetch.headers.get("content-length")
    if "content-encoding" in fetch.headers:
        pass  # the length is that of the compressed bytes
    elif length is None:
        yield "length", "has no Content-Length"
    elif not (_LENGTH.fullmatch(length) and int(length) == fetch.bytes):
        yield "length", f"has Content-Length {length} and {fetch.bytes} bytes"
    disposition = fetch.headers.get("content-disposition", "").lower()
    if "filename" not in disposition:
        yield "download name", "has no download name (Content-Disposition)"
    elif f".{hit.format}" not in disposition:
        yield "download name", f"has a download name of another kind: {disposition!r}"
