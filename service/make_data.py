"""`python -m service make-data`: a SQLite database of made-up orders for exports with `source`."""

from __future__ import annotations

import argparse
import contextlib
import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.errors import ServiceError

CITIES = ("İstanbul", "Ankara", "Αθήνα", "Київ", "London", "東京", "São Paulo", "Łódź")
STATES = ("new", "paid", "shipped", "returned")
START = datetime(2026, 1, 1, tzinfo=UTC)


class MakeDataError(ServiceError):
    """The database can't be made; the message is one sentence."""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="export-at-scale serve make-data",
        description="Make a SQLite database with one table of made-up orders, the same for the same seed.",
        epilog='Then: export-at-scale serve --database FILE, and {"format": "csv", "columns": ["id", "customer"], '
        '"source": {"table": "orders"}}.',
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="where to make it; must not exist yet")
    parser.add_argument("--records", metavar="N", type=int, default=1_000_000, help="how many (default 1000000)")
    parser.add_argument("--table", metavar="NAME", default="orders", help="name of the table (default orders)")
    parser.add_argument("--seed", metavar="N", type=int, default=17, help="of the random numbers (default 17)")
    return parser


def generate_orders(count: int, seed: int) -> Iterator[tuple[int, str, str, float, int, str, str | None]]:
    """Orders: id, customer, city, amount, quantity, ordered_at, note."""
    pick = random.Random(seed)  # the same data for everybody
    for number in range(1, count + 1):
        yield (
            number,
            f"Customer {pick.randrange(100_000)}",
            pick.choice(CITIES),
            pick.randrange(100, 1_000_000) / 100,
            pick.randrange(1, 20),
            (START + timedelta(seconds=31 * number)).isoformat(),
            None if number % 3 else pick.choice(STATES),
        )


def make_database(file: Path, count: int, table: str, seed: int) -> None:
    """Write the database; MakeDataError when the file exists or can't be written."""
    if count < 0:
        raise MakeDataError("--records must be 0 or more")
    try:
        if file.exists():
            raise MakeDataError(f"{file} exists already; choose another name or remove it")
    except OSError as error:
        raise MakeDataError(f"can't write {str(file)[:100]}: {error.strerror}") from None
    name = '"' + table.replace('"', '""') + '"'
    try:
        connection = sqlite3.connect(file)
        with contextlib.closing(connection), connection:
            connection.execute(
                f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, customer TEXT, city TEXT, amount REAL, "
                "quantity INTEGER, ordered_at TEXT, note TEXT)"
            )
            connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?, ?)", generate_orders(count, seed))
    except (sqlite3.Error, UnicodeError) as error:
        file.unlink(missing_ok=True)
        raise MakeDataError(f"can't write {file}: {error}") from None


def run(argv: Sequence[str]) -> str:
    """Make what the arguments ask for; a sentence on what was made."""
    given = build_parser().parse_args(argv)
    make_database(given.file, given.records, given.table, given.seed)
    return f"{given.file}: table {given.table} with {given.records} records"
