"""The door of the load tests: `run` one scenario on a target, `stress` it, or `seed` it with exports."""

from __future__ import annotations

import argparse
import functools
import io
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from assertions import limits as limits_file
from assertions.record.types import RecordError
from assertions.verdicts import SCENARIOS
from loadtests.client.clock import start_clock
from loadtests.client.preflight import check_target
from loadtests.client.target import Target, TargetError
from loadtests.client.target_settings import TARGET_HEADERS, TARGET_TOKEN, headers_from, parse_target
from loadtests.datasets.records import MAX_RECORDS
from loadtests.errors import FolderError, LoadTestError
from loadtests.plan.profile import Profile, load_profile, stretched
from loadtests.progress import LIVE, Progress
from loadtests.runner.abort import AbortLimits
from loadtests.runner.listen import LISTEN_PORT, check_listen, how_to_join, listening
from loadtests.runner.locks import lock_folder, lock_target
from loadtests.runner.scenario import Settings, run_scenario
from loadtests.seed import BATCH, BATCH_BEGIN, batch_end, seed
from loadtests.stress import options as stress_door
from loadtests.stress.search import exit_code
from loadtests.stress.session import REPORT, run_stress
from loadtests.stress.table import table
from loadtests.ui import web_ui

DEFAULT_TARGET = "http://127.0.0.1:4001"
DEFAULT_SEED = 17
ENVIRONMENT = f"""\
environment:
  {TARGET_HEADERS}  lines `Name: value`, sent with every request
  {TARGET_TOKEN}    sent as `Authorization: Bearer …`
  Neither is ever written to a file.
"""
EPILOG = f"""\
{ENVIRONMENT}
exit codes:
  0  run: the record is complete; seed: every export was made; stress: every case has a rate
  1  run: the load was cut short (the record says where); seed: an export failed; stress: a case held at no rate
  2  bad usage, a wrong profile, a target that can't be reached, a record that can't be written; stress: no data

examples:
  python -m loadtests run smoke --target http://127.0.0.1:4001 --out evidence/export/smoke
  python -m loadtests run mine --profiles my-profiles --target https://export.example/base --out run/mine
  python -m loadtests run load --ui
  python -m loadtests run soak --minutes 60 --target http://127.0.0.1:4001 --out run/soak
  python -m loadtests stress --target http://127.0.0.1:4001 --sizes 10k,100k --out run/stress
  python -m loadtests seed --records 1000 --format csv
  python -m loadtests seed --batch
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        return int(options.door(options))
    except (LoadTestError, RecordError, limits_file.LimitsError) as error:
        for problem in getattr(error, "problems", (error,)):
            print(f"loadtests: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("loadtests: interrupted", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests",
        description="Drives load on an export service and writes down what happened, for others to judge.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    doors = parser.add_subparsers(required=True, metavar="COMMAND")
    run = doors.add_parser(
        "run", help="run one scenario on a running target and write its raw record", allow_abbrev=False
    )
    run.add_argument("scenario", metavar="SCENARIO", help="smoke, load, batch, or the name of a profile of your own")
    _add_target(run)
    run.add_argument("--out", type=Path, metavar="DIR", help="the scenario's folder; emptied first")
    run.add_argument(
        "--target-pid", type=int, metavar="PID", help="the target's process, if it can't be found by its port"
    )
    run.add_argument("--exports", type=Path, metavar="DIR", help="where the target keeps its files, if on this machine")
    run.add_argument("--profiles", type=Path, metavar="DIR", help="a folder with profiles of your own, NAME.toml")
    run.add_argument("--embedded", action="store_true", help="note in the record that the harness started the target")
    run.add_argument(
        "--workers", type=_count(stress_door.MOST_WORKERS), default=1, metavar="N", help="generator processes (1)"
    )
    run.add_argument(
        "--listen",
        type=listening,
        metavar="HOST[:PORT]",
        help=f"let N Locust workers of other machines make the load; they come to this address of mine ({LISTEN_PORT})",
    )
    run.add_argument(
        "--minutes",
        type=stress_door.minutes,
        metavar="N",
        help="stretch the profile's phases marked `scaled` to N minutes in all",
    )
    run.add_argument(
        "--abort-on-fail", action="store_true", help="stop as soon as something was seen from which no green can come"
    )
    run.add_argument(
        "--limits", type=Path, default=limits_file.DEFAULT_PATH, metavar="FILE", help="the limits that this goes by"
    )
    run.add_argument("--live", action="store_true", help="a live line of progress, terminal or not")
    run.add_argument(
        "--ui", action="store_true", help="instead: Locust's web interface for the profile, which makes no record"
    )
    run.add_argument("--ui-port", type=_count(65535), metavar="PORT", help="its port on 127.0.0.1 (8089)")
    run.set_defaults(door=_run)
    stress = doors.add_parser(
        "stress", help="raise the rate until a limit breaks, for each size and format", allow_abbrev=False
    )
    _add_target(stress)
    stress_door.add_options(stress)
    stress.set_defaults(door=_stress)
    sow = doors.add_parser(
        "seed", help="make one export, or the batch of five, and print a line for each", allow_abbrev=False
    )
    _add_target(sow)
    sow.add_argument(
        "--records", type=_count(MAX_RECORDS), default=1000, metavar="N", help="records in the export (1000)"
    )
    sow.add_argument("--format", choices=("csv", "pdf"), default="csv", help="its format (csv)")
    sow.add_argument("--batch", action="store_true", help=f"instead: {', '.join(BATCH)}")
    sow.set_defaults(door=_seed)
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", default=DEFAULT_TARGET, metavar="URL", help=f"base URL ({DEFAULT_TARGET})")
    parser.add_argument("--insecure", action="store_true", help="do not check the target's https certificate")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, metavar="N", help=f"of the made-up data ({DEFAULT_SEED})"
    )


def _count(most: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most}, not {text!r}")
        return int(text)

    return whole


def _target(options: argparse.Namespace) -> Target:
    return parse_target(options.target, start_clock(), headers_from(), insecure=options.insecure)


def _reach(target: Target) -> None:
    problem = check_target(target)
    if problem is not None:
        raise TargetError(problem)


def _run(options: argparse.Namespace) -> int:
    profile = load_profile(options.scenario, options.profiles)
    if options.minutes is not None:
        profile = stretched(profile, options.minutes)
    target = _target(options)
    if options.out is None and not options.ui:
        raise FolderError("--out DIR is needed: the folder of the record (only --ui makes none)")
    limits = limits_file.load(options.limits)
    if options.target_pid is not None and not psutil.pid_exists(options.target_pid):
        raise TargetError(f"--target-pid {options.target_pid} is no process of this machine")
    _reach(target)
    if options.ui:
        with lock_target(target):
            return web_ui.show(
                profile, target, options.seed, options.ui_port or web_ui.PORT, lambda line: print(line, file=sys.stderr)
            )
    settings = Settings(
        profile=profile,
        target=target,
        out=options.out,
        seed=options.seed,
        workers=options.workers,
        listen=options.listen,
        target_pid=options.target_pid,
        exports=options.exports,
        embedded=options.embedded,
        abort=_abort(options, profile, limits) if options.abort_on_fail else None,
    )
    if options.listen is not None:
        check_listen(options.listen, target)
        print(how_to_join(options.listen, options.workers), file=sys.stderr)
    live = options.live or sys.stderr.isatty()
    try:
        with lock_target(target), lock_folder(options.out):
            scenario = run_scenario(settings, _teller(live))
    finally:
        if live:
            print(file=sys.stderr)  # end the live line
    start = f"\r{LIVE}" if options.live else ""
    for phase in scenario.phases:
        state = "complete" if phase.completed else f"CUT SHORT: {phase.note}"
        seconds = phase.end - phase.start
        done = f"{phase.recorded} of {phase.planned} requests in {seconds:.1f} s, {state}"
        print(f"{start}{scenario.name} {phase.name}: {done}")
    return 0 if all(phase.completed for phase in scenario.phases) else 1


def _abort(options: argparse.Namespace, profile: Profile, limits: limits_file.Limits) -> AbortLimits:
    """What `--abort-on-fail` goes by: the limits, and how many exports are judged together with the profile's."""
    # smoke, load and batch have one success rate, any other profile its own
    beside = SCENARIOS if profile.name in SCENARIOS else ()
    others = [load_profile(name, options.profiles) for name in beside if name != profile.name]
    counts = [phase.max_count for one in others for phase in one.phases]
    return AbortLimits(limits, sum(counts) + sum(one.leak.count for one in others if one.leak))


