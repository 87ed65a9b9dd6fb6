"""Opening every exported file: what was downloaded is held against what was sent, and samples are kept."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from assertions.contents.file_check import check_file, read_template, too_large, unreadable
from assertions.contents.sent import CODE_IN_BRIEF, ContentsError, Outcome
from assertions.contents.template import Template
from assertions.record.files import read_lines, write_lines
from assertions.record.types import Fetch, FileCheck, Hit, RecordError
from evidence.collect.check_workers import Breach, Checkers, CheckersError, cores

KEPT_BROKEN_MOST = 10
"""Broken files kept a scenario; the findings of all stand in files.jsonl."""
WHOLE_BROKEN = 3
"""So many broken files of one case are examined in full; further ones in brief, and their findings say so."""
MEMORY_BYTES = 1024**3
"""Address space for opening one file, in addition to what the request's size asks for."""
MEMORY_TIMES = 40
"""Of the request's size: a million records are read at once."""
SECONDS = 60.0
"""Processor time for opening one file: a hundred times what the largest of the usual ones needs."""
RECORDS_A_SECOND = 1_000
"""More time for more records."""
_READ_BYTES = 1024**2


class OpeningError(Exception):
    """The files could not be checked; one sentence."""


@dataclass(frozen=True)
class FileJob:
    """One file to be checked."""

    hit: Hit
    file: Path
    template: Path
    brief: bool = False
    """True: other files of its case are known to be broken, so that this one is examined in brief."""

    @property
    def group(self) -> str:
        """Files of one case share their template."""
        return self.hit.case

    @property
    def weight(self) -> int:
        """By the file's size; a PDF, which is compressed, is more work."""
        return _size(self.file) * (10 if self.hit.format == "pdf" else 1)

    @property
    def memory_bytes(self) -> int:
        """By what was asked for, not by what came."""
        return MEMORY_BYTES + MEMORY_TIMES * _size(self.template)

    @property
    def seconds(self) -> float:
        """By what was asked for, not by what came."""
        return SECONDS + (self.hit.records or 0) / RECORDS_A_SECOND


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def check_folder(folder: Path, progress: Callable[[int, int], None] | None = None, jobs: int | None = None) -> None:
    """Check all downloaded files of a scenario's folder, write files.jsonl, keep samples, drop the rest.

    jobs: processes at once; None: one a processor. RecordError when the record can't be read, OSError when files can't
    be written, OpeningError when the processes can't do their work.
    """
    files = _files(folder)
    write_lines(folder / "files.jsonl", _keep(folder, files, check_files(files, progress, jobs)))
    shutil.rmtree(folder / "spool", ignore_errors=True)


def check_files(
    files: Sequence[FileJob],
    progress: Callable[[int, int], None] | None = None,
    jobs: int | None = None,
    brief_from: int | None = WHOLE_BROKEN,
) -> list[FileCheck]:
    """Check files in processes of their own; a file that breaks their limits is unreadable.

    brief_from: so many broken files of a case are examined in full; None: all.
    """
    checks: dict[int, FileCheck] = {}
    broken: Counter[str] = Counter()

    def prepared(file: FileJob) -> FileJob:
        enough = brief_from is not None and broken[file.hit.case] >= brief_from
        return changed(file, brief=file.brief or enough)

    try:
        with Checkers[FileJob, FileCheck](check_one, min(jobs or cores(), len(files))) as checkers:
            for index, check in checkers.run(files, prepared):
                found = _breach(files[index], check) if isinstance(check, Breach) else check
                broken[files[index].hit.case] += found.finding_count > 0
                checks[index] = found
                if progress:
                    progress(len(checks), len(files))
    except CheckersError as error:
        raise OpeningError(str(error)) from error
    return [checks[index] for index in range(len(files))]


