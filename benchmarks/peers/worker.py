"""A Python runner in a separate process: `python -m benchmarks.peers.worker RUNNER BODY OUT`.

Each line of input is one lap from the body, in memory, to a durable file; each answer is one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Export = Callable[[bytes], Path]


def runner(name: str, body: bytes, out: Path) -> Export:
    """Return what exports a body by a runner's name; KeyError where there is none. Only that runner is imported."""
    if name == "ours":
        return _ours(body, out)
    if name.startswith("disk"):
        return _disk(out)
    if name == "joined rows":
        return _joined(body, out)
    from benchmarks.peers import csv_writers, pdf_writers  # noqa: PLC0415 - see above

    writers: dict[str, Callable[[bytes, Path], None]] = {
        "csv.DictWriter": csv_writers.dict_writer,
        "csv.writer": csv_writers.plain_writer,
        "pyarrow": csv_writers.pyarrow,
        "polars": csv_writers.polars,
        "DuckDB": csv_writers.duckdb,
        "reportlab platypus": pdf_writers.platypus_pdf,
        "reportlab canvas": pdf_writers.canvas_pdf,
        "fpdf2": pdf_writers.fpdf2_pdf,
        "pydyf": pdf_writers.pydyf_pdf,
        "hand-made": pdf_writers.limit_pdf,
    }
    write = writers[name]

    def export(sent: bytes) -> Path:
        write(sent, out)
        return out

    return export


def _ours(body: bytes, out: Path) -> Export:
    from service.jobs.pipeline import export_body  # noqa: PLC0415
    from service.pdf import fonts  # noqa: PLC0415

    if b'"format": "pdf"' in body[:100]:
        fonts.warm_up()
    folder = out.parent / f"{out.name}-ours"
    folder.mkdir(exist_ok=True)
    return lambda sent: folder / export_body(sent, folder).name


def _disk(out: Path) -> Export:
    """Write the bytes of a finished export again: what no writer can be quicker than."""
    from benchmarks.peers.publishing import publish  # noqa: PLC0415

    finished = out.with_suffix(".finished").read_bytes()

    def export(_: bytes) -> Path:
        publish(out, [finished])
        return out

    return export


def _joined(body: bytes, out: Path) -> Export:
    from benchmarks.peers import csv_writers  # noqa: PLC0415

    decoded = json.loads(body)["data"]

    def export(_: bytes) -> Path:
        csv_writers.joined(decoded, out)
        return out

    return export


def main(name: str, body_path: Path, out: Path) -> None:
    """Answer each line until the input ends."""
    body = body_path.read_bytes()
    export = runner(name, body, out)
    _say({"ready": True})
    for _ in sys.stdin:
        try:
            began, cpu_began = time.perf_counter(), time.process_time()
            file = export(body)
            wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        except Exception as error:  # whatever a library raises, its runner has no data
            _say({"error": f"{type(error).__name__}: {str(error)[:300]}"})
        else:
            _say({"wall_s": wall_s, "cpu_s": cpu_s, "file": str(file)})


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