def _seed(options: argparse.Namespace) -> int:
    target = _target(options)
    _reach(target)
    cases = BATCH if options.batch else (f"{options.format}-{options.records}",)
    _tell_plainly()
    tell = functools.partial(print, flush=True)
    tell(BATCH_BEGIN if options.batch else f"Seeding {options.records} records in {options.format} format...")
    made = seed(target, cases, options.seed, tell)
    if options.batch:
        tell(batch_end(made, len(cases)))
    return 0 if made == len(cases) else 1


def _tell_plainly() -> None:
    """Have signs that the terminal's encoding lacks replaced: they are no reason to fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _stress(options: argparse.Namespace) -> int:
    settings = stress_door.settings(options, _target(options))
    _reach(settings.target)
    with lock_target(settings.target):
        report = run_stress(settings, lambda line: print(line, file=sys.stderr, flush=True))
    print(table(report))
    print(f"\nreport: {options.out / REPORT}")
    return exit_code(report.found)


def _count_text(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _teller(live: bool) -> Callable[[Progress], None]:
    """Tells how far the run is: a live line, else a plain line every few seconds."""
    pause_s = 0.2 if live else 3.0
    last_told = 0.0
    last_phase = ""

    def tell(progress: Progress) -> None:
        nonlocal last_told, last_phase
        now = time.monotonic()
        if now - last_told < pause_s and progress.phase == last_phase:
            return
        last_told, last_phase = now, progress.phase
        p95 = "-" if progress.p95_ms is None else f"{progress.p95_ms:.0f} ms"
        line = (
            f"{progress.scenario} {progress.phase}: {progress.answered} answered, {progress.rate_per_s:.1f}/s, "
            f"{progress.failed} not 200, P95 so far {p95}, {_count_text(progress.running)} running, "
            f"{_count_text(progress.waiting)} waiting"
        )
        print(f"\r{LIVE}{line}" if live else line, end="" if live else "\n", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    raise SystemExit(main())
