"""Driving targets with the real commands and keeping what the judge needs of each run."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from assertions.record.files import read_one, write_one
from assertions.record.types import RecordError
from evidence.collect.code_version import judge_sha256, load_side_sha256
from evidence.collect.provenance import Context
from tests.targets.fixtures.entry import Entry, module_of
from tests.targets.proving.judging import Unreadable, judge_record, statuses
from tests.targets.recording.archive import (
    FORMAT,
    PACKED,
    SUFFIX,
    Made,
    OtherFormat,
    archives,
    listed,
    of_records,
    pack,
    pack_all,
)
from tests.targets.recording.conditions import BY_NAME, Drive, drives
from tests.targets.recording.run import STOPPING, commit_now, drive
from tests.targets.recording.strip import StripError, strip
from tests.targets.recording.target_code import definitions

Say = Callable[[str], None]
"""Where lines for people go."""

ATTEMPTS = 2
"""Runs of one target before its record is given up: a busy machine may disturb one."""
COMMITTED = Path(__file__).resolve().parents[1] / "recorded"
COMMITTED_MOST_BYTES = 10_000_000
SINGLE_MOST = 5
"""Records that stay in archives of their own: to pack all of them anew takes minutes, and changes every archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of one drive."""

    drive: Drive
    problem: str | None
    """Why there is no record; None: there is one."""
    attempts: int
    """Runs that it took; 0: none was begun."""
    seconds: float
    bytes: int


@cache
def target_sha256(name: str) -> str:
    """SHA-256 over a target's own code and what this rests on."""
    return definitions().sha256(module_of(name), name)


def stale(made: Made, targets: Mapping[str, Entry]) -> tuple[str, ...]:
    """What is not any more as it was when a record was made: the load side, its profiles, the target's code."""
    if made.target not in targets:
        return ("its target is not in the catalogue any more",)
    conditions = BY_NAME.get(made.conditions)
    same = conditions is not None and made.profiles_sha256 == conditions.profiles_sha256(made.scenarios)
    scenarios = conditions is not None and made.scenarios == conditions.scenarios(targets[made.target])
    now = {
        "load side": made.load_side_sha256 == load_side_sha256(),
        "profiles": same,
        "scenarios": scenarios,
        "target": made.target_sha256 == target_sha256(made.target),
    }
    return tuple(name for name, holds in now.items() if not holds)


def record(
    targets: Sequence[Entry], every: Sequence[Entry], out: Path, jobs: int, say: Say, *, resume: bool, seconds: float
) -> int:
    """Drive targets and keep their records in `out`; 1 when one of them has no record in the end.

    resume: what was recorded there by this very load side, with these profiles and of this code, is not driven again.
    seconds: after so long no further target is begun. Each record is written as soon as it is made, so a run that is
    ended loses only those under way.
    """
    out.mkdir(parents=True, exist_ok=True)
    by_name = {target.name: target for target in every}
    try:
        there = listed(out)
    except OtherFormat as error:
        say(f"{error}; the old records are removed")
        there = {}
        _discard(out)
    wanted = drives(targets)
    fresh = {name for name, (made, _) in there.items() if not stale(made, by_name)} if resume else set()
    left = [one for one in wanted if one.name not in fresh]
    say(f"{len(wanted) - len(left)} of {len(wanted)} records are there already")
    failed, later = [], 0
    for number, recorded in enumerate(_record_all(left, out, jobs, time.monotonic() + seconds), 1):
        if not recorded.attempts:
            later += 1
            continue
        say(f"{number:3}/{len(left)} {_line(recorded)}")
        failed += [recorded] if recorded.problem else []
    for one in failed:
        say(f"NO RECORD {one.drive.name}: {one.problem}")
    if later:
        say(f"{later} records are still to be made; --resume goes on, and packs them when all are there")
        return 1
    if sum(not path.name.startswith(PACKED) for path in archives(out)) > SINGLE_MOST:
        with tempfile.TemporaryDirectory(prefix="targets-") as work:
            packed = pack_all(out, [one.name for one in drives(every)], Path(work))
    else:
        packed = archives(out)
    total = sum(path.stat().st_size for path in packed)
    there = listed(out)
    old = [name for name, (made, _) in there.items() if stale(made, by_name)]
    say(f"{len(there)} records in {len(packed)} archives, {total / 1e6:.1f} MB; {len(old)} of them stale")
    if out.resolve() == COMMITTED and total > COMMITTED_MOST_BYTES:
        say(f"the committed records may take {COMMITTED_MOST_BYTES / 1e6:.0f} MB: keep fewer or smaller samples")
        return 1
    return 1 if failed else 0


