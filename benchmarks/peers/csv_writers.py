"""CSV from a request body by others: what the libraries offer, each as its documentation shows it.

The libraries are imported when they are used, so that a process holds only the one it measures.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

import msgspec

from benchmarks.peers.publishing import move, publish, publish_written
from benchmarks.records import COLUMNS, Cell

Row = dict[str, Cell]


def dict_writer(body: bytes, path: Path) -> None:
    """Write by json.loads and csv.DictWriter."""
    asked = json.loads(body)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, asked["columns"])
        writer.writeheader()
        writer.writerows(asked["data"])
        file.flush()
        os.fsync(file.fileno())
    move(part, path)


def plain_writer(body: bytes, path: Path) -> None:
    """Write by json.loads and csv.writer over tuples."""
    asked = json.loads(body)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(asked["columns"])
        writer.writerows(map(itemgetter(*asked["columns"]), asked["data"]))
        file.flush()
        os.fsync(file.fileno())
    move(part, path)


def pyarrow(body: bytes, path: Path) -> None:
    """Write by msgspec, a pyarrow.Table and pyarrow.csv."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv as arrow_csv  # noqa: PLC0415

    asked = msgspec.json.decode(body)
    part = path.with_suffix(".part")
    table = pa.Table.from_pylist(asked["data"]).select(asked["columns"])
    arrow_csv.write_csv(table, str(part), arrow_csv.WriteOptions(quoting_style="needed"))
    publish_written(part, path)


def polars(body: bytes, path: Path) -> None:
    """Write by msgspec, a polars.DataFrame and its write_csv."""
    import polars as pl  # noqa: PLC0415

    asked = msgspec.json.decode(body)
    part = path.with_suffix(".part")
    pl.DataFrame(asked["data"]).select(asked["columns"]).write_csv(part, line_terminator="\r\n")
    publish_written(part, path)


def duckdb(body: bytes, path: Path) -> None:
    """Write by DuckDB's own JSON reader, from a spool file, and COPY."""
    import duckdb as db  # noqa: PLC0415

    spool, part = path.with_suffix(".json"), path.with_suffix(".part")
    spool.write_bytes(body)
    columns = ", ".join(f"r.{name}" for name in msgspec.json.decode(body, type=_Head).columns)
    with db.connect() as connection:
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(
            f"COPY (SELECT {columns} FROM (SELECT unnest(data) AS r FROM read_json('{spool}', format = 'unstructured', "
            f"maximum_object_size = {2 * len(body) + 1_000_000}))) TO '{part}' (FORMAT csv, HEADER)"
        )
    spool.unlink()
    publish_written(part, path)


class _Head(msgspec.Struct):
    columns: tuple[str, ...]


def joined(decoded: Sequence[Row], path: Path) -> None:
    """Write rows that are decoded already, ','.join of their cells' str: the limit without quoting in Python."""
    publish(path, _joined(decoded))


def _joined(decoded: Sequence[Row]) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    for first in range(0, len(decoded), 1_000):
        lines = [",".join(map(str, row.values())) for row in decoded[first : first + 1_000]]
        yield ("\r\n".join(lines) + "\r\n").encode()
