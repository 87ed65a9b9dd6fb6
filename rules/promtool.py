"""The one wrapper of promtool: finds it, runs it, and separates verdicts from accidents.

promtool exits 0 when content, 1 on an error and 3 on a lint finding. Those are verdicts, handed back as an `Outcome`.
Everything else (it hangs, is killed, exits otherwise) is a `ToolFailed` with its stderr and exit code.

Unit tests take promtool seconds. Where a cache is given, an outcome is kept under a hash of the binary, of the test
file, of the rule files that it names, and of this module.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from rules.records import RulesError, read_tests
from rules.server.cache import Cache, file_sha256, key_of
from rules.server.fetch import (
    NEXT_MAJOR,
    PROMTOOL,
    ToolFailed,
    ToolMissing,
    cache_folder,
    find_binary,
    find_next,
    run,
    version_of,
)

TIMEOUT_S: Final = 180.0
"""For one run of promtool; unit tests of minutes run in a tenth of a second on its virtual clock."""

VERDICTS: Final = (0, 1, 3)
"""promtool's exit codes that are verdicts: content, an error, a lint finding."""

ALLOWED_COMPLAINTS: Final = tuple(
    f"{name} metric names should not contain abbreviated units"
    for name in ("export_latency_ms", "export_throughput_ops_per_sec")
)
"""Complaints of `check metrics` about units in names that the contract fixes; these lines exactly, no others."""

_PATTERN: Final = re.compile(r"[*?\[\\/]")
"""What makes a rule file's name one of several files, or one of another folder."""
KEPT_MOST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run of promtool that ended with a verdict."""

    argv: tuple[str, ...]
    """The command, files by name only."""
    exit_code: int
    """One of `VERDICTS`."""
    output: str
    """stdout, then stderr."""
    allowed: tuple[str, ...] = ()
    """Complaints in the output that the contract itself causes."""
    complaints: tuple[str, ...] = ()
    """Lines of a lint verdict (exit code 3) of `check metrics` that are not allowed."""
    made: str | None = None
    """When promtool ran, ISO 8601, UTC, where the outcome was kept from then; None: it ran now."""

    @property
    def ok(self) -> bool:
        """promtool was content, or complained of nothing but what is allowed."""
        return self.exit_code == 0 or (self.exit_code == 3 and bool(self.allowed) and not self.complaints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promtool:
    """A promtool that works."""

    path: Path
    """The binary."""
    version: str
    """Its own, such as `2.42.0+ds`."""
    cache: Cache | None = None
    """Keeps the outcomes of unit tests; None: they are run each time."""

    @property
    def major(self) -> int | None:
        """The first number of the version; None where it starts with none."""
        match = re.match(r"\d+", self.version)
        return int(match[0]) if match else None

    def check_rules(self, rules: Path) -> Outcome:
        """Check a rule file's syntax and lint. Zero rules pass here: `rules.coverage` sees to that."""
        return self._run(["check", "rules", "--lint=all", "--lint-fatal", rules.name], cwd=rules.resolve().parent)

    def test_rules(self, tests: Path) -> Outcome:
        """Run a unit-test file. Much passes silently here: `rules.coverage` sees to that."""
        key = None if self.cache is None else self._key(tests)
        if self.cache is None or key is None:
            return self._tested(tests)
        kept = self.cache.get(key)
        if kept is not None:
            return msgspec.json.decode(kept, type=Outcome)
        outcome = self._tested(tests)
        made = datetime.now(UTC).isoformat(timespec="seconds")
        self.cache.put(key, msgspec.json.encode(replace(outcome, made=made)))
        return outcome

    def _tested(self, tests: Path) -> Outcome:
        return self._run(["test", "rules", tests.name], cwd=tests.resolve().parent)

    def _key(self, tests: Path) -> str | None:
        """Return a hash of all that a test's outcome depends on; None where that can't be known."""
        try:
            named = read_tests(tests).rule_files or ()
            if any(_PATTERN.search(name) for name in named):
                return None
            files = [(name.encode(), (tests.resolve().parent / name).read_bytes()) for name in (tests.name, *named)]
            binary = file_sha256(self.path)
            return key_of(binary, *(part for file in files for part in file), code=[sys.modules[__name__]])
        except (RulesError, OSError):
            return None

    def test_all(self, folder: Path, names: Sequence[str]) -> Outcome:
        """Run several unit-test files of one folder; one that fails does not keep the others from running."""
        return self._run(["test", "rules", *names], cwd=folder)

    def check_metrics(self, page: bytes) -> Outcome:
        """Check a metrics page (Prometheus text format), byte by byte as it was served. An empty page passes here."""
        outcome = self._run(["check", "metrics"], stdin=page)
        lines = tuple(line.strip() for line in outcome.output.splitlines() if line.strip())
        return Outcome(
            argv=outcome.argv,
            exit_code=outcome.exit_code,
            output=outcome.output,
            allowed=tuple(line for line in lines if line in ALLOWED_COMPLAINTS),
            complaints=tuple(line for line in lines if line not in ALLOWED_COMPLAINTS),
        )

    def _run(self, arguments: Sequence[str], *, stdin: bytes = b"", cwd: Path | None = None) -> Outcome:
        # Files are given by name from within their folder, so that no output bears this machine's paths.
        argv = [str(self.path.resolve()), *arguments]
        # its storage lies in a folder that goes with the run, also where promtool is killed and can't remove it
        with tempfile.TemporaryDirectory(prefix="promtool-", ignore_cleanup_errors=True) as temporary:
            environment = {**os.environ, "TMPDIR": temporary}
            done = run(argv, timeout_s=TIMEOUT_S, stdin=stdin, cwd=cwd, env=environment)
        if done.returncode not in VERDICTS:
            raise ToolFailed(argv, done.returncode, done.stderr, "gave no verdict")
        return Outcome(argv=(PROMTOOL, *arguments), exit_code=done.returncode, output=done.stdout + done.stderr)


def kept_tests(env: Mapping[str, str]) -> Cache:
    """Return the cache of unit tests' outcomes in the user's cache folder."""
    return Cache(cache_folder(env) / "promtool-tests", KEPT_MOST)


def find_next_major(env: Mapping[str, str], *, fetch: bool, cache: Cache | None = None) -> Promtool:
    """Find a promtool of version 3 or later: see `find_next`. ToolMissing, ToolFailed."""
    path = find_next(PROMTOOL, env, fetch=fetch)
    promtool = Promtool(path=path, version=version_of(path), cache=cache)
    if (promtool.major or 0) < NEXT_MAJOR:
        raise ToolMissing(f"no promtool {NEXT_MAJOR}.x: ${PROMTOOL.upper()}{NEXT_MAJOR} is {promtool.version}")
    return promtool


def find(env: Mapping[str, str] | None = None, cache: Cache | None = None) -> Promtool:
    """Find promtool: $PROMTOOL, PATH, the user's cache folder, else fetched by apt without root into that folder.

    ToolMissing says what to do when it can't be had, ToolFailed that the one found does not work.
    """
    path = find_binary(PROMTOOL, os.environ if env is None else env)
    return Promtool(path=path, version=version_of(path), cache=cache)