def _discard(out: Path) -> None:
    """Records of another format are of no use to anybody."""
    for path in of_records(out):
        path.unlink()


def _line(recorded: Recorded) -> str:
    mark = "WRONG" if recorded.problem else "ok   "
    again = f"  in {recorded.attempts} attempts" if recorded.attempts > 1 else ""
    said = recorded.problem or f"{recorded.bytes / 1000:5.0f} kB{again}"
    return f"{mark} {recorded.drive.name:32} {recorded.seconds:5.1f} s  {said}"


def _record_all(left: Sequence[Drive], out: Path, jobs: int, until: float) -> Iterator[Recorded]:
    with ThreadPoolExecutor(jobs) as pool:
        # the longest first, so that no single one is left at the end
        turns = sorted(left, key=lambda one: not one.target.healthy)
        waiting = [pool.submit(_record_one, one, out, until) for one in turns]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _record_one(one: Drive, out: Path, until: float) -> Recorded:
    """Drive one target until its run is judged rightly; 0 attempts: it was too late to begin."""
    problem, seconds, attempts = None, 0.0, 0
    while attempts < ATTEMPTS and not STOPPING.is_set() and (attempts or time.monotonic() < until):
        attempts += 1
        with tempfile.TemporaryDirectory(prefix="target-") as work:
            folder = Path(work) / "run"
            outcome = drive(one, folder)
            seconds += outcome.seconds
            problem = outcome.problem
            if problem is None:
                try:
                    size = _keep(one, folder, Path(work), out, attempts, outcome.seconds)
                    return Recorded(drive=one, problem=None, attempts=attempts, seconds=seconds, bytes=size)
                except (StripError, Unreadable, RecordError, OSError) as error:
                    problem = str(error)
    return Recorded(drive=one, problem=problem or "interrupted", attempts=attempts, seconds=seconds, bytes=0)


def _keep(one: Drive, folder: Path, work: Path, out: Path, attempts: int, seconds: float) -> int:
    """Keep a run's record once judging it gives the verdicts that the run had; its size in bytes."""
    run, kept = folder / "evidence", work / one.name
    scenarios = one.conditions.scenarios(one.target)
    strip(run, kept, scenarios, hidden=(folder, work), sound=one.target.healthy)
    context = read_one(run / "run.json", Context)
    made = Made(
        format=FORMAT,
        name=one.name,
        target=one.target.name,
        conditions=one.conditions.name,
        scenarios=scenarios,
        commit=commit_now(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        attempts=attempts,
        seconds=round(seconds, 1),
        load_side_sha256=load_side_sha256(),
        profiles_sha256=one.conditions.profiles_sha256(scenarios),
        target_sha256=target_sha256(one.target.name),
        limits_sha256=one.conditions.limits_sha256(),
        judge_sha256=judge_sha256(),
        python=context.python,
        packages=context.packages,
    )
    write_one(kept / "record.json", made)
    _agrees(run, kept, work / "again", one)
    path = out / f"{one.name}{SUFFIX}"
    pack([kept], path)
    return path.stat().st_size


def _agrees(run: Path, kept: Path, again: Path, one: Drive) -> None:
    """StripError when judging the record gives another verdict than the run had."""
    shutil.copytree(kept, again)
    now = statuses(judge_record(again, one.conditions)[2])
    data = msgspec.json.decode((run / "verdict.json").read_bytes())
    then = {f"{one['scenario']}/{one['id']}": one["judgement"]["status"] for one in data["verdicts"]}
    other = [
        f"{key} {then.get(key)}, judged from its record {now.get(key)}" for key in then if then[key] != now.get(key)
    ]
    if other or then.keys() != now.keys():
        raise StripError(f"the record lost what a verdict rests on: {'; '.join(other) or 'other verdicts'}")
