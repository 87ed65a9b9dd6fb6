"""Watching the exports folder while load runs: no file may bear its final name before it is complete."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from loadtests.observers import Ticker
from loadtests.processes import FINISHED_EXPORT

INTERVAL_S = 0.05
FOLLOWED_S = 5.0
"""So long a file's size is read again."""
MOMENT_NS = 100_000_000
SELDOM = 20
"""A folder of very many files is listed so seldom that it takes a twentieth of a core at most."""


class FolderWatch:
    """Follows the sizes of files that bear a finished export's name, from when they are first seen."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder, self._now = folder, now
        self._known: set[str] = set()
        self._young: dict[str, tuple[float, int]] = {}
        self._changed_ns = -1
        self._again = 0.0
        self.grew: list[str] = []
        """Names of those that grew."""
        self.ticker = Ticker("folder", self.look, now, interval_s=INTERVAL_S)
        self.look()
        self._young.clear()  # what was there before is somebody else's

    def look(self) -> None:
        """One look. What can't be read, or is removed meanwhile, has nothing to show."""
        now = self._now()
        with contextlib.suppress(OSError):
            changed_ns = self._folder.stat().st_mtime_ns
            # a change in the same moment as the last look would not show
            if now >= self._again and (changed_ns != self._changed_ns or time.time_ns() - changed_ns < MOMENT_NS):
                self._changed_ns = changed_ns
                self._find(now)
                self._again = now + SELDOM * (self._now() - now)
        for name, (seen, size) in list(self._young.items()):
            size_now = _size(self._folder / name)
            if size_now is not None and size_now > size:
                self.grew.append(name)
            # an empty one is none yet; one that shrank is being removed
            if size_now is None or size_now != size or (size and now - seen > FOLLOWED_S):
                del self._young[name]

    def _find(self, now: float) -> None:
        for path in self._folder.iterdir():
            name = path.name
            if name not in self._known and FINISHED_EXPORT.fullmatch(name):
                self._known.add(name)
                size = _size(path)
                if size is not None:
                    self._young[name] = now, size


def _size(path: Path) -> int | None:
    """Bytes; None where it is gone."""
    try:
        return path.lstat().st_size
    except OSError:
        return None
