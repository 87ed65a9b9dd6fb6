"""False positives: the healthy embedded service, judged repeatedly while a process keeps one core busy.

`python -m tests.steady [N]` uses the quick profiles; `--full` the real ones. Exit 0 only when all were GREEN.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ("smoke", "load", "batch")
LONGEST_RUN_S = 600


def main(argv: Sequence[str] | None = None) -> int:
    """Judge N times; print each colour and, of those that were not GREEN, why."""
    parser = argparse.ArgumentParser(prog="python -m tests.steady", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=20, metavar="N", help="how often (default: 20)")
    parser.add_argument("--full", action="store_true", help="the real load profiles, not the quick ones")
    parser.add_argument("--calm", action="store_true", help="without the busy neighbour")
    options = parser.parse_args(argv)
    alarms = 0
    for number in range(1, options.runs + 1):
        start = time.monotonic()
        headline, reasons = _judge(options.full, not options.calm)
        alarms += headline.split(":")[0].split(",")[0] != "GREEN"
        print(f"{number}/{options.runs}: {headline} ({time.monotonic() - start:.0f} s)", flush=True)
        for reason in reasons:
            print(f"    {reason}", flush=True)
    print(f"{options.runs - alarms} of {options.runs} GREEN")
    return 1 if alarms else 0


def _judge(full: bool, busy: bool) -> tuple[str, list[str]]:
    """One run: (headline, what stood against GREEN)."""
    words = [sys.executable, "-m", "evidence", "run", *SCENARIOS]
    if not full:
        words += ["--profiles", "tests/targets/profiles"]
    # it ends by itself should this process be killed
    spin = f"import time; end = time.monotonic() + {LONGEST_RUN_S}\nwhile time.monotonic() < end: pass"
    neighbour = subprocess.Popen([sys.executable, "-c", spin]) if busy else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "evidence"
            subprocess.run(
                [*words, "--out", str(out)], cwd=ROOT, capture_output=True, timeout=LONGEST_RUN_S, check=False
            )
            reported = json.loads((out / "verdict.json").read_bytes())
    finally:
        if neighbour is not None:
            neighbour.kill()
            neighbour.wait()
    against = [
        f"{verdict['scenario']}/{verdict['id']}: {verdict['judgement']['status']}, {verdict['judgement']['reason']}"
        for verdict in reported.get("verdicts", [])
        if verdict["judgement"]["status"] != "PASS"
    ]
    return reported["headline"], against


if __name__ == "__main__":
    raise SystemExit(main())
