"""Exports from a database."""

from __future__ import annotations

import csv
import http.client
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest

from tests.processes import Ended, run_module, wait_until
from tests.service.helpers import TIMEOUT_S, Running, assert_identity, encoded, running, sample

pytestmark = pytest.mark.e2e

NASTY = 'we"ird table; DROP TABLE plain'


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with an index, one with a hostile name, one without row ids, a view."""
    path = tmp_path_factory.mktemp("db") / "data base?.sqlite"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE plain (id INTEGER, name TEXT, price REAL, raw BLOB)")
        connection.execute("CREATE INDEX by_name ON plain (name)")
        connection.executemany(
            "INSERT INTO plain VALUES (?, ?, ?, ?)",
            ((n, f"n{9_999 - n:04}", n / 4 if n % 2 else None, b"\x00\xff") for n in range(2_500)),
        )
        quoted = NASTY.replace('"', '""')
        connection.execute(f'CREATE TABLE "{quoted}" ("se""lect" TEXT, rowid INTEGER)')
        connection.execute(f'INSERT INTO "{quoted}" VALUES (?, ?)', ("a,b", 1))
        connection.execute("CREATE TABLE keyed (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID")
        connection.executemany("INSERT INTO keyed VALUES (?, ?)", [("b", "2"), ("a", "1")])
        connection.execute("CREATE TABLE made (a INT, b INT AS (a * 2) VIRTUAL, c INT AS (a * 3) STORED)")
        connection.execute("INSERT INTO made (a) VALUES (5)")
        connection.execute("CREATE TABLE words (w TEXT)")
        connection.execute("INSERT INTO words VALUES (CAST(x'ff' AS TEXT)), ('ok')")
        connection.execute("CREATE VIEW seen AS SELECT name FROM plain WHERE id < 3")
    connection.close()
    return path


@pytest.fixture(scope="module")
def service(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with that database."""
    with running("--database", str(database), exports=tmp_path_factory.mktemp("src") / "exports") as one:
        yield one


def rows_of(data: bytes) -> list[list[str]]:
    """The CSV's rows."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_a_table_comes_whole_and_in_order(service: Running) -> None:
    """All records in the table's order, even where an index has another; null empty, binary data as base64."""
    answer = service.run(format="csv", columns=["name", "price", "raw"], source={"table": "plain"})
    rows = rows_of(service.file(answer))
    assert answer.json()["records"] == 2_500
    assert rows[:3] == [["name", "price", "raw"], ["n9999", "", "AP8="], ["n9998", "0.25", "AP8="]]
    names = rows_of(service.file(service.run(format="csv", columns=["name"], source={"table": "plain"})))
    assert names[1:] == [[f"n{9_999 - number:04}"] for number in range(2_500)]
    assert sample(service.metrics(), "export_latency_ms_count", format="csv", size="medium") == 2


def test_limit_and_offset_cut_a_part_out(service: Running) -> None:
    """limit and offset count in the table's order; beyond the end there are no records."""
    for limit, offset, expected in (
        (3, 10, ["10", "11", "12"]),
        (0, 0, []),
        (5, 2_498, ["2498", "2499"]),
        (1, 9_999, []),
    ):
        source = {"table": "plain", "limit": limit, "offset": offset}
        answer = service.run(format="csv", columns=["id"], source=source)
        assert [row[0] for row in rows_of(service.file(answer))[1:]] == expected
        assert answer.json()["records"] == len(expected)


def test_a_pdf_takes_the_tables_columns(service: Running) -> None:
    """Without columns a PDF has all of them, and the number of pages is right from the first page on."""
    answer = service.run(format="pdf", source={"table": "plain", "limit": 120})
    pages = pypdf.PdfReader(io.BytesIO(service.file(answer))).pages
    assert len(pages) == 3
    text = pages[0].extract_text()
    assert all(word in text for word in ("id", "name", "price", "raw", "Page 1 of 3", "Records: 120", "n9999"))


def test_names_are_never_part_of_the_statement(service: Running) -> None:
    """A hostile but true table name works, with a column called rowid; nothing it says is run."""
    answer = service.run(format="csv", columns=['se"lect', "rowid"], source={"table": NASTY})
    assert rows_of(service.file(answer)) == [['se"lect', "rowid"], ["a,b", "1"]]
    assert service.run(format="csv", columns=["id"], source={"table": "plain", "limit": 1}).status == 200


def test_views_and_tables_without_row_ids_work(service: Running) -> None:
    """They come in their own order."""
    keyed = service.run(format="csv", columns=["k", "v"], source={"table": "keyed"})
    assert rows_of(service.file(keyed))[1:] == [["a", "1"], ["b", "2"]]
    seen = service.run(format="csv", columns=["name"], source={"table": "seen"})
    assert seen.json()["records"] == 3


