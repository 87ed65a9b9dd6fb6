"""The made-up records: deterministic, awkward where it matters, and unique by one replacement."""

from __future__ import annotations

import json

import pytest

from assertions.contents import tags
from assertions.contents.tags import TAG_PLACEHOLDER, USER, tagged
from loadtests.datasets import edge_cases
from loadtests.datasets.records import CaseError, encode_body, make_dataset, make_tag, parse_case
from loadtests.datasets.texts import (
    BROKEN_NOTES,
    DATE_TEXTS,
    DIGIT_TEXTS,
    FARTHER_NAMES,
    MARKED_NOTES,
    MARKUP_NOTES,
    ODD_FLOATS,
    TYPED_NOTES,
    UNSEEN_NOTES,
)


@pytest.mark.parametrize(("name", "count"), [("csv-1k", 1000), ("pdf-5k", 5000), ("csv-1001", 1001), ("pdf-0", 0)])
def test_a_size_gives_as_many_records(name: str, count: int) -> None:
    """`csv-N` and `csv-Nk` hold exactly N records, each with the placeholder once and its own number."""
    dataset = make_dataset(name, 1)
    assert len(dataset.rows) == count
    assert [row["ref"] for row in dataset.rows] == [f"{TAG_PLACEHOLDER}-{n}" for n in range(1, count + 1)]
    assert encode_body(dataset).count(TAG_PLACEHOLDER.encode()) == (count + 1 if count else 0)  # and in the title


@pytest.mark.parametrize(
    "name", ["csv", "csv-", "xml-1k", "csv-1m", "csv--1", "csv-nope", "CSV-1k", "csv-1k ", "pdf-single"]
)
def test_a_name_that_is_no_case_is_refused(name: str) -> None:
    """The message lists the edge sets."""
    with pytest.raises(CaseError, match="csv-special"):
        parse_case(name)


@pytest.mark.parametrize("name", ["csv-300", "pdf-300", *edge_cases.EDGES])
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    """Equal for an equal seed; the body is JSON that says what the data set says."""
    dataset = make_dataset(name, 7)
    body = encode_body(dataset)
    assert body == encode_body(make_dataset(name, 7))
    said = json.loads(body)
    assert said["data"] == [dict(row) for row in dataset.rows]
    assert said["format"] == dataset.format
    assert said.get("columns") == (None if dataset.columns is None else list(dataset.columns))
    if dataset.format == "csv":
        assert said["columns"]


def test_another_seed_gives_other_records() -> None:
    """The seed is what the records depend on."""
    assert make_dataset("csv-300", 1) != make_dataset("csv-300", 2)


def test_csv_records_hold_what_exports_stumble_over() -> None:
    """A thousand csv records hold commas, quotes, each kind of line break, scripts, emoji, nulls and big numbers."""
    rows = make_dataset("csv-10k", 17).rows
    text = encode_body(make_dataset("csv-10k", 17)).decode()
    for sign in (",", '\\"', "\\r\\n", "ş", "ω", "Щ", "明", "🚀", "null", "true", "1e-07", "1.5e+300"):
        assert sign in text, sign
    values = [value for row in rows for value in row.values()]
    assert any(isinstance(value, str) and "\r" in value.replace("\r\n", "") for value in values)
    assert any(isinstance(value, int) and abs(value) > 2**53 for value in values)
    assert any(isinstance(value, list | dict) for value in values)
    assert any(isinstance(value, str) and value != value.strip() for value in values)
    assert any(isinstance(value, str) and 200 <= len(value) <= 301 for value in values)
    assert 100 < len(text.encode()) / len(rows) < 200


def test_pdf_records_hold_scripts_but_no_emoji() -> None:
    """Fonts for emoji are nobody's promise; Turkish, Greek, Cyrillic and Chinese are."""
    text = encode_body(make_dataset("pdf-10k", 17)).decode()
    assert all(sign in text for sign in ("ş", "ω", "Щ", "明"))
    assert not any(ord(sign) > 0xFFFF for sign in text)
    assert "\\r" not in text


