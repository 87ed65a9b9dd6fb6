"""The outcome of each part of the suite in a separate file, so that the parts can be made one by one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.outcomes import Fault, Options, Outcome, as_json, same_again


@dataclass(frozen=True)
class Kept:
    """A folder of outcomes of one seed and form of the suite, for one version of the service."""

    folder: Path
    options: Options
    version: str

    def _path(self, fault: Fault) -> Path:
        form = "long" if self.options.long else "short"
        return self.folder / f"{form}-{self.options.seed}-{fault.name.replace(' ', '-').lower()}.json"

    def write(self, fault: Fault, outcome: Outcome) -> None:
        """Keep an outcome."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        whole = {"schema": 1, "version": self.version, "made": made, "outcome": as_json(outcome)}
        self._path(fault).write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def read(self, fault: Fault) -> Outcome | None:
        """Return the outcome that was kept; None where there is none of this version."""
        try:
            whole = json.loads(self._path(fault).read_bytes())
        except (OSError, ValueError):
            return None
        return same_again(whole["outcome"]) if whole["version"] == self.version else None
