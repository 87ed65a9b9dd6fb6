"""What went wrong, by example: the first bad request of a check, what was asked, what came, and the kept file. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assertions.checks.performance.latency import LARGE, latency_ms
from assertions.judge import Report
from assertions.limits import Limits
from assertions.record.finding_codes import RANK
from assertions.record.phases import BEHAVIOUR, JudgedFor
from assertions.record.run import Run
from assertions.record.types import FileCheck, Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Verdict
from evidence.reports.units import quantity

MOST = 3
"""Kinds of faults that are shown with an example."""
CONTENTS = {"csv-contents": "csv", "pdf-contents": "pdf"}
_NAME = re.compile(r"[A-Za-z][\w.]*(?:-[\w.]+)+")
_SLOW = {"latency-outside": "latency_p95_ms", "smoke-latency": "smoke_latency_ms"}


@dataclass(frozen=True, kw_only=True)
class Example:
    """One thing that went wrong."""

    kind: str
    """What is wrong, with how often."""
    asked: str
    """Empty where no single request is behind it."""
    came: str
    kept: str
    """The kept file, relative to the run directory; empty where there is none."""
    case: str
    """Of the request; empty where there is none."""
    path: str
    """Method and path that were asked for; empty where there are none."""
    tag: str | None = None
    """Of the request; None: it has none."""
    user: str | None = None
    """The request's `user`; None: it names none."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the record shows of one verdict that is no PASS."""

    since: str
    """When the first bad request was sent, and which it was; empty: no request is behind it."""
    examples: tuple[Example, ...]
    """At most three, worst first."""
    scenario: str = ""
    """Where the first bad request, else the first example, comes from; empty where that is not known."""


def find(run: Run, report: Report, limits: Limits) -> dict[tuple[str, str], Found]:
    """Look up the requests behind each verdict that is no PASS, by (scenario, check)."""
    found = {}
    for verdict in report.verdicts:
        if verdict.status == "PASS" or verdict.judgement.waiting:
            continue
        records = [run.scenarios[name] for name in _names(run, verdict)]
        named = [(record.name, _in_record(record, verdict, limits)) for record in records]
        parts = [(name, one) for name, one in named if one is not None]
        if parts:
            name, first = next(((name, one) for name, one in parts if one.since), parts[0])
            found[verdict.scenario, verdict.id] = Found(
                since=first.since,
                examples=tuple(example for _, one in parts for example in one.examples)[:MOST],
                scenario=name,
            )
    return found


def _names(run: Run, verdict: Verdict) -> list[str]:
    return [name for name in run.scenarios if verdict.scenario in (name, "run")]


def _in_record(record: ScenarioRecord, verdict: Verdict, limits: Limits) -> Found | None:
    if verdict.id in CONTENTS:
        files = _broken_files(record, CONTENTS[verdict.id])
        if files is not None:
            return files
    named = list(_named(record, verdict))
    hits = [hit for hit, _ in named] or _bad(record, verdict, limits)
    if not hits:
        return None
    if not verdict.judgement.findings:
        named = [(hit, f"{hit.case} {_answered(hit)}") for hit, _ in named]
    kinds = named[:MOST] or [(group[0], _kind(group)) for group in _groups(hits)][:MOST]
    return Found(
        since=_since(record, min(hits, key=lambda hit: hit.start)),
        examples=tuple(_of_verdict(record, verdict, hit, kind) for hit, kind in kinds),
    )


def _broken_files(record: ScenarioRecord, fmt: str) -> Found | None:
    """Each kind of finding in the exported files of a format, the worst first, with a kept file where there is one."""
    hits = {hit.id: hit for hit in record.hits}
    broken = [check for check in record.files if check.format == fmt and check.finding_count and check.hit in hits]
    if not broken:
        return None
    codes = sorted({one.code for check in broken for one in check.findings}, key=lambda code: RANK.get(code, 0))
    examples = []
    for code in codes[:MOST]:
        having = [check for check in broken if any(one.code == code for one in check.findings)]
        shown = next((check for check in having if check.kept), having[0])
        finding = next(one for one in shown.findings if one.code == code)
        hit = hits[shown.hit]
        at = f"{finding.where}: " if finding.where else ""
        examples.append(
            Example(
                kind=f"{code} in {len(having)} of {_count(record, fmt)} {fmt} files",
                asked=f"{_asked(hit)}; {at}{finding.expected!r}",
                came=f"{finding.found!r}",
                kept=f"{record.name}/{shown.kept}" if shown.kept else "",
                case=hit.case,
                path=f"{hit.method} {hit.path}",
                tag=hit.tag,
                user=hit.user,
            )
        )
    first = min((hits[check.hit] for check in broken), key=lambda hit: hit.start)
    return Found(since=_since(record, first), examples=tuple(examples))


