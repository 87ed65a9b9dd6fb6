"""The command: `python -m assertions DIR` prints the six assertions of a run directory. See `--help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from assertions import limits as limits_file
from assertions.checks.catalogue import CHECKS
from assertions.console import guard_output
from assertions.judged_run import judge_run_folder, read_notes
from assertions.record.types import RecordError
from assertions.summary import runbook_text

_EPILOG = """\
exit codes:
  0  all six assertions PASS
  1  one of them FAILs
  2  no verdict: a scenario is missing, nothing was measured, something of the run could not be done (run.json says
     what), or DIR or the limits can't be read

example:
  python -m assertions evidence/export
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Judge a run directory's raw record and print; returns the exit code."""
    guard_output()
    options = _parser().parse_args(argv)
    if options.list:
        for check in CHECKS:
            where = ", ".join(check.scenarios) if check.scope == "scenario" else "run"
            print(f"{check.id:20} {where:20} {check.title}{' (optional)' if check.optional else ''}")
        return 0
    if options.folder is None:
        _parser().error("a run directory is needed, like evidence/export")
    try:
        _, limits, report = judge_run_folder(options.folder, options.limits)
        incidents = read_notes(options.folder).incidents
    except (RecordError, limits_file.LimitsError) as error:
        print(f"assertions: {error}", file=sys.stderr)
        return 2
    for note in limits.notes:
        print(f"assertions: {note}", file=sys.stderr)
    print(runbook_text(report))
    statuses = {assertion.status for assertion in report.assertions}
    return 1 if "FAIL" in statuses else 2 if "NO DATA" in statuses or incidents else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m assertions",
        description="Judge the six assertions from a run directory's raw record, in the runbook's form.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="a run directory, like evidence/export")
    parser.add_argument("--limits", type=Path, metavar="FILE", help="limits (default: those of the run directory)")
    parser.add_argument("--list", action="store_true", help="list every check, and where it is judged")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
