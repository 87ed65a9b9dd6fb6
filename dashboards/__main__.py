"""The command: `python -m dashboards`. See `--help`."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from assertions.console import guard_output
from assertions.limits import DEFAULT_PATH, LimitsError, load
from assertions.record.files import write_one
from assertions.record.types import Record
from dashboards.check import expression_problems, offered_problems, structure_problems
from dashboards.live import look, report
from dashboards.model import Dashboard, DashboardError, parse, read
from dashboards.records import CheckStep, DashboardResults, StepName
from dashboards.source import text

EXPORT: Final = Path(__file__).parent / "grafana-export-dashboard.json"
MAX_POINTS: Final = 11_000
STEPS: Final[tuple[StepName, ...]] = ("structure", "expressions", "series offered")
"""The last one only with a metrics page."""
EXIT_OK, EXIT_FAILED, EXIT_NO_VERDICT = 0, 1, 2

DESCRIPTION: Final = """\
The Grafana dashboard, grafana-export-dashboard.json: the runbook's five panels, and further ones in rows below.

  check   its structure, and each query against the contract; no Grafana takes part. With --metrics also: is each
          series that a query asks for on that page, and no bucket there twice
  live    each panel's queries against a live Prometheus; a query without data is a failure
  build   write the dashboard from its source, source.py, and a limits file
"""
EPILOG: Final = """\
exit codes:
  0  all is well
  1  a problem was found, or a query brought no data
  2  no verdict: Prometheus can't be reached, or the file is missing or malformed

examples:
  python -m dashboards check
  python -m dashboards check theirs.json --metrics metrics_snapshot.txt
  python -m dashboards build --limits mine.toml --out deploy/dashboard.json
  python -m dashboards live --prometheus http://127.0.0.1:9090
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    guard_output()
    options = _parser().parse_args(argv)
    try:
        if options.command == "build":
            return _build(options)
        return _check(options) if options.command == "check" else _live(options)
    except (DashboardError, LimitsError) as error:
        print(f"dashboards: no verdict: {error}", file=sys.stderr)
        return EXIT_NO_VERDICT


def _build(options: argparse.Namespace) -> int:
    if options.limits is not None and options.out is None:
        raise DashboardError("build --limits FILE needs --out FILE, so that our own file keeps the default limits")
    file: Path = EXPORT if options.out is None else options.out
    built = text(load(options.limits or DEFAULT_PATH))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(built, encoding="utf-8")
    except OSError as error:
        raise DashboardError(f"{file.name} can't be written: {error.strerror}") from error
    print(f"wrote {file.name}")
    return EXIT_OK


def _check(options: argparse.Namespace) -> int:
    out: Path | None = options.out
    if options.limits is not None and (options.file or options.dashboard):
        raise DashboardError("--limits builds our dashboard from that file, so no other file can be given with it")
    file: Path = options.dashboard or options.file or EXPORT
    ours = file.resolve() == EXPORT
    try:
        dashboard = read(file) if options.limits is None else _built(options.limits, out)
        results = _checked(dashboard, file.name, ours, options.metrics)
    except (DashboardError, LimitsError) as error:
        if out is not None:  # an older run's results must not stand for this one
            names = STEPS if options.metrics else STEPS[:2]
            steps = tuple(CheckStep(name=name, ok=False, output="", note=f"not made: {error}") for name in names)
            _write(out / "dashboard.json", DashboardResults(file=file.name, steps=steps, ok=False, ours=ours))
        raise
    if out is not None:
        _write(out / "dashboard.json", results)
    for step in results.steps:
        print(f"{'ok' if step.ok else 'FAIL':4} {step.name:14} {step.note or ''}".rstrip())
        for problem in step.output.splitlines():
            print(f"       {problem}")
    return EXIT_OK if results.ok else EXIT_FAILED


def _built(limits: Path, out: Path | None) -> Dashboard:
    """Build our dashboard from a limits file, and keep it where results are kept."""
    built = text(load(limits))
    if out is not None:
        file = out / "dashboards" / EXPORT.name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(built, encoding="utf-8")
        except OSError as error:
            raise DashboardError(f"{file.name} can't be written: {error.strerror}") from error
    return parse(built)


def _checked(dashboard: Dashboard, name: str, ours: bool, metrics: Path | None) -> DashboardResults:
    queries = sum(len(panel.targets) for panel in dashboard.drawn)
    found = [
        (STEPS[0], structure_problems(dashboard), f"{len(dashboard.drawn)} panels"),
        (STEPS[1], expression_problems(dashboard), f"{queries} queries"),
    ]
    if metrics is not None:
        try:
            page = metrics.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DashboardError(f"{metrics.name}: no metrics page can be read there") from error
        found.append((STEPS[2], offered_problems(dashboard, page), f"{queries} queries find their series"))
    steps = tuple(
        CheckStep(name=step, ok=not problems, output="\n".join(problems), note=None if problems else note)
        for step, problems, note in found
    )
    return DashboardResults(file=name, steps=steps, ok=all(step.ok for step in steps), ours=ours)


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
    check.add_argument("file", nargs="?", type=Path, help="the dashboard (default: ours)")
    check.add_argument("--dashboard", type=Path, metavar="FILE", help="the same as an option")
    check.add_argument("--limits", type=Path, metavar="FILE", help="check ours with the bounds of this limits file")
    check.add_argument(
        "--metrics", type=Path, metavar="PAGE", help="a metrics page, as a target served it in text format"
    )
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
    build = commands.add_parser("build", help="write the dashboard from its source and a limits file")
    build.add_argument("--limits", type=Path, metavar="FILE", help="take the bounds from this limits file")
    build.add_argument("--out", type=Path, metavar="FILE", help="write it here (default: our own file)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
