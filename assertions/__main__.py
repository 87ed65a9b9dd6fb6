"""The command: `python -m assertions DIR` prints the six assertions of a run directory. See `--help`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from assertions import limits as limits_file
from assertions.checks.catalogue import CHECKS
from assertions.console import run_command, sentences
from assertions.judged_run import judge_run_folder, read_notes
from assertions.record.types import RecordError
from assertions.summary import runbook_text

DEFAULT_FOLDER = Path("evidence/export")
EPILOG = """\
\b
exit codes:
  0  all six assertions PASS
  1  one of them FAILs
  2  no verdict: a scenario is missing, nothing was measured, something of the run could not be done (run.json says
     what), or DIR or the limits can't be read

\b
example:
  python -m assertions evidence/export
"""


@click.command("assert", epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, metavar="[DIR]")
@click.option(
    "--limits",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Limits (default: those of the run directory).",
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, value: _listed(ctx, value),
    help="List every check, and where it is judged.",
)
@sentences("assertions", RecordError, limits_file.LimitsError)
def assert_command(folder: Path, limits: Path | None) -> int:
    """Judge the six assertions from a run directory's raw record, in the runbook's form.

    DIR is a run directory (default: evidence/export).
    """
    _, used, report = judge_run_folder(folder, limits)
    incidents = read_notes(folder).incidents
    for note in used.notes:
        print(f"assertions: {note}", file=sys.stderr)
    print(runbook_text(report))
    statuses = {assertion.status for assertion in report.assertions}
    return 1 if "FAIL" in statuses else 2 if "NO DATA" in statuses or incidents else 0


@click.command("checks")
def checks_command() -> int:
    """List every check, and where it is judged."""
    for check in CHECKS:
        where = ", ".join(check.scenarios) if check.scope == "scenario" else "run"
        print(f"{check.id:20} {where:20} {check.title}{' (optional)' if check.optional else ''}")
    return 0


def _listed(context: click.Context, value: bool) -> None:
    if value:
        context.invoke(checks_command)
        context.exit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_command(assert_command, argv, "python -m assertions")


if __name__ == "__main__":
    raise SystemExit(main())
