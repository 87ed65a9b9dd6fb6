"""What the runner and its generators tell each other: the drive file, and one JSON line a message."""

from __future__ import annotations

from pathlib import Path

import msgspec

DRIVE_VARIABLE = "EXPORT_LOADTESTS_DRIVE"
"""Names the drive file to the generators; the target's headers come to them through the environment, never a file."""


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that passes between runner and generators."""


class PhaseDrive(Struct, frozen=True, kw_only=True):
    """How far a phase goes; what is asked in it stands in the plan, under the same place in the list."""

    least: int
    """Requests to make at least."""
    seconds: float
    """The phase goes on at least so long, while the plan has requests."""
    max_seconds: float
    """After this no request is started any more."""


class Drive(Struct, frozen=True, kw_only=True):
    """All that a generator needs beside the plan."""

    plan: str
    """Path of plan.json."""
    folder: str
    """Where generators write their parts."""
    spool: str
    """Where downloads go."""
    target: str
    """Base URL."""
    anchor: float
    """Of the clock that all share."""
    insecure: bool
    control_port: int
    """Where the runner listens, on 127.0.0.1."""
    templates: dict[str, str]
    """Case to path of its request body's template."""
    phases: tuple[PhaseDrive, ...]
    calibration_port: int | None = None
    """Where the known server listens, on 127.0.0.1; None: the generators do not measure themselves."""


class EndMark(Struct, frozen=True, kw_only=True):
    """A generator's last word: all it recorded is in its files."""

    hits: int
    fetches: int
    lags_ms: tuple[float, ...]
    """How late its event loop woke, sampled while load ran."""
    slips_ms: tuple[float, ...] = ()
    """How late it began open arrivals, waits for a free connection not counted; sampled evenly."""


class FromGenerator(Struct, frozen=True, kw_only=True, tag=True):
    """Base of what generators say."""


class Hello(FromGenerator, frozen=True, kw_only=True):
    """A process of the generator is there."""

    pid: int
    conductor: bool
    """False: a master that makes no load of its own and only waits for the end."""


class Ready(FromGenerator, frozen=True, kw_only=True):
    """It waits for a phase to begin."""

    phase: int


class Tick(FromGenerator, frozen=True, kw_only=True):
    """How far it has come; sums since the scenario's start."""

    started: int
    answered: int
    """Requests over, with or without an answer."""
    exports: int
    """Answered with 200."""
    latencies_ms: tuple[float, ...]
    """Of the exports answered since the last tick."""


class Done(FromGenerator, frozen=True, kw_only=True):
    """A phase is over for it, nothing of it is in flight."""

    phase: int
    taken: int
    """Requests of the plan that it took on."""
    end: float
    cut: str | None
    """Why it stopped before the plan's end; None: it did not."""


class Ended(FromGenerator, frozen=True, kw_only=True):
    """Its files are closed and its end mark is written."""


class Trouble(FromGenerator, frozen=True, kw_only=True):
    """It can't go on, through no fault of the target."""

    text: str


class FromRunner(Struct, frozen=True, kw_only=True, tag=True):
    """Base of what the runner says."""


class Welcome(FromRunner, frozen=True, kw_only=True):
    """A generator's number among its kind."""

    worker: int
    workers: int


class Go(FromRunner, frozen=True, kw_only=True):
    """Begin a phase at that moment (Unix seconds)."""

    phase: int
    at: float


class Stop(FromRunner, frozen=True, kw_only=True):
    """Give up what is in flight, record it, and write the end mark."""


class End(FromRunner, frozen=True, kw_only=True):
    """All is done: write the end mark and end."""


GeneratorMessage = Hello | Ready | Tick | Done | Ended | Trouble
RunnerMessage = Welcome | Go | Stop | End

encode = msgspec.json.Encoder().encode
decode_generator = msgspec.json.Decoder(GeneratorMessage).decode
decode_runner = msgspec.json.Decoder(RunnerMessage).decode


def end_mark_path(folder: Path, worker: int) -> Path:
    """Where a generator's end mark is."""
    return folder / f"end-{worker}.json"


def hits_path(folder: Path, worker: int) -> Path:
    """Where a generator writes its hits."""
    return folder / f"hits-{worker}.jsonl"


def calibration_folder(folder: Path) -> Path:
    """Where the generators write what they measured of the known server, in files named like those of the load."""
    return folder / "calibration"


def fetches_path(folder: Path, worker: int) -> Path:
    """Where a generator writes its fetches."""
    return folder / f"fetches-{worker}.jsonl"
