"""The command of the load tests: `run` one scenario, `stress` a target, `seed` it with exports, print a `body`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import psutil

from assertions import limits as limits_file
from assertions.console import run_command, sentences
from assertions.contents.tags import tagged
from assertions.record.types import RecordError
from assertions.verdicts import SCENARIOS
from loadtests import options
from loadtests.client.clock import start_clock
from loadtests.client.preflight import check_target
from loadtests.client.target import Target, TargetError
from loadtests.client.target_settings import TARGET_HEADERS, TARGET_TOKEN, headers_from, parse_target
from loadtests.datasets.records import MAX_RECORDS, encode_body, make_dataset
from loadtests.errors import FolderError, LoadTestError
from loadtests.locks import lock_folder, lock_target
from loadtests.plan.profile import Profile, load_profile, stretched
from loadtests.progress import Progress, to_json
from loadtests.progress_view import view
from loadtests.runner.abort import AbortLimits
from loadtests.runner.listen import check_listen, how_to_join
from loadtests.runner.request import RunRequest, StressRequest, read_run_request, read_stress_request
from loadtests.runner.scenario import Settings, run_scenario
from loadtests.seed import BATCH, BATCH_BEGIN, batch_end, seed
from loadtests.stress import options as stress_door
from loadtests.stress.search import exit_code
from loadtests.stress.session import REPORT, run_stress
from loadtests.stress.table import table
from loadtests.ui import web_ui

DEFAULT_TARGET = "http://127.0.0.1:4001"
ERRORS = (LoadTestError, RecordError, limits_file.LimitsError)
"""What ends a command with sentences on stderr and exit code 2."""
EPILOG = f"""\
\b
environment:
  {TARGET_HEADERS}  lines `Name: value`, sent with every request
  {TARGET_TOKEN}    sent as `Authorization: Bearer …`
  Neither is ever written to a file.

\b
exit codes:
  0  run: the record is complete; seed: every export was made; stress: every case has a rate
  1  run: the load was cut short (the record says where); seed: an export failed; stress: a case held at no rate
  2  bad usage, a wrong profile, a target that can't be reached, a record that can't be written; stress: no data

\b
examples:
  python -m loadtests run smoke --target http://127.0.0.1:4001 --out evidence/export/smoke
  python -m loadtests run mine --profiles my-profiles --target https://export.example/base --out run/mine
  python -m loadtests run load --ui
  python -m loadtests run soak --minutes 60 --target http://127.0.0.1:4001 --out run/soak
  python -m loadtests stress --target http://127.0.0.1:4001 --sizes 10k,100k --out run/stress
  python -m loadtests seed --records 1000 --format csv
  python -m loadtests seed --batch
  python -m loadtests body csv-1k --seed 17
