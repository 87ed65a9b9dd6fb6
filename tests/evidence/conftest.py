"""One real target and one real run directory for all tests that read them."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from assertions.prometheus import page_series
from evidence import publish, run
from evidence.collect import provenance
from tests.assertions.healthy.once import read_layout
from tests.evidence.command import Target, copied, impossible_limits, profiles, reference_target, run_command
from tests.evidence.recorded import Recorded
from tests.evidence.sample_reports import context
from tests.processes import Ended


@dataclass(frozen=True)
class Made:
    """A run directory that the real command made, and how it ended."""

    path: Path
    ended: Ended


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The reference target."""
    with reference_target(tmp_path_factory.mktemp("target")) as served:
        yield served


@pytest.fixture(scope="session")
def made(target: Target, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Made:
    """A quick smoke run on the reference target, with one limit that can't hold; read it, don't change it.

    The first worker that needs the run makes it; the others wait for it and read the same.
    """
    single = worker_id == "master"
    folder = tmp_path_factory.mktemp("made") if single else tmp_path_factory.getbasetemp().parent / "made"
    folder.mkdir(exist_ok=True)
    ended = folder / "ended.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ended.exists():
            ended.write_bytes(msgspec.json.encode(_smoke_run(target, folder)))
    return Made(folder / "run", msgspec.json.decode(ended.read_bytes(), type=Ended))


def _smoke_run(target: Target, folder: Path) -> Ended:
    limits = impossible_limits(folder / "limits.toml")
    words = ("run", "smoke", "--target", target.url, "--exports", target.exports, "--out", folder / "run")
    return run_command(*words, "--profiles", profiles(folder / "profiles"), "--limits", limits)


@pytest.fixture
def bundle(made: Made, tmp_path: Path) -> Path:
    """A copy of that run directory, to be tampered with."""
    return copied(made.path, tmp_path)


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read equal pages once in a process."""
    monkeypatch.setattr(page_series, "read_layout", read_layout)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The command takes signals for itself; afterwards they are pytest's again."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A run whose scenarios are recorded at once."""
    monkeypatch.setattr(provenance, "read", context)
    # plots are tested elsewhere
    monkeypatch.setattr(publish, "drawings_of", lambda *_: ())
    monkeypatch.setattr(run, "judge_sha256", lambda: "j" * 64)
    return Recorded()
