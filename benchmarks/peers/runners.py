"""Who is measured, of which kind, and by which command."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report.types import Kind

NODE_FOLDER = Path(__file__).with_name("node")
INSTALL = "npm ci --prefix benchmarks/peers/node"
OURS = "Export@Scale"


@dataclass(frozen=True)
class Writer:
    """One way to write a file from a request body."""

    name: str
    """As the tables show it."""
    word: str
    """As its worker knows it."""
    format: str
    kind: Kind
    how: str
    most_records: int = 1_000_000
    """Larger exports are left out: they take minutes, and the speed a record is the same."""
    node: bool = False

    def command(self, body: Path, out: Path) -> Sequence[str]:
        """Return the command of its worker. NoNode."""
        if self.node:
            return [node(), str(NODE_FOLDER / "worker.mjs"), self.word, str(body), str(out)]
        return [sys.executable, "-m", "benchmarks.peers.worker", self.word, str(body), str(out)]


class NoNode(Exception):
    """Node, or what the lock file names, is not there; the message says how to get it."""


def node() -> str:
    """Return the path of Node with the peers installed. NoNode."""
    found = shutil.which("node")
    if found is None:
        raise NoNode("Node is not installed")
    if not (NODE_FOLDER / "node_modules" / "pdfkit").is_dir():
        raise NoNode(f"the Node peers are not installed: {INSTALL}")
    return found


SLOW = 10_000
WRITERS = (
    Writer(OURS, "ours", "csv", "ours", "the service's own parser and writer, in one process"),
    Writer("csv.writer", "csv.writer", "csv", "peer", "json.loads and csv.writer over tuples"),
    Writer("csv.DictWriter", "csv.DictWriter", "csv", "peer", "json.loads and csv.DictWriter"),
    Writer("pyarrow", "pyarrow", "csv", "peer", "msgspec, a Table, pyarrow.csv"),
    Writer("polars", "polars", "csv", "peer", "msgspec, a DataFrame, write_csv"),
    Writer("DuckDB", "DuckDB", "csv", "peer", "its own JSON reader on a spool file, COPY"),
    Writer("csv-stringify (Node)", "csv-stringify", "csv", "peer", "JSON.parse, its sync API", node=True),
    Writer("csv-writer (Node)", "csv-writer", "csv", "peer", "JSON.parse, createObjectCsvWriter", node=True),
    Writer("unquoted join", "joined rows", "csv", "limit", "','.join of rows decoded before; no parsing, no quoting"),
    Writer("same bytes to disk", "disk csv", "csv", "limit", "the finished file written, synced and renamed"),
    Writer(OURS, "ours", "pdf", "ours", "the service's own parser, layout and writer, in one process"),
    Writer("reportlab platypus", "reportlab platypus", "pdf", "peer", "json.loads, a Table a page", SLOW),
    Writer("reportlab canvas", "reportlab canvas", "pdf", "peer", "json.loads, drawString a cell", SLOW),
    Writer("fpdf2", "fpdf2", "pdf", "peer", "json.loads, a cell a value", SLOW),
    Writer("pydyf", "pydyf", "pdf", "peer", "msgspec, literal page streams"),
    Writer("pdfkit (Node)", "pdfkit", "pdf", "peer", "JSON.parse, a text call a cell", SLOW, node=True),
    Writer("hand-made", "hand-made", "pdf", "limit", "msgspec, one literal text block a page, nothing measured"),
    Writer("same bytes to disk", "disk pdf", "pdf", "limit", "the finished file written, synced and renamed"),
)  # fmt: skip


@dataclass(frozen=True)
class Service:
    """A whole service that speaks the contract."""

    name: str
    kind: Kind
    how: str
    node: bool = False
    module: str = ""

    def command(self, folder: Path) -> Sequence[str]:
        """Return its command for an exports folder. NoNode."""
        if self.node:
            return [node(), str(NODE_FOLDER / "service.mjs"), str(folder)]
        if self.kind == "ours":
            words = ["--port", "0", "--exports", str(folder), "--max-body", "256MiB"]
            return [sys.executable, "-m", self.module, *words]
        return [sys.executable, "-m", self.module, str(folder)]


SERVICES = (
    Service(OURS, "ours", "aiohttp, a process pool, its own writers", module="service"),
    Service("Fastify (Node)", "peer", "Fastify, csv-writer, pdfkit, prom-client", node=True),
    Service(
        "FastAPI", "peer", "FastAPI, uvicorn, csv.writer, reportlab canvas", module="benchmarks.peers.fastapi_service"
    ),
)
