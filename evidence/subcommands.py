"""The subcommand that runs scenarios. What only later stages need is loaded by these."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from assertions.console import sentences
from assertions.judge import WAIVABLE, Report, blocks
from assertions.summary import runbook_text
from assertions.verdicts import SCENARIOS, Verdict
from evidence import subject, timings
from evidence.bundle.layout import DEFAULT_OUT, REPORT
from evidence.bundle.run_folder import HISTORY_MOST, OURS
from evidence.run import run
from evidence.settings import RunError, Settings
from loadtests import options
from loadtests.plan.profile import ProfileError, load_profile, stretched
from loadtests.progress_view import view


class Waiver(click.ParamType[tuple[str, str]]):
    """A check or group with the reason for which its NO DATA is accepted."""

    name = "waiver"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return name and reason."""
        if isinstance(value, tuple):
            return value
        name, _, reason = value.partition("=")
        if name not in WAIVABLE:
            self.fail(f"{name!r} can't be waived; known are {', '.join(sorted(WAIVABLE))}", param, ctx)
        if not reason.strip():
            self.fail(f'a waiver needs a reason, like --waive {name}="remote target"', param, ctx)
        return name, " ".join(reason.split())


@click.command("run")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@options.target_options(None)
@options.run_options
@click.option(
    "--out",
    type=options.FILE,
    default=DEFAULT_OUT,
    metavar="DIR",
    help=f"Run directory (default: {DEFAULT_OUT}). An older run in it is moved to DIR.history.",
)
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the target writes its log; what is added while load runs is judged.",
)
@click.option(
    "--waive",
    type=Waiver(),
    multiple=True,
    metavar="NAME=REASON",
    help="Accept NO DATA of a check or group; a FAIL stays. The report's first line carries it.",
)
@click.option(
    "--jobs",
    type=options.COUNT,
    metavar="N",
    help="Processes that open the files after the load (default: one a core).",
)
@click.option(
    "--rules", type=options.FILE, metavar="FILE", help="The target's own alert rules, judged in place of ours."
)
@click.option(
    "--rules-tests",
    type=options.FILE,
    metavar="FILE",
    help="Their promtool tests (default: NAME.test.yml in the folder of the rules).",
)
@click.option(
    "--dashboard",
    type=options.FILE,
    metavar="FILE",
    help="The target's own Grafana dashboard, judged in place of ours.",
)
@click.option(
    "--deadline",
    "deadline_s",
    type=options.Positive(6 * 3600),
    metavar="SECONDS",
    help="Longest time of each scenario's load (default: smoke 180, load and batch 360).",
)
@click.option(
    "--baseline",
    metavar="last-green|DIR",
    help="Compare with this run; worse is exit code 1. Without it: with the last GREEN one, for information.",
)
@click.option(
    "--keep",
    type=options.COUNT,
    default=HISTORY_MOST,
    metavar="N",
    help=f"Older runs to keep in DIR.history, besides the last GREEN one ({HISTORY_MOST}).",
)
@click.option(
    "--then",
    multiple=True,
    metavar="SCENARIO",
    help="A scenario that a later command adds to the same run: a run that has it already is not joined.",
)
@click.option(
    "--sign", type=options.FILE, metavar="KEY", help="Sign the bundle with this private key (`evidence keygen`)."
)
@subject.subject_options
@click.option("--timings", "show_timings", is_flag=True, help="Print how long each stage took (timings.json).")
@sentences("evidence", RunError)
def run_command(
    scenarios: tuple[str, ...], waive: tuple[tuple[str, str], ...], show_timings: bool, **asked: Any
) -> int:
    """Run scenarios against a target, judge them, and write the report.

    SCENARIO: smoke, load, batch; or soak, spike, burst, or a profile of your own: these are judged too, but GREEN needs
    the first three. Scenarios of one target, commit and set of limits complete each other in one run directory.
    """
    words = {name: asked.pop(name) for name in ("subject", "digest", "environment", "url")}
    named = subject.from_options(**words, environ=os.environ)
    settings = Settings(scenarios=tuple(dict.fromkeys(scenarios)), waivers=dict(waive), subject=named, **asked)
    check_scenarios(settings)
    try:
        with view(sys.stdout) as shown:
            report, code, measured = run(settings, shown)
    except KeyboardInterrupt:
        where = "the report says so" if (settings.out / REPORT).is_file() else "nothing was run"
        raise RunError(f"interrupted; {where}") from None
    print()
    print(closing_text(report))
    if show_timings:
        print(timings.table(measured.stages))
    print(f"report: {settings.out / REPORT}")
    return code


def check_scenarios(settings: Settings) -> None:
    """Raise RunError where a scenario has no profile, or --minutes would stretch none."""
    further = [name for name in settings.scenarios if name not in SCENARIOS]
    if settings.minutes is not None and not further:
        names = ", ".join(settings.scenarios)
        raise RunError(f"--minutes stretches no phase of {names}; it is for soak and the like")
    try:
        for name in further:
            if name in (*OURS, "run"):
                raise RunError(f"a scenario may not be named {name}, a name of the harness's own")
            profile = load_profile(name, settings.profiles)
            if settings.minutes is not None:
                stretched(profile, settings.minutes)
    except ProfileError as error:
        raise RunError("; ".join(error.problems)) from error


def closing_text(report: Report) -> str:
    """Return the six assertions where all three scenarios are there; else how each scenario did, and what is left."""
    left = [name for name in SCENARIOS if not any(one.scenario == name and _judged(one) for one in report.verdicts)]
    if not left:
        return runbook_text(report)
    lines = []
    names = dict.fromkeys(verdict.scenario for verdict in report.verdicts if _judged(verdict))
    for name in names:
        verdicts = [verdict for verdict in report.verdicts if verdict.scenario == name and _judged(verdict)]
        for verdict in verdicts:
            if blocks(verdict):
                lines.append(f"{verdict.status}  {name}/{verdict.id}: {verdict.judgement.reason}")
                lines += [f"    {finding}" for finding in verdict.judgement.findings]
    counts = "; ".join(f"{name}: {_count(report, name)}" for name in names if name != "run")
    return "\n".join([*lines, f"{counts}; {' and '.join(left)} not run yet"])


def _judged(verdict: Verdict) -> bool:
    return not verdict.judgement.waiting


def _count(report: Report, name: str) -> str:
    verdicts = [verdict for verdict in report.verdicts if verdict.scenario == name and _judged(verdict)]
    statuses = [verdict.status for verdict in verdicts]
    counted = f"{statuses.count('PASS')} PASS, {statuses.count('FAIL')} FAIL"
    unknown = [verdict for verdict in verdicts if verdict.status == "NO DATA"]
    if not unknown:
        return counted
    harmless = "" if any(blocks(verdict) for verdict in unknown) else " (not needed for GREEN)"
    return f"{counted}, {len(unknown)} NO DATA{harmless}"
