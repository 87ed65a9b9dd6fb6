"""What a scenario's record says about the target's exports folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assertions.record.files import read_lines
from assertions.record.types import Hit
from loadtests.client.export import answered_filename
from loadtests.recorders.exports_folder import FolderWatch, absent, answered_names, exports_folder, holds, leftovers
from loadtests.recorders.record_folder import Folder

CLOCK_SLACK_S = 1.0
"""A file system's clock may be behind the process's by so much."""
POLL_S = 0.2


@dataclass
class ExportsRecord:
    """The exports folder of one scenario's target, where it can be seen; None stands for what can't be seen."""

    record: Folder
    given: Path | None
    """The folder that the user named."""
    target_pid: int | None
    watch: FolderWatch | None
    start: float
    """Older files are not the scenario's."""
    _kept: tuple[str, ...] | None = ()
    """Leftovers from before clients disconnected."""

    def place(self) -> Path | None:
        """Return the folder: as given, or that of the first file that an answer named."""
        if self.given is not None:
            return exports_folder(self.given, None, None)
        names = (answered_filename(hit.answer) for hit in self._hits() if hit.status == 200)
        return exports_folder(None, self.target_pid, next(names, None))

    def keep_leftovers(self) -> None:
        """Keep the present leftovers as part of the record, whatever comes later."""
        self._kept = self.leftovers()

    def await_cleaning(self, timeout_s: float, now: Callable[[], float]) -> None:
        """Wait until there are no more leftovers than were kept, or the time is over."""
        deadline = now() + timeout_s  # an export that was broken off may still be written for a moment
        kept = self._kept
        while kept != self.leftovers() and now() < deadline:
            time.sleep(POLL_S)

    def leftovers(self) -> tuple[str, ...] | None:
        """Return files that should not be there."""
        hits = self._hits()
        unanswered = sum(hit.status is None for hit in hits)
        names = answered_names(hits)
        folder = self.place()
        if folder is not None and self._foreign(folder, names):
            return None
        found = leftovers(folder, self.start - CLOCK_SLACK_S, names, unanswered)
        return None if found is None or self._kept is None else tuple(sorted({*self._kept, *found}))

    def absent(self) -> tuple[str, ...] | None:
        """Return the files that answers named and that are not there."""
        names, folder = answered_names(self._hits()), self.place()
        return None if folder is None or self._foreign(folder, names) else absent(folder, names)

    def grew(self) -> tuple[str, ...] | None:
        """Return the scenario's own files that grew after they had a finished export's name."""
        if self.watch is None:
            return None
        names = answered_names(self._hits())
        return tuple(name for name in self.watch.grew if name in names)

    def _foreign(self, folder: Path, names: frozenset[str]) -> bool:
        """Return whether the folder never held a file that an answer named, so that it is not the target's."""
        known = frozenset[str]() if self.watch is None else self.watch.known
        return bool(names) and not holds(folder, names, known)

    def _hits(self) -> list[Hit]:
        return list(read_lines(self.record.hits, Hit)) if self.record.hits.exists() else []
