"""The command: `python -m rules`. See `--help`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from assertions.console import run_command, sentences
from assertions.limits import DEFAULT_PATH, LimitsError, load
from assertions.record.files import write_one
from assertions.record.results.alerts_replayed import ALERTS, AlertsReplayed
from rules.building.build import DOCS, RULES_NAME, build_rules, build_tests, companion_of
from rules.check import Checked, Inputs, check_all
from rules.promtool import find, kept_tests
from rules.proving import proof as proofs
from rules.proving.mutation import EQUIVALENT, report, run_mutants
from rules.proving.replay import replay_run
from rules.records import RulesError
from rules.report import summary, text_report
from rules.server.cache import Cache

HERE: Final = Path(__file__).parent
OUR_RULES: Final = HERE / RULES_NAME
OUR_TESTS: Final = HERE / companion_of(RULES_NAME)
EXIT_OK, EXIT_FAILED, EXIT_NO_VERDICT = 0, 1, 2

EPILOG: Final = """\
\b
exit codes:
  0  all checks passed, or the files were written
  1  a check failed
  2  no verdict: promtool can't be had, or an input is missing or malformed

\b
examples:
  export-at-scale rules
  export-at-scale rules check --metrics metrics_snapshot.txt --out evidence/export
  export-at-scale rules check --rules theirs.yml --tests theirs.test.yml
  export-at-scale rules build --limits mine.toml --out deploy/export.yml
"""


FILE: Final = click.Path(path_type=Path)
RULES: Final = click.option("--rules", type=FILE, metavar="FILE", help="The rule file (default: ours).")
TESTS: Final = click.option(
    "--tests",
    "--rules-tests",
    type=FILE,
    metavar="FILE",
    help="Its unit tests (default: NAME.test.yml for NAME.yml, in the same folder).",
)
KEPT: Final = click.option(
    "--kept", is_flag=True, help="Take promtool's outcome of unit tests that it ran before, with the same files."
)
GUARDED: Final = sentences("rules: no verdict", RulesError, LimitsError)


class _CheckFirst(click.Group):
    """A group whose command is `check` where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `check` before words that begin with no command's name."""
        if not args or (args[0] not in self.commands and args[0] not in self.get_help_option_names(ctx)):
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_CheckFirst, epilog=EPILOG)
def commands() -> None:
    """The alert rules: check them (the default), prove them, replay a run, build them from limits.

    promtool is looked for in $PROMTOOL, on PATH and in the user's cache folder; else it is fetched there by apt,
    without root (Debian, Ubuntu). A promtool 3.x in $PROMTOOL3 or that folder checks rules and tests too.
    """


@commands.command("check")
@RULES
@TESTS
@click.option("--limits", type=FILE, metavar="FILE", help="Check our rules, built with the bounds of this limits file.")
@click.option(
    "--metrics",
    type=FILE,
    metavar="PAGE",
    help="Also a metrics page as served (text format): its form, and whether it offers what the rules read.",
)
@click.option(
    "--out",
    type=FILE,
    metavar="DIR",
    help="The folder for promtool_results.txt, promtool.json, and with --limits the rules built from them "
    "(default: nowhere).",
)
@click.option("--fetch-next", is_flag=True, help="Fetch a promtool 3.x by apt too, where none is there.")
@KEPT
@GUARDED
def check(
    rules: Path | None,
    tests: Path | None,
    limits: Path | None,
    metrics: Path | None,
    out: Path | None,
    fetch_next: bool,
    kept: bool,
) -> int:
    """promtool's syntax check, lint and unit tests of the alert rules, and what promtool lacks.

    \b
    rule coverage   each alert has, for each severity, a case in which it fires and one in which it keeps
                    silent; the tests name only alerts that exist, and test this rule file
    expressions     metrics, labels and label values are the contract's; counters are read through rate(),
                    gauges are not; histogram_quantile() gets its buckets; the sides of an operation can match
    series offered  with --metrics: each series that a rule asks for is on that page; no bucket is there twice
    """
    cache = kept_tests(os.environ) if kept else None
    if limits is None:
        file, ours = (OUR_RULES, True) if rules is None else (rules, rules.resolve() == OUR_RULES)
        wanted = tests or companion(file)
        inputs = Inputs(rules=file, tests=wanted, metrics=metrics, ours=ours, fetch_next=fetch_next, cache=cache)
        return _report(check_all(inputs, os.environ), out)
    if rules or tests:
        raise click.UsageError("--limits builds our rules from that file, so no other rules or tests can be given")
    with tempfile.TemporaryDirectory(prefix="rules-") as made:
        folder = Path(made) if out is None else out / "rules"
        file, built_tests = _write_rules(limits, folder / RULES_NAME)
        inputs = Inputs(rules=file, tests=built_tests, metrics=metrics, fetch_next=fetch_next, cache=cache)
        return _report(check_all(inputs, os.environ), out)


@commands.command("build")
@click.option("--limits", type=FILE, metavar="FILE", help="Take the bounds from this limits file.")
@click.option(
    "--out", type=FILE, metavar="FILE", help="The rule file; its tests go into the same folder (default: ours)."
)
@click.option("--docs", default=DOCS, metavar="URL", help=f"The page that each runbook_url leads to (default: {DOCS}).")
@GUARDED
def build(limits: Path | None, out: Path | None, docs: str) -> int:
    """Write the rule file and its tests from their templates and a limits file."""
    if limits is not None and out is None:
        raise click.UsageError("build --limits FILE needs --out FILE, so that our own files keep the default limits")
    written = _write_rules(limits, OUR_RULES if out is None else out, docs)
    print(f"wrote {written[0].name} and {written[1].name}")
    return EXIT_OK


