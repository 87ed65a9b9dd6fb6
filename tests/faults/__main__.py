"""Make faults on purpose, in the service and around the harness: `python -m tests.faults [--long] [NAME...]`.

Writes faults.json and faults.md. Exit code 1 where something was wrong.
"""

from __future__ import annotations

import argparse
import platform
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from service.settings import VERSION
from tests.faults import formulas, harness, service_kills, service_limits
from tests.faults.outcomes import Fault, Options, broken, document, make, table

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
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these faults, by a part of their name")
    parser.add_argument("--long", action="store_true", help="200 kills, 56 bad targets, 30 interrupts, 500 tampers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--publish", action="store_true", help="write the table into docs/faults.md too")
    asked = parser.parse_args(argv)
    options = Options(long=asked.long, seed=asked.seed)
    print(f"seed {options.seed}, {'long' if options.long else 'short'} form", flush=True)
    outcomes = []
    for fault in FAULTS:
        if asked.names and not any(name in fault.name for name in asked.names):
            continue
        outcome = make(fault, options)
        outcomes.append(outcome)
        print(f"{outcome.word:8}{outcome.seconds:6.1f} s  {fault.side}: {fault.name}", flush=True)
        for detail in outcome.counted.details if outcome.counted else (outcome.missing or "",):
            print(f"    {detail}", flush=True)
    seconds = sum(outcome.seconds for outcome in outcomes)
    facts = {
        "version": VERSION,
        "python": platform.python_version(),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(seconds),
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "faults.json").write_text(document(outcomes, options, facts), encoding="utf-8")
    (asked.out / "faults.md").write_text(f"# Faults\n\n{table(outcomes)}", encoding="utf-8")
    if asked.publish:
        text = PAGE.read_text(encoding="utf-8")
        form = "long" if options.long else "short"
        head = f"Version {VERSION}, Python {facts['python']}, {form} form, seed {options.seed}, {seconds:.0f} s.\n\n"
        PAGE.write_text(KEPT.sub(lambda found: f"{found[1]}{head}{table(outcomes)}{found[2]}", text), encoding="utf-8")
    print(f"{table(outcomes)}\n{len(outcomes)} faults in {seconds:.0f} s, {len(broken(outcomes))} broken: {asked.out}")
    return 1 if broken(outcomes) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended on the way out
    sys.exit(main())
