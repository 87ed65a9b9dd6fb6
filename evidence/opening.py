"""Opening every exported file: what was downloaded is held against what was sent, and samples are kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from msgspec.structs import replace

from assertions.contents import ContentsError, Outcome, check_csv, check_pdf, expected
from assertions.records import Fetch, FileCheck, Finding, Hit, RecordError, read_lines, write_lines
from loadtests.datasets import TAG_PLACEHOLDER, tagged

KEPT_BROKEN_MOST = 10
"""Broken files kept a scenario; the findings of all stand in files.jsonl."""


class OpeningError(Exception):
    """The files could not be checked; one sentence."""


@dataclass(frozen=True)
class Opened:
    """One file to be checked."""

    hit: Hit
    file: Path
    template: Path


def check_folder(folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Check all downloaded files of a scenario's folder, write files.jsonl, keep samples, drop the rest.

    RecordError when the record can't be read, OSError when files can't be written, OpeningError when a worker dies.
    """
    jobs = _jobs(folder)
    checks: list[FileCheck] = []
    if jobs:
        # forked before any thread of ours runs would be faster, but spawned is safe beside them
        pool = ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=get_context("spawn"), initializer=_deaf)
        try:
            with _unheard():
                coming = pool.map(_check, jobs, chunksize=4)
            for number, check in enumerate(coming, 1):
                checks.append(check)
                if progress:
                    progress(number, len(jobs))
        except BrokenProcessPool as error:
            raise OpeningError("a process that checks files died; is there memory enough?") from error
        finally:
            # interrupted, what is not begun is not waited for
            pool.shutdown(cancel_futures=True)
    write_lines(folder / "files.jsonl", _keep(folder, jobs, checks))
    shutil.rmtree(folder / "spool", ignore_errors=True)


@contextmanager
def _unheard() -> Iterator[None]:
    """Processes that are born meanwhile never hear Ctrl-C, not even before they can say so; we hear it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _deaf() -> None:
    """Ctrl-C in a terminal reaches workers too; their parent ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _jobs(folder: Path) -> list[Opened]:
    """What can be opened: downloads that came whole. The others have no FileCheck, and the judge asks for each."""
    hits = {hit.id: hit for hit in read_lines(folder / "hits.jsonl", Hit)}
    jobs = []
    for fetch in read_lines(folder / "fetches.jsonl", Fetch):
        hit = hits.get(fetch.hit)
        if fetch.purpose != "file" or hit is None or hit.format is None or fetch.status != 200 or fetch.sha256 is None:
            continue
        file, template = folder / "spool" / f"{hit.id}.{hit.format}", folder / "sent" / f"{hit.case}.json"
        if file.is_file() and template.is_file():
            jobs.append(Opened(hit=hit, file=file, template=template))
    return jobs


@lru_cache(maxsize=4)
def _template(path: Path) -> bytes:
    return path.read_bytes()


def check_file(data: bytes, template: bytes, hit: Hit) -> Outcome:
    """Hold one file's bytes against the request that asked for it. ContentsError when the request can't be read."""
    fmt = hit.format or ""
    sent = expected(tagged(template, hit.tag, hit.user), None, TAG_PLACEHOLDER, hit.start)
    try:
        return check_csv(data, sent) if fmt == "csv" else check_pdf(data, sent)
    except (NameError, AttributeError, ImportError, AssertionError):
        raise  # the checker is broken, not the file
    except Exception as error:
        # a file on which a reader breaks is no file that a user could open; it must not end the whole run
        found = f"{type(error).__name__} while it was read"
        finding = Finding(code="unreadable", where="", expected=f"a {fmt} file that can be read", found=found)
        return Outcome(rows=None, pages=None, findings=(finding,), finding_count=1)


def _check(job: Opened) -> FileCheck:
    data = job.file.read_bytes()
    outcome = check_file(data, _template(job.template), job.hit)
    return FileCheck(
        hit=job.hit.id,
        format=job.hit.format or "",
        records=job.hit.records or 0,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        rows=outcome.rows,
        pages=outcome.pages,
        findings=outcome.findings,
        finding_count=outcome.finding_count,
        kept=None,
    )


def to_keep(checks: Sequence[FileCheck], cases: Mapping[str, str]) -> set[str]:
    """Hits whose files are kept: the first of each case, and the first broken ones. `cases`: hit to case."""
    first = {cases[check.hit]: check.hit for check in reversed(checks)}
    broken = [check.hit for check in checks if check.finding_count > 0]
    return {*first.values(), *broken[:KEPT_BROKEN_MOST]}


def _keep(folder: Path, jobs: Sequence[Opened], checks: Sequence[FileCheck]) -> list[FileCheck]:
    kept = to_keep(checks, {job.hit.id: job.hit.case for job in jobs})
    (folder / "kept").mkdir(exist_ok=True)
    result = []
    for job, check in zip(jobs, checks, strict=True):
        if check.hit in kept:
            name = f"kept/{job.file.name}"
            shutil.move(job.file, folder / name)
            result.append(replace(check, kept=name))
        else:
            result.append(check)
    return result


def recheck(folder: Path) -> list[str]:
    """Check the kept files of a scenario's folder again; a sentence for each whose result is another.

    RecordError when the record can't be read, OSError when a file can't.
    """
    hits = {hit.id: hit for hit in read_lines(folder / "hits.jsonl", Hit)}
    checks = list(read_lines(folder / "files.jsonl", FileCheck))
    fetched = {f.hit: f.sha256 for f in read_lines(folder / "fetches.jsonl", Fetch) if f.purpose == "file"}
    foreign = [check.hit for check in checks if check.hit not in hits]
    if foreign:
        raise RecordError(f"{folder.name}/files.jsonl checks {foreign[0]}, which hits.jsonl does not hold")
    wanted = to_keep(checks, {hit.id: hit.case for hit in hits.values()})
    problems = []
    for check in checks:
        if check.sha256 != fetched.get(check.hit):
            problems.append(
                f"{folder.name}/files.jsonl: {check.hit} is not the file that fetches.jsonl says was fetched"
            )
        if check.kept is not None:
            problems += _recheck_one(folder, check, hits[check.hit])
        elif check.hit in wanted:
            problems.append(f"{folder.name}/files.jsonl: the file of {check.hit} should have been kept, and is not")
    return problems


def _recheck_one(folder: Path, check: FileCheck, hit: Hit) -> list[str]:
    template, file = folder / "sent" / f"{hit.case}.json", folder / (check.kept or "")
    name = f"{folder.name}/{check.kept}"
    if not template.is_file() or not file.is_file():
        return [f"{name} can't be checked again: it or its request's data are missing"]
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != check.sha256:
        return [f"{name} is not the file that files.jsonl says was checked"]
    try:
        outcome = check_file(data, template.read_bytes(), hit)
    except ContentsError as error:
        return [f"{name} can't be checked again: {error}"]
    found = (outcome.rows, outcome.pages, outcome.findings, outcome.finding_count)
    if found != (check.rows, check.pages, check.findings, check.finding_count):
        return [f"{name} was checked again with another result than files.jsonl holds"]
    return []
