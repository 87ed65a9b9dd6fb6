"""Running the harness on a target, as a user would: the real command, on a real service, in processes of their own."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.targets.fixtures.entry import Entry
from tests.targets.proving.results import Judged, Unjudged, read_judged
from tests.targets.recording.conditions import Conditions, Drive, usual

ROOT = Path(__file__).parents[3]
START_S = 30.0
END_S = 10.0
LONGEST_RUN_S = 420.0


STOPPING = threading.Event()
"""Set when the whole run is to end."""


class NoStart(Exception):
    """The target did not listen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the harness did on one target."""

    target: Entry
    judged: Judged | None
    """None: it left no verdict."""
    seconds: float
    problem: str | None
    """What the harness did wrong, in one sentence; None: it judged rightly."""

    @property
    def failed(self) -> dict[str, str]:
        """Ids of verdicts that FAILed, with scenario and reason."""
        return self.judged.of("FAIL") if self.judged else {}

    @property
    def no_data(self) -> dict[str, str]:
        """Ids of verdicts without data, with scenario and reason."""
        return self.judged.of("NO DATA") if self.judged else {}


def problem_of(target: Entry, judged: Judged) -> str | None:
    """What is wrong with a judgement (pure); None: it is right."""
    failed = judged.of("FAIL")
    if target.healthy:
        if judged.colour == "GREEN":
            return None
        blocking = failed or judged.of("NO DATA", counting=True)
        first = next(iter(blocking.items()), ("", judged.headline))
        return f"healthy, but {judged.colour}: {first[0]}, {first[1]}"
    if judged.colour == "GREEN":
        return "stays GREEN"
    if not failed:
        return f"nothing FAILed; {judged.headline}"
    if not target.expect & failed.keys():
        return f"caught for another reason only: {', '.join(failed)} instead of {' or '.join(sorted(target.expect))}"
    return None


def stop_all() -> None:
    """Let every harness that runs in a thread of ours be ended, and its target with it."""
    STOPPING.set()


def run_one(target: Entry, folder: Path, *, keep: bool = False, whole: bool = False) -> Outcome:
    """Start a target, let the harness judge it, end it.

    `folder` is its own; the record stays there when `keep`, or when the harness was wrong. A faulty target is driven
    briefly, where its fault must show, with the tighter limits (or `at_length`, with the contract's); `whole`:
    like a healthy one, through all scenarios, with the limits of the contract.
    """
    outcome = drive(Drive(target=target, conditions=usual(target, whole=whole)), folder)
    if not keep and outcome.problem is None:
        shutil.rmtree(folder)
    return outcome


def drive(driven: Drive, folder: Path) -> Outcome:
    """Start a target, let the harness drive and judge it under the conditions, end it; `folder` is its own."""
    start = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    judged, problem = None, None
    try:
        with alive(driven.target, folder) as (url, pid):
            harness(url, pid, folder, driven.conditions, driven.conditions.scenarios(driven.target))
        judged = read_judged(folder / "evidence" / "verdict.json")
        problem = problem_of(driven.target, judged)
    except (NoStart, Unjudged) as error:
        said = _last_line(folder / "harness.log")
        problem = f"no verdict: {error}" + (f" ({said})" if said else "")
    return Outcome(target=driven.target, judged=judged, seconds=time.monotonic() - start, problem=problem)


@contextmanager
def alive(target: Entry, folder: Path) -> Iterator[tuple[str, int]]:
    """The target's URL and process id while it runs; NoStart when it does not."""
    words = [sys.executable, "-m", "tests.targets.serving", target.name, "--exports", str(folder / "exports")]
    with (folder / "target.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        try:
            yield _announced(process)
        finally:
            _end(process)


def _announced(process: subprocess.Popen[bytes]) -> tuple[str, int]:
    """Wait for the line that says where it listens."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(START_S):
            raise NoStart(f"the target did not listen within {START_S:g} s")
    try:
        data = json.loads(process.stdout.readline())
        return str(data["url"]), int(data["pid"])
    except (ValueError, KeyError):
        raise NoStart("the target ended before it listened; see its target.log") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, patience, then the end of its whole group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def harness(url: str, pid: int, folder: Path, conditions: Conditions, scenarios: Sequence[str]) -> None:
    """The command that users run, under these conditions; its words go to harness.log."""
    words = [sys.executable, "-m", "evidence", "run", *scenarios, "--target", url, "--target-pid", str(pid)]
    words += ["--exports", str(folder / "exports"), "--out", str(folder / "evidence")]
    words += ["--profiles", str(conditions.profiles), "--limits", str(conditions.limits)]
    with (folder / "harness.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(process)
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Until it ends by itself; Unjudged when that takes too long, or when the whole run is to end."""
    until = time.monotonic() + LONGEST_RUN_S
    while process.poll() is None:
        if time.monotonic() > until:
            raise Unjudged(f"the harness took longer than {LONGEST_RUN_S:g} s")
        if STOPPING.wait(0.1):
            raise Unjudged("the run was interrupted")


def commit_now() -> str:
    """What is judged: the commit, marked where files differ from it."""
    try:
        words = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _last_line(path: Path) -> str:
    """The last thing that the harness said."""
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
