"""A run directory without what can be made again: what is left is a record that the judge needs, and no more.

Request bodies are made again from the seed. Of the exported files a few are kept: small ones of each kind, faulty ones
first, so that files are opened again when the record is judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from msgspec.structs import replace

from assertions.contents.file_check import check_file, read_template
from assertions.record.files import COMPRESSED, open_plain, read_lines, read_one, stored, write_lines
from assertions.record.types import FileCheck, Hit, Plan
from evidence.collect.kept_files import read_kept
from evidence.collect.provenance import ROOT
from evidence.collect.request_bodies import request_bodies, request_body

RUN_FILES = ("run.json", "promtool.json", "dashboard.json", "package.json", "queries.json", "alerts.json")
SCENARIO_FILES = (
    "scenario.json",
    "plan.json",
    "hits.jsonl",
    "fetches.jsonl",
    "files.jsonl",
    "scrapes.jsonl",
    "probes.jsonl",
    "health.jsonl",
    "calibration.jsonl",
    "prometheus.json",
)
MOST_BYTES = {"csv": 70_000, "pdf": 21_000}
"""Larger exported files are kept only where no smaller one is broken."""
BROKEN_MOST = 3
"""Broken files kept a scenario, each of another case."""


class StripError(Exception):
    """A run directory can't be made a record; one sentence."""


def strip(run: Path, record: Path, scenarios: Iterable[str], *, hidden: Iterable[Path], sound: bool) -> None:
    """Copy what the judge needs of a run directory. StripError where request bodies can't be made again.

    hidden: folders of this machine, whose paths are left out of the record; sound: files without findings are kept,
    too, the smallest of each case.
    """
    record.mkdir(parents=True)
    cases: set[str] = set()
    paths = sorted((str(path).encode() for path in {*hidden, ROOT}), key=len, reverse=True)

    def copy(source: Path, target: Path) -> None:
        with open_plain(source) as file:  # the archive compresses it again, with the other records
            data = file.read()
        for path in paths:
            data = data.replace(path, b"")
        target.write_bytes(data)

    for name in RUN_FILES:
        if (run / name).exists():  # a run that ended early has no results of the tools
            copy(run / name, record / name)
    for scenario in scenarios:
        if not (run / scenario).is_dir():
            if not sound and (run / "run.json").is_file():
                continue  # the target was gone before: run.json says so, and the judge has no data
            raise StripError(f"the run left no folder {scenario}")
        (record / scenario).mkdir()
        for name in SCENARIO_FILES:
            if stored(run / scenario / name).exists():
                copy(run / scenario / name, record / scenario / name)
        cases |= _keep_samples(run / scenario, record / scenario, sound=sound, known=cases)


def _keep_samples(run: Path, record: Path, *, sound: bool, known: Set[str]) -> set[str]:
    """Keep some exported files; the cases of the sound ones. known: cases of which there is a sound one already."""
    hits = {hit.id: hit for hit in read_lines(run / "hits.jsonl", Hit)}
    checks = list(read_lines(run / "files.jsonl", FileCheck))
    plan = read_one(run / "plan.json", Plan)
    cases = {check.hit: hits[check.hit].case for check in checks}
    chosen = [
        check for check in samples(checks, cases) if check.finding_count or (sound and cases[check.hit] not in known)
    ]
    with request_bodies(run, plan, sorted({cases[check.hit] for check in chosen})) as bodies:
        if bodies.problems:
            raise StripError("; ".join(bodies.problems))
    kept = {check.hit: (check.kept or "").removesuffix(COMPRESSED) for check in chosen}
    for check in chosen:
        place = record / kept[check.hit]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(read_kept(run / (check.kept or ""), check.bytes))
    write_lines(record / "files.jsonl", (replace(check, kept=kept.get(check.hit)) for check in checks))
    return {cases[check.hit] for check in chosen if not check.finding_count}


def samples(checks: Iterable[FileCheck], cases: Mapping[str, str]) -> list[FileCheck]:
    """Which exported files a record keeps: of each case the smallest sound and the smallest broken one.

    Broken ones of BROKEN_MOST cases, the smallest; sound ones where they are small. cases: hit to case.
    """
    there = sorted((check for check in checks if check.kept is not None), key=lambda check: check.bytes)
    sound: dict[str, FileCheck] = {}
    broken: dict[str, FileCheck] = {}
    for check in there:
        (broken if check.finding_count else sound).setdefault(cases[check.hit], check)
    small = [check for check in sound.values() if check.bytes <= MOST_BYTES[check.format]]
    return [*list(broken.values())[:BROKEN_MOST], *small]


def open_again(folder: Path) -> int:
    """Open a record's kept files anew and write what that shows into files.jsonl; how many there were.

    What opening the other files showed when the record was made counts for nothing: they stand as files without
    findings, so that only what is found now can turn a check red.
    """
    opened = 0
    for path in sorted(folder.glob("*/files.jsonl")):
        hits = {hit.id: hit for hit in read_lines(path.with_name("hits.jsonl"), Hit)}
        plan = read_one(path.with_name("plan.json"), Plan)
        checks = []
        for check in read_lines(path, FileCheck):
            if check.kept is None:
                checks.append(replace(check, findings=(), finding_count=0, kinds={}))
                continue
            if check.hit not in hits:
                raise StripError(f"{check.kept} is the file of {check.hit}, which is no hit of the record")
            hit, data = hits[check.hit], _kept_bytes(path.parent / check.kept, check.kept)
            if hashlib.sha256(data).hexdigest() != check.sha256:
                raise StripError(f"{check.kept} is not the file that was exported")
            outcome = check_file(data, read_template(request_body(plan, hit.case)), hit)
            now = {name: getattr(outcome, name) for name in ("rows", "pages", "findings", "finding_count", "kinds")}
            checks.append(replace(check, **now))
            opened += 1
        write_lines(path, checks)
    return opened


def _kept_bytes(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StripError(f"{name} can't be read ({error.strerror}), and the record names it") from error
