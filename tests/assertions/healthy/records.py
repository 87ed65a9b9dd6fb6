"""Records as recorders would have left them of a healthy service, and helpers to change one thing in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assertions.checks.harness.static_checks import DASHBOARD_STEPS, PACKAGE_STEPS, RULE_STEPS
from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from assertions.record.files import write_lines, write_one
from assertions.record.phases import DISCONNECTS
from assertions.record.prometheus_run import PROMETHEUS
from assertions.record.run import Run, ToolRun, ToolStep
from assertions.record.scrapes import read_scrapes
from assertions.record.types import HealthProbe, Hit, Record, Scrape
from assertions.record.view import ScenarioRecord
from assertions.verdicts import SCENARIOS
from tests.assertions.healthy.drawn import drawn_files
from tests.assertions.healthy.prometheus import seen
from tests.assertions.healthy.recorder import Recorder
from tests.assertions.healthy.replayed import alerts_replayed
from tests.assertions.healthy.simulation import Service

R = TypeVar("R", bound=Record)
_HEALTHY: set[int] = set()


@cache
def healthy(
    name: str,
    fails: frozenset[str] = frozenset(),
    servers: int = MAX_CONCURRENT,
    queue: int = MAX_QUEUE,
    growth: float = 1.0,
    slow_edge: float = 1.0,
) -> ScenarioRecord:
    """The record of `smoke`, `load` or `batch`; the same object at each call.

    fails: ids of the requests that the service answers 500; servers, queue: how many exports it runs and keeps waiting;
    growth: how many times as long each export takes as the one before; slow_edge: how many times as long those of the
    edge phase take. All pages report it truly, so a record is coherent even where it breaks the contract.
    """
    service = Service(servers=servers, queue=queue, growth=growth)
    record = Recorder(name, fails, slow_edge, service=service).record()
    made = record if name == "smoke" else replace(record, prometheus=seen(record))
    _HEALTHY.add(id(made))  # the cache keeps the record, so the id stays its own
    return made


def is_healthy(record: ScenarioRecord) -> bool:
    """Whether the record is one that `healthy` returned, unchanged."""
    return id(record) in _HEALTHY


def tool_run(steps: Sequence[str], version: str | None = None) -> ToolRun:
    """A tool's result with all its steps well."""
    return ToolRun(ok=True, version=version, steps=tuple(ToolStep(name=step, ok=True) for step in steps))


def healthy_run(**scenarios: ScenarioRecord) -> Run:
    """A whole run; scenarios given by name stand in for the healthy ones."""
    records = {name: scenarios.get(name) or healthy(name) for name in SCENARIOS}
    tools = tool_run(RULE_STEPS, "2.53.0"), tool_run(DASHBOARD_STEPS), tool_run(PACKAGE_STEPS, "1.7.0")
    return Run(Path("run"), records, {}, *tools, drawn_files(), alerts_replayed())


def changed(record: ScenarioRecord, **parts: Any) -> ScenarioRecord:
    """A copy with these parts replaced (`hits=…`); pages are read again only where the scrapes are new."""
    if "scrapes" in parts:
        parts.setdefault("read", None)
    copy = replace(record, **parts)
    if "scrapes" not in parts:
        copy.__dict__["pages"] = record.pages
    elif record.prometheus is not None and "prometheus" not in parts:
        again = replace(copy, prometheus=seen(copy))  # a server that scrapes the same target sees the same pages
        again.__dict__["pages"] = copy.pages
        return again
    return copy


def from_files(record: ScenarioRecord, **parts: Any) -> ScenarioRecord:
    """A record as it is when it is read: its pages are there, and of their text only the last one's."""
    scrapes = read_scrapes(record.scrapes)
    return replace(record, scrapes=scrapes.scrapes, read=scrapes.pages, **parts)


