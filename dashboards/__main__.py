"""The door: `python -m dashboards`. See `--help`."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from assertions.records import Record, write_one
from dashboards.check import expression_problems, structure_problems
from dashboards.live import look, report
from dashboards.model import DashboardError, read
from dashboards.records import CheckStep, DashboardResults, StepName
from dashboards.source import text

EXPORT: Final = Path(__file__).parent / "export.json"
MAX_POINTS: Final = 11_000
STEPS: Final[tuple[StepName, StepName]] = ("structure", "expressions")
EXIT_OK, EXIT_FAILED, EXIT_NO_VERDICT = 0, 1, 2

DESCRIPTION: Final = """\
The Grafana dashboard, export.json: five panels on the nine metrics.

  check   its structure, and each query against the contract; no Grafana takes part
  live    each panel's queries against a live Prometheus; a query without data is a failure
  build   write export.json anew from its source, source.py
"""
EPILOG: Final = """\
exit codes:
  0  all is well
  1  a problem was found, or a query brought no data
  2  no verdict: Prometheus can't be reached, or the file is missing or malformed

examples:
  python -m dashboards check
  python -m dashboards live --prometheus http://127.0.0.1:9090
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(argv)
    try:
        if options.command == "build":
            return _build()
        return _check(options.file, options.out) if options.command == "check" else _live(options)
    except DashboardError as error:
        print(f"dashboards: no verdict: {error}", file=sys.stderr)
        return EXIT_NO_VERDICT


def _build() -> int:
    try:
        EXPORT.write_text(text(), encoding="utf-8")
    except OSError as error:
        raise DashboardError(f"{EXPORT.name} can't be written: {error.strerror}") from error
    print(f"wrote {EXPORT.name}")
    return EXIT_OK


def _check(file: Path, out: Path | None) -> int:
    try:
        results = _checked(file)
    except DashboardError as error:
        if out is not None:  # an older run's results must not stand for this one
            steps = tuple(CheckStep(name=name, ok=False, output="", note=f"not made: {error}") for name in STEPS)
            _write(out / "dashboard.json", DashboardResults(file=file.name, steps=steps, ok=False))
        raise
    if out is not None:
        _write(out / "dashboard.json", results)
    for step in results.steps:
        print(f"{'ok' if step.ok else 'FAIL':4} {step.name:12} {step.note or ''}".rstrip())
        for problem in step.output.splitlines():
            print(f"       {problem}")
    return EXIT_OK if results.ok else EXIT_FAILED


def _checked(file: Path) -> DashboardResults:
    dashboard = read(file)
    queries = sum(len(panel.targets) for panel in dashboard.drawn)
    found = (
        (STEPS[0], structure_problems(dashboard), f"{len(dashboard.drawn)} panels"),
        (STEPS[1], expression_problems(dashboard), f"{queries} queries"),
    )
    steps = tuple(
        CheckStep(name=name, ok=not problems, output="\n".join(problems), note=None if problems else note)
        for name, problems, note in found
    )
    return DashboardResults(file=file.name, steps=steps, ok=all(step.ok for step in steps))


def _write(path: Path, record: Record) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_one(path, record)
    except OSError as error:
        raise DashboardError(f"{path.name} can't be written: {error.strerror}") from error


def _live(options: argparse.Namespace) -> int:
    points = options.minutes * 60 / options.step
    if points > MAX_POINTS:
        raise DashboardError(
            f"Prometheus gives at most {MAX_POINTS:,} points a series, not {points:,.0f}; raise --step"
        )
    results = look(
        read(options.file),
        options.prometheus,
        minutes=options.minutes,
        step_s=options.step,
        rate_interval=options.rate_interval,
    )
    if options.out is not None:
        _write(options.out / "dashboard_live.json", results)
    print(report(results))
    return EXIT_OK if results.ok else EXIT_FAILED


def _positive(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"a finite number above 0 is expected, not {value!r}")
    return number


def _duration(value: str) -> str:
    if re.fullmatch(r"([0-9]+(ms|[smhdwy]))+", value) is None:
        raise argparse.ArgumentTypeError(f"a duration such as 30s or 1m is expected, not {value!r}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dashboards",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="check|live|build")
    check = commands.add_parser("check", help="check a dashboard's structure and queries")
    check.add_argument("file", nargs="?", type=Path, default=EXPORT, help="the dashboard (default: ours)")
    check.add_argument("--out", type=Path, metavar="DIR", help="write dashboard.json here (default: nowhere)")
    live = commands.add_parser("live", help="ask the queries of a live Prometheus")
    live.add_argument("--prometheus", required=True, metavar="URL", help="its base URL")
    live.add_argument("--file", type=Path, default=EXPORT, help="the dashboard (default: ours)")
    live.add_argument("--minutes", type=_positive, default=15.0, help="how far to look back (default: 15)")
    live.add_argument("--step", type=_positive, default=5.0, metavar="SECONDS", help="between two points (default: 5)")
    live.add_argument(
        "--rate-interval", type=_duration, default="1m", metavar="DURATION", help="for $__rate_interval (default: 1m)"
    )
    live.add_argument("--out", type=Path, metavar="DIR", help="write dashboard_live.json here (default: nowhere)")
    commands.add_parser("build", help="write export.json from its source")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
