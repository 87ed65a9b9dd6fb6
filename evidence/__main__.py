"""The door: `python -m evidence run|verify|gate|stress`. See `--help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from assertions import limits as limits_file
from assertions.judge import WAIVABLE
from assertions.summary import runbook_text
from assertions.verdicts import SCENARIOS
from evidence import stress, subject
from evidence.layout import REPORT
from evidence.run import RunError, Settings, run
from evidence.run_folder import OURS
from evidence.verify import VerifyError, verify
from loadtests.client.clock import start_clock
from loadtests.client.target import TargetError
from loadtests.client.target_settings import parse_target
from loadtests.plan.profile import ProfileError, load_profile, stretched
from loadtests.progress import LIVE
from loadtests.runner.listen import listening
from loadtests.stress.options import MOST_WORKERS, minutes

GATE = (
    "verify, and exit 0 only if the bundle holds and its colour is GREEN: the scenarios smoke, load and batch were "
    "run, no check is a FAIL in any scenario, none has NO DATA but optional and waived ones, and nothing kept the run "
    "from its end. A waived check stands in the report's first line"
)

DEFAULT_OUT = Path("evidence/export")

_EPILOG = """\
exit codes:
  0  nothing failed (run: of what has run so far; gate: GREEN)
  1  a judged thing failed, or a bundle does not hold
  2  no verdict possible: bad usage, unreachable target, something that should have been measured was not

