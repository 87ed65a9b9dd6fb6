"""The load of a scenario: the phases that Locust drives, and the record that its generators leave."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assertions.record.types import GeneratorClock, PhaseRun, Plan
from loadtests.calibration import calibration
from loadtests.calibration.reference_server import Schedule
from loadtests.client.target import Target
from loadtests.errors import EarlyEnd
from loadtests.plan.limits import PhaseLimits
from loadtests.plan.plan import limits_of
from loadtests.plan.profile import Profile
from loadtests.protocol import messages
from loadtests.protocol.server import ControlServer
from loadtests.recorders.record_folder import Folder
from loadtests.recorders.run_state import RunState
from loadtests.runner.coordinator import Coordinator
from loadtests.runner.listen import open_control
from loadtests.runner.locust_process import LocustProcess, clean_environment, free_port, locust_arguments
from loadtests.runner.merge import MergedRecord, merge
from loadtests.runner.phase_outcomes import busiest, driven
from loadtests.runner.watch import Watch

LOCUST_EXIT_S = 20.0
"""For Locust to end by itself."""
LOCUST_MARGIN_S = 3600.0
"""Locust's own time limit is so much above the scenario's, which ends the load."""


@dataclass(frozen=True)
class LoadResult:
    """What the load left."""

    phases: tuple[PhaseRun, ...]
    merged: MergedRecord
    exit_code: int | None
    """Locust's; None: it had to be killed."""
    cpu_ratio: float | None
    clocks: tuple[GeneratorClock, ...]
    early: EarlyEnd | None
    """Why the scenario must end with it; None: it goes on."""


NOTHING_LOADED = LoadResult(phases=(), merged=MergedRecord(), exit_code=None, cpu_ratio=None, clocks=(), early=None)
"""Of a scenario that was interrupted before its load left a record."""


@dataclass(frozen=True)
class LoadSettings:
    """What the load is made of."""

    profile: Profile
    target: Target
    workers: int
    listen: tuple[str, int] | None
    deadline_s: float


def record_load(
    settings: LoadSettings,
    folder: Folder,
    plan: Plan,
    templates: Mapping[str, bytes],
    state: RunState,
    watch: Watch,
) -> LoadResult:
    """Run all phases that Locust drives; RunError or LocustError where no record can be made."""
    profile, target, workers, listen = settings.profile, settings.target, settings.workers, settings.listen
    phases = tuple(limits_of(phase, plan.phases[number]) for number, phase in enumerate(profile.phases))
    control = (
        ControlServer(workers, target.clock)
        if listen is None
        else open_control(plan, templates, target, phases, workers, listen, folder)
    )
    config = folder.parts / "generator.json"
    arguments = locust_arguments(
        workers=workers,
        stop_timeout_s=max(phase.timeout_s for phase in profile.phases) + 5,
        run_time_s=settings.deadline_s + LOCUST_MARGIN_S,
        port=listen[1] if listen else free_port() if workers > 1 else 0,
        listen=listen[0] if listen else None,
    )
    with (
        calibration.reference_server_port(Schedule()) as reference_port,
        tempfile.TemporaryDirectory(prefix="export-loadtests-") as home,
    ):
        config.write_bytes(messages.encode(_config(settings, folder, templates, control.port, reference_port, phases)))
        environment = clean_environment(os.environ, Path(home), config.resolve())
        locust = LocustProcess(arguments, environment, Path(home), folder.locust_log)
        coordinator = Coordinator(plan, control, locust, state, target.clock, watch)
        try:
            early = coordinator.run(len(profile.phases))
            exit_code = locust.wait(LOCUST_EXIT_S)
        finally:
            control.close()
            locust.kill()
    uploads = control.uploads
    calibration.gather(folder.parts, workers, target.clock, uploads.anchors, folder.calibration)
    opened = frozenset(phase.name for phase in profile.phases if phase.mode == "open")
    merged = merge(folder.parts, workers, opened, folder.hits, folder.fetches)
    return LoadResult(
        phases=tuple(driven(coordinator.results, phases, merged)),
        merged=merged,
        exit_code=exit_code,
        cpu_ratio=busiest(coordinator.results),
        clocks=tuple(uploads.clocks[worker] for worker in sorted(uploads.clocks)),
        early=early,
    )


def _config(
    settings: LoadSettings,
    folder: Folder,
    templates: Mapping[str, bytes],
    port: int,
    reference_port: int,
    phases: tuple[PhaseLimits, ...],
) -> messages.GeneratorConfig:
    target = settings.target
    return messages.GeneratorConfig(
        plan=str(folder.plan.resolve()),
        folder=str(folder.parts.resolve()),
        spool=str(folder.spool.resolve()),
        target=target.url,
        anchor=target.clock.anchor,
        insecure=target.insecure,
        control_host="127.0.0.1" if settings.listen is None else settings.listen[0],
        control_port=port,
        templates={case: str((folder.sent / f"{case}.json").resolve()) for case in templates},
        phases=phases,
        calibration_port=reference_port,
    )
