"""One export from its body to its finished file: what a worker runs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from service import memory, order, rows
from service.csv_writer import write_csv
from service.files import PartFile
from service.pdf_writer import write_pdf


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs; it can be pickled and holds no open handles."""

    order: order.Order
    """The checked request."""
    folder: Path
    """The exports folder."""
    name: str
    """The final file name."""
    made_at: str
    """Time of making, ISO 8601, as the first page of a PDF shows it."""
    body: bytes | Path
    """The request body, or the spool file that holds it."""
    guard_formulas: bool = False
    """Put ' before CSV cells that a spreadsheet would run."""
    database: Path | None = None
    """SQLite file of a source."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A finished export."""

    name: str
    file_bytes: int
    """Size of the file."""
    records: int
    memory_bytes: int
    """Peak memory that the export added to its process."""


def run(job: Job) -> Done:
    """Write one export's file and publish it; OSError, files.Cancelled or sources.SourceError when that fails.

    No file is left behind on any error.
    """
    held = len(job.body) if isinstance(job.body, bytes) else 0
    with memory.Peak() as peak, PartFile(job.folder, job.name) as out, order.opened(job.body) as body:
        ask = job.order
        assert ask.records is not None
        parts = rows.slices(order.data_of(body))
        if ask.format == "csv":
            records = write_csv(out, ask.columns, parts, guard_formulas=job.guard_formulas)
        else:
            records = write_pdf(
                out,
                ask.columns,
                parts,
                title=ask.title,
                user=ask.user,
                made_at=job.made_at,
                records=ask.records,
            )
        size = out.publish()
    return Done(name=job.name, file_bytes=size, records=records, memory_bytes=peak.added_bytes + held)
