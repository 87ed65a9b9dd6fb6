"""What stands against GREEN, causes before what rests on them, each once with its scenarios. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assertions.checks.catalogue import CHECKS
from assertions.contents.tags import USER
from assertions.demands import DEMANDS
from assertions.judge import INSTRUMENT, Report, blocks
from assertions.verdicts import Status, Verdict
from evidence.comparison.text import in_order, sentence
from evidence.comparison.types import Comparison, MeasureName
from evidence.reports.checklists.further_boxes import CHECKLISTS
from evidence.reports.examples import Example, Found
from evidence.reports.figures import Figures, Place
from evidence.reports.units import condition, held_against, plain
from loadtests.client.target_settings import TARGET_HEADERS, TARGET_TOKEN

PROGRAM = "export-at-scale"
COMMAND = f"{PROGRAM} run"

_PAGE = [
    "exposition",
    "coverage",
    "moved",
    "labels",
    "monotonic",
    "offered",
    "requests",
    "latency-counts",
    "identity",
    "success-target",
    "success-gauge",
    "bytes-target",
    "bytes-agree",
    "latency-target",
    "latency-sum",
    "histogram",
    "buckets",
    "throughput-gauge",
    "concurrency-target",
    "concurrency-agree",
    "queue-target",
    "queue-agree",
    "rest",
    "memory-gauge",
    "memory-agree",
]
_FILES = ["csv-contents", "pdf-contents", "bytes-outside", "bytes-agree"]
_EXPORTS = [
    "downloads",
    "answers",
    "names",
    "latency-outside",
    "latency-target",
    "latency-agree",
    "latency-sum",
    "smoke-latency",
    "batch",
    "throughput",
    "throughput-gauge",
    "drift",
    "concurrency-outside",
    "queue-outside",
    "files-present",
    "leftovers",
    "memory",
    "memory-agree",
    "leak-memory",
    "leak-fds",
    "leak-threads",
    "leak-children",
    "success-outside",
    "buckets",
    "memory-gauge",
    "moved",
]
_BY_INSTRUMENT = [check.id for check in CHECKS if check.by_clock or check.by_record]

CAUSES: Mapping[str, tuple[str, ...]] = {
    "answered": (*_EXPORTS, *_FILES),
    "scrapes": tuple(_PAGE),
    "downloads": tuple(_FILES),
    "exposition": tuple(_PAGE[1:]),
    "coverage": tuple(_PAGE[2:]),
    **dict.fromkeys(INSTRUMENT, tuple(_BY_INSTRUMENT)),
}
"""Check to the checks that can measure nothing where it fails: their NO DATA follows from it."""

BY_ONE_REQUEST = frozenset({"csv-contents", "pdf-contents", "downloads", "answers", "answered", "names"})
"""Checks of which one request is enough to see the fault again."""

MEASURED: Mapping[str, MeasureName] = {
    "smoke-latency": "latency",
    "latency-outside": "latency",
    "latency-target": "latency",
    "success-outside": "success",
    "success-target": "success",
    "answered": "success",
    "memory": "memory an export",
    "memory-gauge": "memory an export",
    "throughput": "throughput",
    "health": "/health P95",
    "batch": "batch of five",
}
"""Check to the measure of a comparison that shows the same."""
MOST_ROWS = 2
"""Rows of the comparison that a reason quotes."""
_FIGURES = re.compile(r"\d[\d.,]*")
_OF_FILES = re.compile(r"[\d,]+ x ([\w-]+): ")
"""How a finding about exported files begins: how many, and of what kind."""

_WORST_FIRST = (
    *CAUSES,
    *[
        "csv-contents",
        "pdf-contents",
        "behaviour",
        "answers",
        "names",
        "leftovers",
        "files-present",
        "success-outside",
        "success-target",
    ],
    *["concurrency-target", "concurrency-outside", "queue-target", "queue-outside", "rejections"],
    *["latency-outside", "latency-target", "smoke-latency", "batch", "throughput", "drift", "health", "status-page"],
    *["memory", "memory-gauge", "leak-memory", "leak-fds", "leak-threads", "leak-children", "service-log", "shutdown"],
)
"""Causes, then what users of the service meet, then its limits, then its resources; the rest in the list's order."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One cause that stands against GREEN."""

    status: Status
    check: str
    title: str
    critical: bool
    scenarios: tuple[str, ...]
    expected: str
    measured: str
    where: str
    """The files of the run directory that show it."""
    since: str
    """The first bad request; empty: no single request is behind it."""
    baseline: str
    """What of it differs from the baseline; empty: there is none, or it measures nothing of this."""
    examples: tuple[Example, ...]
    """Up to three kinds, worst first."""
    command: str
    """Repeats the failing part."""
    follows: tuple[str, ...]
    """`<scenario>/<check>` that have no data because of it."""


def against(report: Report) -> list[Verdict]:
    """Return the verdicts that keep a run from GREEN, those of scenarios that were not run left out."""
    return [one for one in report.verdicts if blocks(one) and not one.judgement.waiting]