examples:
  python -m evidence run smoke load batch
  python -m evidence run smoke load batch --target http://127.0.0.1:4001
  python -m evidence run smoke load batch --target https://export.example.org --waive memory="remote target"
  python -m evidence verify evidence/export
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, _interrupt)
    options = _parser().parse_args(argv)
    try:
        match options.command:
            case "run":
                return _run(options)
            case "stress":
                return stress.run(options, lambda line: print(line, flush=True))
            case "verify":
                return _verify(options.folder)
            case _:
                return _gate(options.folder)
    except (RunError, VerifyError) as error:
        print(f"evidence: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("evidence: interrupted; the report says so", file=sys.stderr)
        return 2


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _run(options: argparse.Namespace) -> int:
    _check_scenarios(options)
    settings = Settings(
        scenarios=tuple(dict.fromkeys(options.scenarios)),
        out=options.out,
        target=options.target,
        target_pid=options.target_pid,
        exports=options.exports,
        log=options.log,
        limits=options.limits,
        profiles=options.profiles,
        waivers=dict(options.waive),
        insecure=options.insecure,
        abort_on_fail=options.abort_on_fail,
        workers=options.workers,
        listen=options.listen,
        seed=options.seed,
        minutes=options.minutes,
        jobs=options.jobs,
        subject=subject.from_options(options, os.environ),
    )
    report, code = run(settings, *_tellers(sys.stdout.isatty()))
    print()
    print(runbook_text(report))
    print(f"report: {options.out / REPORT}")
    return code


def _tellers(terminal: bool) -> tuple[Callable[[str], None], Callable[[str], None] | None]:
    """How lines are told: plainly, and on a terminal also in place of the one before."""
    if not terminal:
        return lambda line: print(line, flush=True), None

    def live(line: str) -> None:
        print(f"\r{LIVE}{line}", end="", flush=True)

    return lambda line: print(f"\r{LIVE}{line}", flush=True), live


def _check_scenarios(options: argparse.Namespace) -> None:
    """RunError where a scenario has no profile, or --minutes would stretch none, before anything is emptied."""
    beside = [name for name in options.scenarios if name not in SCENARIOS]
    if options.minutes is not None and not beside:
        raise RunError(f"--minutes stretches no phase of {', '.join(options.scenarios)}; it is for soak and the like")
    try:
        for name in beside:
            if name in (*OURS, "run"):
                raise RunError(f"a scenario may not be named {name}, a name of the harness's own")
            profile = load_profile(name, options.profiles)
            if options.minutes is not None:
                stretched(profile, options.minutes)
    except ProfileError as error:
        raise RunError("; ".join(error.problems)) from error


def _verify(folder: Path) -> int:
    problems, report = verify(folder)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{folder} does not hold: {len(problems)} problem(s)")
        return 1
    print(f"{folder} holds: every file is as listed, and judged again it is {report.headline if report else 'nothing'}")
    return 0


def _gate(folder: Path) -> int:
    problems, report = verify(folder)
    if report is not None:
        print(runbook_text(report))
    for problem in problems:
        print(problem)
    if problems or report is None or report.colour != "GREEN":
        print("gate: closed")
        return 1
    print("gate: open")
    return 0


def _url(text: str) -> str:
    """The address in one spelling; credentials in it are refused before they can be written down anywhere."""
    try:
        return parse_target(text, start_clock()).url
    except TargetError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--target ")) from None


def _waiver(text: str) -> tuple[str, str]:
    name, _, reason = text.partition("=")
    if name not in WAIVABLE:
        raise argparse.ArgumentTypeError(f"{name!r} can't be waived; known are {', '.join(sorted(WAIVABLE))}")
    if not reason.strip():
        raise argparse.ArgumentTypeError(f'a waiver needs a reason, like --waive {name}="remote target"')
    return name, " ".join(reason.split())


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _workers(text: str) -> int:
    if _count(text) > MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST_WORKERS}, not {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evidence",
        description="Drive an export service, judge it, and leave evidence that anyone can recompute.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="run|verify|gate|stress")
    one = commands.add_parser(
        "run",
        help="run scenarios against a target, judge, report",
        description="Run scenarios against a target, judge them, and write the report. Scenarios of one target, "
        "commit and set of limits complete each other in one run directory; one that is there begins a new run.",
    )
    one.add_argument(
        "scenarios",
        nargs="+",
        metavar="SCENARIO",
        help=f"{', '.join(SCENARIOS)}; beside them soak, spike, burst, or a profile of your own: judged too, but GREEN "
        "takes the three",
    )
    one.add_argument(
        "--minutes", type=minutes, metavar="N", help="how long soak and the like last: phases marked `scaled`, in all"
    )
    one.add_argument(
        "--abort-on-fail", action="store_true", help="end as soon as something was seen from which no green can come"
    )
    one.add_argument("--target", type=_url, metavar="URL", help="the service to judge (default: our own, started here)")
    one.add_argument("--insecure", action="store_true", help="do not check the target's https certificate")
    one.add_argument(
        "--target-pid", type=_count, metavar="PID", help="its process (default: found by its listening port)"
    )
    one.add_argument("--exports", type=Path, metavar="DIR", help="where the target keeps its files, if it can be seen")
    one.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="where the target writes its log; what is added while load runs is judged",
    )
    one.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"run directory (default: {DEFAULT_OUT})"
    )
    one.add_argument(
        "--limits", type=Path, default=limits_file.DEFAULT_PATH, metavar="FILE", help="replaces assertions/limits.toml"
    )
    one.add_argument(
        "--profiles",
        type=Path,
        metavar="DIR",
        help="a folder of profiles, NAME.toml, beside or in place of ours",
    )
    one.add_argument(
        "--waive",
        type=_waiver,
        action="append",
        default=[],
        metavar="NAME=REASON",
        help="accept NO DATA of a check or group; a FAIL stays. The report's first line carries it",
    )
    one.add_argument(
        "--listen",
        type=listening,
        metavar="HOST[:PORT]",
        help="let N Locust workers of other machines make the load; see docs/distributed.md",
    )
    one.add_argument("--workers", type=_workers, default=1, metavar="N", help="load generator processes, to 64 (1)")
    one.add_argument(
        "--jobs", type=_count, metavar="N", help="processes that open the files after the load (all cores)"
    )
    one.add_argument("--seed", type=int, metavar="N", help="of the made-up data and the arrivals (17)")
    subject.add_options(one)
    for name, text in (
        ("verify", "re-hash, re-judge from the raw record, and compare with what the bundle says"),
        ("gate", GATE),
    ):
        two = commands.add_parser(name, help=text.split(":")[0], description=f"{text[0].upper()}{text[1:]}.")
        two.add_argument(
            "folder", nargs="?", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}"
        )
    stress.add_command(commands, _url)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
