"""The command: `python -m rules`. See `--help`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from assertions.console import guard_output
from assertions.limits import DEFAULT_PATH, LimitsError, load
from assertions.record.files import write_one
from rules.building.build import DOCS, RULES_NAME, build_rules, build_tests, companion_of
from rules.check import Checked, Inputs, check_all
from rules.promtool import find
from rules.proving.mutation import report, run_mutants
from rules.proving.replay import ALERTS, replay, table_text
from rules.records import RulesError
from rules.report import summary, text_report

HERE: Final = Path(__file__).parent
OUR_RULES: Final = HERE / RULES_NAME
OUR_TESTS: Final = HERE / companion_of(RULES_NAME)
EXIT_OK, EXIT_FAILED, EXIT_NO_VERDICT = 0, 1, 2

DESCRIPTION: Final = """\
  check  (default) promtool's syntax check, lint and unit tests of the alert rules, and what promtool lacks:

         rule coverage   each alert has, for each severity, a case in which it fires and one in which it keeps
                         silent; the tests name only alerts that exist, and test this rule file
         expressions     metrics, labels and label values are the contract's; counters are read through rate(),
                         gauges are not; histogram_quantile() gets its buckets; the sides of an operation can match
         series offered  with --metrics: each series that a rule asks for is on that page; no bucket is there twice

  mutate change every comparison, number, window, `for`, matcher and metric name of every rule, one at a time: each
         change must make a unit test fail

  replay play the samples that a Prometheus recorded in FOLDER through the rules, as they are and with faults put into
         them; prints and writes alerts.json: each alert with its tests, mutants and seconds to fire

  build  write the rule file and its tests from their templates and a limits file

promtool is looked for in $PROMTOOL, on PATH and in the user's cache folder; else it is fetched there by apt, without
root (Debian, Ubuntu).
"""
EPILOG: Final = """\
exit codes:
  0  all checks passed, or the files were written
  1  a check failed
  2  no verdict: promtool can't be had, or an input is missing or malformed

examples:
  python -m rules
  python -m rules check --metrics metrics_snapshot.txt --out evidence/export
  python -m rules check --rules theirs.yml --tests theirs.test.yml
  python -m rules build --limits mine.toml --out deploy/export.yml
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    guard_output()
    parser = _parser()
    options = parser.parse_args(argv)
    if options.limits is not None and (options.rules or options.tests):
        parser.error("--limits builds our rules from that file, so --rules and --tests can't be given with it")
    if options.tests is not None and options.rules is None:
        options.rules = OUR_RULES
    try:
        if options.command == "mutate":
            return _mutate(options)
        if options.command == "replay":
            return _replay(options, parser)
        return _build(options, parser) if options.command == "build" else _check(options)
    except (RulesError, LimitsError) as error:
        print(f"rules: no verdict: {error}", file=sys.stderr)
        return EXIT_NO_VERDICT


def _build(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if options.rules or options.tests or options.metrics:
        parser.error("build takes --limits and --out only")
    if options.limits is not None and options.out is None:
        parser.error("build --limits FILE needs --out FILE, so that our own files keep the default limits")
    written = _write_rules(options.limits, OUR_RULES if options.out is None else options.out, options.docs)
    print(f"wrote {written[0].name} and {written[1].name}")
    return EXIT_OK


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


def _mutate(options: argparse.Namespace) -> int:
    rules = OUR_RULES if options.rules is None else options.rules
    tests = rules.with_name(companion_of(rules.name)) if options.tests is None else options.tests
    results = run_mutants(rules, tests, find())
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_one(options.out / "mutation.json", results)
    print(report(results))
    return EXIT_OK if results.ok else EXIT_FAILED


def _replay(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if options.folder is None:
        parser.error("replay needs the FOLDER of a recorded scenario, such as evidence/export/load")
    rules = OUR_RULES if options.rules is None else options.rules
    tests = rules.with_name(companion_of(rules.name)) if options.tests is None else options.tests
    table = replay(options.folder, rules, tests, find())
    write_one(options.folder / ALERTS, table)
    print(table_text(table))
    return EXIT_OK if table.ok else EXIT_FAILED


def _check(options: argparse.Namespace) -> int:
    if options.limits is not None:
        with tempfile.TemporaryDirectory(prefix="rules-") as made:
            folder = Path(made) if options.out is None else options.out / "rules"
            rules, tests = _write_rules(options.limits, folder / RULES_NAME)
            return _report(check_all(Inputs(rules=rules, tests=tests, metrics=options.metrics), os.environ), options)
    rules, ours = (OUR_RULES, True) if options.rules is None else (options.rules, False)
    if options.tests is not None:
        tests = options.tests
    else:
        tests = OUR_TESTS if ours else rules.with_name(companion_of(rules.name))
    ours = ours or rules.resolve() == OUR_RULES
    checked = check_all(Inputs(rules=rules, tests=tests, metrics=options.metrics, ours=ours), os.environ)
    return _report(checked, options)


def _report(checked: Checked, options: argparse.Namespace) -> int:
    results = checked.results
    if options.out is not None:
        try:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "promtool_results.txt").write_text(text_report(results), encoding="utf-8")
            write_one(options.out / "promtool.json", results)
        except OSError as error:
            print(f"rules: the results can't be written to {options.out}: {error.strerror}", file=sys.stderr)
            return EXIT_NO_VERDICT
    if results.version is not None:
        print(f"promtool {results.version}")
    print(summary(results))
    if checked.unjudged is not None:
        print(f"rules: no verdict: {checked.unjudged}", file=sys.stderr)
        return EXIT_NO_VERDICT
    return EXIT_OK if results.ok else EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rules",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=["check", "build", "mutate", "replay"],
        default="check",
        help="what to do (default: check)",
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="replay: the folder of a recorded load scenario"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="check: the folder for promtool_results.txt, promtool.json, and with --limits the rules built from them, "
        "in rules/ (default: nowhere); "
        "build: the rule file, its tests go into the same folder (default: ours, from the default limits)",
    )
    parser.add_argument(
        "--limits", type=Path, metavar="FILE", help="build, or check, our rules with the bounds of this limits file"
    )
    parser.add_argument(
        "--docs", default=DOCS, metavar="URL", help=f"build: the page that each runbook_url leads to (default: {DOCS})"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="check: the rule file (default: ours)")
    parser.add_argument(
        "--tests",
        "--rules-tests",
        type=Path,
        metavar="FILE",
        help="check: its unit tests (default: NAME.test.yml for NAME.yml, in the same folder)",
    )
    parser.add_argument(
        "--metrics",
        type=Path,
        metavar="PAGE",
        help="check: also a metrics page as served (text format): its form, and whether it offers what the rules read",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