def _files(folder: Path) -> list[FileJob]:
    """What can be opened: downloads that came whole. The others have no FileCheck, and the judge asks for each."""
    hits = {hit.id: hit for hit in read_lines(folder / "hits.jsonl", Hit)}
    files = []
    for fetch in read_lines(folder / "fetches.jsonl", Fetch):
        hit = hits.get(fetch.hit)
        if fetch.purpose != "file" or hit is None or hit.format is None or fetch.status != 200 or fetch.sha256 is None:
            continue
        file, template = folder / "spool" / f"{hit.id}.{hit.format}", folder / "sent" / f"{hit.case}.json"
        if file.is_file() and template.is_file():
            files.append(FileJob(hit=hit, file=file, template=template))
    return files


@lru_cache(maxsize=2)
def _template(path: Path, _changed_ns: int) -> Template:
    return read_template(path.read_bytes())


def check_one(job: FileJob) -> FileCheck:
    """Check one file, in this process."""
    oversize = too_large(_size(job.file), _size(job.template))
    if oversize is not None:
        return _checked(job, oversize)
    template = _template(job.template, job.template.stat().st_mtime_ns)
    return _checked(job, check_file(job.file.read_bytes(), template, job.hit, brief=job.brief))


def _breach(job: FileJob, breach: Breach) -> FileCheck:
    limits = f"a file that opens within {job.memory_bytes / 1e6:,.0f} MB of memory and {job.seconds:.0f} s"
    return _checked(job, unreadable(limits, breach.reason))


def _checked(job: FileJob, outcome: Outcome) -> FileCheck:
    digest = hashlib.sha256()
    with job.file.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
    return FileCheck(
        hit=job.hit.id,
        format=job.hit.format or "",
        records=job.hit.records or 0,
        bytes=_size(job.file),
        sha256=digest.hexdigest(),
        rows=outcome.rows,
        pages=outcome.pages,
        findings=outcome.findings,
        finding_count=outcome.finding_count,
        kept=None,
        kinds=dict(outcome.kinds),
    )


def to_keep(checks: Sequence[FileCheck], cases: Mapping[str, str]) -> set[str]:
    """Hits whose files are kept: the first of each case, and the first broken ones. `cases`: hit to case."""
    first = {cases[check.hit]: check.hit for check in reversed(checks)}
    broken = [check.hit for check in checks if check.finding_count > 0]
    return {*first.values(), *broken[:KEPT_BROKEN_MOST]}


def _keep(folder: Path, jobs: Sequence[FileJob], checks: Sequence[FileCheck]) -> list[FileCheck]:
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


def recheck(folder: Path, jobs: int | None = None) -> list[str]:
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
    problems, again = [], []
    for check in checks:
        if check.sha256 != fetched.get(check.hit):
            problems.append(
                f"{folder.name}/files.jsonl: {check.hit} is not the file that fetches.jsonl says was fetched"
            )
        if check.kept is not None:
            hit = hits[check.hit]
            template, file = folder / "sent" / f"{hit.case}.json", folder / check.kept
            if template.is_file() and file.is_file():
                again.append(
                    (check, FileJob(hit=hit, file=file, template=template, brief=CODE_IN_BRIEF in check.kinds))
                )
            else:
                name = f"{folder.name}/{check.kept}"
                problems.append(f"{name} can't be checked again: it or its request's data are missing")
        elif check.hit in wanted:
            problems.append(f"{folder.name}/files.jsonl: the file of {check.hit} should have been kept, and is not")
    return problems + _recheck(folder, again, jobs)


def _recheck(folder: Path, again: Sequence[tuple[FileCheck, FileJob]], jobs: int | None) -> list[str]:
    problems = []
    try:
        found = check_files([file for _, file in again], jobs=jobs, brief_from=None)
    except ContentsError as error:
        return [f"{folder.name}/kept can't be checked again: {error}"]
    for (check, _), now in zip(again, found, strict=True):
        name = f"{folder.name}/{check.kept}"
        if now.sha256 != check.sha256:
            problems.append(f"{name} is not the file that files.jsonl says was checked")
        elif replace(now, kept=check.kept) != check:
            problems.append(f"{name} was checked again with another result than files.jsonl holds")
    return problems
