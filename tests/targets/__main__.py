"""The command of the catalogue: `python -m tests.targets --help`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from tests.targets.check import look
from tests.targets.commands import add_record_commands, prove_command, record_command, verdicts_command
from tests.targets.fixtures.entry import Entry, Unknown, chosen, core
from tests.targets.proving import matrix
from tests.targets.recording.archive import ArchiveError
from tests.targets.recording.resume import known, sources_sha256
from tests.targets.recording.run import Outcome, commit_now, run_one, stop_all
from tests.targets.serving import add_serve_options, serve

HELP = """\
Export services of our own, healthy and broken, by which the harness is judged.

examples:
  python -m tests.targets list                        every target, its group and what is wrong with it
  python -m tests.targets check                       does each start, answer /health and an export, and end?
  python -m tests.targets serve reference              start one; a JSON line on stdout says where it listens
  python -m tests.targets prove                       judge the recorded targets, under a minute, and store the proof
  python -m tests.targets prove --mutate-checks       without each check in turn, which faults would pass unnoticed?
  python -m tests.targets verdicts                    every verdict of every recorded target, as JSON
  python -m tests.targets record --core --resume      drive the core of the targets and keep their records
  python -m tests.targets record --all --out DIR      every target: an hour and a half
  python -m tests.targets run                         judge a fault for each verdict, some of each group and
                                                  healthy ones, and see whether it is right: a quarter of an hour
  python -m tests.targets run --all --out targets-run     every target: an hour and a half
  python -m tests.targets run healthy csv --jobs 2    all of these groups

exit codes:
  0  done; run, prove: every faulty target was caught for a fitting reason, every healthy one is GREEN
  1  check: a target does not run; run, prove: the harness misjudged one; record: one has no record;
     prove: a record of the committed core is missing
  2  bad usage, records that can't be read, or interrupted
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    top = argparse.ArgumentParser(
        prog="python -m tests.targets", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="show the targets")
    listing.add_argument("names", nargs="*", metavar="NAME", help="targets or groups; all by default")
    listing.add_argument("--json", action="store_true", help="as JSON, for programs")
    check = commands.add_parser("check", help="start each for a moment and send it requests")
    check.add_argument("names", nargs="*", metavar="NAME", help="targets or groups; all by default")
    add_serve_options(commands.add_parser("serve", help="run one target until SIGTERM"))
    run = commands.add_parser("run", help="let the harness judge targets, and judge the harness by that")
    run.add_argument("names", nargs="*", metavar="NAME", help="targets or groups; by default some of each")
    run.add_argument("--jobs", type=int, default=2, metavar="N", help="targets at the same time, default 2")
    run.add_argument("--out", type=Path, metavar="DIR", help="where matrix.json and run directories go")
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on in DIR: what this very harness judged rightly there is not judged again",
    )
    run.add_argument("--keep", action="store_true", help="keep the record of targets that were judged rightly, too")
    run.add_argument(
        "--all",
        action="store_true",
        dest="every",
        help="all targets, not only the first fault for each verdict and some of the others",
    )
    run.add_argument("--whole", action="store_true", help="drive faulty targets through all scenarios, too")
    add_record_commands(commands)
    return top


def list_targets(names: Sequence[str], as_json: bool) -> int:
    """Print the targets."""
    found = chosen(names)
    if as_json:
        rows = [
            {"name": one.name, "group": one.group, "healthy": one.healthy, "expect": sorted(one.expect), "why": one.why}
            for one in found
        ]
        print(json.dumps(rows, indent=2))
        return 0
    width = max(len(one.name) for one in found)
    for one in found:
        print(
            f"{one.name:{width}}  {one.group:10}  {one.why}"
            + (f" [{', '.join(sorted(one.expect))}]" if one.expect else "")
        )
    return 0


def check(names: Sequence[str]) -> int:
    """Look at the targets; 1 when one does not run."""
    found = chosen(names)
    dead = [looked for looked in map(look, found) if looked.problem]
    for looked in dead:
        print(f"{looked.name}: {looked.problem}")
    print(f"{len(found) - len(dead)} of {len(found)} targets run and answer")
    return 1 if dead else 0


