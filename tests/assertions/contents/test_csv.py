"""A healthy CSV file passes in every dialect that the contract allows, and each fault is found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assertions.contents.csv import check_csv
from assertions.contents.csv_values import judge_cell
from assertions.contents.sent import ContentsError, Json, Outcome, Sent, expected
from assertions.record.finding_codes import CODES

COLUMNS = ("ref", "name", "qty", "price", "ok", "more", "none")
RECORDS: tuple[dict[str, Json], ...] = tuple(
    {
        "ref": f"r-{i}",
        "name": name,
        "qty": 2**53 + 1 + i,
        "price": 1000.0 + i / 4,
        "ok": i % 2 == 0,
        "more": {"a": [1, {"b": 'ç,"'}], "c": None},
        "none": None,
        "not asked for": "hidden",
    }
    for i, name in enumerate(
        [
            "Ayşe",
            "  spaces  ",
            'say "hi"',
            "a,b",
            "two\nlines",
            "two\r\nlines",
            "lone\rCR",
            "=1+1",
            "-5",
            "漢字 Ω Ж",
            "",
            "€'",
        ]
    )
)
SENT = Sent(COLUMNS, RECORDS, "T", "u")


def plain(value: Json) -> str:
    """A cell as the contract writes it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def render(sent: Sent = SENT, end: str = "\r\n", everything: bool = False, cell: Callable[[Json], str] = plain) -> str:
    """A healthy file in one dialect."""
    table = [list(sent.columns)] + [[cell(record.get(name)) for name in sent.columns] for record in sent.records]
    return write(table, end, everything)


