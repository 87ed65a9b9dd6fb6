"""Stages of a run that leave a healthy record at once."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evidence.stages import Stages
from loadtests.progress_view import View
from loadtests.runner.request import RunRequest
from tests.assertions.healthy.records import healthy, healthy_run, write_run


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
            drive=self.drive,
            check_files=lambda folder, progress, jobs: None,
            check_tools=lambda settings, view: None,
        )

    def drive(self, out: Path, request: RunRequest, view: View) -> None:
        """Write a healthy record."""
        name = request.scenario
        self.done.append(name)
        folder = out / "new"
        whole = healthy_run()
        write_run(replace(whole, scenarios={name: healthy(name)}), folder)
        (folder / name).rename(out / name)
        for tool in ("promtool.json", "dashboard.json", "queries.json", f"{name}-service.log"):
            (folder / tool).rename(out / tool)
        folder.rmdir()

    def but(self, **stages: Any) -> Stages:
        """The stages with some replaced."""
        return replace(self.stages, **stages)