def run(found: Sequence[Entry], jobs: int, out: Path | None, *, keep: bool, whole: bool, resume: bool = False) -> int:
    """Judge the harness by the targets; 1 when it misjudged one."""
    if jobs < 1:
        raise Unknown("--jobs must be at least 1")
    if resume and out is None:
        raise Unknown("--resume goes on in the folder that --out names")
    with tempfile.TemporaryDirectory(prefix="target-") as own:
        folder = (out or Path(own)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        sources = sources_sha256() + ("-whole" if whole else "")
        outcomes = known(folder / "matrix.json", chosen([]), sources) if resume else {}
        left = [target for target in found if target.name not in outcomes or outcomes[target.name].problem]
        commit, when = commit_now(), datetime.now(UTC).isoformat(timespec="seconds")
        for number, outcome in enumerate(_outcomes(left, folder, jobs, keep=keep, whole=whole), 1):
            outcomes[outcome.target.name] = outcome
            _tell(outcome, number, len(left))
            # at once, so that a run that is ended leaves it
            _store(folder, _ordered(outcomes), commit, when, sources)
        _store(folder, _ordered(outcomes), commit, when, sources)
    print(matrix.summary(_ordered(outcomes)))
    return 1 if any(outcome.problem for outcome in outcomes.values()) else 0


def _ordered(outcomes: Mapping[str, Outcome]) -> list[Outcome]:
    """In the catalogue's own order."""
    return [outcomes[target.name] for target in chosen([]) if target.name in outcomes]


def _store(folder: Path, ordered: Sequence[Outcome], commit: str, when: str, sources: str) -> None:
    """What is known so far."""
    _write(folder / "matrix.json", matrix.matrix_json(ordered, commit, when, sources).encode())


def _write(path: Path, data: bytes) -> None:
    """At once, so that a run that is ended leaves the one before."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def _outcomes(found: Sequence[Entry], folder: Path, jobs: int, *, keep: bool, whole: bool) -> Iterator[Outcome]:
    """Outcomes as they come."""
    with ThreadPoolExecutor(jobs) as pool:
        # the faulty ones first: they are quick, and tell soonest whether something is wrong
        turns = sorted(found, key=lambda target: target.healthy)
        waiting = [pool.submit(run_one, target, folder / target.name, keep=keep, whole=whole) for target in turns]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell(outcome: Outcome, number: int, total: int) -> None:
    """One line a target, and on a terminal a bar below."""
    bar_columns = 40
    if sys.stdout.isatty():
        full = bar_columns * number // total
        print("\r\x1b[K" + matrix.line(outcome))
        print(f"[{'#' * full}{'.' * (bar_columns - full)}] {number} of {total}", end="", flush=True)
        if number == total:
            print("\r\x1b[K", end="")
    else:
        print(f"{number:3}/{total} {matrix.line(outcome)}", flush=True)


def _interrupt(_number: int, _frame: object) -> None:
    """End orderly: no target and no harness is left behind."""
    stop_all()
    raise KeyboardInterrupt


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: the harness misjudged a target; 2: nothing could be judged."""
    options = parser().parse_args(argv)
    if options.command in ("run", "record", "prove"):
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
    try:
        if options.command == "list":
            return list_targets(options.names, options.json)
        if options.command == "run":
            chose = {"keep": options.keep, "whole": options.whole, "resume": options.resume}
            found = chosen(options.names)
            some = not options.names and not options.every
            return run(core(found) if some else found, options.jobs, options.out, **chose)
        if options.command == "check":
            return check(options.names)
        if options.command == "record":
            return record_command(options, say)
        if options.command == "verdicts":
            return verdicts_command(options, say)
        if options.command == "prove" and options.live and options.mutate_checks:
            raise Unknown("--mutate-checks judges records, --live drives targets: give one of them")
        if options.command == "prove" and options.live:
            found = chosen([])
            return run(
                core(found) if options.live == "core" else found, options.jobs, options.out, keep=False, whole=False
            )
        if options.command == "prove":
            return prove_command(options, say)
        return serve(options.name, options.port, options.exports)
    except KeyboardInterrupt:
        driven = options.command in ("run", "record") or getattr(options, "live", None)
        print(f"targets: interrupted{'; the targets that ran were ended' if driven else ''}", file=sys.stderr)
        return 2
    except (Unknown, ArchiveError, OSError) as error:
        print(f"targets: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
