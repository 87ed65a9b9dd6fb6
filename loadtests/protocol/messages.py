"""Messages between the runner and its generators: the configuration file, and one JSON text line a message."""

from __future__ import annotations

import msgspec

from assertions.record.types import PhaseEnd, Plan
from loadtests.plan.limits import PhaseLimits, Struct

CONFIG_VARIABLE = "EXPORT_LOADTESTS_CONFIG"
"""Names the configuration file; the target's headers reach the generators by the environment, never by a file."""


class GeneratorConfig(Struct, frozen=True, kw_only=True):
    """What a generator needs in addition to the plan."""

    plan: str
    """Path of plan.json."""
    folder: str
    """Where generators write their shards."""
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
    """Where the reference server listens, on 127.0.0.1; None: the generators do not measure themselves."""


class FromGenerator(Struct, frozen=True, kw_only=True, tag=True):
    """Base of the messages of generators."""


class Hello(FromGenerator, frozen=True, kw_only=True):
    """A process of Locust has connected."""

    pid: int
    makes_load: bool
    """False: a Locust master, which only waits for the end."""
    host: str | None = None
    """The name of its machine, where it has no configuration file; None: it runs on the runner's machine."""


class Ready(FromGenerator, frozen=True, kw_only=True):
    """The generator waits for a phase to begin."""

    phase: int


class Tick(FromGenerator, frozen=True, kw_only=True):
    """How far the generator has come; sums since the scenario's start."""

    started: int
    over: int
    """Requests that ended, with or without an answer."""
    answered: int
    """With any status."""
    timeouts: int
    exports: int
    """Answered with 200."""
    latencies_ms: tuple[float, ...]
    """Of the exports answered since the last tick."""
    cpu_s: float
    """CPU seconds of its process since its start."""


class Done(FromGenerator, frozen=True, kw_only=True):
    """A phase is over, and none of its requests is in flight."""

    phase: int
    taken: int
    """Requests of the plan that the generator began."""
    end: float
    cut: str | None
    """Why it stopped before the plan's end; None: it did not."""
    ended: PhaseEnd = "complete"


class Ended(FromGenerator, frozen=True, kw_only=True):
    """The generator's files are closed and its end mark is written."""


class Trouble(FromGenerator, frozen=True, kw_only=True):
    """The generator can't go on, and the target is not the reason."""

    text: str


class TimeRequest(FromGenerator, frozen=True, kw_only=True):
    """Ask for the runner's time."""


class RecordUpload(FromGenerator, frozen=True, kw_only=True):
    """On a connection of its own: a tar of all that a generator of another machine has recorded follows."""

    worker: int
    anchor: float
    """Of the clock that it recorded by."""
    host: str
    offset_s: float
    error_s: float
    drift_s: float | None


class FromRunner(Struct, frozen=True, kw_only=True, tag=True):
    """Base of the runner's messages."""


class Welcome(FromRunner, frozen=True, kw_only=True):
    """A generator's number."""

    worker: int
    workers: int


class RemoteConfig(FromRunner, frozen=True, kw_only=True):
    """What a generator on another machine needs in addition to a welcome; it makes the bodies itself."""

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
    """The upload is unpacked."""


class Go(FromRunner, frozen=True, kw_only=True):
    """Begin a phase at that moment (Unix seconds)."""

    phase: int
    at: float


class Stop(FromRunner, frozen=True, kw_only=True):
    """Break off what is in flight, record it, and write the end mark."""


class End(FromRunner, frozen=True, kw_only=True):
    """All phases are over: write the end mark and end."""


GeneratorMessage = Hello | Ready | Tick | Done | Ended | Trouble | TimeRequest | RecordUpload
RunnerMessage = Welcome | RemoteConfig | TimeReply | UploadDone | Go | Stop | End

encode = msgspec.json.Encoder().encode
decode_generator = msgspec.json.Decoder(GeneratorMessage).decode
decode_runner = msgspec.json.Decoder(RunnerMessage).decode
