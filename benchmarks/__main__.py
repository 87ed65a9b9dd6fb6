"""The benchmarks' command line: `python -m benchmarks bench|rates|publish|profile`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from assertions.console import run_command, sentences
from assertions.record.files import write_one
from benchmarks.http_service import ROOT
from benchmarks.regression.gate import BLOCKS, judge, measure
from benchmarks.regression.rates import RUNS, measure_rates
from benchmarks.regression.text import comparison_text, rates_text
from benchmarks.regression.trees import NoSuchRevision, commit_of, worktree

DEFAULT_OUT = ROOT / "evidence" / "bench"
FOLDER = click.Path(file_okay=False, path_type=Path)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@click.group()
def doors() -> None:
    """Speed and memory of the export service and of the harness."""


@doors.command("bench")
@click.option("--against", metavar="REV", help="Compare the working tree with a revision, side by side, and judge.")
@click.option("--full", is_flag=True, help="All sizes up to a million records (some 20 minutes).")
@click.option("--blocks", type=click.IntRange(2, 16), default=BLOCKS, show_default=True, help="With --against.")
@click.option("--out", type=FOLDER, default=DEFAULT_OUT, metavar="DIR", help="Where results go (evidence/bench).")
@sentences("benchmarks", NoSuchRevision)
def bench_command(against: str | None, full: bool, blocks: int, out: Path) -> int:
    """Run the benchmarks and print their table."""
    out.mkdir(parents=True, exist_ok=True)
    if against is not None:
        return _against(against, full=full, blocks=blocks, out=out)
    return 0


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
@click.option("--runs", type=click.IntRange(1), default=RUNS, show_default=True)
@click.option("--out", type=FOLDER, default=DEFAULT_OUT, metavar="DIR", help="Where rates.json goes (evidence/bench).")
@sentences("benchmarks", NoSuchRevision, ValueError)
def rates_command(revision: str, runs: int, out: Path) -> int:
    """Measure how often --against errs: runs without a change, and with a planted one."""
    out.mkdir(parents=True, exist_ok=True)
    rates = measure_rates(revision, out / "rates_raw.jsonl", runs=runs, progress=_progress)
    write_one(out / "rates.json", rates)
    print(rates_text(rates))
    return 0 if rates.good else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_command(doors, argv, "python -m benchmarks")


if __name__ == "__main__":
    raise SystemExit(main())
