"""What a profiler looks at: `python -m benchmarks.probes.profiled SERIES RECORDS FOLDER TIMES`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.probes.series import series_work


def main(series: str, records: int, folder: Path, times: int) -> None:
    """Do a piece of work `times` times."""
    work = series_work(series, records, folder)
    for _ in range(times):
        if work().records != records:
            raise SystemExit(f"expected {records} records")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
