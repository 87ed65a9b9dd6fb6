"""One digest over all evidence files of a run, which the report's text pages name.

Who edits a record, a tool's output, a log or a plot and mends the manifest has a report that names another digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from evidence.bundle import manifest
from evidence.bundle.layout import HTML, JUNIT, REPORT, STEP_SUMMARY, VERDICT
from evidence.bundle.manifest import Artifact

LABEL = "evidence"
"""Of the report's line."""
DERIVED = frozenset(
    {
        REPORT,
        HTML,
        STEP_SUMMARY,
        JUNIT,
        VERDICT,
        "assert.log",
        "metrics_snapshot.txt",
        "seed_batch.log",
        "sample_1k.csv",
        "sample_1k.pdf",
    }
)
"""Files that verification makes again from the evidence and compares, byte by byte, and what is made after them."""
_NAMED = re.compile(rf"^- {LABEL}: (\d[\d,]* files, SHA-256 [0-9a-f]{{64}})$", re.MULTILINE)


def of(folder: Path) -> str:
    """Return how many evidence files a run directory holds, and their digest, in words. OSError."""
    return of_artifacts(manifest.make(folder, "").artifacts)


def of_artifacts(artifacts: Iterable[Artifact]) -> str:
    """Return the same of files whose hashes are known: SHA-256 over a line `<sha256>  <bytes>  <path>` for each."""
    lines = sorted(
        f"{artifact.sha256}  {artifact.bytes}  {artifact.path}\n"
        for artifact in artifacts
        if artifact.path not in DERIVED
    )
    sha256 = hashlib.sha256("".join(lines).encode()).hexdigest()
    return f"{len(lines):,} files, SHA-256 {sha256}"


def named_in(report: str) -> str | None:
    """Return what a Markdown report says of its evidence files; None where it says nothing."""
    found = _NAMED.search(report)
    return None if found is None else found[1]