@pytest.mark.parametrize(
    ("columns", "table", "field"),
    [
        (["id"], "nowhere", "source.table"),
        (["id"], "plain; DROP TABLE plain", "source.table"),
        (["name"], "sqlite_master", "source.table"),
        (["id", "nothing"], "plain", "columns"),
        (['id" FROM plain --'], "plain", "columns"),
    ],
)
def test_unknown_names_are_400(service: Running, columns: list[str], table: str, field: str) -> None:
    """A table or column that the schema does not have is refused, counted under the format and the user."""
    answer = service.run(format="csv", columns=columns, source={"table": table}, user="u")
    assert answer.status == 400
    assert answer.json()["error"].startswith(f"{field}:")
    assert sample(service.metrics(), "export_requests_total", format="csv", status="rejected", user="u") >= 1


def test_generated_columns_are_columns(service: Running) -> None:
    """Whether they are kept or reckoned."""
    answer = service.run(format="csv", columns=["c", "b", "a"], source={"table": "made"})
    assert rows_of(service.file(answer)) == [["c", "b", "a"], ["15", "10", "5"]]


def test_a_failed_export_does_not_keep_the_database_locked(service: Running, database: Path) -> None:
    """A text that is none breaks the export off in the middle of its reading."""
    answer = service.run(format="csv", columns=["w"], source={"table": "words"})
    assert answer.status == 500
    other = sqlite3.connect(database, timeout=0)
    other.execute("BEGIN EXCLUSIVE")
    other.rollback()
    other.close()


def test_a_database_that_goes_bad_is_a_failed_export(tmp_path: Path) -> None:
    """When the file is gone after the start, the export is 500, counted as failed by its source, without a file."""
    path = tmp_path / "d.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a TEXT)")
    connection.execute("INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")
    connection.commit()
    connection.close()
    with running("--database", str(path), exports=tmp_path / "e") as service:
        broken = service.run(format="csv", columns=["a"], source={"table": "t"})
        path.unlink()
        gone = service.run(format="csv", columns=["a"], source={"table": "t"})
        assert (broken.status, gone.status) == (500, 500)
        assert "UTF-8" in broken.json()["error"]
        page = service.metrics()
        assert sample(page, "export_fail_total", reason="source", format="csv") == 2
        assert_identity(page)
        assert list(service.exports.iterdir()) == []


def test_a_failure_names_no_path(tmp_path: Path) -> None:
    """A database that is gone is named only by its file name."""
    path = tmp_path / "secret-folder" / "d.sqlite"
    path.parent.mkdir()
    sqlite3.connect(path).executescript("CREATE TABLE t (a TEXT)").connection.close()
    with running("--database", str(path), exports=tmp_path / "e") as service:
        path.unlink()
        answer = service.run(format="csv", columns=["a"], source={"table": "t"})
        assert (answer.status, "d.sqlite" in answer.json()["error"]) == (500, True)
        assert "secret-folder" not in answer.body.decode()


def test_a_client_that_left_a_slow_query_frees_its_place(tmp_path: Path) -> None:
    """A statement that would take minutes is broken off soon after its client hung up."""
    path = tmp_path / "d.sqlite"
    numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000000000)"
    sqlite3.connect(path).executescript(f"CREATE VIEW slow AS {numbers} SELECT COUNT(*) FROM c").connection.close()
    with running("--database", str(path), "--max-concurrent", "1", exports=tmp_path / "e") as service:
        for format in ("csv", "pdf"):
            connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=TIMEOUT_S)
            body = encoded(format=format, columns=["COUNT(*)"], source={"table": "slow"})
            connection.request("POST", "/export/run", body, {"Content-Type": "application/json"})
            wait_until(lambda: service.get("/export/status").json()["concurrentExports"] == 1)
            connection.close()
            wait_until(lambda: service.get("/export/status").json()["concurrentExports"] == 0)
            assert sample(service.metrics(), "export_fail_total", reason="client_gone", format=format) == 1


def test_make_data_makes_the_same_table_each_time(tmp_path: Path) -> None:
    """The command writes the asked number of records, equal for equal seeds, and refuses to overwrite."""
    paths = [tmp_path / "one.sqlite", tmp_path / "two.sqlite"]
    for path in paths:
        made = make_data("--records", "500", str(path))
        assert (made.code, made.err) == (0, "")
    contents = []
    for path in paths:
        connection = sqlite3.connect(path)
        contents.append(connection.execute("SELECT * FROM orders").fetchall())
        connection.close()
    assert contents[0] == contents[1]
    assert len(contents[0]) == 500
    again = make_data("--records", "500", str(paths[0]))
    assert again.code == 2
    assert again.err.count("\n") == 1
    assert "exists already" in again.err


def make_data(*arguments: str) -> Ended:
    """Run the real command."""
    return run_module("service", "make-data", *arguments)
