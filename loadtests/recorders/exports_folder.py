"""The target's exports folder, where it can be seen: leftovers, and whether files appeared complete."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Set
from pathlib import Path, PurePath

import psutil

from assertions.record.types import Hit
from loadtests.client.export import answered_filename
from loadtests.recorders.ticker import Ticker

FINISHED_EXPORT = re.compile(r"export_[0-9]+_[A-Za-z0-9]+\.(csv|pdf)")
INTERVAL_S = 0.05
FOLLOWED_S = 5.0
"""So long a file's size is read again."""
MOMENT_NS = 100_000_000
"""File systems' clocks tick more seldom than they are changed: a folder's time of change may stay the same."""
SELDOM = 20
"""A folder of very many files is listed so seldom that it takes a twentieth of a core at most."""


def exports_folder(given: Path | None, pid: int | None, filename: str | None) -> Path | None:
    """Return where the target keeps its files: as given, or the folder of a file that an answer named; None: unseen."""
    if given is not None:
        return given.resolve() if given.is_dir() else None
    if pid is None or filename is None:
        return None
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        path = Path(psutil.Process(pid).cwd()) / filename
        return path.parent.resolve() if path.is_file() else None
    return None


def leftovers(
    folder: Path | None, since: float = 0.0, named: frozenset[str] | None = None, unanswered: int = 0
) -> tuple[str, ...] | None:
    """Files in the exports folder, and below it, that should not be there, in order; None when it can't be seen.

    That is what is no finished export, and what has a finished export's name that no answer named. since: older
    files (Unix seconds) are somebody else's; named: the names that answers gave (None: any name is well);
    unanswered: so many requests had no answer, and may have left a file each.
    """
    if folder is None:
        return None
    try:
        found = sorted(
            str(PurePath(entry.relative_to(folder)))
            for entry in folder.rglob("*")
            if not entry.is_dir() and entry.lstat().st_mtime >= since
        )
    except OSError:
        return None
    unfinished = tuple(name for name in found if not FINISHED_EXPORT.fullmatch(PurePath(name).name))
    unnamed = tuple(
        name for name in found if named is not None and name not in unfinished and PurePath(name).name not in named
    )
    return tuple(sorted(unfinished + (unnamed if len(unnamed) > unanswered else ())))


def absent(folder: Path, names: frozenset[str]) -> tuple[str, ...] | None:
    """Return the names that answers gave and that no file below the folder has, in order; None: unreadable."""
    try:
        there = {path.name for path in folder.rglob("*") if path.is_file()}
    except OSError:
        return None
    return tuple(sorted(names - there))


def holds(folder: Path, names: frozenset[str], seen: Set[str]) -> bool:
    """Return whether a file that an answer named is, or was, in a folder; otherwise the folder is not the target's."""
    return not names.isdisjoint(seen) or any(path.name in names for path in folder.rglob("*"))


def answered_names(hits: Iterable[Hit]) -> frozenset[str]:
    """Return the names of the files that answers named."""
    paths = (answered_filename(hit.answer) for hit in hits if hit.status == 200)
    return frozenset(re.split(r"[/\\]", path)[-1] for path in paths if path is not None)


class FolderWatch:
    """Follows the sizes of files that bear a finished export's name, from when they are first seen."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder, self._now = folder, now
        self.known: set[str] = set()
        """Names of finished exports that were ever seen."""
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
            if name not in self.known and FINISHED_EXPORT.fullmatch(name):
                self.known.add(name)
                size = _size(path)
                if size is not None:
                    self._young[name] = now, size


def _size(path: Path) -> int | None:
    """Bytes; None where it is gone."""
    try:
        return path.lstat().st_size
    except OSError:
        return None
