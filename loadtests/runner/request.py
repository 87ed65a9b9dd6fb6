"""What one run of the load side is asked for: one struct, made by a command or read from a file."""

from __future__ import annotations

from pathlib import Path

from assertions import limits as limits_file
from assertions.record.files import read_one, write_one
from assertions.record.types import Record

NAME = "request.json"
"""In the run directory: the request of its last scenario."""


class RunRequest(Record, frozen=True, kw_only=True):
    """One scenario on one target. Tokens and headers are not part of it: they stay in the environment."""

    scenario: str
    target: str
    """Base URL."""
    out: str
    """The scenario's folder, which is emptied first."""
    seed: int
    """Of the made-up data and the arrivals."""
    workers: int = 1
    """Load generator processes."""
    listen: tuple[str, int] | None = None
    """Address for workers of other machines; None: they are processes of this one."""
    target_pid: int | None = None
    """None: found by its listening port."""
    exports: str | None = None
    """Where the target keeps its files; None: not known."""
    profiles: str | None = None
    """A folder of profiles that come before the built-in ones."""
    embedded: bool = False
    """The harness started the target."""
    insecure: bool = False
    """The target's https certificate is not checked."""
    minutes: float | None = None
    """To which phases marked `scaled` are stretched in all; None: as the profile says."""
    abort_on_fail: bool = False
    """Stop as soon as the run can no longer be GREEN."""
    limits: str = str(limits_file.DEFAULT_PATH)
    """The limits by which that is decided."""
    deadline_s: float | None = None
    """The longest time of the load; None: by the scenario's name."""


class StressRequest(Record, frozen=True, kw_only=True):
    """One stress session on one target."""

    target: str
    out: str
    """The session's folder."""
    cases: tuple[str, ...]
    """Such as csv-10k, in this order."""
    seed: int
    rates: tuple[float, ...] = ()
    """Exports a second to try, rising; empty: searched."""
    max_rate: float = 1000.0
    """Exports a second, never exceeded."""
    seconds: float = 5.0
    """Of each rate, at least."""
    workers: int = 1
    target_pid: int | None = None
    insecure: bool = False
    limits: str = str(limits_file.DEFAULT_PATH)


def read_run_request(path: Path) -> RunRequest:
    """Read a request; RecordError when it is missing or malformed."""
    return read_one(path, RunRequest)


def read_stress_request(path: Path) -> StressRequest:
    """Read a request; RecordError when it is missing or malformed."""
    return read_one(path, StressRequest)


def write_request(path: Path, request: RunRequest | StressRequest) -> None:
    """Write a request. OSError when it can't be written."""
    write_one(path, request)