def each(items: Iterable[R], change: Callable[[R], Mapping[str, Any] | None]) -> tuple[R, ...]:
    """The records with the fields that `change` returns replaced; None leaves one as it is."""

    def one(item: R) -> R:
        fields = change(item)
        return msgspec.structs.replace(item, **fields) if fields else item

    return tuple(one(item) for item in items)


def with_hits(record: ScenarioRecord, change: Callable[[Hit], Mapping[str, Any] | None]) -> ScenarioRecord:
    """A copy with fields of its hits replaced."""
    return changed(record, hits=each(record.hits, change))


def with_pages(
    record: ScenarioRecord, rewrite: Callable[[str], str], only: Callable[[Scrape], bool] = lambda _: True
) -> ScenarioRecord:
    """A copy with the text of its metrics pages rewritten."""
    scrapes = each(record.scrapes, lambda scrape: {"text": rewrite(scrape.text)} if only(scrape) else None)
    return changed(record, scrapes=scrapes)


def with_answers(record: ScenarioRecord, change: Callable[[Hit, dict[str, Any]], None]) -> ScenarioRecord:
    """A copy with the JSON answers of its done exports edited in place by `change`."""

    def edit(hit: Hit) -> Mapping[str, Any] | None:
        if hit.status != 200 or hit.phase in ("behaviour", DISCONNECTS):
            return None
        body = json.loads(hit.answer or "")
        change(hit, body)
        return {"answer": json.dumps(body)}

    return with_hits(record, edit)


def with_status(record: ScenarioRecord, change: Callable[[dict[str, Any]], None]) -> ScenarioRecord:
    """A copy with what /export/status said edited in place by `change`."""

    def edit(probe: HealthProbe) -> Mapping[str, Any] | None:
        if probe.path != "/export/status":
            return None
        body = json.loads(probe.answer or "")
        change(body)
        return {"answer": json.dumps(body)}

    return changed(record, health=each(record.health, edit))


def with_scenario(record: ScenarioRecord, **fields: Any) -> ScenarioRecord:
    """A copy with fields of its scenario replaced."""
    return changed(record, scenario=msgspec.structs.replace(record.scenario, **fields))


def lines_of(*names: str) -> Callable[[str], bool]:
    """Whether a line of a page is of one of these families, comments included."""
    return lambda line: any(line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith(name) for name in names)


def drop(*names: str) -> Callable[[str], str]:
    """A rewriting that leaves out the lines of families or series whose names begin so."""
    gone = lines_of(*names)
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not gone(line))


def drop_samples(*names: str) -> Callable[[str], str]:
    """A rewriting that leaves out the samples whose lines begin so, and keeps the comments."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not line.startswith(names))


def values(series: str, change: Callable[[float], float | str]) -> Callable[[str], str]:
    """A rewriting that changes the value of each sample whose line begins with `series`."""

    def line_by_line(text: str) -> Iterator[str]:
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            yield f"{name} {change(float(value))}" if line.startswith(series) else line

    return lambda text: "\n".join([*line_by_line(text), ""])


def write_run(run: Run, folder: Path) -> Path:
    """Write a run directory as the recorders do."""
    for name, record in run.scenarios.items():
        place = folder / name
        place.mkdir(parents=True)
        write_one(place / "scenario.json", record.scenario)
        write_one(place / "plan.json", record.plan)
        for kind in ("hits", "fetches", "files", "scrapes", "probes", "health", "calibration"):
            write_lines(place / f"{kind}.jsonl", getattr(record, kind))
        if record.prometheus is not None:
            write_one(place / PROMETHEUS, record.prometheus)
        if record.log is not None:
            (folder / f"{name}-service.log").write_text("".join(f"{line}\n" for line in record.log))
        if record.queries is not None:
            write_one(folder / "queries.json", record.queries)
    for tool in ("promtool", "dashboard"):
        if getattr(run, tool) is not None:
            (folder / f"{tool}.json").write_bytes(msgspec.json.encode(getattr(run, tool)))
    return folder
