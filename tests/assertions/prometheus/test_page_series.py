"""Pages read one after the other are what each is when it is read by itself, and share what is equal."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assertions.prometheus.exposition import Page, read_page
from assertions.prometheus.page_series import CHUNK, JUDGED, PageSeries, SharedSamples, moved
from tests.assertions.healthy.records import healthy

TEXT = "text/plain; version=0.0.4"
OPEN = "application/openmetrics-text; version=1.0.0"
LINES = (
    "# TYPE export_requests_total counter",
    "# HELP export_requests_total requests",
    'export_requests_total{format="csv",status="started",user="a"} 5',
    'export_requests_total{format="csv",status="started",user="b"} 0',
    "# TYPE export_queue_depth gauge",
    "export_queue_depth 3",
    "# TYPE mine_total counter",
    'mine_total{path="C:} 1"} 12.5',
    "mine_total 7 1700000000000",
    'export_latency_ms_bucket{le="+Inf"} 4 # {trace="x y"} 1',
    "export_queue_depth 3",
    "nothing that can be read",
    "",
    "# EOF",
)
VALUES = st.sampled_from(["0", "1", "-1", "2.5", "1e3", "NaN", "+Inf", "1_0", "5\r", " 6", "7 ", "8 9", "", "x"])


def same(mine: Page, separate: Page, whole: bool) -> bool:
    """Whether a page is what it is when it is read by itself, in the families that it must have."""
    wanted = {name: family for name, family in separate.families.items() if whole or name in JUDGED}
    there = {name: family for name, family in mine.families.items() if whole or name in wanted}
    # NaN differs from itself
    return (repr_of(there), mine.errors) == (repr_of(wanted), separate.errors)


def repr_of(families: object) -> str:
    """The families as text."""
    assert isinstance(families, dict)
    return repr({n: (f.name, f.kind, f.has_help, list(f.samples)) for n, f in families.items()})


@st.composite
def texts(draw: st.DrawFn) -> list[str]:
    """Pages of which each differs from the one before in some values, or in a line that is there or not."""
    lines = [*draw(st.lists(st.sampled_from(LINES), max_size=12)), ""]
    pages = ["\n".join(lines)]
    for _ in range(draw(st.integers(1, 4))):
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(lines) - 1))
            match draw(st.sampled_from(["value", "value", "value", "line", "remove"])):
                case "value":
                    lines[at] = f"{lines[at].rpartition(' ')[0]} {draw(VALUES)}"
                case "line":
                    lines.insert(at, draw(st.sampled_from(LINES)))
                case "remove" if len(lines) > 1:
                    del lines[at]
        pages.append("\n".join(lines))
    return pages


@given(pages=texts(), wholes=st.lists(st.booleans(), min_size=5, max_size=5), kinds=st.sampled_from([TEXT, OPEN, None]))
def test_a_page_is_what_it_is_by_itself(pages: list[str], wholes: list[bool], kinds: str | None) -> None:
    """Whatever changes between two pages, families, samples and faults are those of a page read by itself."""
    series = PageSeries()
    for text, whole in zip(pages, wholes, strict=False):
        assert same(series.read(text, kinds, whole=whole), read_page(text, kinds), whole)


@given(data=st.data())
def test_numbers_change_on_a_real_page(data: st.DataObject) -> None:
    """Numbers that change on a service's page are read, and nothing else is."""
    text = healthy("load").scrapes[-1].text
    lines = text.split("\n")
    numbers = [at for at, line in enumerate(lines) if line and not line.startswith("#")]
    series = PageSeries()
    series.read(text, TEXT, whole=False)
    for at in data.draw(st.lists(st.sampled_from(numbers), max_size=10)):
        lines[at] = f"{lines[at].rpartition(' ')[0]} {data.draw(st.integers(0, 10**6))}"
    edited = "\n".join(lines)
    assert same(series.read(edited, TEXT, whole=False), read_page(edited, TEXT), whole=False)


def test_what_is_equal_is_held_once() -> None:
    """An equal page is the same object, an unchanged family and an unchanged sample too, after a new series as well."""
    series = PageSeries()
    head = "# TYPE export_requests_total counter\n"
    rows = [f'export_requests_total{{user="u{number}"}} {number}' for number in range(3 * CHUNK)]
    page = head + "\n".join(rows) + "\nexport_queue_depth 1\n"
    first = series.read(page, TEXT, whole=False)
    assert series.read(page, TEXT, whole=False) is first
    second = series.read(page.replace('"u0"} 0', '"u0"} 9'), TEXT, whole=False)
    assert second.families["export_queue_depth"] is first.families["export_queue_depth"]
    before, after = (page.families["export_requests_total"].samples for page in (first, second))
    assert isinstance(before, SharedSamples)
    assert isinstance(after, SharedSamples)
    assert [one is two for one, two in zip(before.chunks, after.chunks, strict=True)] == [False, True, True]
    assert [after[0].value, after[-1].value, len(after)] == [9.0, 3 * CHUNK - 1.0, 3 * CHUNK]
    third = series.read(page.replace('"u0"} 0', '"u0"} 9') + 'export_requests_total{user="new"} 1\n', TEXT, whole=False)
    again = third.families["export_requests_total"].samples
    assert isinstance(again, SharedSamples)
    assert [one is two for one, two in zip(after.chunks, again.chunks, strict=False)] == [True, True, True]
    assert again[1:3] == [after[1], after[2]]


def test_other_families_are_left_out_under_load() -> None:
    """What the contract does not have is held of pages asked for whole; faults of it are always seen."""
    series = PageSeries()
    page = "# TYPE mine counter\nmine 1\nexport_queue_depth 1\n"
    assert list(series.read(page, TEXT, whole=True).families) == ["mine", "export_queue_depth"]
    assert list(series.read(page.replace("mine 1", "mine 2"), TEXT, whole=False).families) == ["export_queue_depth"]
    assert series.read(page.replace("mine 1", "mine -2"), TEXT, whole=False).errors == (
        "counter mine has a value that is negative or NaN",
    )
    assert list(series.read(page, TEXT, whole=True).families) == ["mine", "export_queue_depth"]


@given(
    pages=texts(), labels=st.dictionaries(st.sampled_from(["status", "user", "le", "path"]), st.just("a"), max_size=2)
)
def test_sums_are_those_of_a_page_by_itself(pages: list[str], labels: dict[str, str]) -> None:
    """The sum over the samples that bear some labels is that of the page by itself, on each page of a series."""
    series = PageSeries()
    for text in pages:
        mine, separate = series.read(text, TEXT, whole=False), read_page(text, TEXT)
        for name in (*separate.families, "export_requests_total"):
            if name in JUDGED:
                assert repr(mine.total(name, **labels)) == repr(separate.total(name, **labels))


@given(pages=texts())
def test_what_moved_between_two_pages(pages: list[str]) -> None:
    """Each sample comes with the one of its series on the next page; what is left out has not moved."""
    series = PageSeries()
    read = [series.read(text, TEXT, whole=False) for text in pages]
    for earlier, later in pairwise(read):
        for name, before in earlier.families.items():
            after = later.families.get(name)
            if after is None:
                continue
            now = {(one.name, *sorted(one.labels.items())): one for one in after.samples}
            pairs = [(one, now.get((one.name, *sorted(one.labels.items())))) for one in before.samples]
            found = list(moved(before, after))
            assert [pair for pair in pairs if pair[0] is not pair[1]] == [
                pair for pair in found if pair[0] is not pair[1]
            ]
