"""The scenario's folder: its files, and emptying it only where it holds an earlier scenario."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from loadtests.errors import FolderError
from loadtests.recorders.shards import calibration_folder


@dataclass(frozen=True)
class Folder:
    """Where a scenario's raw record is written."""

    path: Path

    @property
    def plan(self) -> Path:
        """records.Plan."""
        return self.path / "plan.json"

    @property
    def hits(self) -> Path:
        """Lines of records.Hit."""
        return self.path / "hits.jsonl"

    @property
    def fetches(self) -> Path:
        """Lines of records.Fetch."""
        return self.path / "fetches.jsonl"

    @property
    def scrapes(self) -> Path:
        """Lines of records.Scrape; compressed when the scenario is over (`scrapes.jsonl.xz`)."""
        return self.path / "scrapes.jsonl"

    @property
    def probes(self) -> Path:
        """Lines of records.Probe."""
        return self.path / "probes.jsonl"

    @property
    def health(self) -> Path:
        """Lines of records.HealthProbe."""
        return self.path / "health.jsonl"

    @property
    def scenario(self) -> Path:
        """records.Scenario."""
        return self.path / "scenario.json"

    @property
    def calibration(self) -> Path:
        """Lines of records.Calibration."""
        return self.path / "calibration.jsonl"

    @property
    def locust_log(self) -> Path:
        """What Locust printed."""
        return self.path / "locust.log"

    @property
    def seed_log(self) -> Path:
        """Text lines, two for each export of the phase `sequence`."""
        return self.path / "seed_batch.log"

    @property
    def sent(self) -> Path:
        """Request bodies as encoded, `<case>.json`, with the tag's placeholder; gone when the files are checked."""
        return self.path / "sent"

    @property
    def spool(self) -> Path:
        """Downloaded files, `<hit id>.<format>`, for the file checks to open."""
        return self.path / "spool"

    @property
    def parts(self) -> Path:
        """What generators write while load runs; gone when it is merged."""
        return self.path / "parts"


def prepare(path: Path) -> Folder:
    """Make the folder, or empty it where it holds an earlier scenario; FolderError where it holds anything else."""
    try:
        if path.exists() and not path.is_dir():
            raise FolderError(f"--out {path} is no folder")
        if path.is_dir() and any(path.iterdir()):
            if not (path / "plan.json").is_file():
                raise FolderError(
                    f"--out {path} holds files that are no scenario's (no plan.json); name another folder"
                )
            for entry in path.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
        folder = Folder(path)
        for made in (path, folder.sent, folder.spool, folder.parts, calibration_folder(folder.parts)):
            made.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"--out {path} can't be written: {error.strerror or error}") from error
    return folder