def reasons(report: Report, figures: Figures, *, own_limits: bool = False) -> tuple[Reason, ...]:
    """Return every cause once: failures before missing data, causes before what rests on them, the worst first.

    own_limits: the run was judged by limits of its user's, which lie in its directory.
    """
    groups: dict[tuple[str, Status], list[Verdict]] = {}
    for verdict in against(report):
        groups.setdefault((verdict.id, verdict.status), []).append(verdict)
    ordered = sorted(groups.items(), key=lambda item: _rank(*item))
    follows: dict[tuple[str, Status], list[Verdict]] = {}
    for place, (key, verdicts) in enumerate(ordered):
        left = []
        for verdict in verdicts:
            cause = next((earlier for earlier in ordered[:place] if _explains(earlier, verdict)), None)
            if cause is None or cause[0] not in follows:
                left.append(verdict)
            else:
                follows[cause[0]].append(verdict)
        if left:
            follows[key] = []
            groups[key] = left
    return tuple(_reason(groups[key], rest, figures, own_limits=own_limits) for key, rest in follows.items())


def _rank(key: tuple[str, Status], verdicts: Sequence[Verdict]) -> tuple[bool, int, bool]:
    check, status = key
    place = _WORST_FIRST.index(check) if check in _WORST_FIRST else len(_WORST_FIRST)
    return status != "FAIL", place, not any(one.judgement.critical for one in verdicts)


def _explains(earlier: tuple[tuple[str, Status], Sequence[Verdict]], verdict: Verdict) -> bool:
    """Whether a NO DATA follows from an earlier cause: of a check that it rests on, or for its reason."""
    (check, _), verdicts = earlier
    if verdict.status != "NO DATA":
        return False
    together = [
        one for one in verdicts if "run" in (one.scenario, verdict.scenario) or one.scenario == verdict.scenario
    ]
    return bool(together) and (verdict.id in CAUSES.get(check, ()) or any(_quotes(verdict, one) for one in verdicts))


def _quotes(verdict: Verdict, cause: Verdict) -> bool:
    """Whether a verdict has the reason of another one, or ends with it: "the generator was not fit in load: …"."""
    reason = cause.judgement.reason
    return verdict.judgement.reason == reason or verdict.judgement.reason.endswith(f": {reason}")


def _reason(verdicts: Sequence[Verdict], follows: Sequence[Verdict], figures: Figures, *, own_limits: bool) -> Reason:
    first = max(verdicts, key=lambda one: one.judgement.critical)
    found = [one for verdict in verdicts if (one := figures.found.get((verdict.scenario, verdict.id))) is not None]
    examples = tuple(_kinds(verdicts, found))[:3]
    return Reason(
        status=first.status,
        check=first.id,
        title=first.title,
        critical=any(one.judgement.critical for one in verdicts),
        scenarios=tuple(one.scenario for one in verdicts),
        expected=plain(_expected(first)),
        measured=plain(_measured(verdicts)),
        where=", ".join(dict.fromkeys(_where(one) for one in verdicts)),
        since=plain(next((one.since for one in found if one.since), "")),
        baseline=plain(_against_baseline(verdicts, figures.comparison)),
        examples=tuple(_plain(one) for one in examples),
        command=_command(verdicts, found, examples, figures.places, own_limits=own_limits),
        follows=tuple(f"{one.scenario}/{one.id}" for one in follows),
    )


def _kinds(verdicts: Sequence[Verdict], found: Sequence[Found]) -> Iterable[Example]:
    """Examples with their requests, a kind once, the worst of each scenario first; findings without one follow."""
    seen: set[str] = set()
    ranked = [(place, example) for one in found for place, example in enumerate(one.examples)]
    for _, example in sorted(ranked, key=lambda pair: pair[0]):
        kind = _FIGURES.sub("#", example.kind)
        if kind not in {_FIGURES.sub("#", other) for other in seen}:
            seen.add(example.kind)
            yield example
    for verdict in verdicts:
        for finding in verdict.judgement.findings:
            of_files = _OF_FILES.match(finding)
            shown = of_files is not None and any(kind.startswith(f"{of_files[1]} in ") for kind in seen)
            if not shown and not any(finding in kind or kind in finding for kind in seen):
                seen.add(finding)
                yield Example(kind=finding, asked="", came="", kept="", case="", path="")


def _against_baseline(verdicts: Sequence[Verdict], comparison: Comparison | None) -> str:
    """Return the rows of the comparison on what a check measures, in its scenarios, the largest change first."""
    measure = MEASURED.get(verdicts[0].id)
    if comparison is None or measure is None:
        return ""
    names = {verdict.scenario for verdict in verdicts}
    rows = [
        row
        for row in in_order(comparison)
        if row.measure == measure and row.scenario in names | ({row.scenario} if "run" in names else set())
    ]
    shown = [f"{row.outcome}: {sentence(row)}" for row in rows[:MOST_ROWS]]
    more = f"and {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
    return "; ".join([*shown, *([more] if more else [])])


def _plain(example: Example) -> Example:
    return Example(
        kind=plain(example.kind),
        asked=plain(example.asked),
        came=plain(example.came),
        kept=plain(example.kept),
        case=plain(example.case),
        path=plain(example.path),
    )