@commands.command("mutate")
@RULES
@TESTS
@click.option("--out", type=FILE, metavar="DIR", help="The folder for mutation.json (default: nowhere).")
@GUARDED
def mutate(rules: Path | None, tests: Path | None, out: Path | None) -> int:
    """Change every comparison, number, window, `for`, matcher and metric name of every rule, one at a time.

    Each change must make a unit test fail.
    """
    file = rules or OUR_RULES
    results = run_mutants(file, tests or companion(file), find(), _equivalent(file))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_one(out / "mutation.json", results)
    print(report(results))
    return EXIT_OK if results.ok else EXIT_FAILED


@commands.command("prove")
@RULES
@TESTS
@click.option("--out", type=FILE, metavar="DIR", help="The folder for proof.json (default: this project's own).")
@GUARDED
def prove(rules: Path | None, tests: Path | None, out: Path | None) -> int:
    """Mutate, and put faults into the samples of a recorded run: each alert must fire on its faults.

    Writes proof.json: each alert with its tests, mutants, and seconds to fire, for rules and tests of one hash.
    """
    if rules is not None and out is None:
        raise click.UsageError("prove --rules FILE needs --out DIR, so that the proof of our own rules stays")
    file = rules or OUR_RULES
    promtool = find()
    results = run_mutants(file, tests or companion(file), promtool, _equivalent(file))
    print(report(results))
    proof = proofs.prove(file, tests or companion(file), results, promtool)
    print(proofs.proof_text(proof))
    path = proofs.STORED if out is None else out / proofs.STORED.name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_one(path, proof)
    return EXIT_OK if results.ok and proof.ok else EXIT_FAILED


@commands.command("replay")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
@RULES
@TESTS
@click.option("--limits", type=FILE, metavar="FILE", help="Play our rules, built with the bounds of this limits file.")
@KEPT
@GUARDED
def replay(folder: Path, rules: Path | None, tests: Path | None, limits: Path | None, kept: bool) -> int:
    """Play the samples that a Prometheus recorded in a run through the rules, each as a minute of the rules' clock.

    DIR is a run directory, such as evidence/export. Prints each alert with the stored proof and whether it kept
    silent, and writes alerts.json there.
    """
    cache = kept_tests(os.environ) if kept else None
    replayed = _replayed(folder, rules or OUR_RULES, tests, limits, cache)
    write_one(folder / ALERTS, replayed)
    print(proofs.table_text(replayed))
    if replayed.problem is not None:
        print(f"rules: no verdict: {replayed.problem}", file=sys.stderr)
    return EXIT_OK if replayed.problem is None else EXIT_NO_VERDICT


def _replayed(
    folder: Path, rules: Path, tests: Path | None, limits: Path | None, cache: Cache | None
) -> AlertsReplayed:
    """Replay a run; what keeps that from being done is its problem. LimitsError."""
    proof, played = proofs.read(), None
    with tempfile.TemporaryDirectory(prefix="rules-") as made:
        try:
            if limits is not None:
                rules, tests = _write_rules(limits, Path(made) / RULES_NAME)
            played = proofs.hash_of(rules, tests or companion(rules))
            return replay_run(folder, rules, played, find(cache=cache), proof)
        except RulesError as error:
            return AlertsReplayed(problem=str(error), rules_sha256=played, proof=proof)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_command(commands, argv, "python -m rules")


def _equivalent(rules: Path) -> Path | None:
    """Return the list of equivalent mutants, which is of our own rules; None for any others."""
    return EQUIVALENT if rules.resolve() == OUR_RULES else None


def companion(rules: Path) -> Path:
    """Return the path of a rule file's unit tests: `NAME.test.yml` for `NAME.yml`, in the same folder."""
    return OUR_TESTS if rules == OUR_RULES else rules.with_name(companion_of(rules.name))


def _write_rules(limits_path: Path | None, file: Path, docs: str = DOCS) -> tuple[Path, Path]:
    """Write the rule file and its tests into one folder. LimitsError, or RulesError when a file can't be written."""
    limits = load(DEFAULT_PATH if limits_path is None else limits_path)
    tests = file.with_name(companion_of(file.name))
    texts = {file: build_rules(limits, file.name, docs), tests: build_tests(limits, file.name, docs)}
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RulesError(f"{path.name} can't be written: {error.strerror}") from error
    return file, tests


def _report(checked: Checked, out: Path | None) -> int:
    results = checked.results
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            (out / "promtool_results.txt").write_text(text_report(results), encoding="utf-8")
            write_one(out / "promtool.json", results)
        except OSError as error:
            print(f"rules: the results can't be written to {out}: {error.strerror}", file=sys.stderr)
            return EXIT_NO_VERDICT
    if results.version is not None:
        print(f"promtool {results.version}")
    print(summary(results))
    if checked.unjudged is not None:
        print(f"rules: no verdict: {checked.unjudged}", file=sys.stderr)
        return EXIT_NO_VERDICT
    return EXIT_OK if results.ok else EXIT_FAILED


if __name__ == "__main__":
    raise SystemExit(main())
