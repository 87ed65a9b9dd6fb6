"""Locust's own web interface for a profile. It makes no record and therefore no evidence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from loadtests.client.target import Target
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.errors import LocustError
from loadtests.plan.profile import Profile
from loadtests.runner.locust_process import clean_environment

PORT = 8089
"""Locust's usual one."""
UIFILE = Path(__file__).with_name("ui_locustfile.py")
BODIES = "EXPORT_UI_BODIES"
"""Environment variable with the path of the bodies' list."""


class Body(msgspec.Struct, frozen=True):
    """One kind of request of the profile."""

    case: str
    format: str
    weight: int
    """How often, relative to the others."""
    file: str
    """Where its body's template is."""
    tagged: bool
    timeout_s: float


class Bodies(msgspec.Struct, frozen=True):
    """What the web interface's users need to know."""

    target: str
    insecure: bool
    bodies: tuple[Body, ...]


def weights(profile: Profile) -> dict[str, int]:
    """How often each case is asked for in all phases together."""
    found: Counter[str] = Counter()
    for phase in profile.phases:
        found.update({share.case: share.count for share in phase.mix})
    return dict(found)


def most_clients(profile: Profile) -> int:
    """Return the users of the profile's largest phase: the default in the form of the web interface."""
    return max((phase.clients for phase in profile.phases), default=1)


def show(profile: Profile, target: Target, seed: int, port: int, log: Callable[[str], None]) -> int:
    """Serve the web interface on a port of 127.0.0.1 until it is interrupted; LocustError where it ends before that."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "ui.json"
        config.write_bytes(msgspec.json.encode(_bodies(profile, target, seed, Path(folder))))
        environment = clean_environment(os.environ, Path(folder), config) | {BODIES: str(config)}
        words = [
            sys.executable, "-m", "locust",
            "--locustfile", str(UIFILE),
            "--web-host", "127.0.0.1",
            "--web-port", str(port),
            "--host", target.url,
            "--users", str(most_clients(profile)),
            "--spawn-rate", str(most_clients(profile)),
            "--loglevel", "WARNING",
            "Exports",
        ]  # fmt: skip
        signal.signal(signal.SIGTERM, _interrupt)
        process = subprocess.Popen(words, cwd=folder, env=environment, stdin=subprocess.DEVNULL)
        log(
            f"Locust's web interface for {profile.name}: http://127.0.0.1:{port} (its figures are rounded, and no "
            "evidence is made; Ctrl-C ends it)"
        )
        try:
            code = process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    raise LocustError(f"Locust's web interface ended by itself with {code}; its own messages are above")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _bodies(profile: Profile, target: Target, seed: int, folder: Path) -> Bodies:
    timeout_s = max(phase.timeout_s for phase in profile.phases)
    bodies = []
    for case, weight in weights(profile).items():
        dataset = make_dataset(case, seed)
        file = folder / f"{case}.json"
        file.write_bytes(encode_body(dataset))
        bodies.append(Body(case, dataset.format, weight, str(file), dataset.tagged, timeout_s))
    return Bodies(target.url, target.insecure, tuple(bodies))