def write(table: Sequence[Sequence[str]], end: str = "\r\n", everything: bool = False) -> str:
    """Rows by RFC 4180, quoted by hand so that a lone CR is safe too."""

    def quote(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if everything or set(text) & set(',"\r\n') else text

    return "".join(",".join(map(quote, row)) + end for row in table)


def check(text: str, sent: Sent = SENT) -> Outcome:
    """Check a text's bytes."""
    return check_csv(text.encode(), sent)


def codes(outcome: Outcome) -> set[str]:
    """The codes found; every one is of the closed set."""
    found = {finding.code for finding in outcome.findings}
    assert found <= CODES
    return found


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("final", [True, False])
def test_every_legal_dialect_passes(end: str, everything: bool, mark: str, final: bool) -> None:
    """Line ends, quoting, a byte-order mark and the final line end are the service's to choose."""
    text = render(end=end, everything=everything)
    assert check(mark + (text if final else text.removesuffix(end))) == Outcome(len(RECORDS), None, (), 0)


@pytest.mark.parametrize(
    "spell",
    [
        lambda v: json.dumps(v, indent=1) if isinstance(v, dict) else plain(v),
        lambda v: json.dumps(v, sort_keys=True, separators=(",", ":")) if isinstance(v, dict) else plain(v),
        lambda v: f"{v:.20e}" if isinstance(v, float) else plain(v),
        lambda v: f"{v:.3f}" if isinstance(v, float) else plain(v),
        lambda v: f"{v:g}" if isinstance(v, float) else plain(v),
        lambda v: f"{v}.0" if isinstance(v, int) and not isinstance(v, bool) else plain(v),
    ],
)
def test_other_spellings_of_the_same_value_pass(spell: Callable[[Json], str]) -> None:
    """JSON may be spaced and escaped otherwise, and a number may be spelt otherwise, while the value is the same."""
    assert check(render(cell=spell)).finding_count == 0


@pytest.mark.parametrize(
    ("value", "cell", "right"),
    [
        (None, "", True),
        (None, "null", False),
        (None, " ", False),
        (True, "true", True),
        (True, "True", False),
        (True, "1", False),
        (False, "false", True),
        (False, "", False),
        (5, "5", True),
        (5, "5.0", False),
        (5, "05", False),
        (5, "+5", False),
        (5, " 5", False),
        (5, "5.", False),
        (5, "٥", False),
        (1000, "1,000", False),
        (1000, "1e3", False),
        (9007199254740993, "9007199254740992", False),
        (9007199254740993, "9007199254740993.0", True),
        (10**30, "1e30", True),
        (10**30, "1000000000000000019884624838656", False),
        (5, "5e" + "9" * 30, False),
        (1000.0, "1e3", True),
        (1000.0, "1000", True),
        (0.1, "0.10", True),
        (0.1, "0.1000000001", False),
        (0.1, ".1", False),
        (0.1, "0,1", False),
        ("5", "5", True),
        ("5", "5.0", False),
        ("a", "a ", False),
        ("é", "e\u0301", False),
        ("a\nb", "a\r\nb", False),
        ("a\nb", "a b", False),
        ("a\rb", "a\nb", False),
        ("漢", "?", False),
        ([1, 2], "[1, 2]", True),
        ([1, 2], "[1,2.0]", True),
        ([1, 2], "[2,1]", False),
        ([1, 2], "1,2", False),
        ([True], "[1]", False),
        ([None], "[NaN]", False),
        ({"a": 1}, "[object Object]", False),
        ({"a": 1}, "{'a': 1}", False),
        ({"a": 1}, '{"a":1,"b":2}', False),
        ({"a": 1, "b": "x"}, '{"b":"x","a":1}', True),
        ({"a": 9007199254740993}, '{"a":9007199254740992}', False),
        ([], "[" * 100_000, False),
    ],
)
def test_cells(value: Json, cell: str, right: bool) -> None:
    """A cell says exactly the value that was sent, in any spelling that JSON allows."""
    sent = Sent(("ref", "v"), ({"ref": "a", "v": value},), "T", "u")
    outcome = check(write([["ref", "v"], ["a", cell]]), sent)
    assert codes(outcome) == (set() if right else {"cell"})


@pytest.mark.parametrize(("value", "cell"), [("=1+1", "'=1+1"), ("@x", "\t@x"), (-5, "'-5")])
def test_a_guard_against_formulas_has_its_own_code(value: Json, cell: str) -> None:
    """Nobody asked for the guard, and a reader does not get back what was sent."""
    sent = Sent(("v",), ({"v": value},), "T", "u")
    assert codes(check(write([["v"], [cell]]), sent)) == {"formula-guard"}


@pytest.mark.parametrize(
    "text",
    [
        'a,b\r\n1,x"y\r\n',
        'a,b\r\n1,"x"y\r\n',
        'a,b\r\n1,"xy\r\n',
        'a,b\r\n1, "x"\r\n',
        "a,b\r\n1,x\ry\r\n",
        "a,b\r1,x\r",
        'a,b\r\n1,"x\\"y"\r\n',
    ],
)
def test_broken_quoting_is_found(text: str) -> None:
    """Stray quotes, text behind a closing quote, an open quote and a bare CR are not RFC 4180."""
    sent = Sent(("a", "b"), ({"a": 1, "b": "x"},), "T", "u")
    assert "syntax" in codes(check(text, sent))


def rows() -> list[list[str]]:
    """A healthy file's rows, the header first."""
    return list(csv.reader(io.StringIO(render(), newline="")))


def moved(table: list[list[str]], at: int, to: int) -> list[list[str]]:
    """The same rows, two of them swapped."""
    table[at], table[to] = table[to], table[at]
    return table


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ([rows()[0], *rows()[2:]], {"row-count", "lost"}),
        (rows()[:-1], {"row-count", "lost"}),
        ([*rows(), rows()[3]], {"row-count", "repeated"}),
        ([*rows(), ["x"] * 7], {"row-count", "foreign"}),
        ([*rows(), [""]], {"row-count", "foreign", "ragged"}),
        (moved(rows(), 2, 5), {"order"}),
        ([rows()[0], *reversed(rows()[1:])], {"order"}),
        ([*rows()[:3], [*rows()[3], ""], *rows()[4:]], {"ragged"}),
        ([*rows()[:3], rows()[3][:-1], *rows()[4:]], {"ragged"}),
        (rows()[1:], {"header", "row-count", "lost"}),
        ([[name.upper() for name in rows()[0]], *rows()[1:]], {"header"}),
        ([list(reversed(row)) for row in rows()], {"header", "cell"}),
        ([[*row[:1], row[2], row[1], *row[3:]] for row in rows()], {"header", "cell"}),
        ([*rows()[:2], [*rows()[2][:1], "other", *rows()[2][2:]], *rows()[3:]], {"cell"}),
        ([*rows()[:2], ["stale", *rows()[2][1:]], *rows()[3:]], {"cell"}),
        ([rows()[0], *(["old-" + row[0], *row[1:]] for row in rows()[1:])], {"cell"}),
        ([rows()[0]], {"row-count", "lost"}),
    ],
)
def test_faults_of_rows(table: list[list[str]], found: set[str]) -> None:
    """Lost, repeated, foreign, misplaced, ragged and altered rows are each named for what they are."""
    outcome = check(write(table))
    assert codes(outcome) == found
    assert outcome.rows == len(table) - 1


