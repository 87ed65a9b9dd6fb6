"""The recorders of one scenario, from before its load until its record is closed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.client.target import Target
from loadtests.recorders.exports_folder import FolderWatch, exports_folder
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.pages import Scraper, watchers
from loadtests.recorders.processes import Found, Prober, find_process
from loadtests.recorders.record_folder import Folder
from loadtests.recorders.run_state import RunState
from loadtests.recorders.ticker import stop_all
from loadtests.runner.watch import Watch


@dataclass(frozen=True)
class Recorders:
    """What observes the target while the scenario runs."""

    state: RunState
    process: Found
    scraper: Scraper
    prober: Prober | None
    """None: the target's processes can't be seen."""
    folder_watch: FolderWatch | None
    """None: the target's exports folder can't be seen, or is not known before the first export."""

    def settle(self) -> None:
        """Record the target at rest, after all that counts."""
        self.state.enter("after")
        self.scraper.settle(time.sleep)
        if self.prober is not None:
            self.prober.probe()


@contextmanager
def recorders(
    target: Target, target_pid: int | None, exports: Path | None, folder: Folder, watch: Watch
) -> Iterator[Recorders]:
    """Record the target's pages and processes until the block ends."""
    state = RunState()
    process = find_process(target, target_pid)
    scrapes, probes, health = (LineFile(path, watch.fail) for path in (folder.scrapes, folder.probes, folder.health))
    scraper = Scraper(target, state, scrapes, watch.add_scrape)
    prober = None if process.pid is None else Prober(target, state, probes, process.pid)
    place = exports_folder(exports, None, None)
    folder_watch = None if place is None else FolderWatch(place, target.clock.now)
    tickers = [scraper.ticker, *(watcher.ticker for watcher in watchers(target, state, health, watch.add_health))]
    tickers += [observer.ticker for observer in (prober, folder_watch) if observer is not None]
    scraper.scrape()
    for ticker in tickers:
        ticker.start()
    try:
        yield Recorders(state, process, scraper, prober, folder_watch)
    finally:
        stop_all(tickers)
        for file in (scrapes, probes, health):
            file.close()
