"""Which judge it was: one hash over its sources and tables."""

from __future__ import annotations

import hashlib

from .context import ROOT


def judge_sha256() -> str:
    """SHA-256 over every Python source of `assertions/`, by path, so that each change makes another judge."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "assertions").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
