"""CSV: any records come back as they were sent."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.csv.writer import csv_text
from service.jobs import pipeline
from service.request import export_request

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WORDS = st.sampled_from(
    ["null", "true", "false", "a,b", 'say "hi"', "\r", "\n", "\r\n", "{", "[1]", "=1+1", "", " ", "-0"]
)
FLAT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    WORDS,
)
PLAIN = st.one_of(
    FLAT,
    st.text("ab,ş \x7f\u2028[]{}:", max_size=4),
    st.sampled_from(["],[", ",null", "[null", "nullb", "[[", "]]", "}{", '","']),
)
VALUES = st.one_of(FLAT, st.recursive(FLAT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5))
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", 'ç,"', ""]), VALUES), max_size=30)


def export(rows: list[dict[str, Any]], columns: list[str], **job: Any) -> bytes:
    """The CSV file of these records."""
    return export_body(json.dumps({"format": "csv", "data": rows, "columns": columns}, ensure_ascii=False), **job)


def export_body(body: str, **job: Any) -> bytes:
    """The CSV file of a request body."""
    with tempfile.TemporaryDirectory() as folder:
        asked = export_request.parse_request(body.encode())
        name = "export_1_aaaaaaaaa.csv"
        done = pipeline.run_job(
            pipeline.Job(request=asked, folder=Path(folder), name=name, made_at="", body=body.encode(), **job)
        )
        data = (Path(folder) / name).read_bytes()
        assert (done.file_bytes, done.records) == (len(data), asked.records)
        return data


def read(data: bytes) -> list[list[str]]:
    """What a strict reader sees."""
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def cell(value: Any) -> Any:
    """What a cell must say; nested values are compared as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return ("json", value)
    return json.dumps(value) if isinstance(value, int | float) else value


