"""Line ends and escapes of metrics pages: as strict as promtool, each fault with its line and reason."""

from __future__ import annotations

import pytest

from assertions.prometheus.exposition import read_page, series_text
from tests.assertions.healthy.records import healthy
from tests.assertions.prometheus.test_exposition import OPEN, TEXT, errors

CARRIAGE_RETURN = "a carriage return ends the line; lines of a metrics page end in a line feed only"
ESCAPES = r"the text format knows \\, \" and \n"


@pytest.mark.parametrize(
    ("lines", "content_type", "number"),
    [
        (("a 1\r",), TEXT, 1),
        (("a 1", "a_b 2 \r"), TEXT, 2),
        (("# TYPE a gauge\r", "a 1"), TEXT, 1),
        (("a 1", "\r"), TEXT, 2),
        (("# TYPE a gauge\r", "a 1", "# EOF"), OPEN, 1),
        (("a 1\r", "# EOF"), OPEN, 1),
        (("a 1", "# EOF\r"), OPEN, 2),
    ],
)
def test_a_line_that_ends_in_a_carriage_return_is_named(lines: tuple[str, ...], content_type: str, number: int) -> None:
    """Both formats end lines in a line feed only; what a lenient reader passes over Prometheus refuses."""
    assert errors(*lines, content_type=content_type) == (f"line {number}: {CARRIAGE_RETURN}",)


@pytest.mark.parametrize("line", ["# HELP a words\r", "# any comment\r", "#\r"])
def test_a_carriage_return_in_words_is_a_sign_like_any_other(line: str) -> None:
    """In a HELP line and in a comment the format allows every sign but the line feed."""
    assert errors(line, "a 1") == ()


def test_a_healthy_page_with_other_line_ends_is_wrong_from_its_first_type_line() -> None:
    """Each line feed made carriage return and line feed: the first line that Prometheus can't read is named."""
    text = healthy("load").pages[-1].scrape.text
    first = next(number for number, line in enumerate(text.split("\n"), 1) if not line.startswith("# HELP"))
    found = read_page(text.replace("\n", "\r\n"), TEXT)
    assert found.errors[0] == f"line {first}: {CARRIAGE_RETURN}"
    assert len(found.errors) == 20
    assert found.families.keys() == read_page(text, TEXT).families.keys()


def test_a_page_without_its_last_line_feed_is_wrong() -> None:
    """The text format asks for one at the end; an empty page and an OpenMetrics page need none."""
    text = healthy("load").pages[-1].scrape.text
    last = text.count("\n")
    reason = f"line {last}: the page ends without a line feed; its last line must have one too"
    assert (read_page(text, TEXT).errors, read_page(text[:-1], TEXT).errors) == ((), (reason,))
    assert read_page("", TEXT).errors == ()
    assert read_page("a 1\n# EOF", OPEN).errors == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r'a_total{u="C:\dir\x"} 1', rf"line 2: invalid escape \d in the value of label u; {ESCAPES}"),
        (r'a_total{u="\\d",v="\t"} 1', rf"line 2: invalid escape \t in the value of label v; {ESCAPES}"),
        (r"# HELP a_total C:\dir", rf"line 2: invalid escape \d in HELP; {ESCAPES}"),
    ],
)
def test_an_escape_that_the_text_format_lacks_is_named(line: str, expected: str) -> None:
    """A backslash that means nothing is an error with its line, not a sign left out."""
    assert errors("# a comment", line) == (expected,)


@pytest.mark.parametrize("line", [r'a{u="C:\\dir \"x\" \n"} 1', r"# HELP a C:\\dir and \n", r"# any \comment"])
def test_escapes_that_the_text_format_has_are_right(line: str) -> None:
    """Backslash, quote and line feed may be escaped; in a comment a backslash means nothing."""
    assert errors(line) == ()


def test_openmetrics_lets_any_sign_be_escaped() -> None:
    """Its grammar allows a backslash before any sign in a label's value."""
    assert errors(r'a{u="C:\dir"} 1', "# EOF", content_type=OPEN) == ()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, "a"),
        ({"format": "csv", "status": "started"}, 'a{format="csv",status="started"}'),
        ({"u": 'C:\\x "y"\n'}, r'a{u="C:\\x \"y\"\n"}'),
    ],
)
def test_a_series_is_written_as_on_the_page(labels: dict[str, str], expected: str) -> None:
    """Never as Python writes a dict."""
    assert series_text("a", labels) == expected