def test_an_empty_file_has_no_header() -> None:
    """Nothing at all is not an export of nothing."""
    assert codes(check("")) == {"header"}


def test_other_encodings_are_found() -> None:
    """Turkish in Latin-5 and anything in UTF-16 are not UTF-8."""
    sent = Sent(("a",), ({"a": "Ayşe"},), "T", "u")
    assert "encoding" in codes(check_csv("a\r\nAyşe\r\n".encode("iso8859-9"), sent))
    assert "encoding" in codes(check_csv("a\r\nAyşe\r\n".encode("utf-16"), sent))


def test_an_export_of_no_records_is_its_header() -> None:
    """Zero records make a header and nothing else."""
    sent = Sent(("a", "b"), (), "T", "u")
    assert check("a,b\r\n", sent) == Outcome(0, None, (), 0)
    assert check("a,b", sent) == Outcome(0, None, (), 0)
    assert codes(check("a,b\r\n1,2\r\n", sent)) == {"row-count", "foreign"}


@pytest.mark.parametrize("text", ["a\n\nx\n\n", 'a\n""\nx\n""\n', "a\n\nx\n"])
def test_a_single_empty_cell_may_be_a_blank_line(text: str) -> None:
    """RFC 4180 can't tell a record of one empty cell from a blank line."""
    sent = Sent(("a",), ({"a": ""}, {"a": "x"}, {"a": None}), "T", "u")
    assert check(text, sent) == Outcome(3, None, (), 0)


def test_cells_longer_than_a_common_reader_takes_pass() -> None:
    """Python's reader stops at 128 KiB a cell; the contract does not."""
    sent = Sent(("a", "b"), ({"a": "x" * 200_000, "b": 'y"\n'},), "T", "u")
    assert check(render(sent), sent).finding_count == 0
    assert codes(check(render(sent).replace("xx", "x", 1), sent)) == {"cell"}


@pytest.mark.parametrize("end", ["", "\n"])
def test_an_empty_cell_behind_a_long_one_is_read(end: str) -> None:
    """The last cell may be empty, with a line end behind it or without."""
    sent = Sent(("a", "b"), ({"a": "x" * 200_000, "b": None},), "T", "u")
    assert check("a,b\n" + "x" * 200_000 + "," + end, sent) == Outcome(1, None, (), 0)


def test_long_cells_in_a_broken_file_are_no_rows() -> None:
    """What neither we nor a common reader can read has no number of rows."""
    sent = Sent(("a", "b"), ({"a": "x", "b": None},), "T", "u")
    outcome = check('a,b\n"x"y,' + "x" * 200_000, sent)
    assert (codes(outcome), outcome.rows) == ({"syntax"}, None)


def test_a_column_may_begin_with_the_mark_itself() -> None:
    """A byte-order mark that is part of the first column's name stays."""
    sent = Sent(("\ufeffa",), ({"\ufeffa": "x"},), "T", "u")
    assert check("\ufeffa\nx\n", sent).findings == ()
    assert check("\ufeff\ufeffa\nx\n", sent).findings == ()


def test_findings_are_counted_beyond_the_list() -> None:
    """A file that is wrong in every row lists 20 findings and counts all, each cut to 200 characters."""
    sent = Sent(("a",), tuple({"a": "x" * 500 + str(i)} for i in range(100)), "T", "u")
    outcome = check(write([["a"], *([f"{'y' * 500}{i}"] for i in range(100))]), sent)
    assert (len(outcome.findings), outcome.finding_count) == (20, 100)
    assert {len(finding.found) for finding in outcome.findings} == {200}