def test_a_tag_takes_the_placeholders_place_in_equal_length() -> None:
    """Two tags make two bodies of one length, in which the placeholder is nowhere left."""
    template = encode_body(make_dataset("csv-20", 1))
    one, two = tagged(template, make_tag(0, 1)), tagged(template, make_tag(0, 2))
    assert len(one) == len(two) == len(template)
    assert one != two
    assert TAG_PLACEHOLDER.encode() not in one
    assert len({make_tag(phase, index) for phase in range(3) for index in range(50)}) == 150
    assert make_tag(0, 0) != TAG_PLACEHOLDER
    assert tagged(template, None) == template


@pytest.mark.parametrize("case", ["csv-20", "csv-0", "csv-single"])
@pytest.mark.parametrize("user", [None, "bob"])
@pytest.mark.parametrize("most", [tags.MOST_SPLIT_BYTES, 10])
def test_kept_pieces_make_the_same_body(
    monkeypatch: pytest.MonkeyPatch, case: str, user: str | None, most: int
) -> None:
    """A template kept in pieces and one too large for that give the body that plain replacing gives."""
    monkeypatch.setattr(tags, "MOST_SPLIT_BYTES", most)
    template, tag = encode_body(make_dataset(case, 1)), make_tag(0, 7)
    plain = template.replace(TAG_PLACEHOLDER.encode(), tag.encode())
    whose = template if user is None else template.replace(f'"user":"{USER}"'.encode(), b'"user":"bob"', 1)
    assert tagged(template, None, user) == whose
    assert tagged(template, tag, user) == (plain if user is None else whose.replace(b"TAG0000000", tag.encode()))
    assert (b'"user":"bob"' in tagged(template, tag, user)) == (user == "bob")


@pytest.mark.parametrize("tag", ["short", "much too long", "ÄÖÜäöüßéèê"])
def test_a_tag_of_another_length_is_refused(tag: str) -> None:
    """Every body of a case has the template's length."""
    with pytest.raises(ValueError, match="10 ASCII characters"):
        tagged(b"x", tag)


def test_edge_sets_are_what_they_are_named_for() -> None:
    """Empty, single, wide, two pages, without columns, with missing and unused keys."""
    assert make_dataset("csv-empty", 1).rows == ()
    assert len(make_dataset("pdf-special", 1).rows) == 51
    assert len(make_dataset("csv-wide", 1).columns or ()) == 300
    assert len(make_dataset("pdf-wide", 1).columns or ()) == 24
    assert make_dataset("pdf-nocolumns", 1).columns is None
    dataset = make_dataset("csv-special", 1)
    assert set(dataset.columns or ()) != set(dataset.rows[0])
    assert any("right" not in row for row in dataset.rows)
    assert 50 <= len(dataset.rows) <= 200
    assert "left" not in dataset.rows[0]
    assert any(set(row) == {"unused"} for row in dataset.rows)
    assert max(len(str(value)) for row in make_dataset("pdf-special", 1).rows for value in row.values()) > 300


def test_every_awkward_value_is_sent() -> None:
    """No set is so long that its last values stand in no record."""
    csv = {repr(value) for row in make_dataset("csv-special", 1).rows for value in row.values()}
    pdf = {repr(value) for row in make_dataset("pdf-special", 1).rows for value in row.values()}
    shared = [
        *BROKEN_NOTES[:2],
        *TYPED_NOTES,
        *DATE_TEXTS[:3],
        *DIGIT_TEXTS[:3],
        *ODD_FLOATS,
        *MARKED_NOTES,
        None,
        True,
    ]
    assert {repr(value) for value in shared} <= pdf
    assert {repr(value) for value in [*shared, *MARKUP_NOTES, *UNSEEN_NOTES, *FARTHER_NAMES, *DIGIT_TEXTS]} <= csv
