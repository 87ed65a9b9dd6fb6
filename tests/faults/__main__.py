"""Make faults on purpose, in the service and around the harness, and count what came of them.

Each part's outcome is written to OUT/parts as soon as the part has ended; OUT/faults.json and OUT/faults.md hold all
outcomes of the same seed and form. An outcome is held (every count that must be 0 is 0), BROKEN, or NO DATA with the
reason.
Exit codes: 0 none is BROKEN; 1 one is BROKEN; 2 wrong options, or `--publish` lacks a part; 130 interrupted.
"""

from __future__ import annotations

import argparse
import platform
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from service.settings import VERSION
from tests.faults import formulas, harness, service_kills, service_limits
from tests.faults.kept import Kept
from tests.faults.outcomes import Fault, Options, Outcome, broken, document, make, table

OUT = Path("evidence/faults")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
KEPT = re.compile(r"(<!-- faults -->\n).*(<!-- /faults -->)", re.DOTALL)
FAULTS = (
    Fault("SIGKILL of the service", "service", "under load, at random moments", service_kills.kills),
    Fault("SIGKILL of workers", "service", "under load, one after the other", service_kills.killed_workers),
    Fault("frozen workers", "service", "SIGSTOP to all, then a stop", service_kills.frozen_workers),
    Fault("clients hang up", "service", "at random moments of their export", service_kills.hang_ups),
    Fault("full disk", "service", "a file system of 3 MB, until it is full and on", service_limits.full_disk),
    Fault("unread log", "service", "malformed requests while nobody reads stderr", service_limits.unread_log),
    Fault("slow readers", "service", "of a file of 20 MB, all at once", service_limits.slow_readers),
    Fault("idle connections", "service", "silent or half a head, at 256 open files", service_limits.idle_connections),
    Fault("formulas", "service", "cells opened by LibreOffice, with `--guard-formulas`", formulas.formulas),
    Fault("bad targets", "harness", "from a random export of the run on", harness.bad_targets),
    Fault("interrupts", "harness", "1 to 4 SIGINT, SIGTERM, SIGHUP at random moments", harness.interrupts),
    Fault("tampered records", "harness", "a number or line changed, every hash mended", harness.tampers),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the faults and write what came of them."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PART",
        help="only parts with this in their name (may be repeated): " + ", ".join(fault.name for fault in FAULTS),
    )
    parser.add_argument("--long", action="store_true", help="200 kills, 56 bad targets, 30 interrupts, 500 edits")
    parser.add_argument(
        "--resume", action="store_true", help="leave out parts that held before, with the same seed and form"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random moments and edits (default: 1)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder of the outcomes (default: {OUT})")
    parser.add_argument("--publish", action="store_true", help="write the table of all parts into docs/faults.md too")
    asked = parser.parse_args(argv)
    chosen = [fault for fault in FAULTS if not asked.only or any(part in fault.name for part in asked.only)]
    if not chosen:
        parser.error(
            f"no part has {' or '.join(map(repr, asked.only))} in its name; the parts are: "
            + ", ".join(fault.name for fault in FAULTS)
        )
    options = Options(long=asked.long, seed=asked.seed, say=lambda line: print(f"        {line}", flush=True))
    kept = Kept(asked.out / "parts", options, VERSION)
    print(f"seed {options.seed}, {'long' if options.long else 'short'} form", flush=True)
    outcomes = [_outcome(fault, options, kept, resume=asked.resume) for fault in chosen]
    there = {fault.name: kept.read(fault) for fault in FAULTS}
    known = [outcome for outcome in there.values() if outcome is not None]
    _write(asked.out, known, options)
    print(f"{table(known)}\n{_summary(outcomes)}; written to {asked.out / 'faults.md'}")
    if asked.publish:
        lacking = [name for name, outcome in there.items() if outcome is None]
        if lacking:
            print(
                f"nothing published: --publish needs an outcome of every part; missing: {', '.join(lacking)}; "
                "make these with --only PART, then publish again with --resume --publish",
                file=sys.stderr,
            )
            return 2
        _publish(known, options)
    return 1 if broken(outcomes) else 0


def _outcome(fault: Fault, options: Options, kept: Kept, *, resume: bool) -> Outcome:
    before = kept.read(fault) if resume else None
    if before is not None and before.word == "held":
        print(f"{before.word:8}{'kept':>8}  {fault.side}: {fault.name}", flush=True)
        return before
    print(f"{'...':8}{time.strftime('%H:%M:%S'):>8}  {fault.side}: {fault.name}", flush=True)
    outcome = make(fault, options)
    kept.write(fault, outcome)
    print(f"{outcome.word:8}{outcome.seconds:6.1f} s  {fault.side}: {fault.name}", flush=True)
    for detail in outcome.counted.details if outcome.counted else (outcome.missing or "",):
        print(f"    {detail}", flush=True)
    return outcome


def _summary(outcomes: Sequence[Outcome]) -> str:
    words = Counter(outcome.word for outcome in outcomes)
    return f"{len(outcomes)} parts: " + ", ".join(f"{words[word]} {word}" for word in ("held", "BROKEN", "NO DATA"))


def _seconds(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.seconds for outcome in outcomes)


def _write(out: Path, outcomes: Sequence[Outcome], options: Options) -> None:
    facts = {
        "version": VERSION,
        "python": platform.python_version(),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(_seconds(outcomes)),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "faults.json").write_text(document(outcomes, options, facts), encoding="utf-8")
    (out / "faults.md").write_text(f"# Faults\n\n{table(outcomes)}", encoding="utf-8")


def _publish(outcomes: Sequence[Outcome], options: Options) -> None:
    form = "long" if options.long else "short"
    head = (
        f"Version {VERSION}, Python {platform.python_version()}, {form} form, seed {options.seed}, "
        f"{_seconds(outcomes):,.0f} s.\n\n"
    )
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(KEPT.sub(lambda found: f"{found[1]}{head}{table(outcomes)}{found[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended on the way out
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; the outcomes of parts that had ended are kept, --resume goes on", file=sys.stderr)
        sys.exit(130)
