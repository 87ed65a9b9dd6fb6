"""The benchmarks' command line: `python -m benchmarks bench|rates|publish|profile|main-job`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from assertions.console import run_command, sentences
from assertions.record.files import write_one
from assertions.record.types import RecordError
from benchmarks.http_service import ROOT
from benchmarks.main_job.measuring import MainJobError
from benchmarks.main_job.publishing import measure_and_publish
from benchmarks.probes.profiling import profile
from benchmarks.regression.gate import BLOCKS, judge, measure
from benchmarks.regression.rates import RUNS, RatesError, measure_rates
from benchmarks.regression.text import comparison_text, rates_text
from benchmarks.regression.trees import NoSuchRevision, commit_of, worktree
from benchmarks.report.measuring import assemble, run_part
from benchmarks.report.page import page, terminal
from benchmarks.report.plots import plots
from benchmarks.report.publishing import (
    PUBLISHED,
    PublishError,
    publish,
    read_rates,
    read_results,
    write_pages,
)
from benchmarks.report.types import NEEDED, PARTS, PartName

DEFAULT_OUT = ROOT / "evidence" / "bench"
FOLDER = click.Path(file_okay=False, path_type=Path)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@click.group()
def doors() -> None:
    """Speed and memory of the export service and of the harness."""


@doors.command("bench", context_settings={"ignore_unknown_options": True})
@click.option("--against", metavar="REV", help="Compare the working tree with a revision, side by side, and judge.")
@click.option("--full", is_flag=True, help="All sizes up to a million records.")
@click.option("--target", metavar="URL", help="Measure somebody else's service over HTTP, and nothing else.")
@click.option("--mixed", is_flag=True, help="Put parts together that are of different commits, each named.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="One part; the others stay as they were.")
@click.option("--blocks", type=click.IntRange(2, 16), default=BLOCKS, show_default=True, help="With --against.")
@click.option("--out", type=FOLDER, default=DEFAULT_OUT, metavar="DIR", help="Where results go (evidence/bench).")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST OPTIONS]")
@sentences("benchmarks", NoSuchRevision, RecordError)
def bench_command(
    against: str | None,
    full: bool,
    target: str | None,
    mixed: bool,
    only: tuple[PartName, ...],
    blocks: int,
    out: Path,
    words: tuple[str, ...],
) -> int:
    """Run the benchmarks, print their tables, and write results.json, SVG and Markdown.

    Exit code 2 where a benchmark that was published before is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    if against is not None:
        return _against(against, full=full, blocks=blocks, out=out)
    for name in only or (PARTS[:1] if target is not None else PARTS if full else NEEDED):
        run_part(name, out, full=full, target=target, words=words, progress=_progress)
    return _tell(out, mixed=mixed)


def _tell(out: Path, *, mixed: bool) -> int:
    results = assemble(out, read_results(PUBLISHED), mixed=mixed)
    if results is None:
        print(f"benchmarks: expected parts in {out}, found none", file=sys.stderr)
        return 2
    write_one(out / "results.json", results)
    for name, svg in plots(results).items():
        (out / name).write_text(svg, encoding="utf-8")
    (out / "benchmarks.md").write_text(page(results, read_rates(out)), encoding="utf-8")
    print(terminal(results), end="")
    return results.exit_code


def _against(revision: str, *, full: bool, blocks: int, out: Path) -> int:
    commit = commit_of(revision)
    with worktree(revision) as tree:
        found = measure([tree, ROOT], [commit[:12], "working tree"], full=full, blocks=blocks, progress=_progress)
    comparison = judge(found, 0, 1)
    write_one(out / "comparison.json", comparison)
    print(comparison_text(comparison), end="")
    return comparison.exit_code


@doors.command("rates")
@click.option("--revision", default="HEAD", metavar="REV", show_default=True)
@click.option("--runs", type=click.IntRange(1), default=RUNS, show_default=True, help="In all, earlier ones included.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), help="Begin no further run after so long; call it again to go on."
)
@click.option("--out", type=FOLDER, default=DEFAULT_OUT, metavar="DIR", help="Where rates.json goes (evidence/bench).")
@sentences("benchmarks", NoSuchRevision, RatesError, RecordError)
def rates_command(revision: str, runs: int, seconds: float | None, out: Path) -> int:
    """Measure how often --against errs: runs without a change, and with a planted one.

    Runs of the same revision that are in DIR already count. Exit code 2 while there are too few.
    """
    out.mkdir(parents=True, exist_ok=True)
    rates = measure_rates(revision, out, runs=runs, seconds=seconds, progress=_progress)
    print(rates_text(rates))
    return 2 if rates.runs < runs else 0 if rates.good else 1


@doors.command("publish")
@click.option("--pages", is_flag=True, help="Only write the pages again from the published results.")
@click.option("--partial", is_flag=True, help="Also results that lack a part: the page names it as NO DATA.")
@click.option("--out", type=FOLDER, default=DEFAULT_OUT, metavar="DIR", help="Where the results are (evidence/bench).")
@sentences("benchmarks", PublishError, RecordError)
def publish_command(pages: bool, partial: bool, out: Path) -> int:
    """Write benchmarks/results/, docs/benchmarks.md with its plots, and the README's line."""
    for path in write_pages() if pages else publish(out, partial=partial):
        print(path.relative_to(ROOT))
    return 0


@doors.command("profile")
@click.option("--out", type=FOLDER, default=ROOT / "evidence" / "profile", metavar="DIR")
@click.option("--only", metavar="TEXT", help="Only the work whose name holds this text.")
@sentences("benchmarks")
def profile_command(out: Path, only: str | None) -> int:
    """Write flame graphs (py-spy) and allocation reports (memray) of exports and file checks."""
    return profile(out, only, _progress)


@doors.command("main-job")
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Main jobs in each tree.")
@click.option("--before", type=FOLDER, metavar="DIR", help="Another checkout, measured in turn with this one.")
@click.option("--warm-up/--no-warm-up", default=True, show_default=True, help="One more before, which does not count.")
@click.option("--out", type=FOLDER, default=DEFAULT_OUT, metavar="DIR", help="Where the logs go (evidence/bench).")
@sentences("benchmarks", MainJobError)
def main_job_command(runs: int, before: Path | None, warm_up: bool, out: Path) -> int:
    """Run `nox -s smoke load batch gate` again and again; write docs/timings.md and its figures."""
    for path in measure_and_publish(runs, before, out, _progress, warm_up=warm_up):
        print(path.relative_to(ROOT))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code. A termination ends children and work trees too."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return run_command(doors, argv, "python -m benchmarks")


if __name__ == "__main__":
    raise SystemExit(main())