@settings(max_examples=100, deadline=None)
@given(ROWS, st.permutations(["a", "b", 'ç,"', ""]))
@example([{"a": "x"}] * 3, ["a"])
@example([{"a": ""}, {}, {"a": None}], ["a"])
@example([{"a": "\r"}, {"a": "q\rw"}], ["a", "b"])
def test_what_is_sent_is_read_back(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Header, order, every cell of every record: a strict CSV reader gets what JSON held."""
    got = read(export(rows, columns))
    assert got[0] == columns
    assert len(got) == len(rows) + 1
    for row, sent in zip(got[1:], rows, strict=True):
        for text, name in zip(row, columns, strict=True):
            wanted = cell(sent.get(name))
            if isinstance(wanted, tuple):
                assert json.loads(text) == wanted[1]
            else:
                assert text == wanted


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({}, optional={"a": PLAIN, "b": PLAIN, "c": st.integers() | st.none()}),
        min_size=1,
        max_size=50,
    )
)
def test_the_fast_way_writes_the_same_bytes_as_the_csv_module(rows: list[dict[str, Any]]) -> None:
    """Whatever the values, the file equals what csv.writer makes of the cells."""
    data = export(rows, ["a", "b", "c"])
    cells = [[str(cell(row.get(name))) for name in "abc"] for row in rows]
    assert data.decode() == csv_text([list("abc"), *cells])


@pytest.mark.parametrize(
    "number",
    ["1.50", "1E5", "1e+5", "-0", "-0.0", "9" * 30, "0.1000000000000000055511151231257827", "9" * 5_000, "1e400"],
)
@pytest.mark.parametrize("shape", ["%s", '[%s,"x"]', '{"n":%s}'])
def test_numbers_keep_the_digits_that_json_had(number: str, shape: str) -> None:
    """No number is rounded, shortened or put in another form, in a cell or inside a nested value."""
    text = shape % number
    data = export_body(f'{{"format":"csv","columns":["a","b"],"data":[{{"a":{text},"b":1}},{{"a":"x","b":2}}]}}')
    assert read(data) == [["a", "b"], [text, "1"], ["x", "2"]]


def test_line_ends_and_quotes_follow_rfc_4180() -> None:
    """Lines end in CRLF; only cells with comma, quote, CR or LF are quoted; there is no byte order mark."""
    rows: list[dict[str, Any]] = [
        {"a": "x,y", "b": 'say "hi"'},
        {"a": "1\n2", "b": "1\r2"},
        {"a": " plain ", "b": None},
    ]
    assert export(rows, ["a", "b"]) == b'a,b\r\n"x,y","say ""hi"""\r\n"1\n2","1\r2"\r\n plain ,\r\n'


def test_an_empty_single_cell_is_quoted() -> None:
    """A row of one empty cell is no blank line, which readers skip."""
    assert export([{"a": ""}, {"a": None}, {}], ["a"]) == b'a\r\n""\r\n""\r\n""\r\n'


def test_no_records_make_a_header_only() -> None:
    """An empty export is a file with its header."""
    assert export([], ["ü", "b"]) == "ü,b\r\n".encode()


def test_only_the_asked_columns_come_in_the_asked_order() -> None:
    """Other keys are left out, missing ones are empty."""
    assert export([{"a": 1, "b": 2, "c": 3}, {"c": 4}], ["c", "a"]) == b"c,a\r\n3,1\r\n4,\r\n"


def test_nested_values_are_compact_json_in_utf_8() -> None:
    """White space and escapes that JSON does not need are gone."""
    body = '{"format":"csv","columns":["a"],"data":[{"a": { "k" : [1, "\\u015f", null, true] } }]}'
    assert export_body(body) == 'a\r\n"{""k"":[1,""ş"",null,true]}"\r\n'.encode()


def test_slices_of_any_size_give_the_same_file() -> None:
    """Records that hold what looks like the space between two records are not cut in two."""
    trap = '},{"a":1},{"a":"'
    rows: list[dict[str, Any]] = [{"a": trap * (number % 50), "b": [{"x": 1}, {"y": {}}]} for number in range(3_000)]
    got = read(export(rows, ["a", "b"]))
    assert [row[0] for row in got[1:]] == [row["a"] for row in rows]


@pytest.mark.parametrize("format", ["csv", "pdf"])
def test_memory_stays_constant_however_long_the_body_is(tmp_path: Path, format: str) -> None:
    """A body of 25 MB on the disk adds less than 12 MB to a process that has made a file of this format before."""
    first = {"format": format, "columns": ["id"], "data": [{"id": 1}]}
    small = export_request.parse_request(json.dumps(first).encode())
    # fonts and tables are read with the first file, and take 9 MB whatever the body is
    pipeline.run_job(
        pipeline.Job(
            request=small,
            folder=tmp_path,
            name=f"export_0_aaaaaaaaa.{format}",
            made_at="",
            body=json.dumps(first).encode(),
        )
    )
    rows = [{"id": number, "text": "twenty letters of it" * 10, "ok": True} for number in range(100_000)]
    path = tmp_path / ".export_1_aaaaaaaaa.body.part"
    path.write_bytes(json.dumps({"format": format, "columns": ["id", "text", "ok"], "data": rows}).encode())
    del rows
    assert path.stat().st_size > 23_000_000
    asked = export_request.parse_request(path)
    job = pipeline.Job(request=asked, folder=tmp_path, name=f"export_1_aaaaaaaaa.{format}", made_at="", body=path)
    done = pipeline.run_job(job)
    assert done.records == 100_000
    assert 0 < done.memory_bytes < 12_000_000


@pytest.mark.parametrize(
    "body",
    [
        '{"\\u0064ata":[{"a":"y"}],"format":"csv","columns":["a"]}',
        '{"title":"\\"data\\":[{","format":"csv","columns":["a"],"data" : [{"a":"y","data":[1]}]}',
        '{"format":"csv","columns":["a"],"data":[{"data":[{"a":"x"}],"a":"y"}]}',
    ],
)
def test_the_records_are_found_wherever_they_are(body: str) -> None:
    """An escaped key, its name inside strings and records: the `data` of the body itself counts."""
    assert export_body(body) == b"a\r\ny\r\n"


def test_export_body_does_it_in_one_call(tmp_path: Path) -> None:
    """The benchmarks' entry: bytes in, a finished file in the folder."""
    done = pipeline.export_body(b'{"format":"csv","columns":["a"],"data":[{"a":1}]}', tmp_path)
    assert (tmp_path / done.name).read_bytes() == b"a\r\n1\r\n"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"data":[{"a":"x"}],"format":"csv","columns":["a"],"data":[{"a":"y"}]}', "data"),
        ('{"data":[{"data":[{"data":[{"a":"x"}]}]}],"format":"csv","columns":["a"],"data":[{"a":"y"}]}', "data"),
        ('{"format":"pdf","format":"csv","columns":["a"],"data":[{"a":"y"}]}', "format"),
        ('{"format":"csv","columns":["a"],"source":{"table":"t","table":"u"}}', "table"),
    ],
)
def test_a_key_given_twice_is_refused(body: str, key: str) -> None:
    """Readers of JSON differ on which of the two counts, so neither does."""
    with pytest.raises(export_request.BadRequest) as caught:
        export_request.parse_request(body.encode())
    assert caught.value.sentence == f"{key}: is there twice; send it once"


