"""One export from its body to its finished file: what a worker runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from service.cells import Chunk
from service.csv.writer import write_csv
from service.files import PRIVATE_FILE, PartFile, new_name
from service.jobs import memory
from service.pdf.writer import write_pdf
from service.request import rows
from service.request.export_request import BadRequest, BodyBuffer, ExportRequest, find_data, parse_request
from service.request.sources import SourceError, open_database


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs; it can be pickled and holds no open handles."""

    request: ExportRequest
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
    file_mode: int = PRIVATE_FILE
    """Permissions of the finished file."""
    database: Path | None = None
    """SQLite file of a source."""


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished export."""

    name: str
    file_bytes: int
    """Size of the file."""
    records: int
    memory_bytes: int
    """Peak memory that the export added to its process."""


def run_job(job: Job) -> ExportResult:
    """Write one export's file and publish it; OSError, files.Cancelled or sources.SourceError when that fails.

    No file is left behind on any error.
    """
    held = len(job.body) if isinstance(job.body, bytes) else 0
    with memory.Peak() as peak, PartFile(job.folder, job.name) as out, _records(job, out) as (columns, count, chunks):
        request = job.request
        if request.format == "csv":
            records = write_csv(out, columns, chunks, guard_formulas=job.guard_formulas)
        else:
            records = write_pdf(
                out, columns, chunks, title=request.title, user=request.user, made_at=job.made_at, records=count
            )
        size = out.publish(job.file_mode)
    return ExportResult(name=job.name, file_bytes=size, records=records, memory_bytes=peak.added_bytes + held)


def export_body(body: bytes, folder: Path, *, made_at: str = "1970-01-01T00:00:00Z") -> ExportResult:
    """Check a request body and write its file into a folder, all in this process: the service without HTTP and queue.

    Raises BadRequest where the service answers 400, else as `run_job`.
    """
    request = parse_request(body)
    return run_job(Job(request=request, folder=folder, name=new_name(request.format), made_at=made_at, body=body))


@contextmanager
def _records(job: Job, out: PartFile) -> Iterator[tuple[tuple[str, ...], int, Iterable[Chunk]]]:
    """The columns, how many records there are, and the records."""
    request = job.request
    if request.source is None:
        body = BodyBuffer(job.body)
        data, begin = find_data(body.view, request.data_at)
        chunks = rows.read_chunks(data, request.columns, done=lambda used: body.release(begin + used))
        yield request.columns, request.records or 0, chunks
    elif job.database is None:
        raise SourceError("the service was started without a database")
    else:
        with open_database(job.database, wanted=lambda: out.wanted) as database:
            try:
                columns = database.checked_columns(request.source, request.columns)
            except BadRequest as changed:
                raise SourceError(changed.sentence) from None
            # only a PDF must know the number of its pages before it begins
            count = database.count(request.source) if request.format == "pdf" else 0
            yield columns, count, database.chunks(request.source, columns)
