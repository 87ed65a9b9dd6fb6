"""Services that keep what they should give back, or take too much of it."""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tests.targets.fixtures import jobs, page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.csvfile import write_csv
from tests.targets.fixtures.fault_tools import fail_each
from tests.targets.fixtures.pdffile import write_pdf
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply
from tests.targets.fixtures.request import Ask

GROUP = Group("leaks", "load")


def _keep(target: ReferenceTarget, size_bytes: int) -> None:
    """Each export leaves so much behind, in memory that is really used."""
    kept: list[mmap.mmap] = []

    def keep(made: jobs.Made) -> None:
        # a mapping of its own: from the heap it would first fill holes that were never given back
        block = mmap.mmap(-1, size_bytes)
        block.write(b"x" * size_bytes)
        kept.append(block)

    target.after.append(keep)


@GROUP.make("leak-1mb", "Each export leaves a megabyte behind.", "leak-memory")
def _leak_1mb(target: ReferenceTarget) -> None:
    _keep(target, 1_000_000)


@GROUP.make("leak-150kb", "Each export leaves 150 kB behind.", "leak-memory")
def _leak_150kb(target: ReferenceTarget) -> None:
    _keep(target, 150_000)


def leaking_write(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A CSV writer that never forgets, in its worker."""
    write_csv(file, ask, made_at)
    KEPT.append(os.urandom(64) * 5000)


KEPT: list[bytes] = []
"""What the workers of `leak-in-worker` never let go."""


@GROUP.make("leak-in-worker", "Each csv export leaves 320 kB behind in its worker process.", "leak-memory")
def _leak_in_worker(target: ReferenceTarget) -> None:
    target.write["csv"] = leaking_write


@GROUP.make("leak-fds", "Each export leaves a descriptor open.", "leak-fds")
def _leak_fds(target: ReferenceTarget) -> None:
    kept: list[int] = []
    target.after.append(lambda made: kept.append(os.open(os.devnull, os.O_RDONLY)))


@GROUP.make("leak-threads", "Each export leaves a thread behind.", "leak-threads")
def _leak_threads(target: ReferenceTarget) -> None:
    never = threading.Event()
    target.after.append(lambda made: threading.Thread(target=never.wait, daemon=True).start())


def _leaves_descriptor(kept: list[int]) -> None:
    kept.append(os.open(os.devnull, os.O_RDONLY))


def _leaves_thread(kept: list[int]) -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def _by_large(target: ReferenceTarget, leave: Callable[[list[int]], None]) -> None:
    """Each export of 5,000 records and more leaves something behind."""
    kept: list[int] = []

    def maybe(ask: Ask) -> float:
        if len(ask.rows) >= 5000:
            leave(kept)
        return 0.0

    target.pause_s = maybe


@GROUP.make(
    "leak-fd-large", "Each export of 5,000 records and more leaves a descriptor open.", "leak-fds", at_length=True
)
def _leak_fd_large(target: ReferenceTarget) -> None:
    _by_large(target, _leaves_descriptor)


@GROUP.make(
    "leak-thread-large", "Each export of 5,000 records and more leaves a thread behind.", "leak-threads", at_length=True
)
def _leak_thread_large(target: ReferenceTarget) -> None:
    _by_large(target, _leaves_thread)


class LeavesQueued(ReferenceTarget):
    """Forgets something of each export that had to wait."""

    def __init__(self, folder: Path) -> None:
        """Nothing kept yet."""
        super().__init__(folder)
        self.kept: list[int] = []
        self.leave: Callable[[list[int]], None] = _leaves_descriptor

    async def export(self, ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        """As always, and something stays."""
        waits = not turn.done()
        reply = await super().export(ask, body, turn, arrived)
        if waits:
            self.leave(self.kept)
        return reply


@GROUP.make("leak-fd-queued", "Each export that had to wait leaves a descriptor open.", "leak-fds", kind=LeavesQueued)
def _leak_fd_queued(target: ReferenceTarget) -> None:
    pass


@GROUP.make(
    "leak-thread-queued", "Each export that had to wait leaves a thread behind.", "leak-threads", kind=LeavesQueued
)
def _leak_thread_queued(target: ReferenceTarget) -> None:
    if isinstance(target, LeavesQueued):
        target.leave = _leaves_thread


@GROUP.make("leak-children", "One export in four leaves a child process behind.", "leak-children")
def _leak_children(target: ReferenceTarget) -> None:
    kept: list[subprocess.Popen[bytes]] = []

    def leave(made: jobs.Made) -> None:
        if target.made % 4 == 0 and len(kept) < 60:
            kept.append(subprocess.Popen(["cat"], stdin=subprocess.PIPE))  # ends with us: its input does

    target.after.append(leave)


@GROUP.make(
    "leak-zombies",
    "One export in three leaves an ended child that nobody waits for.",
    "leak-children",
)
def _leak_zombies(target: ReferenceTarget) -> None:
    kept: list[subprocess.Popen[bytes]] = []

    def leave(made: jobs.Made) -> None:
        if target.made % 3 == 0 and len(kept) < 60:
            kept.append(subprocess.Popen(["true"]))

    target.after.append(leave)


@GROUP.make(
    "leak-parts", "Each export leaves its half-made file in the exports folder.", "leftovers", scenarios=("smoke",)
)
def _leak_parts(target: ReferenceTarget) -> None:
    target.after.append(lambda made: (target.folder / f".part-{target.made}.tmp").touch())


@GROUP.make(
    "leak-stubs",
    "One export in 30 fails and leaves an empty file under a final name.",
    "leftovers",
    scenarios=("smoke", "load"),
)
def _leak_stubs(target: ReferenceTarget) -> None:
    fail_each(target, 30)
    inner = target.counters.failed

    def failed(form: str, user: str, reason: str) -> None:
        inner(form, user, reason)
        (target.folder / target.new_name(form)).touch()

    target.counters.__dict__["failed"] = failed


def greedy(file: BinaryIO, ask: Ask, made_at: str, *, inner: jobs.Write, at_least: int) -> None:
    """A writer that needs 150 MB for a large export."""
    block = os.urandom(4096) * (150_000_000 // 4096) if len(ask.rows) >= at_least else b""
    inner(file, ask, made_at)
    del block


@GROUP.make("greedy", "An export of 5,000 records and more takes 150 MB, and the gauge says so.", "memory")
def _greedy(target: ReferenceTarget) -> None:
    target.write["csv"] = partial(greedy, inner=write_csv, at_least=5000)
    target.write["pdf"] = partial(greedy, inner=write_pdf, at_least=5000)


@GROUP.make(
    "greedy-hidden",
    "An export of 5,000 records and more takes 150 MB, and the gauge says 2.",
    "memory",
    "memory-agree",
)
def _greedy_hidden(target: ReferenceTarget) -> None:
    _greedy(target)
    target.changes.append(page.with_value("export_memory_bytes", lambda one: min(one.value, 2e6)))


@GROUP.make(
    "cache",
    "The records of every export are kept for ever, in case somebody asks again.",
    "leak-memory",
    at_length=True,
)
def _cache(target: ReferenceTarget) -> None:
    kept: list[object] = []
    inner = target.do

    async def do(job: jobs.Job) -> jobs.Made:
        kept.append(json.loads(job.body))
        return await inner(job)

    own: dict[str, Any] = target.__dict__
    own["do"] = do


class KeepsRefused(ReferenceTarget):
    """Keeps the bodies that it refuses."""

    def __init__(self, folder: Path) -> None:
        """Nothing kept yet."""
        super().__init__(folder)
        self.kept: list[mmap.mmap] = []

    def refuse(self, status: int, error: str, form: str, user: str, **more: Any) -> Reply:
        """As always, and something stays."""
        block = mmap.mmap(-1, 300_000)
        block.write(b"x" * 300_000)
        self.kept.append(block)
        return super().refuse(status, error, form, user, **more)


@GROUP.make("leak-on-refusal", "Each refused request leaves 300 kB behind.", "leak-memory", kind=KeepsRefused)
def _keeps_refused(target: ReferenceTarget) -> None:
    pass


class OpensMissing(ReferenceTarget):
    """Opens the folder to look for a file, and closes it only when it finds one."""

    def find(self, name: str) -> Path | None:
        """As always, and a descriptor stays."""
        found = super().find(name)
        if found is None:
            os.open(self.folder, os.O_RDONLY)
        return found


@GROUP.make("leak-on-missing", "Each file that is not there leaves a descriptor open.", "leak-fds", kind=OpensMissing)
def _opens_missing(target: ReferenceTarget) -> None:
    pass


TARGETS = GROUP.targets
