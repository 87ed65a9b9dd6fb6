"""The command: `python -m dashboards`. See `--help`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from assertions.console import run_command, sentences
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

EPILOG: Final = """\
\b
exit codes:
  0  all is well
  1  a problem was found, or a query brought no data
  2  no verdict: Prometheus can't be reached, or the file is missing or malformed

\b
examples:
  export-at-scale dashboards check
  export-at-scale dashboards check theirs.json --metrics metrics_snapshot.txt
  export-at-scale dashboards build --limits mine.toml --out deploy/dashboard.json
  export-at-scale dashboards live --prometheus http://127.0.0.1:9090
"""


FILE: Final = click.Path(path_type=Path)


class Positive(click.ParamType[float]):
    """A finite number above 0."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            self.fail(f"a finite number above 0 is expected, not {value!r}", param, ctx)
        return number


class Duration(click.ParamType[str]):
    """A length of time as Prometheus writes it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text unchanged."""
        if re.fullmatch(r"([0-9]+(ms|[smhdwy]))+", value) is None:
            self.fail(f"a duration such as 30s or 1m is expected, not {value!r}", param, ctx)
        return str(value)


@click.group(epilog=EPILOG)
def commands() -> None:
    """The Grafana dashboard, grafana-export-dashboard.json: the runbook's five panels, and further ones in rows."""


@commands.command("build")
@click.option("--limits", type=FILE, metavar="FILE", help="Take the bounds from this limits file.")
@click.option("--out", type=FILE, metavar="FILE", help="Write it here (default: our own file).")
@sentences("dashboards: no verdict", DashboardError, LimitsError)
def build(limits: Path | None, out: Path | None) -> int:
    """Write the dashboard from its source, source.py, and a limits file."""
    if limits is not None and out is None:
        raise DashboardError("build --limits FILE needs --out FILE, so that our own file keeps the default limits")
    file = EXPORT if out is None else out
    _write_text(file, text(load(limits or DEFAULT_PATH)))
    print(f"wrote {file.name}")
    return EXIT_OK


@commands.command("check")
@click.argument("file", required=False, type=FILE, metavar="[FILE]")
@click.option("--dashboard", type=FILE, metavar="FILE", help="The same as an option.")
@click.option("--limits", type=FILE, metavar="FILE", help="Check ours with the bounds of this limits file.")
@click.option("--metrics", type=FILE, metavar="PAGE", help="A metrics page, as a target served it in text format.")
@click.option("--out", type=FILE, metavar="DIR", help="Write dashboard.json here (default: nowhere).")
@sentences("dashboards: no verdict", DashboardError, LimitsError)
def check(
    file: Path | None, dashboard: Path | None, limits: Path | None, metrics: Path | None, out: Path | None
) -> int:
    """Check a dashboard's structure, and each query against the contract; no Grafana takes part.

    With --metrics also: is each series that a query asks for on that page, and no bucket there twice. FILE is the
    dashboard (default: ours).
    """
    if limits is not None and (file or dashboard):
        raise DashboardError("--limits builds our dashboard from that file, so no other file can be given with it")
    path = dashboard or file or EXPORT
    ours = path.resolve() == EXPORT
    try:
        read_in = read(path) if limits is None else _built(limits, out)
        results = _checked(read_in, path.name, ours, metrics)
    except (DashboardError, LimitsError) as error:
        if out is not None:  # an older run's results must not stand for this one
            names = STEPS if metrics else STEPS[:2]
            steps = tuple(CheckStep(name=name, ok=False, output="", note=f"not made: {error}") for name in names)
            _write(out / "dashboard.json", DashboardResults(file=path.name, steps=steps, ok=False, ours=ours))
        raise
    if out is not None:
        _write(out / "dashboard.json", results)
    for step in results.steps:
        print(f"{'ok' if step.ok else 'FAIL':4} {step.name:14} {step.note or ''}".rstrip())
        for problem in step.output.splitlines():
            print(f"       {problem}")
    return EXIT_OK if results.ok else EXIT_FAILED


@commands.command("live")
@click.option("--prometheus", required=True, metavar="URL", help="Its base URL.")
@click.option("--file", type=FILE, default=EXPORT, help="The dashboard (default: ours).")
@click.option("--minutes", type=Positive(), default=15.0, help="How far to look back (default: 15).")
@click.option("--step", type=Positive(), default=5.0, metavar="SECONDS", help="Between two points (default: 5).")
@click.option(
    "--rate-interval", type=Duration(), default="1m", metavar="DURATION", help="For $__rate_interval (default: 1m)."
)
@click.option("--out", type=FILE, metavar="DIR", help="Write dashboard_live.json here (default: nowhere).")
@sentences("dashboards: no verdict", DashboardError, LimitsError)
def live(prometheus: str, file: Path, minutes: float, step: float, rate_interval: str, out: Path | None) -> int:
    """Ask each panel's queries of a live Prometheus; a query without data is a failure."""
    points = minutes * 60 / step
    if points > MAX_POINTS:
        raise DashboardError(
            f"Prometheus gives at most {MAX_POINTS:,} points a series, not {points:,.0f}; raise --step"
        )
    results = look(read(file), prometheus, minutes=minutes, step_s=step, rate_interval=rate_interval)
    if out is not None:
        _write(out / "dashboard_live.json", results)
    print(report(results))
    return EXIT_OK if results.ok else EXIT_FAILED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_command(commands, argv, "python -m dashboards")


def _built(limits: Path, out: Path | None) -> Dashboard:
    """Build our dashboard from a limits file, and keep it where results are kept."""
    built = text(load(limits))
    if out is not None:
        _write_text(out / "dashboards" / EXPORT.name, built)
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


def _write_text(path: Path, written: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written, encoding="utf-8")
    except OSError as error:
        raise DashboardError(f"{path.name} can't be written: {error.strerror}") from error


def _write(path: Path, record: Record) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_one(path, record)
    except OSError as error:
        raise DashboardError(f"{path.name} can't be written: {error.strerror}") from error


if __name__ == "__main__":
    raise SystemExit(main())
