"""Opening every exported file: what was downloaded is held against what was sent, and samples are kept."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from assertions.contents.file_check import check_file, read_template, too_large, unreadable
from assertions.contents.sent import CODE_IN_BRIEF, ContentsError, Outcome
from assertions.contents.template import Template
from assertions.record.files import read_lines, read_one, write_lines
from assertions.record.types import Fetch, FileCheck, Hit, Plan, RecordError
from evidence.collect.check_workers import Breach, Checkers, CheckersError, OpeningError, cores
from evidence.collect.kept_files import keep_file, unpack_kept
from evidence.collect.request_bodies import SENT, RequestBodies, request_bodies

KEPT_BROKEN_MOST = 10
"""Broken files kept a scenario; the findings of all stand in files.jsonl."""
WHOLE_BROKEN = 3
"""Broken files of one case that are examined in full; further ones are examined in brief, and their findings say so."""
MEMORY_BYTES = 1024**3
"""Address space for opening one file, in addition to what the request's size asks for."""
MEMORY_TIMES = 40
"""Of the request's size: a million records are read at once."""
SECONDS = 60.0
"""Processor time for opening one file: a hundred times what the largest of the usual ones needs."""
RECORDS_A_SECOND = 1_000
"""More time for more records."""


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_folder(folder: Path, progress: Callable[[int, int], None] | None = None, jobs: int | None = None) -> None:
    """Check all downloaded files of a scenario's folder, write files.jsonl, keep samples, drop the rest.

    jobs: processes at once; None: one a processor. RecordError when the record can't be read, OSError when files can't
    be written, OpeningError when the processes can't do their work.
    """
    hits = {hit.id: hit for hit in read_lines(folder / "hits.jsonl", Hit)}
    fetches = [fetch for fetch in read_lines(folder / "fetches.jsonl", Fetch) if _came_whole(fetch, hits)]
    cases = {hits[fetch.hit].case for fetch in fetches}
    with request_bodies(folder, read_one(folder / "plan.json", Plan), sorted(cases)) as bodies:
        files = _files(folder, hits, fetches, bodies)
        write_lines(folder / "files.jsonl", _keep(folder, files, check_files(files, progress, jobs)))
    for done in ("spool", SENT):
        shutil.rmtree(folder / done, ignore_errors=True)


def check_files(
    files: Sequence[FileJob],
    progress: Callable[[int, int], None] | None = None,
    jobs: int | None = None,
    brief_from: int | None = WHOLE_BROKEN,
) -> list[FileCheck]:
    """Check files in separate processes; a file that breaks their limits is unreadable.

    brief_from: number of broken files of a case that are examined in full; None: all.
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


def _came_whole(fetch: Fetch, hits: Mapping[str, Hit]) -> bool:
    """Whether a download can be opened. The others have no FileCheck, and the judge asks for each."""
    hit = hits.get(fetch.hit)
    known = hit is not None and hit.format is not None
    return known and fetch.purpose == "file" and fetch.status == 200 and fetch.sha256 is not None


def _files(folder: Path, hits: Mapping[str, Hit], fetches: Sequence[Fetch], bodies: RequestBodies) -> list[FileJob]:
    """What can be checked: a request that no data set belongs to, such as a behaviour probe, asked for no file."""
    found = [(hits[fetch.hit], folder / "spool" / f"{fetch.hit}.{hits[fetch.hit].format}") for fetch in fetches]
    return [
        FileJob(hit=hit, file=file, template=bodies.files[hit.case])
        for hit, file in found
        if file.is_file() and hit.case in bodies.files
    ]


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
    return FileCheck(
        hit=job.hit.id,
        format=job.hit.format or "",
        records=job.hit.records or 0,
        bytes=_size(job.file),
        sha256=_sha256(job.file),
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
    pairs = zip(jobs, checks, strict=True)
    return [replace(check, kept=keep_file(job.file, folder)) if check.hit in kept else check for job, check in pairs]


def recheck(folders: Sequence[Path], jobs: int | None = None) -> list[str]:
    """Check the kept files of scenarios' folders again; a sentence for each whose result is another, or can't be had.

    OSError when a file can't be read.
    """
    problems: list[str] = []
    again: list[Again] = []
    bodies: dict[str, Path] = {}
    with ExitStack() as stack:
        for folder in folders:
            try:
                found, files = _kept_files(folder, stack, bodies)
            except RecordError as error:
                problems.append(str(error))
                continue
            problems += found
            again += files
        return [*problems, *_recheck(again, jobs)]


@dataclass(frozen=True)
class Again:
    """A file that is checked again."""

    name: str
    """Relative to the run directory."""
    check: FileCheck
    job: FileJob


def _kept_files(folder: Path, stack: ExitStack, known: dict[str, Path]) -> tuple[list[str], list[Again]]:
    """Return what is wrong with a folder's list of files, and the files to check. RecordError.

    stack: holds what is made for the checks. known: a file for each body so far, by the hash of its content; scenarios
    that sent the same body share it, so that it is read once.
    """
    hits = {hit.id: hit for hit in read_lines(folder / "hits.jsonl", Hit)}
    checks = list(read_lines(folder / "files.jsonl", FileCheck))
    fetched = {f.hit: f.sha256 for f in read_lines(folder / "fetches.jsonl", Fetch) if f.purpose == "file"}
    foreign = [check.hit for check in checks if check.hit not in hits]
    if foreign:
        raise RecordError(f"{folder.name}/files.jsonl checks {foreign[0]}, which hits.jsonl does not hold")
    problems = [
        f"{folder.name}/files.jsonl: {check.hit} is not the file that fetches.jsonl says was fetched"
        for check in checks
        if check.sha256 != fetched.get(check.hit)
    ]
    wanted = to_keep(checks, {hit.id: hit.case for hit in hits.values()})
    problems += [
        f"{folder.name}/files.jsonl: the file of {check.hit} should have been kept, and is not"
        for check in checks
        if check.kept is None and check.hit in wanted
    ]
    kept = [check for check in checks if check.kept is not None]
    missing = [check for check in kept if not (folder / (check.kept or "")).is_file()]
    problems += [f"{folder.name}/{check.kept} can't be checked again: it is missing" for check in missing]
    there = [(check, hits[check.hit]) for check in kept if check not in missing]
    plan = read_one(folder / "plan.json", Plan)
    bodies = stack.enter_context(request_bodies(folder, plan, sorted({hit.case for _, hit in there})))
    work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="export-kept-")))
    files = []
    for check, hit in there:
        if hit.case in bodies.files:
            file = unpack_kept(folder / (check.kept or ""), work, check.bytes)
            brief = CODE_IN_BRIEF in check.kinds
            template = known.setdefault(_sha256(bodies.files[hit.case]), bodies.files[hit.case])
            job = FileJob(hit=hit, file=file, template=template, brief=brief)
            files.append(Again(f"{folder.name}/{check.kept}", check, job))
    return [*problems, *bodies.problems], files


def _recheck(again: Sequence[Again], jobs: int | None) -> list[str]:
    problems = []
    try:
        found = check_files([file.job for file in again], jobs=jobs, brief_from=None)
    except ContentsError as error:
        return [f"kept files can't be checked again: {error}"]
    for file, now in zip(again, found, strict=True):
        if now.sha256 != file.check.sha256:
            problems.append(f"{file.name} is not the file that files.jsonl says was checked")
        elif replace(now, kept=file.check.kept) != file.check:
            problems.append(f"{file.name} was checked again with another result than files.jsonl holds")
    return problems