def test_a_repeated_value_without_a_key_is_judged_by_place() -> None:
    """Where no column tells records apart, each row is held against the record of its place."""
    sent = Sent(("a",), tuple({"a": value} for value in ("x", "y", "x")), "T", "u")
    assert codes(check("a\nx\nx\nx\n", sent)) == {"cell"}
    assert check("a\nx\ny\nx\n", sent).finding_count == 0


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
).filter(lambda value: not _has_surrogates(value))


def _has_surrogates(value: Json) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


COLUMN_NAMES = st.lists(
    st.text().filter(lambda t: not _has_surrogates(t) and t != "\ufeff"), min_size=1, max_size=4, unique=True
)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    columns=COLUMN_NAMES,
    end=st.sampled_from(["\r\n", "\n"]),
    everything=st.booleans(),
)
def test_what_was_sent_comes_back(data: st.DataObject, columns: list[str], end: str, everything: bool) -> None:
    """Any JSON at all, through the request body and a healthy file, has no finding."""
    records = data.draw(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(columns, JSON_VALUES)), max_size=6))
    sent = expected(json.dumps({"format": "csv", "columns": columns, "data": records}).encode(), None, "TAG")
    outcome = check(render(sent, end, everything), sent)
    assert outcome.findings == ()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), texts=st.lists(st.text(alphabet='ab,"\r\n =é', max_size=6), min_size=1, max_size=5))
def test_any_changed_cell_is_found(data: st.DataObject, texts: list[str]) -> None:
    """One cell changed to another text never passes."""
    at = data.draw(st.integers(0, len(texts) - 1))
    other = data.draw(st.text(alphabet='ab,"\r\n =é', max_size=6).filter(lambda text: text != texts[at]))
    sent = Sent(("a", "b"), tuple({"a": text, "b": 1} for text in texts), "T", "u")
    table = [["a", "b"], *([other if i == at else text, "1"] for i, text in enumerate(texts))]
    assert check(write(table), sent).finding_count > 0


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60) | st.text(alphabet='a,"\r\n', max_size=30).map(str.encode))
def test_any_bytes_are_judged_without_an_error(data: bytes) -> None:
    """Whatever a file holds, the check ends with an outcome, and bytes that are no header never pass."""
    outcome = check_csv(data, SENT)
    assert outcome.finding_count >= 1


def test_the_tag_is_written_into_the_template() -> None:
    """Each place of the placeholder holds the request's own tag, and numbers keep their value."""
    body = b'{"format":"csv","columns":["r","n"],"data":[{"r":"TAG-1","n":9007199254740993},{"r":"TAG-2","n":1e3}]}'
    sent = expected(body, "abc", "TAG")
    assert sent == Sent(
        ("r", "n"), ({"r": "abc-1", "n": 9007199254740993}, {"r": "abc-2", "n": 1000.0}), "Export Report", "anonymous"
    )
    assert expected(body, None, "TAG").records[0]["r"] == "TAG-1"


def test_columns_default_to_the_first_record() -> None:
    """For pdf the first record's keys are the columns; without records there are none."""
    assert expected(b'{"format":"pdf","data":[{"b":1,"a":2}],"title":"T","user":"u"}', None, "x").columns == ("b", "a")
    assert expected(b'{"format":"pdf","data":[]}', None, "x").columns == ()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": 5}', b'{"data": [5]}', b'{"source": {"table": "t"}}'])
def test_a_body_without_records_is_an_error(body: bytes) -> None:
    """What a file must hold is unknown from such a body, and the error says why."""
    with pytest.raises(ContentsError, match=r"request body"):
        expected(body, None, "x")


def test_what_is_no_number_says_no_number() -> None:
    """Words in the cell of a number beyond what a float holds exactly are a wrong cell, not a breakdown."""
    assert judge_cell(10**20, "abc") == "cell"
    assert judge_cell(10**20, "1e20") is None
