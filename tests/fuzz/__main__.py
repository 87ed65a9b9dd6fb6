"""Fuzz the service: any requests and bodies, on one service whose memory is watched.

Schemathesis with all its checks on /openapi.json, then raw HTTP and bodies. Writes OUT/fuzz.json.
Exit codes: 0 nothing was found; 1 a finding: a 5xx, an answer that is not documented, an answer of the wrong shape,
memory that grew by 20 MB; 2 wrong options, or schemathesis is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.strategies import SearchStrategy

from service.settings import VERSION
from tests.fuzz.properties import bodies, check_body, check_raw, raw_requests
from tests.service.helpers import Running, running

ROOT = Path(__file__).resolve().parents[2]
OUT = Path("evidence/fuzz")
PROGRAM = Path(sys.executable).with_name("schemathesis")
PAGE = ROOT / "docs" / "faults.md"
KEPT = re.compile(r"(<!-- fuzz -->\n).*(<!-- /fuzz -->)", re.DOTALL)
WARM_UP = 20
"""Examples a call before memory is read first: caches, fonts, and the workers' own heaps are filled."""
GROWTH_MOST_BYTES = 20_000_000
SCHEMATHESIS_S = 1_200


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz a service and write what was counted."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="about 10,000 cases in place of 2,500")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random cases (default: 1)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder of fuzz.json (default: {OUT})")
    parser.add_argument("--publish", action="store_true", help="write the figures into docs/faults.md too")
    asked = parser.parse_args(argv)
    if not PROGRAM.is_file():
        parser.error("schemathesis is not installed here; run `nox -s fuzz`")
    start = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - start:6.0f} s  {what}", flush=True)

    say(f"seed {asked.seed}, {'full' if asked.full else 'short'} form; warm-up")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        database = folder / "d.sqlite"
        sqlite3.connect(database).executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'), (2, NULL);"
        ).connection.close()
        # retired workers would be no growth, so none is
        with running("--database", str(database), "--recycle-after", "0", exports=folder / "e") as service:
            schemathesis(service, folder, asked.seed + 1, WARM_UP)
            own(service, raw_requests(), check_raw, asked.seed + 1, WARM_UP)
            own(service, bodies(), check_body, asked.seed + 1, WARM_UP)
            before = memory_of(service)
            say("schemathesis")
            code, counts = schemathesis(service, folder, asked.seed, 1_000 if asked.full else 150)
            each = 1_500 if asked.full else 500
            say(f"raw HTTP: {each} cases")
            raw, raw_found = own(service, raw_requests(), check_raw, asked.seed, each)
            say(f"bodies: {each} cases")
            body, body_found = own(service, bodies(), check_body, asked.seed, each)
            grown = memory_of(service) - before
            healthy = service.get("/health").status == 200
            stopped = service.stop()
    statuses = {name: count for name, count in counts.items() if name.isdigit()}
    found = {
        "5xx": sum(count for name, count in statuses.items() if name.startswith("5")),
        "undocumented": sum(count for name, count in counts.items() if name.startswith("undocumented")),
        "schemathesis failures": int(code != 0),
        "raw HTTP": len(raw_found),
        "bodies": len(body_found),
        "memory grew by 20 MB": int(grown > GROWTH_MOST_BYTES),
        "service lost": int(not healthy or stopped != 0),
    }
    cases = {"schemathesis": sum(statuses.values()), "raw HTTP": sum(raw.values()), "bodies": sum(body.values())}
    document = {
        "schema": 1, "version": VERSION, "seed": asked.seed, "full": asked.full, "cases": cases,
        "statuses": {"schemathesis": statuses, "raw HTTP": dict(raw), "bodies": dict(body)}, "found": found,
        "memory_growth_bytes": grown, "seconds": round(time.monotonic() - start),
    }  # fmt: skip
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "fuzz.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if asked.publish:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(KEPT.sub(lambda kept: f"{kept[1]}{table(document)}{kept[2]}", text), encoding="utf-8")
    for line in [name for name in counts if name.startswith("undocumented")] + raw_found + body_found:
        print(line)
    print(json.dumps(document, indent=1))
    wrong = [f"{name} {count}" for name, count in found.items() if count]
    print(f"{sum(cases.values()):,} cases: {', '.join(wrong) or 'nothing found'}; written to {asked.out / 'fuzz.json'}")
    return 1 if any(found.values()) else 0


def table(document: dict[str, Any]) -> str:
    """The figures as Markdown."""
    form = "full" if document["full"] else "short"
    lines = [
        f"Version {document['version']}, {form} form, seed {document['seed']}, {document['seconds']:,} s:",
        "",
        "| | cases | by status |",
        "|---|---|---|",
    ]
    for part, cases in document["cases"].items():
        statuses = ", ".join(f"{count:,} of {status}" for status, count in sorted(document["statuses"][part].items()))
        lines.append(f"| {part} | {cases:,} | {statuses} |")
    found = ", ".join(f"{name} {count:,}" for name, count in document["found"].items())
    grown = document["memory_growth_bytes"] / 1e6
    return "\n".join([*lines, "", f"Must be 0: {found}. Memory of the service: {grown:+.1f} MB.", ""])


def schemathesis(service: Running, folder: Path, seed: int, examples: int) -> tuple[int, Counter[str]]:
    """Run schemathesis; its exit code and its counts. What it says is shown where something was found."""
    counts = folder / "counts.json"
    words: tuple[str, ...] = (
        "run", f"{service.url}/openapi.json", "--checks", "all", "--seed", str(seed), "--max-examples", str(examples),
        "--continue-on-failure", "--warnings", "off", "--suppress-health-check", "all",
    )  # fmt: skip
    environment = {
        **os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.counting", "FUZZ_COUNTS": str(counts), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        [PROGRAM, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SCHEMATHESIS_S,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    return done.returncode, Counter(json.loads(counts.read_bytes()))


def own(
    service: Running,
    strategy: SearchStrategy[bytes],
    check: Callable[[Running, bytes, Counter[str]], None],
    seed: int,
    examples: int,
) -> tuple[Counter[str], list[str]]:
    """Check so many examples; their answers by status, and a sentence for what was found."""
    counts: Counter[str] = Counter()

    @seeded(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def each(sent: bytes) -> None:
        check(service, sent, counts)

    try:
        each()
    except (AssertionError, OSError, ValueError) as error:
        return counts, [f"{type(error).__name__}: {error}"[:1_000], *getattr(error, "__notes__", [])]
    return counts, []


def memory_of(service: Running) -> int:
    """The private memory of the service's processes, in bytes."""
    process = psutil.Process(service.process.pid)
    return sum(one.memory_full_info().uss for one in [process, *process.children(recursive=True)])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended on the way out
    sys.exit(main())
