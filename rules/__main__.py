"""The door: `python -m rules`. See `--help`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from assertions.records import write_one
from rules.check import Inputs, check_all
from rules.report import summary, text_report

HERE: Final = Path(__file__).parent
EXIT_OK, EXIT_FAILED, EXIT_NO_VERDICT = 0, 1, 2

DESCRIPTION: Final = """\
Check the alert rules: promtool's syntax check, lint and unit tests, and two checks that promtool lacks:

  rule coverage  each alert has, for each severity, a case in which it fires and one in which it keeps silent; the
                 tests name only alerts that exist, and test this rule file
  expressions    metrics, labels and label values are the contract's; counters are read through rate(), gauges are
                 not; histogram_quantile() gets its buckets; the sides of an operation can match

promtool is looked for in $PROMTOOL, on PATH and in the user's cache folder; else it is fetched there by apt, without
root (Debian, Ubuntu).
"""
EPILOG: Final = """\
exit codes:
  0  all checks passed
  1  a check failed
  2  no verdict: promtool can't be had, or an input is missing or malformed

examples:
  python -m rules
  python -m rules check --metrics metrics_snapshot.txt --out evidence/export
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks, print one line each, write the results to `--out`; return the exit code."""
    options = _parser().parse_args(argv)
    checked = check_all(Inputs(rules=options.rules, tests=options.tests, metrics=options.metrics), os.environ)
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
    parser.add_argument("command", nargs="?", choices=["check"], default="check", help="what to do (default: check)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write promtool_results.txt and promtool.json here (default: nowhere)"
    )
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", default=HERE / "export.yml", help="the rule file (default: ours)"
    )
    parser.add_argument(
        "--tests", type=Path, metavar="FILE", default=HERE / "export.test.yml", help="its unit tests (default: ours)"
    )
    parser.add_argument(
        "--metrics", type=Path, metavar="FILE", help="also check a metrics page, as a target served it in text format"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