"""
REQUEST = click.option(
    "--request", type=options.FILE, metavar="FILE", help="Take everything from this request.json instead of options."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_command(commands, argv, "python -m loadtests")


@click.group(epilog=EPILOG)
def commands() -> None:
    """Drive load on an export service and write down what happened, for others to judge."""


@commands.command("run", epilog=EPILOG)
@click.argument("scenario", required=False)
@click.option("--out", type=options.FILE, metavar="DIR", help="The scenario's folder, which is emptied first.")
@options.target_options(DEFAULT_TARGET)
@options.run_options
@REQUEST
@click.option(
    "--progress-json", is_flag=True, help="Write progress to stderr as JSON lines, for a program that shows it."
)
@click.option("--ui", is_flag=True, help="Instead: Locust's web interface for the profile, which makes no record.")
@click.option("--ui-port", type=click.IntRange(1, 65535), default=web_ui.PORT, metavar="PORT",
              help=f"The web interface's port on 127.0.0.1 ({web_ui.PORT}).")  # fmt: skip
@sentences("loadtests", *ERRORS)
def run_scenario_command(
    scenario: str | None, request: Path | None, progress_json: bool, ui: bool, ui_port: int, **asked: Any
) -> int:
    """Run one SCENARIO on a running target and write its raw record.

    SCENARIO: smoke, load, batch, soak, spike, burst, or the name of a profile of your own.
    """
    if request is not None:
        return _run(read_run_request(request), progress_json)
    if scenario is None:
        raise click.UsageError("Missing argument 'SCENARIO'.")
    if ui:
        return _show(scenario, ui_port, **asked)
    if asked["out"] is None:
        raise FolderError("--out DIR is needed: the folder of the record (only --ui makes none)")
    return _run(RunRequest(scenario=scenario, **_paths_as_text(asked)), progress_json)


def _paths_as_text(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asked.items()}


@commands.command("stress", help=options.STRESS_HELP)
@options.target_options(DEFAULT_TARGET)
@options.stress_options(None)
@REQUEST
@sentences("loadtests", *ERRORS)
def stress_command(request: Path | None, **asked: Any) -> int:
    """Run a stress session."""
    if request is not None:
        return _stress(read_stress_request(request))
    if asked["out"] is None:
        raise click.UsageError("Missing option '--out'.")
    cases = stress_door.cases(asked.pop("sizes"), asked.pop("formats"))
    return _stress(StressRequest(cases=cases, **_paths_as_text(asked)))


@commands.command("seed")
@options.target_options(DEFAULT_TARGET)
@click.option("--records", type=click.IntRange(1, MAX_RECORDS), default=1000, metavar="N",
              help="Records in the export (1000).")  # fmt: skip
@click.option("--format", "fmt", type=click.Choice(["csv", "pdf"]), default="csv", help="Its format (csv).")
@click.option("--batch", is_flag=True, help=f"Instead: {', '.join(BATCH)}.")
@sentences("loadtests", *ERRORS)
def seed_command(target: str, insecure: bool, seed: int, records: int, fmt: str, batch: bool) -> int:
    """Make one export, or the batch of five, and print a line for each."""
    return _seed(_target(target, insecure), records, fmt, batch, seed)


@commands.command("body")
@click.argument("case")
@click.option("--seed", type=int, default=options.DEFAULT_SEED, metavar="N",
              help=f"The run's seed ({options.DEFAULT_SEED}).")  # fmt: skip
@click.option("--tag", metavar="TAG", help="The request's tag; without one its placeholder stands in the body.")
@click.option("--user", metavar="NAME", help="The request's user; without one the body's own.")
@sentences("loadtests", *ERRORS)
def body_command(case: str, seed: int, tag: str | None, user: str | None) -> int:
    """Print the request body of a CASE as a run with this seed sends it, for `curl --data-binary @-`.

    CASE: csv-1k, pdf-10k, csv-special …, as plan.json and hits.jsonl name it.
    """
    template = encode_body(make_dataset(case, seed))
    try:
        body = tagged(template, tag, user)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--tag'") from error
    sys.stdout.buffer.write(body)
    sys.stdout.flush()
    return 0


def _target(url: str, insecure: bool) -> Target:
    return parse_target(url, start_clock(), headers_from(), insecure=insecure)


def _reach(target: Target) -> None:
    problem = check_target(target)
    if problem is not None:
        raise TargetError(problem)


def _run(request: RunRequest, progress_json: bool) -> int:
    profiles = None if request.profiles is None else Path(request.profiles)
    profile = load_profile(request.scenario, profiles)
    if request.minutes is not None:
        profile = stretched(profile, request.minutes)
    target = _target(request.target, request.insecure)
    limits = limits_file.load(Path(request.limits))
    if request.target_pid is not None and not psutil.pid_exists(request.target_pid):
        raise TargetError(f"--target-pid {request.target_pid} is no process of this machine")
    _reach(target)
    settings = Settings(
        profile=profile,
        target=target,
        out=Path(request.out),
        seed=request.seed,
        workers=request.workers,
        listen=request.listen,
        target_pid=request.target_pid,
        exports=None if request.exports is None else Path(request.exports),
        embedded=request.embedded,
        abort=_abort(profile, profiles, limits) if request.abort_on_fail else None,
        deadline_s=request.deadline_s,
    )
    if request.listen is not None:
        check_listen(request.listen, target)
        print(how_to_join(request.listen, request.workers), file=sys.stderr)
    with lock_target(target), lock_folder(settings.out), view(sys.stderr) as shown:
        scenario = run_scenario(settings, _write_json if progress_json else shown.show)
    for phase in scenario.phases:
        state = "complete" if phase.completed else f"CUT SHORT: {phase.note}"
        seconds = phase.end - phase.start
        print(
            f"{scenario.name} {phase.name}: {phase.recorded} of {phase.planned} requests in {seconds:.1f} s, {state}",
            flush=True,
        )
    return 0 if all(phase.completed for phase in scenario.phases) else 1


def _write_json(progress: Progress) -> None:
    print(to_json(progress), file=sys.stderr, flush=True)


def _show(scenario: str, port: int, **asked: Any) -> int:
    """Show Locust's web interface for a profile; nothing is recorded."""
    profile = load_profile(scenario, asked["profiles"])
    if asked["minutes"] is not None:
        profile = stretched(profile, asked["minutes"])
    target = _target(asked["target"], asked["insecure"])
    _reach(target)
    with lock_target(target):
        return web_ui.show(profile, target, asked["seed"], port, lambda line: print(line, file=sys.stderr))


def _abort(profile: Profile, profiles: Path | None, limits: limits_file.Limits) -> AbortLimits:
    """Return what `--abort-on-fail` goes by: the limits, and how many exports are judged with the profile's."""
    # smoke, load and batch have one success rate, any other profile its own
    together = SCENARIOS if profile.name in SCENARIOS else ()
    others = [load_profile(name, profiles) for name in together if name != profile.name]
    counts = [phase.max_count for other in others for phase in other.phases]
    return AbortLimits(limits, sum(counts) + sum(other.leak.count for other in others if other.leak))


def _seed(target: Target, records: int, fmt: str, batch: bool, seed_number: int) -> int:
    cases = BATCH if batch else (f"{fmt}-{records}",)
    tell = functools.partial(print, flush=True)
    _reach(target)
    with lock_target(target):
        tell(BATCH_BEGIN if batch else f"Seeding {records} records in {fmt} format...")
        made = seed(target, cases, seed_number, tell)
    if batch:
        tell(batch_end(made, len(cases)))
    return 0 if made == len(cases) else 1


def _stress(request: StressRequest) -> int:
    settings = stress_door.settings(request, _target(request.target, request.insecure))
    _reach(settings.target)
    with lock_target(settings.target):
        report = run_stress(settings, lambda line: print(line, file=sys.stderr, flush=True))
    print(table(report))
    print(f"\nreport: {settings.out / REPORT}")
    return exit_code(report.found)


if __name__ == "__main__":
    raise SystemExit(main())
