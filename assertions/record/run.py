"""Reading a run directory: raw records in, one view per scenario out. The only part of the judge that opens files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from assertions.record.files import read_lines, read_one, sha256
from assertions.record.phases import DISCONNECTS
from assertions.record.prometheus_run import PROMETHEUS, SAMPLES, PrometheusRun
from assertions.record.queries import Queries
from assertions.record.results.alerts_replayed import ALERTS, AlertsReplayed
from assertions.record.results.panels_drawn import PANELS, RESULTS, PanelsDrawn
from assertions.record.scrapes import read_scrapes
from assertions.record.types import (
    Calibration,
    Fetch,
    FileCheck,
    HealthProbe,
    Hit,
    Plan,
    Probe,
    RecordError,
    Scenario,
    Scrape,
)
from assertions.record.view import ScenarioRecord

QUERIES = "queries.json"
"""What alert rules and panels ask for, at the top of a run directory."""

R = TypeVar("R")


class ToolStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a tool's run; keys that the judge does not use are passed over."""

    name: str
    ok: bool
    output: str = ""
    note: str | None = None


class ToolRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks of alert rules, dashboard or package wrote down."""

    ok: bool
    steps: tuple[ToolStep, ...]
    version: str | None = None
    ours: bool | None = None
    """Whether the files that it read are this project's, not the target's own; None: unknown."""
    next_version: str | None = None
    """Of a second, newer promtool that checked too; None: none did."""


@dataclass(frozen=True)
class DrawnFiles:
    """What drawing the panels left, and what is there now."""

    drawn: PanelsDrawn
    sha256: Mapping[str, str]
    """Of each file in the pictures' folder, by name."""
    samples_sha256: str | None
    """Of the recorded samples; None: there are none."""


@dataclass(frozen=True)
class Run:
    """A run directory, read."""

    path: Path
    scenarios: Mapping[str, ScenarioRecord]
    problems: Mapping[str, str] = field(default_factory=dict)
    """Scenarios whose record is there but can't be read, with the reason."""
    promtool: ToolRun | None = None
    dashboard: ToolRun | None = None
    package: ToolRun | None = None
    panels: DrawnFiles | None = None
    """None: the panels were not drawn."""
    alerts: AlertsReplayed | None = None
    """None: no recorded samples were replayed."""


def load_scenario(folder: Path) -> ScenarioRecord:
    """Read one scenario's folder; RecordError when a file is missing or malformed.

    Pages and samples end where clients begin to disconnect: what the target counts of those is not specified.
    """
    scenario = read_one(folder / "scenario.json", Scenario)
    end = min(
        (phase.start for phase in scenario.phases if phase.name == DISCONNECTS and phase.recorded), default=math.inf
    )
    probes = tuple(read_lines(folder / "probes.jsonl", Probe))
    scrapes = read_scrapes(
        read_lines(folder / "scrapes.jsonl", Scrape),
        until=end,
        final_from=next(
            (phase.end for phase in scenario.phases if phase.name == DISCONNECTS and phase.recorded), math.inf
        ),
    )
    return ScenarioRecord(
        scenario=scenario,
        plan=read_one(folder / "plan.json", Plan),
        hits=tuple(read_lines(folder / "hits.jsonl", Hit)),
        fetches=tuple(read_lines(folder / "fetches.jsonl", Fetch)),
        files=tuple(read_lines(folder / "files.jsonl", FileCheck)),
        scrapes=scrapes.scrapes,
        read=scrapes.pages,
        probes=_until(end, probes, lambda probe: probe.at, lambda probe: probe.at),
        health=_until(
            end,
            read_lines(folder / "health.jsonl", HealthProbe),
            lambda record: record.end,
            lambda record: record.start,
        ),
        disconnect_probes=tuple(
            probe for probe in probes if probe.phase == DISCONNECTS and probe.resting and probe.processes
        ),
        final_page=scrapes.final_page,
        calibration=_calibration(folder / "calibration.jsonl"),
        prometheus=_prometheus(folder / PROMETHEUS),
    )


def _until(
    moment: float, records: Iterable[R], over: Callable[[R], float], began: Callable[[R], float]
) -> tuple[R, ...]:
    """Return the records that ended by a moment, in the order of their start."""
    return tuple(sorted((record for record in records if over(record) <= moment), key=began))


def _calibration(path: Path) -> tuple[Calibration, ...]:
    """What is missing is judged by its check; what is malformed is a broken record like any other."""
    return tuple(read_lines(path, Calibration)) if path.exists() else ()


def _prometheus(path: Path) -> PrometheusRun | None:
    """What is missing has no data; what is malformed is a broken record like any other."""
    return read_one(path, PrometheusRun) if path.exists() else None


def load_run(path: Path, names: Sequence[str]) -> Run:
    """Read a run directory; RecordError for any other path. A broken scenario is a problem, not an exception.

    names: the scenarios that a run consists of; any other recorded scenario is read after them.
    """
    if not path.is_dir():
        raise RecordError(f"{path} is no run directory; make one with `export-at-scale run smoke load batch`")
    scenarios: dict[str, ScenarioRecord] = {}
    problems: dict[str, str] = {}
    queries = _queries(path / QUERIES)
    others = {found.parent.name for file in ("plan", "scenario") for found in path.glob(f"*/{file}.json")} - set(names)
    for name in (*names, *sorted(others)):
        if not (path / name).is_dir():
            continue
        try:
            scenarios[name] = replace(load_scenario(path / name), queries=queries, log=_log(path, name))
        except RecordError as error:
            problems[name] = str(error).replace(f"{path}/", "")  # a run directory may be moved
    return with_tools(Run(path, scenarios, problems))


def with_tools(run: Run) -> Run:
    """Return a run with what the tools have found by now."""
    promtool, dashboard, package = (_tool(run.path / f"{name}.json") for name in ("promtool", "dashboard", "package"))
    return replace(
        run,
        promtool=promtool,
        dashboard=dashboard,
        package=package,
        panels=_panels(run.path),
        alerts=_alerts(run.path),
    )


def _tool(path: Path) -> ToolRun | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ToolRun)
    except (OSError, msgspec.DecodeError):
        return None


def _panels(path: Path) -> DrawnFiles | None:
    """What can't be read is as good as not there: its check says NO DATA."""
    folder = path / PANELS
    try:
        drawn = read_one(folder / RESULTS, PanelsDrawn)
    except RecordError:
        return None
    samples = path / drawn.scenario / SAMPLES
    return DrawnFiles(
        drawn=drawn,
        sha256={file.name: sha256(file) for file in sorted(folder.iterdir()) if file.is_file()},
        samples_sha256=sha256(samples) if samples.is_file() else None,
    )


def _alerts(path: Path) -> AlertsReplayed | None:
    """What can't be read is as good as not there: its check says NO DATA."""
    try:
        return read_one(path / ALERTS, AlertsReplayed)
    except RecordError:
        return None


def _queries(path: Path) -> Queries | None:
    """What can't be read is as good as not there: its check says NO DATA."""
    try:
        return read_one(path, Queries)
    except RecordError:
        return None


def _log(path: Path, name: str) -> tuple[str, ...] | None:
    """Return the lines of a scenario's service log; None where the log was not captured."""
    try:
        return tuple((path / f"{name}-service.log").read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return None