@pytest.mark.parametrize(
    ("begin", "end", "key"),
    [
        ('"data":', ',"data":[{"a":1}]', "data"),
        ('"data":', ',"\\u0064ata":[{"a":1}]', "data"),
        ('"user":"u","user":"v","d\\u0061ta" :', "", "user"),
    ],
)
def test_a_key_given_twice_is_refused_in_a_long_body(begin: str, end: str, key: str) -> None:
    """Also where `data` is longer than what is read twice, and its key is spelled otherwise."""
    records = ",".join(['{"data":1}'] * (export_request.MAX_ENVELOPE_BYTES // 10))
    with pytest.raises(export_request.BadRequest) as caught:
        export_request.parse_request(f'{{"format":"csv","columns":["a"],{begin}[{records}]{end}}}'.encode())
    assert caught.value.sentence == f"{key}: is there twice; send it once"


@pytest.mark.parametrize(("depth", "fits"), [(197, True), (198, True), (199, False), (1_500, False)])
@pytest.mark.parametrize("filler", [0, 2_200_000])
def test_nesting_has_one_limit_for_bodies_of_all_sizes(depth: int, fits: bool, filler: int) -> None:
    """What the check accepts a worker can write: the levels are counted. Brackets inside strings are none."""
    text = "[{" * 400 + "x" * filler
    body = b'{"format":"csv","columns":["a","b"],"data":[{"a":%b,"b":"%b"}]}' % (
        b"[" * depth + b"]" * depth,
        text.encode(),
    )
    if fits:
        assert export_body(body.decode()).startswith(b"a,b\r\n" + b"[" * depth + b"]" * depth)
    else:
        with pytest.raises(export_request.BadRequest, match="nested too deep"):
            export_request.parse_request(body)


@pytest.mark.parametrize(
    "start",
    [*"=+-@|\t\r\n\uff1d\uff5c", " =", "\u00a0=", "\ufeff=", "\u200b=", "\u2060@", "\u3000+"],
)
def test_formulas_are_guarded_only_when_asked(start: str) -> None:
    """With the option, a text that a spreadsheet would run gets ' before it; without it nothing is changed."""
    rows = [{"a": f"{start}cmd", "b": 1}]
    assert read(export(rows, ["a", "b"]))[1] == [f"{start}cmd", "1"]
    assert read(export(rows, ["a", "b"], guard_formulas=True))[1] == [f"'{start}cmd", "1"]


def test_the_guard_leaves_numbers_and_guards_heads() -> None:
    """A negative number is no formula; a column's name can be one."""
    data = export([{"=x": -5.5, "b": "-5"}, {"=x": "-5+cmd", "b": True}], ["=x", "b"], guard_formulas=True)
    assert read(data) == [["'=x", "b"], ["-5.5", "-5"], ["'-5+cmd", "true"]]
