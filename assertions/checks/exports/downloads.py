"""Files can be fetched by the link of their answer, with the length and type that belong to them."""

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
