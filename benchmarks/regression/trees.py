"""A revision's files in a temporary git worktree."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.http_service import ROOT

GIT_TIMEOUT_S = 120


class NoSuchRevision(Exception):
    """A revision can't be had; the message says what git wrote."""


def commit_of(revision: str) -> str:
    """Return the full hash of a revision. NoSuchRevision."""
    return _git(
        "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", what=f"a revision, got {revision!r}"
    ).strip()


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """Check a revision out into a temporary folder while the block runs. NoSuchRevision."""
    commit = commit_of(revision)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", "--quiet", str(tree), commit, what=f"a work tree of {commit[:12]}")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree), what="the work tree to go")


def _git(*words: str, what: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=False
        )
    except OSError as error:
        raise NoSuchRevision(f"expected {what}; git can't be run: {error.strerror}") from error
    if done.returncode:
        raise NoSuchRevision(f"expected {what}; {done.stderr.strip() or 'git knows none of that name'}")
    return done.stdout
