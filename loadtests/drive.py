"""What the runner and its generators tell each other: the drive file, and one JSON line a message."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assertions.records import Plan

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
    """Where the runner listens, on `control_host`."""
    templates: dict[str, str]
    """Case to path of its request body's template."""
    phases: tuple[PhaseDrive, ...]
    control_host: str = "127.0.0.1"
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
    host: str | None = None
    """The name of its machine, where it came without a drive file; None: it is the runner's own."""


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
    cpu_s: float
    """CPU seconds of its process since its start."""


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


class Ask(FromGenerator, frozen=True, kw_only=True):
    """What time is it?"""


class Cargo(FromGenerator, frozen=True, kw_only=True):
    """On a line of its own: after this message comes a tar of all that a generator elsewhere has recorded."""

    worker: int
    anchor: float
    """Of the clock that it recorded by."""
    host: str
    offset_s: float
    error_s: float
    drift_s: float | None


class FromRunner(Struct, frozen=True, kw_only=True, tag=True):
    """Base of what the runner says."""


class Welcome(FromRunner, frozen=True, kw_only=True):
    """A generator's number among its kind."""

    worker: int
    workers: int


class Brief(FromRunner, frozen=True, kw_only=True):
    """What a generator on another machine needs beside a welcome; it makes the bodies itself."""

    plan: Plan
    target: str
    """Base URL, without credentials."""
    insecure: bool
    phases: tuple[PhaseDrive, ...]
    templates: dict[str, str]
    """Case to SHA-256 of its request body's template."""


class At(FromRunner, frozen=True, kw_only=True):
    """The runner's time (Unix seconds)."""

    now: float


class Landed(FromRunner, frozen=True, kw_only=True):
    """The cargo is unpacked."""


class Go(FromRunner, frozen=True, kw_only=True):
    """Begin a phase at that moment (Unix seconds)."""

    phase: int
    at: float


class Stop(FromRunner, frozen=True, kw_only=True):
    """Give up what is in flight, record it, and write the end mark."""


class End(FromRunner, frozen=True, kw_only=True):
    """All is done: write the end mark and end."""


GeneratorMessage = Hello | Ready | Tick | Done | Ended | Trouble | Ask | Cargo
RunnerMessage = Welcome | Brief | At | Landed | Go | Stop | End

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
