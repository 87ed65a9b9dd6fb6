"""One real target and one real run directory for all tests that read them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence import publish, run
from evidence.collect import provenance
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
def made(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A quick smoke run on the reference target, with one limit that can't hold; read it, don't change it."""
    folder = tmp_path_factory.mktemp("made")
    limits = impossible_limits(folder / "limits.toml")
    words = ("run", "smoke", "--target", target.url, "--exports", target.exports, "--out", folder / "run")
    return Made(folder / "run", run_command(*words, "--profiles", profiles(folder / "profiles"), "--limits", limits))


@pytest.fixture
def bundle(made: Made, tmp_path: Path) -> Path:
    """A copy of that run directory, to be tampered with."""
    return copied(made.path, tmp_path)


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
    # plots have tests of their own
    monkeypatch.setattr(publish, "draw", lambda folder, run, report, limits: [])
    monkeypatch.setattr(publish, "pictures", lambda folder, run, report, limits: {})
    monkeypatch.setattr(run, "judge_sha256", lambda: "j" * 64)
    return Recorded()
