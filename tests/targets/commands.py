"""The commands over records: `record` makes them, `prove` and `verdicts` judge them."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evidence.collect.code_version import judge_sha256, load_side_sha256
from evidence.reports.proofs.fault_coverage import STORED, read
from tests.targets.edits.every import BASE
from tests.targets.fixtures.entry import Entry, Unknown, all_targets, chosen, core
from tests.targets.proving import proof as proofs_of
from tests.targets.proving.proving import Proof, prove, usual_jobs
from tests.targets.recording.conditions import AT_CONTRACT, drives
from tests.targets.recording.recording import COMMITTED, Say, record, stale
from tests.targets.recording.run import commit_now

ALWAYS = frozenset({BASE, *AT_CONTRACT.values()})
"""Belong to the core: the record that is edited, and what is shown under the contract's own conditions too."""


def add_record_commands(commands: Any) -> None:
    """Add the options of these commands to a parser's subcommands."""
    made = commands.add_parser("record", help="drive targets with the real commands and keep what the judge needs")
    made.add_argument("names", nargs="*", metavar="NAME", help="targets or groups")
    made.add_argument("--core", action="store_true", help="a fault for each check, some of each group, all healthy")
    made.add_argument("--all", action="store_true", dest="every", help="every target of the catalogue")
    made.add_argument("--out", type=Path, default=COMMITTED, metavar="DIR", help="default: the committed records")
    made.add_argument("--jobs", type=int, default=2, metavar="N", help="targets at the same time, default 2")
    made.add_argument("--resume", action="store_true", help="do not drive again what is recorded there and not stale")
    made.add_argument("--minutes", type=float, metavar="N", help="begin no target after so long; --resume goes on")
    judged = commands.add_parser(
        "prove", help="judge the records; 1 when a fault passes unnoticed or a healthy one is not GREEN"
    )
    judged.add_argument("--mutate-checks", action="store_true", help="which faults pass unnoticed without each check?")
    judged.add_argument("--live", choices=("core", "all"), help="drive targets for real instead of judging records")
    judged.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="where the proof goes, default evidence/sensitivity.json; with --live the folder for matrix.json",
    )
    printed = commands.add_parser(
        "verdicts", help="every verdict of every record, as JSON: target, scenario/check, status"
    )
    for one in (judged, printed):
        one.add_argument(
            "--records", type=Path, default=COMMITTED, metavar="DIR", help="default: the committed records"
        )
        one.add_argument("--jobs", type=int, default=usual_jobs(), metavar="N", help="processes, default all cores")


def record_command(options: argparse.Namespace, say: Say) -> int:
    """Make records; 1 when a target has none in the end."""
    _checked(options.jobs)
    if bool(options.names) + options.core + options.every != 1:
        raise Unknown("record needs NAMES, --core or --all")
    if options.minutes is not None and not options.minutes > 0:
        raise Unknown("--minutes must be more than 0")
    found = chosen(options.names)
    targets = recorded_core(found) if options.core else found
    seconds = math.inf if options.minutes is None else options.minutes * 60
    return record(targets, all_targets(), options.out, options.jobs, say, resume=options.resume, seconds=seconds)


def recorded_core(found: Sequence[Entry]) -> tuple[Entry, ...]:
    """Of these targets those whose records are committed: the core, and all that are healthy."""
    return core(found, ALWAYS | {target.name for target in found if target.healthy})


def prove_command(options: argparse.Namespace, say: Say) -> int:
    """Judge the records and store the proof; 1 when one is misjudged, or a committed one of the core is missing."""
    start = time.monotonic()
    proofs = _proofs(options, mutate=options.mutate_checks)
    if options.mutate_checks:
        return _report_unnoticed(proofs_of.unnoticed(proofs), say)
    targets = {target.name: target for target in all_targets()}
    old = {one.made.name: why for one in proofs if (why := stale(one.made, targets))}
    say(proofs_of.summary(proofs, old))
    _store(options.out or STORED, proofs, len(old), say)
    missing = missing_of(options.records, {one.made.name for one in proofs})
    if missing:
        say(
            f"{len(missing)} records of the core are missing: {', '.join(missing)}; "
            "`python -m tests.targets record --core --resume` makes them"
        )
    say(f"{len(proofs)} judged in {time.monotonic() - start:.0f} s")
    return 1 if missing or any(one.problem for one in proofs) else 0


def missing_of(records: Path, names: Collection[str]) -> list[str]:
    """Records that the committed ones lack to be the whole core; none in another folder, which may hold any part."""
    if records.resolve() != COMMITTED:
        return []
    return [one.name for one in drives(recorded_core(all_targets())) if one.name not in names]


def verdicts_command(options: argparse.Namespace, say: Say) -> int:
    """Print every verdict of every record."""
    proofs = _proofs(options, mutate=False)
    say(json.dumps({one.case.name: dict(sorted(one.statuses.items())) for one in proofs}, indent=1))
    return 0


def _proofs(options: argparse.Namespace, *, mutate: bool) -> list[Proof]:
    _checked(options.jobs)
    return prove(options.records, {target.name: target for target in all_targets()}, options.jobs, mutate=mutate)


def _checked(jobs: int) -> None:
    if jobs < 1:
        raise Unknown("--jobs must be at least 1")


def _report_unnoticed(unnoticed: Mapping[str, Sequence[str]], say: Say) -> int:
    for check, cases in unnoticed.items():
        say(
            f"{check}: without it {len(cases)} pass unnoticed; {cases[0]}"
            if cases
            else f"{check}: without it no fault passes unnoticed"
        )
    needless = [check for check, cases in unnoticed.items() if not cases]
    say(
        f"without {len(unnoticed) - len(needless)} of {len(unnoticed)} checks `prove` fails and names the missed faults"
    )
    return 1 if needless else 0


def _store(path: Path, proofs: Sequence[Proof], stale_count: int, say: Say) -> None:
    every = all_targets()
    new = proofs_of.sensitivity(
        proofs,
        faulty_known=sum(not target.healthy for target in every),
        healthy_known=sum(target.healthy for target in every),
        stale=stale_count,
        commit=commit_now(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        judge_sha256=judge_sha256(),
        load_side_sha256=load_side_sha256(),
    )
    if not proofs_of.replaces(new, read(path)):
        say(f"{path.name} covers more targets or checks; it is kept")
        return
    path.write_bytes(proofs_of.as_json(new))
