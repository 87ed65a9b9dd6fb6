"""What a run was made with: commit, versions, machine, clock. Read once, written down, never guessed."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import msgspec
import psutil

from assertions.record.types import Record
from evidence.collect.benchmark_results import benchmark_lines
from evidence.subject import Subject

ROOT = Path(__file__).resolve().parents[2]
OURS = "export-at-scale"
PACKAGES = (
    "aiohttp",
    "bokeh",
    "locust",
    "matplotlib",
    "msgspec",
    "prometheus-client",
    "psutil",
    "pypdfium2",
    "reportlab",
)


JOIN_S = 6 * 3600
"""A scenario joins a run younger than this; later it begins a new one."""
_OTHERS = {
    "commit": "the harness is of another commit",
    "dirty": "files of the checkout were changed in between",
    "changes_sha256": "files of the checkout were changed in between",
    "harness_sha256": "the judge is another",
    "target": "the target is another",
    "header_variables": "the target is sent other headers",
    "limits_sha256": "the limits are others",
    "profiles_sha256": "the profiles are others",
    "waivers": "the waivers are others",
    "subject": "the subject is another",
    "python": "the version of Python is another",
    "packages": "the installed packages are others",
    "machine": "the machine is another",
}
"""What must be the same for a scenario to join a run, and what to say where it is not."""


class Context(Record, frozen=True, kw_only=True):
    """One run: `run.json`."""

    run_id: str
    started: float
    """Unix seconds."""
    commit: str | None
    """Of the harness; None where it is not in a git checkout."""
    dirty: bool | None
    """Whether tracked files differ from the commit; None: unknown."""
    changes_sha256: str | None = None
    """Of that difference; None: there is none, or it is unknown."""
    harness_sha256: str
    """Of the judge's sources and tables, so that another judge's verdict is seen to be another's."""
    python: str
    packages: dict[str, str]
    machine: str
    cpus: int
    memory_bytes: int
    target: str
    """`embedded`, or the target's URL."""
    header_variables: tuple[str, ...] = ()
    """Environment variables that held headers for the target, by name; what they hold is written nowhere."""
    limits_sha256: str
    profiles_sha256: str | None = None
    """Of profiles that replace the built-in ones; None: the built-in ones."""
    waivers: dict[str, str]
    subject: Subject | None = None
    """What was judged, as the command line or the CI named it; None: neither did."""
    benchmarks: tuple[str, ...] = ()
    """Headline ratios of the benchmark results of the same commit; empty: there are none."""
    incidents: tuple[str, ...] = ()
    """What kept a scenario from its record: an unreachable target, an interruption."""

    def fits(self, other: Context) -> bool:
        """Return whether a scenario run under `other` may join this run."""
        return self.misfit(other) is None

    def misfit(self, other: Context) -> str | None:
        """Return why a scenario run under `other` may not join this run; None: it may.

        It joins where all that a verdict rests on is the same, this run is younger than 6 hours, and nothing went
        wrong in it.
        """
        for name, reason in _OTHERS.items():
            if getattr(self, name) != getattr(other, name):
                return reason
        if self.incidents:
            return "something kept the older one from its end"
        if not 0 <= other.started - self.started < JOIN_S:
            return f"the older one did not begin within the last {JOIN_S // 3600} hours"
        return None


def read(
    *,
    target: str,
    limits_sha256: str,
    profiles_sha256: str | None,
    waivers: dict[str, str],
    harness_sha256: str,
    subject: Subject | None = None,
    header_variables: tuple[str, ...] = (),
) -> Context:
    """Look at the machine, the checkout and the clock."""
    own = (ROOT / ".git").exists()  # installed into a folder of another repository, that one's commit is not ours
    commit = _git("rev-parse", "HEAD") if own else None
    status = _git("status", "--porcelain", "--untracked-files=no") if own else None
    changes = _git("diff", "HEAD") if status else None
    now = time.time()
    return Context(
        run_id=f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}-{os.getpid()}",
        started=now,
        commit=commit,
        dirty=None if status is None else bool(status),
        changes_sha256=hashlib.sha256(changes.encode()).hexdigest() if changes else None,
        harness_sha256=harness_sha256,
        python=platform.python_version(),
        packages={name: _version(name) for name in (*PACKAGES, *_own_package())},
        machine=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpus=os.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        target=target,
        header_variables=header_variables,
        limits_sha256=limits_sha256,
        profiles_sha256=profiles_sha256,
        waivers=waivers,
        subject=subject,
        benchmarks=benchmark_lines(ROOT, commit, None if status is None else bool(status)),
    )


def with_incident(context: Context, sentence: str) -> Context:
    """The same run, with one thing more that went wrong."""
    return msgspec.structs.replace(context, incidents=(*context.incidents, sentence))


def _own_package() -> tuple[str, ...]:
    """The harness itself where it is installed; in a checkout its commit says which it is."""
    return () if _version(OURS) == "not installed" else (OURS,)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            check=True,
            env=_quiet(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _quiet() -> dict[str, str]:
    return {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def interpreter() -> str:
    """The Python that runs the other commands: the one that runs this."""
    return sys.executable
