"""Runs whose stages leave a healthy record at once, and what tests of them share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from assertions.judge import Report
from assertions.record.files import read_one
from assertions.record.view import ScenarioRecord
from evidence import run as running
from evidence.collect.provenance import Context
from evidence.reports.plots.drawing_process import DrawingProcess
from evidence.settings import Settings
from evidence.stages import Stages
from loadtests.plan.profile import load_profile
from loadtests.progress_view import View
from loadtests.runner.request import RunRequest
from tests.assertions.healthy.records import changed, healthy, healthy_run, write_run
from tests.evidence.command import Shown


@dataclass
class Recorded:
    """Stages that leave a healthy record at once, with tools that are well; no process is started."""

    done: list[str] = field(default_factory=list)
    """Scenarios that were driven."""

    @property
    def stages(self) -> Stages:
        """The stages, of which a test replaces what it is about."""
        return Stages(
            reach=lambda settings: None,
            queries=lambda settings: "queries: as recorded",
            observe=lambda name, target, folder: contextlib.nullcontext(),
            sample_machine=lambda folder: contextlib.nullcontext(),
            drive=self.drive,
            check_files=lambda folder, progress, jobs: None,
            drawing=lambda: contextlib.nullcontext(DrawingProcess(None)),
            check_tools=lambda settings, view, meanwhile: meanwhile(),
        )

    def drive(self, out: Path, request: RunRequest, view: View) -> None:
        """Write a healthy record."""
        name = request.scenario
        self.done.append(name)
        folder = out / "new"
        write_run(replace(healthy_run(), scenarios={name: record_of(request)}), folder)
        (folder / name).rename(out / name)
        for tool in ("promtool.json", "dashboard.json", "queries.json", f"{name}-service.log"):
            (folder / tool).rename(out / tool)
        folder.rmdir()

    def but(self, **stages: Any) -> Stages:
        """The stages with some replaced."""
        return replace(self.stages, **stages)


def record_of(request: RunRequest) -> ScenarioRecord:
    """A healthy record of the scenario, made from the profile that was asked for."""
    profile = load_profile(request.scenario, None if request.profiles is None else Path(request.profiles))
    record = healthy(request.scenario)
    return changed(record, plan=msgspec.structs.replace(record.plan, profile_sha256=profile.sha256))


def settings(out: Path, *scenarios: str, **fields: Any) -> Settings:
    """A run of these scenarios against a target that nobody asks."""
    usual: dict[str, Any] = {"scenarios": scenarios, "out": out, "target": "http://127.0.0.1:9", "waivers": {}}
    return Settings(**{**usual, **fields})


def run(asked: Settings, stages: Stages) -> tuple[Report, int]:
    """Run, without a word on how long it took."""
    judged, code, _ = running.run(asked, Shown(), stages)
    return judged, code


def the_context(out: Path) -> Context:
    """The run that is there."""
    return read_one(out / "run.json", Context)


def raising(error: BaseException) -> Callable[..., Any]:
    """A function that raises."""

    def run_command(*_: object, **__: object) -> None:
        raise error

    return run_command
