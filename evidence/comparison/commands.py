"""The subcommands on runs that are over: compare, history."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from assertions.console import sentences
from evidence import history
from evidence.bundle.layout import DEFAULT_OUT
from evidence.bundle.run_folder import history_of
from evidence.comparison import check, repeated, stored
from evidence.comparison.folders import (
    CompareError,
    check_baseline,
    check_files,
    common_samples,
    compare_runs,
    compared_code,
    read_recorded,
)
from evidence.comparison.page import comparison_page
from evidence.comparison.text import text
from evidence.history import HistoryError
from loadtests import options


@click.command("compare")
@click.argument("baseline", type=options.FILE, metavar="BASELINE")
@click.argument("newer", type=options.FILE, metavar="NEWER")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON, every figure in it.")
@click.option(
    "--any", "any_colour", is_flag=True, help="Take a baseline that is not GREEN; it must verify all the same."
)
@click.option(
    "--html",
    "page",
    type=options.FILE,
    metavar="FILE",
    help="Write the comparison as a page too, with the latencies of both runs by case; it needs no other file.",
)
@sentences("evidence", CompareError)
def compare_command(baseline: Path, newer: Path, as_json: bool, any_colour: bool, page: Path | None) -> int:
    """Say what got better, worse, or stays undecided between two run directories.

    Exit code 0: nothing was found worse; 1: something was; 2: they can't be compared: a file is missing or edited, the
    baseline is not GREEN, or profile, seed or limits differ.
    """
    check_baseline(baseline, any_colour)
    check_files(newer)
    before, after = read_recorded(baseline), read_recorded(newer)
    comparison = compare_runs(before, after)
    measured = f"{check.stored_line()} {repeated.stored_line()}".rstrip()
    if page is not None:
        content = comparison_page(comparison, *common_samples(before.run, after.run), measured)
        try:
            page.write_text(content, encoding="utf-8")
        except OSError as error:
            raise CompareError(f"{error.filename or page} can't be written: {error.strerror or error}") from error

    print(stored.as_json(comparison).decode() if as_json else text(comparison, measured))
    return compared_code(comparison)


@click.command("history")
@click.argument("out", type=options.FILE, default=DEFAULT_OUT, metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
@click.option("--plot", type=options.FILE, metavar="FILE", help="Draw them over time: a file ending in .png or .svg.")
@sentences("evidence", HistoryError)
def history_command(out: Path, as_json: bool, plot: Path | None) -> int:
    """List the run in a run directory and the older ones next to it: begun, subject, colour, P95s, success.

    Each run says what its own verdict says; `verify` says whether that holds.
    """
    try:
        runs, problems = history.read_history(out)
        if not runs:
            raise HistoryError(f"{out} holds no run, nor does {history_of(out)}" + "".join(f"; {p}" for p in problems))
        if plot is not None:
            history.plot(runs, plot)
    except OSError as error:
        raise HistoryError(f"{error.filename or out} can't be read or written: {error.strerror or error}") from error
    if as_json:
        print(history.as_json(runs).decode(), end="")
    else:
        Console(file=sys.stdout).print(history.table(runs))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 0