def _count(record: ScenarioRecord, fmt: str) -> int:
    return sum(check.format == fmt for check in record.files)


def _named(record: ScenarioRecord, verdict: Verdict) -> Iterable[tuple[Hit, str]]:
    """Requests that a reason or its findings name by id or by a behaviour probe's case, with the sentence."""
    by_id = {hit.id: hit for hit in record.hits}
    by_case = {hit.case: hit for hit in record.hits if hit.phase == BEHAVIOUR}
    seen: set[str] = set()
    for sentence in verdict.judgement.findings or (verdict.judgement.reason,):
        for word in _NAME.findall(sentence):
            hit = by_id.get(word) or by_case.get(word)
            if hit is not None and hit.id not in seen:
                seen.add(hit.id)
                yield hit, sentence
                break


def _bad(record: ScenarioRecord, verdict: Verdict, limits: Limits) -> list[Hit]:
    """Requests that stand against a check whose reason names none."""
    if verdict.id in ("answered", "success-outside", "success-target", "batch", "throughput"):
        return [hit for hit in record.exports if hit.status != 200]
    if verdict.id in _SLOW:
        limit = limits[_SLOW[verdict.id]]
        return [
            hit
            for hit in record.exports_for(JudgedFor.LATENCY)
            if (verdict.id != "latency-outside" or (hit.records or 0) >= LARGE) and not limit.holds(latency_ms(hit))
        ]
    return []


def _groups(hits: Sequence[Hit]) -> list[list[Hit]]:
    """Hits of the same status and error together, the most frequent first."""
    groups: dict[tuple[int | None, str | None], list[Hit]] = {}
    for hit in hits:
        groups.setdefault((hit.status, hit.error), []).append(hit)
    return sorted(groups.values(), key=len, reverse=True)


def _kind(group: Sequence[Hit]) -> str:
    first, count = group[0], len(group)
    if count == 1 or first.status is None:
        return f"{count:,} request{'s' if count != 1 else ''} {_answered(first)}"
    return f"{count:,} requests answered {first.status}, the first after {quantity(latency_ms(first), 'ms')}"


def _answered(hit: Hit) -> str:
    if hit.status is None:
        return f"without an answer ({hit.error})"
    return f"answered {hit.status} after {quantity(latency_ms(hit), 'ms')}"


def _example(record: ScenarioRecord, hit: Hit, kind: str) -> Example:
    kept = next((check for check in record.files if check.hit == hit.id and check.kept), None)
    answer = "" if hit.answer is None else f": {hit.answer[:200]}{'…' if len(hit.answer) > 200 else ''}"
    return Example(
        kind=kind,
        asked=_asked(hit),
        came=f"{_answered(hit)}{answer}",
        kept=f"{record.name}/{_kept(kept)}" if kept else "",
        case=hit.case,
        path=f"{hit.method} {hit.path}",
        tag=hit.tag,
        user=hit.user,
    )


def _of_verdict(record: ScenarioRecord, verdict: Verdict, hit: Hit, kind: str) -> Example:
    """A request's example; of a download that went wrong the download, for its export was answered well."""
    made = _example(record, hit, kind)
    fetch = record.fetched.get(hit.id) if verdict.id == "downloads" else None
    if fetch is None or not fetch.path:
        return made
    came = f"no answer ({fetch.error})" if fetch.status is None else f"answered {fetch.status}, {fetch.bytes:,} bytes"
    kind = kind if verdict.judgement.findings else f"the file of {hit.case}: {came}"
    path = f"GET {fetch.path}"
    return replace(made, kind=kind, asked=f"{path}, the file of {hit.case} ({hit.id})", came=came, path=path)


def _kept(check: FileCheck) -> str:
    return check.kept or ""


def _asked(hit: Hit) -> str:
    return f"{hit.method} {hit.path}, {hit.case} ({hit.id})"


def _since(record: ScenarioRecord, hit: Hit) -> str:
    at = time.strftime("%H:%M:%S UTC", time.gmtime(hit.start))
    return f"{quantity(hit.start - record.scenario.start, 's')} after the start of {record.name} ({at}), {hit.id}"
