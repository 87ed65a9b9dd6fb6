"""What the runner and its generators tell each other: the drive file, and one JSON line a message."""

from __future__ import annotations

import msgspec

from assertions.record.types import Plan
from loadtests.plan.limits import PhaseLimits, Struct

CONFIG_VARIABLE = "EXPORT_LOADTESTS_DRIVE"
"""Names the drive file to the generators; the target's headers come to them through the environment, never a file."""


class GeneratorConfig(Struct, frozen=True, kw_only=True):
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
    phases: tuple[PhaseLimits, ...]
    control_host: str = "127.0.0.1"
    calibration_port: int | None = None
    """Where the known server listens, on 127.0.0.1; None: the generators do not measure themselves."""


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


class TimeRequest(FromGenerator, frozen=True, kw_only=True):
    """What time is it?"""


class RecordUpload(FromGenerator, frozen=True, kw_only=True):
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


class RemoteConfig(FromRunner, frozen=True, kw_only=True):
    """What a generator on another machine needs beside a welcome; it makes the bodies itself."""

    plan: Plan
    target: str
    """Base URL, without credentials."""
    insecure: bool
    phases: tuple[PhaseLimits, ...]
    templates: dict[str, str]
    """Case to SHA-256 of its request body's template."""


class TimeReply(FromRunner, frozen=True, kw_only=True):
    """The runner's time (Unix seconds)."""

    now: float


class UploadDone(FromRunner, frozen=True, kw_only=True):
    """The cargo is unpacked."""


class Go(FromRunner, frozen=True, kw_only=True):
    """Begin a phase at that moment (Unix seconds)."""

    phase: int
    at: float


class Stop(FromRunner, frozen=True, kw_only=True):
    """Give up what is in flight, record it, and write the end mark."""


class End(FromRunner, frozen=True, kw_only=True):
    """All is done: write the end mark and end."""


GeneratorMessage = Hello | Ready | Tick | Done | Ended | Trouble | TimeRequest | RecordUpload
RunnerMessage = Welcome | RemoteConfig | TimeReply | UploadDone | Go | Stop | End

encode = msgspec.json.Encoder().encode
decode_generator = msgspec.json.Decoder(GeneratorMessage).decode
decode_runner = msgspec.json.Decoder(RunnerMessage).decode