def _expected(verdict: Verdict) -> str:
    limit = verdict.judgement.limit
    demands = "; ".join(_closed(demand) for demand in DEMANDS.get(verdict.id, ()))
    if limit is not None:
        return f"{condition(limit)} ({demands or limit.reason})"
    return demands or verdict.title


def _closed(demand: str) -> str:
    """A sentence of the contract that ends within a code word, with the word's end."""
    return f"{demand} …`" if demand.count("`") % 2 else demand


def _measured(verdicts: Sequence[Verdict]) -> str:
    """One reason where all scenarios have the same, else each with its scenario; its reading first."""
    texts = dict.fromkeys(_with_reading(one) for one in verdicts)
    if len(texts) == 1:
        return next(iter(texts))
    return "; ".join(f"{one.scenario}: {_with_reading(one)}" for one in verdicts)


def _with_reading(verdict: Verdict) -> str:
    judgement = verdict.judgement
    reading = judgement.readings[0] if judgement.readings and judgement.limit is not None else None
    if reading is None or reading.value is None or judgement.limit is None:
        return judgement.reason
    return f"{held_against(reading.value, judgement.limit)}: {judgement.reason}"


_FILES_OF = {
    "answered": "hits.jsonl",
    "downloads": "fetches.jsonl",
    "csv-contents": "files.jsonl",
    "pdf-contents": "files.jsonl",
    "behaviour": "hits.jsonl",
    "names": "hits.jsonl",
    "answers": "hits.jsonl",
    "generator": "scenario.json",
}
"""Check to the file of a scenario that shows it, where the boxes name another."""


def _where(verdict: Verdict) -> str:
    if verdict.id in _FILES_OF and verdict.scenario != "run":
        return f"{verdict.scenario}/{_FILES_OF[verdict.id]}"
    boxes = (box for checklist in CHECKLISTS for box in checklist.boxes if verdict.id in box.checks)
    artifact = next((box.artifact for box in boxes if box.artifact), "verdict.json")
    folder, slash, name = artifact.partition("/")
    return f"{verdict.scenario}/{name}" if slash and verdict.scenario != "run" else f"{folder}{slash}{name}"


def _command(
    verdicts: Sequence[Verdict],
    found: Sequence[Found],
    examples: Sequence[Example],
    places: Mapping[str, Place],
    *,
    own_limits: bool,
) -> str:
    """One command: a curl line where one request to a target that is still there is enough, else the scenario again."""
    limits = " --limits DIR/limits.toml" if own_limits else ""
    if verdicts[0].id in ("rules", "dashboard"):
        return f"{PROGRAM} {'rules' if verdicts[0].id == 'rules' else 'dashboards'} check"
    first = verdicts[0].scenario if verdicts[0].scenario != "run" else " ".join(places) or "smoke load batch"
    # a verdict on the whole run is repeated by the scenario that its first bad request is of
    names = (*(one.scenario for one in verdicts), *(one.scenario for one in found))
    scenario = next((name for name in names if name in places), first)
    place = places.get(scenario) or (next(iter(places.values()), None) if scenario == first and " " in first else None)
    if place is None:
        return f"{COMMAND} {scenario}{limits}"
    if not place.embedded and verdicts[0].id in BY_ONE_REQUEST:
        for example in examples:
            line = _curl(example, place)
            if line is not None:
                return line
    url = "" if place.embedded else f" --target {address(place.url)}"
    insecure = " --insecure" if place.insecure else ""
    return f"{COMMAND} {scenario} --seed {place.seed}{url}{insecure}{limits} --out evidence/again"


def address(url: str) -> str:
    """A URL as a word of a command, in which no bar of its own stands for a pipe."""
    return shlex.quote(plain(url).replace("|", "%7C"))


_SENT = {
    TARGET_TOKEN: f'-H "Authorization: Bearer ${TARGET_TOKEN}"',
    TARGET_HEADERS: f"-H @<(printenv {TARGET_HEADERS})",
}
"""An environment variable of the target to the words that let curl send what it holds; the shell puts that in."""


def _curl(example: Example, place: Place) -> str | None:
    """A line that sends one request again; None where its body can't be made again."""
    method, _, path = example.path.partition(" ")
    sent = [words for name, words in _SENT.items() if name in place.header_variables]
    options = " ".join(["-sS", *(["-k"] if place.insecure else []), *sent])
    if method == "GET" and path.startswith("/"):
        return f"curl {options} -D - -o answer {address(place.url + path)}"
    if method != "POST" or example.case not in place.bodies:
        return None
    own = "" if example.tag is None else f" --tag {shlex.quote(plain(example.tag))}"
    own += "" if example.user in (None, USER) else f" --user {shlex.quote(plain(example.user or ''))}"
    return (
        f"{PROGRAM} body {example.case} --seed {place.seed}{own} | "
        f"curl {options} -D - -X POST -H 'Content-Type: application/json' "
        f"--data-binary @- {address(place.url + path)}"
    )
