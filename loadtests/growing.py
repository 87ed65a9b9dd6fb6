"""Watching the exports folder while load runs: no file may bear its final name before it is complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from loadtests.observers import Ticker
from loadtests.processes import FINISHED_EXPORT

INTERVAL_S = 0.05
FOLLOWED_S = 5.0
"""So long a file's size is read again."""


class FolderWatch:
    """Follows the sizes of files that bear a finished export's name, from when they are first seen."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder, self._now = folder, now
        self._known: set[str] = set()
        self._young: dict[str, tuple[float, int]] = {}
        self.grew: list[str] = []
        """Names of those that changed their size."""
        self.ticker = Ticker("folder", self.look, now, interval_s=INTERVAL_S)
        self.look()
        self._young.clear()  # what was there before is somebody else's

    def look(self) -> None:
        """One look. What can't be read, or is removed meanwhile, has nothing to show."""
        now = self._now()
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name not in self._known and FINISHED_EXPORT.fullmatch(entry.name):
                    self._known.add(entry.name)
                    self._young[entry.name] = now, entry.stat(follow_symlinks=False).st_size
        for name, (seen, size) in list(self._young.items()):
            gone = now - seen > FOLLOWED_S
            with contextlib.suppress(OSError):
                if (self._folder / name).lstat().st_size != size:
                    self.grew.append(name)
                    gone = True
            if gone:
                del self._young[name]
