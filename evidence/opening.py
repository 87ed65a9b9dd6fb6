"""Opening every exported file: what was downloaded is held against what was sent, and samples are kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from msgspec.structs import replace

from assertions.contents import Outcome, check_csv, check_pdf, expected
from assertions.records import Fetch, FileCheck, Hit, read_lines, write_lines
from loadtests.datasets import TAG_PLACEHOLDER

KEPT_BROKEN_MOST = 10
"""Broken files kept a scenario; the findings of all stand in files.jsonl."""


@dataclass(frozen=True)
class Opened:
    """One file to be checked."""

    hit: Hit
    sha256: str
    bytes: int
    file: Path
    template: Path


def check_folder(folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Check all downloaded files of a scenario's folder, write files.jsonl, keep samples, drop the rest.

    RecordError when the record can't be read, OSError when files can't be written.
    """
    jobs = _jobs(folder)
    checks: list[FileCheck] = []
    if jobs:
        # forked before any thread of ours runs would be faster, but spawned is safe beside them
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
            for number, check in enumerate(pool.map(_check, jobs, chunksize=4), 1):
                checks.append(check)
                if progress:
                    progress(number, len(jobs))
    write_lines(folder / "files.jsonl", _keep(folder, jobs, checks))
    shutil.rmtree(folder / "spool", ignore_errors=True)


def _jobs(folder: Path) -> list[Opened]:
    hits = {hit.id: hit for hit in read_lines(folder / "hits.jsonl", Hit)}
    jobs = []
    for fetch in read_lines(folder / "fetches.jsonl", Fetch):
        hit = hits.get(fetch.hit)
        if fetch.purpose != "file" or hit is None or hit.format is None or fetch.status != 200 or fetch.sha256 is None:
            continue
        file, template = folder / "spool" / f"{hit.id}.{hit.format}", folder / "sent" / f"{hit.case}.json"
        if file.is_file() and template.is_file():
            jobs.append(Opened(hit=hit, sha256=fetch.sha256, bytes=fetch.bytes, file=file, template=template))
    return jobs


@lru_cache(maxsize=4)
def _template(path: Path) -> bytes:
    return path.read_bytes()


def check_file(data: bytes, template: bytes, fmt: str, tag: str | None) -> Outcome:
    """Hold one file's bytes against the request that asked for it."""
    sent = expected(template, tag, TAG_PLACEHOLDER)
    return check_csv(data, sent) if fmt == "csv" else check_pdf(data, sent)


def _check(job: Opened) -> FileCheck:
    outcome = check_file(job.file.read_bytes(), _template(job.template), job.hit.format or "", job.hit.tag)
    return FileCheck(
        hit=job.hit.id,
        format=job.hit.format or "",
        records=job.hit.records or 0,
        bytes=job.bytes,
        sha256=job.sha256,
        rows=outcome.rows,
        pages=outcome.pages,
        findings=outcome.findings,
        finding_count=outcome.finding_count,
        kept=None,
    )


def _keep(folder: Path, jobs: Sequence[Opened], checks: Iterable[FileCheck]) -> list[FileCheck]:
    """Keep the first file of each case, and some that are broken."""
    kept_cases: set[str] = set()
    broken = 0
    result = []
    (folder / "kept").mkdir(exist_ok=True)
    for job, check in zip(jobs, checks, strict=True):
        first = job.hit.case not in kept_cases
        wanted = first or (check.finding_count > 0 and broken < KEPT_BROKEN_MOST)
        name = f"kept/{job.file.name}"
        kept_cases.add(job.hit.case)
        broken += check.finding_count > 0
        if wanted:
            shutil.move(job.file, folder / name)
        result.append(replace(check, kept=name) if wanted else check)
    return result


def recheck(folder: Path) -> list[str]:
    """Check the kept files of a scenario's folder again; a sentence for each whose result is another."""
    hits = {hit.id: hit for hit in read_lines(folder / "hits.jsonl", Hit)}
    problems = []
    for check in read_lines(folder / "files.jsonl", FileCheck):
        if check.kept is None:
            continue
        hit = hits.get(check.hit)
        template = folder / "sent" / f"{hit.case if hit else '?'}.json"
        file = folder / check.kept
        if hit is None or not template.is_file() or not file.is_file():
            problems.append(f"{folder.name}/{check.kept} can't be checked again: its request or its data are missing")
            continue
        outcome = check_file(file.read_bytes(), template.read_bytes(), check.format, hit.tag)
        found = (outcome.rows, outcome.pages, outcome.findings, outcome.finding_count)
        if found != (check.rows, check.pages, check.findings, check.finding_count):
            problems.append(f"{folder.name}/{check.kept} was checked again with another result than files.jsonl holds")
    return problems
