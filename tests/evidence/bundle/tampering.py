"""Changes of a run directory after it was made, and what `verify` says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evidence.bundle import digest, manifest
from evidence.bundle.verify import verify
from tests.evidence.command import REPORT


def mend(out: Path) -> None:
    """What a forger would do: write the manifest anew."""
    run_id = manifest.read(out).run_id
    (out / manifest.NAME).unlink()
    manifest.write(out, run_id)


def name_again(out: Path) -> None:
    """What a forger would do who knows of the digest: put the new one into the pages that name it."""
    named = digest.named_in((out / REPORT).read_text(encoding="utf-8")) or ""
    for name in (REPORT, "report.html"):
        text = (out / name).read_text(encoding="utf-8")
        (out / name).write_text(text.replace(named, digest.of(out)), encoding="utf-8")
    mend(out)


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Edit a JSON document."""
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document, indent=2) + "\n")


def problems(out: Path) -> str:
    """What does not hold, as one text."""
    return "\n".join(verify(out)[0])
