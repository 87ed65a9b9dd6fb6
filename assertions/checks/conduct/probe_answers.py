"""What is wrong with the answers to bad and hostile requests: every kind of fault, the worst first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from assertions.probes.behaviour import BAD_BODIES, CASES, TRAVERSALS, BehaviourCase, judge_behaviour
from assertions.record.times import is_plausible_time
from assertions.record.types import Hit
from assertions.record.view import as_object
from assertions.verdicts import Fault

SAME_SENTENCE_MOST = 3
"""Fields for which one and the same sentence may come; a sentence that fits all fields names none."""
SHOWN_CHARS = 80
"""Characters shown of a request and of its answer."""
OUTSIDE = "something outside the exports folder was reached"
NO_ANSWER = "a request without an answer"
BROKE = "a request that broke the server"
ACCEPTED = "bad input was accepted"
DISCONNECT = "clients that disconnected"
GOOD = "a valid request went wrong"
OTHER_PAGE = "another page for OpenMetrics"
OTHER_STATUS = "an answer with another status"
KINDS = (OUTSIDE, NO_ANSWER, BROKE, ACCEPTED, DISCONNECT, GOOD, OTHER_PAGE, OTHER_STATUS)
"""Worst first; kinds of faulty error answers come behind these."""
_KIND = re.compile(r"[:,]| name ")


def probe_faults(hits: Mapping[str, Hit]) -> tuple[int, list[Fault]]:
    """Return how many probes went wrong, and all faults. hits: those that were made, by case."""
    made = [(case, hits[case.name]) for case in CASES if case.name in hits]
    wrong = {
        case.name: reason
        for case, hit in made
        if (reason := judge_behaviour(case, hit.status, hit.answer, hit.headers, hit.error)) is not None
    }
    faults = [
        (_kind(case, hit, wrong[case.name]), f"{case.name}: {wrong[case.name]} {_exchange(case, hit)}")
        for case, hit in made
        if case.name in wrong
    ]
    right = {name: hit for name, hit in hits.items() if name not in wrong}
    return len(wrong), [*faults, *_links(hits), *_same_sentence(right), *_times(right)]


def worst_first(faults: Sequence[Fault]) -> list[Fault]:
    """Return the faults in the order of their kinds."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    return sorted(faults, key=lambda fault: ranks.get(fault[0], len(KINDS)))


def _kind(case: BehaviourCase, hit: Hit, reason: str) -> str:
    if hit.status is None:
        return NO_ANSWER
    if hit.status not in case.expect:
        if case in TRAVERSALS and hit.status < 300:
            return OUTSIDE
        if hit.status >= 500:
            return BROKE
        if case.kind == "error" and hit.status < 300:
            return ACCEPTED
    if case.kind in ("export", "file", "link", "page"):
        return GOOD
    # of an error's answer: which part of it is wrong
    return OTHER_STATUS if hit.status not in case.expect else f"an error answer: {_KIND.split(reason)[0]}"


def _exchange(case: BehaviourCase, hit: Hit) -> str:
    asked = f"{hit.method} {hit.path}" if case.body is None else case.body.decode("utf-8", "replace")
    came = (hit.answer or "") if hit.status is not None else hit.error
    return f"(sent {_cut(asked)!r}, answered {_cut(came or '')!r})"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _links(hits: Mapping[str, Hit]) -> Iterator[Fault]:
    """Download links that were given for one file and name another."""
    for case in ("download-get", "download-get-pdf"):
        link = hits.get(case)
        name = link.path.rsplit("/", 1)[-1] if link is not None else ""
        if link is not None and link.status == 200 and name not in (link.answer or ""):
            yield OUTSIDE, f"the download link of {name} leads to another file: {_cut(link.answer or '')!r}"


def _same_sentence(hits: Mapping[str, Hit]) -> Iterator[Fault]:
    fields_of: dict[str, set[str]] = {}
    for case in BAD_BODIES:
        if case.field and case.name in hits:
            fields_of.setdefault(str((as_object(hits[case.name].answer) or {}).get("error")), set()).add(case.field)
    sentence, fields = max(fields_of.items(), key=lambda item: len(item[1]), default=("", set()))
    if len(fields) > SAME_SENTENCE_MOST:
        yield (
            "an error answer: its sentence names no field",
            f"bad {', '.join(sorted(fields))} are all answered with the same sentence, so it names none: {sentence!r}",
        )


def _times(hits: Mapping[str, Hit]) -> Iterator[Fault]:
    for case in BAD_BODIES:
        hit = hits.get(case.name)
        at = (as_object(hit.answer) or {}).get("timestamp") if hit is not None else None
        if hit is not None and not is_plausible_time(at, hit.start, hit.end):
            yield (
                "an error answer: its timestamp is of another time",
                f"{case.name}: the error's timestamp is {at!r}, which is not the time of the answer",
            )
