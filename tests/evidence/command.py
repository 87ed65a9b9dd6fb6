"""The evidence package's real command in a subprocess, a real target, and folders to run in."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assertions.limits import DEFAULT_PATH
from loadtests.progress import Progress
from tests.processes import Ended, announced, end_of, start_module

PROFILE = """\
[[phase]]
name = "measure"
mode = "sequence"
timeout_s = 8
max_seconds = 20
mix = [{ case = "csv-1k", count = 6 }]

[[phase]]
name = "sequence"
mode = "sequence"
timeout_s = 8
max_seconds = 20
mix = [{ case = "csv-1k", count = 2 }, { case = "pdf-1k", count = 1 }, { case = "csv-one", count = 1 }]
"""
REPORT = "GREEN_EVIDENCE_v1.7.md"


@dataclass
class Shown:
    """A view that keeps what it is given."""

    lines: list[str] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)

    def show(self, progress: Progress) -> None:
        """Keep a progress."""
        self.progress.append(progress)

    def files(self, scenario: str, done: int, of: int) -> None:
        """Keep a count of files."""
        self.lines.append(f"{scenario}: {done} of {of}")


@dataclass(frozen=True)
class Target:
    """A running service."""

    url: str
    exports: Path


def start_command(*words: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `python -m evidence` with these words; environment: variables added to those of this process."""
    return start_module("evidence", *words, environment=environment)


def run_command(*words: str | Path, timeout_s: float = 90, environment: Mapping[str, str] | None = None) -> Ended:
    """Run `python -m evidence` to its end."""
    return end_of(start_command(*words, environment=environment), timeout_s)


@contextmanager
def reference_target(folder: Path) -> Iterator[Target]:
    """The reference target, while the block runs."""
    exports = folder / "exports"
    with announced("tests.targets.serving", "reference", "--port", "0", "--exports", exports) as (_, listening):
        yield Target(url=listening["url"], exports=exports)


def profiles(folder: Path, text: str = PROFILE) -> Path:
    """A folder with a quick profile for smoke."""
    folder.mkdir(exist_ok=True)
    (folder / "smoke.toml").write_text(text, encoding="utf-8")
    return folder


def impossible_limits(path: Path) -> Path:
    """A limits file in which a 1k export may take no more than a microsecond."""
    text = DEFAULT_PATH.read_text(encoding="utf-8")
    entry = text.index('id = "smoke_latency_ms"')
    path.write_text(text[:entry] + text[entry:].replace("target = 1_000", "target = 0.001", 1), encoding="utf-8")
    return path


def first_line(out: Path) -> str:
    """The report's first line."""
    return (out / REPORT).read_text(encoding="utf-8").splitlines()[0]


def green_before(out: Path) -> Path:
    """A run directory that looks as an old GREEN one does."""
    out.mkdir(parents=True)
    (out / "run.json").write_text('{"run_id": "old", "harness_sha256": "old"}')
    (out / REPORT).write_text("# GREEN\n")
    (out / "verdict.json").write_text('{"schema": 1, "colour": "GREEN", "headline": "GREEN"}')
    (out / "assert.log").write_text("Verdict: GREEN\n")
    (out / "manifest.json").write_text('{"run_id": "old", "artifacts": []}')
    return out


def colours_in(out: Path) -> list[str]:
    """Files at the top of a run directory in which the word GREEN stands beyond the report's own name."""
    said = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    return sorted(
        name
        for name, text in said.items()
        if any(line.startswith((b"# GREEN", b"Verdict: GREEN")) for line in text.splitlines())
        or re.search(rb'"GREEN[",]', text)
    )


def copied(bundle: Path, folder: Path) -> Path:
    """A copy of a run directory, to be tampered with."""
    return Path(shutil.copytree(bundle, folder / "copy", symlinks=True))
