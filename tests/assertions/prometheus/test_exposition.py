"""The strict reader of metrics pages: what is right comes back equal, what is wrong is reported with its line."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from assertions.prometheus.exposition import Histogram, Page, histograms, read_page
from tests.assertions.healthy.records import healthy

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"

names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", fullmatch=True).filter(
    lambda name: not name.endswith(("_bucket", "_count", "_sum", "_total", "_created", "_info", "_gcount", "_gsum"))
)
label_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "le")
label_values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', "}", "} 1", " # ", "\\", "\\n", "\n", ",", 'a="b"', "{}", "# EOF"]
)
numbers = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53).map(float)
series = st.dictionaries(label_names, label_values, max_size=3)
families = st.dictionaries(
    names,
    st.lists(st.tuples(series, numbers), max_size=4, unique_by=lambda one: tuple(sorted(one[0].items()))),
    max_size=4,
)


def written(labels: Mapping[str, str]) -> str:
    """Labels as a page has them."""
    escaped = {
        name: value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"') for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}" if labels else ""


def page(*lines: str, content_type: str = TEXT) -> Page:
    """A page of these lines, read."""
    return read_page("".join(f"{line}\n" for line in lines), content_type)


def errors(*lines: str, content_type: str = TEXT) -> tuple[str, ...]:
    """What the reader objects to."""
    return page(*lines, content_type=content_type).errors


@settings(deadline=None, max_examples=60)
@given(families, st.booleans(), st.booleans())
def test_whatever_is_written_is_read_back(
    given_families: dict[str, list[tuple[dict[str, str], float]]], openmetrics: bool, stamped: bool
) -> None:
    """Any names, labels and values, with times and exemplars where the format has them, come back equal."""
    lines = []
    for name, samples in given_families.items():
        lines += [f"# HELP {name} some help", f"# TYPE {name} gauge"]
        for labels, value in samples:
            tail = " 1795000000" if stamped else ""
            tail += ' # {trace="a } b"} 0.5' if openmetrics and stamped else ""
            lines.append(f"{name}{written(labels)} {value!r}{tail}")
    lines += ["# EOF"] if openmetrics else []
    read = page(*lines, content_type=OPEN if openmetrics else TEXT)
    assert read.errors == ()
    found = {
        name: [(dict(sample.labels), sample.value) for sample in family.samples]
        for name, family in read.families.items()
    }
    assert found == given_families
    assert {(family.kind, family.has_help) for family in read.families.values()} <= {("gauge", True)}


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=80), st.sampled_from([TEXT, OPEN, None]))
def test_no_page_breaks_the_reader(text: str, content_type: str | None) -> None:
    """Whatever a target answers, the reader returns a page with at most twenty errors."""
    assert len(read_page(text, content_type).errors) <= 20


def test_the_healthy_pages_read_as_prometheus_client_reads_them() -> None:
    """On whole pages both readers find the same types and the same samples."""
    for name in ("smoke", "load", "batch"):
        for timed in healthy(name).pages[:: max(1, len(healthy(name).pages) // 5)]:
            theirs = list(text_string_to_metric_families(timed.scrape.text))
            expected = {
                (sample.name, tuple(sorted(sample.labels.items()))): sample.value
                for family in theirs
                for sample in family.samples
            }
            ours = {
                (sample.name, tuple(sorted(sample.labels.items()))): sample.value
                for family in timed.page.families.values()
                for sample in family.samples
            }
            assert ours == expected
            kinds = {one.name + ("_total" if one.type == "counter" else ""): one.type for one in theirs}
            assert {one.name: one.kind for one in timed.page.families.values()} == kinds
            assert timed.page.errors == ()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("a 1", "a 2"), "line 2: the series a is there twice"),
        (('a{x="1",y="2"} 1', 'a{y="2",x="1"} 1'), 'line 2: the series a{y="2",x="1"} is there twice'),
        (
            ('a_bucket{le="+Inf"} 1', 'a_bucket{le="Infinity"} 1'),
            'line 2: the series a_bucket{le="Infinity"} is there twice',
        ),
        (('a_bucket{le="1"} 1', 'a_bucket{le="1.0"} 1'), 'line 2: the series a_bucket{le="1.0"} is there twice'),
        (('a_bucket{le="x"} 1', 'a_bucket{le="x"} 1'), 'line 2: the series a_bucket{le="x"} is there twice'),
        (("a 1", "# TYPE a gauge"), "line 2: TYPE of a after its samples"),
        (("# TYPE a gauge", "# TYPE a gauge"), "line 2: second TYPE for a"),
        (("# HELP a one", "# HELP a two"), "line 2: second HELP for a"),
        (("# TYPE a speed",), "line 1: unknown type 'speed' of a"),
        (("a 1 soon",), "line 1: 'soon' is no timestamp"),
        (("a 1 1.5",), "line 1: '1.5' is no timestamp"),
        (("a \u0661",), "line 1: '\u0661' is no number"),
        (
            ("# TYPE a histogram", 'a_bucket{le="NaN"} 1'),
            "a bucket of a has no bound `le`, or one that is no number",
        ),
        (("# TYPE a",), "line 1: unknown type '' of a"),
        (("# TYPE 5a gauge",), "line 1: malformed TYPE line '# TYPE 5a gauge'"),
        (("#HELP",), "line 1: malformed HELP line '#HELP'"),
        (("a",), "line 1: no sample: 'a'"),
        (("5a 1",), "line 1: no sample: '5a 1'"),
        (("a 1 2 3",), "line 1: no sample: 'a 1 2 3'"),
        (('a{x="1} 1',), "line 1: no sample: 'a{x=\"1} 1'"),
        (("a{x=1} 1",), "line 1: malformed labels in 'a{x=1} 1'"),
        (('a{x="1" y="2"} 1',), 'line 1: malformed labels in \'a{x="1" y="2"} 1\''),
        (('a{x="1",x="2"} 1',), 'line 1: label x is there twice in \'a{x="1",x="2"} 1\''),
        (("a one",), "line 1: 'one' is no number"),
        (("a 1_000",), "line 1: '1_000' is no number"),
        (("# TYPE a_total counter", "a_total -1"), "counter a_total has a value that is negative or NaN"),
        (("# TYPE a_total counter", "a_total NaN"), "counter a_total has a value that is negative or NaN"),
        (
            ("# TYPE a histogram", "a_bucket 1"),
            "a bucket of a has no bound `le`, or one that is no number",
        ),
        (
            ("# TYPE a histogram", 'a_bucket{le="many"} 1'),
            "a bucket of a has no bound `le`, or one that is no number",
        ),
    ],
)
def test_what_is_wrong_in_the_text_format(lines: tuple[str, ...], expected: str) -> None:
    """Each fault is reported once, with its line."""
    found = errors(*lines)
    assert len(found) == 1
    assert found[0].endswith(expected)


@pytest.mark.parametrize(
    "lines",
    [
        ("a 1", ""),
        ("a +Inf",),
        ("a -Inf",),
        ("a NaN",),
        ("a\t1\t5 ",),
        ("a 1 -1795000000123",),
        ("a{} 1",),
        ('a{x="1",} 1',),
        ('a{ x = "1" , y = "2" } 1',),
        ("# just a comment", "#", "# HELPFUL words", "a 1"),
        ("# HELP a", "# TYPE a untyped", "a 1"),
        ("# EOF", "a 1"),
        ("# TYPE a gauge", "# UNIT a seconds", "a 1"),
        ("# TYPE a histogram", 'a_bucket{le="1"} 1', 'a_bucket{le="+Inf"} 1', "a_sum 1", "a_count 1"),
    ],
)
def test_what_is_right_in_the_text_format(lines: tuple[str, ...]) -> None:
    """What the format allows is not objected to."""
    assert errors(*lines) == ()


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        (r"a\\b", "a\\b"),
        (r"a\"b", 'a"b'),
        (r"a\nb", "a\nb"),
        (r"a\\nb", "a\\nb"),
        ("a}b", "a}b"),
        ("a} 1", "a} 1"),
        ("a # {b", "a # {b"),
        ("a,b=c", "a,b=c"),
    ],
)
@pytest.mark.parametrize("content_type", [TEXT, OPEN])
def test_label_values_may_hold_any_sign(inside: str, value: str, content_type: str) -> None:
    """Quotes, braces, sharp signs and escapes inside a value are part of it."""
    read = page(f'a{{x="{inside}"}} 5', "# EOF", content_type=content_type)
    assert read.errors == ()
    assert [(dict(one.labels), one.value) for one in read.families["a"].samples] == [({"x": value}, 5.0)]


def test_openmetrics_must_end_with_its_mark() -> None:
    """A page that broke off is not taken for a whole one."""
    assert errors("a 1", content_type=OPEN) == ("line 2: an OpenMetrics page ends with # EOF",)
    assert errors("a 1", "# EOF", "b 1", content_type=OPEN) == ("line 3: text after # EOF",)
    assert errors("a 1", "# EOF", "", content_type=OPEN) == ()
    assert errors("a 1", "# EOF") == ()


def test_openmetrics_counters_are_known_by_the_contracts_name() -> None:
    """What OpenMetrics declares as `x` is `x_total` here, and its time of making is no count."""
    lines = ("# TYPE x counter", "# HELP x help", 'x_total{a="1"} 5', 'x_total{a="2"} 2', 'x_created{a="1"} 1.7e9')
    read = page(*lines, "# EOF", content_type=OPEN)
    assert list(read.families) == ["x_total"]
    family = read.families["x_total"]
    assert (family.kind, family.has_help) == ("counter", True)
    assert (read.total("x_total"), read.total("x_total", a="2"), read.total("x_total", a="3")) == (7.0, 2.0, None)
    assert list(page("# TYPE x counter", "x_total 5").families) == ["x"]


def test_exemplars_belong_to_openmetrics_only() -> None:
    """Behind a sample of OpenMetrics an exemplar may stand; in the text format it is a fault."""
    line = 'a_bucket{le="1"} 5 # {trace="x"} 0.5 1795000000'
    read = page("# TYPE a histogram", line, "# EOF", content_type=OPEN)
    assert (read.errors, read.families["a"].samples[0].value) == ((), 5.0)
    assert errors("# TYPE a histogram", line) == (f"line 2: no sample: {line!r}",)
    assert errors("a 5 # no exemplar", "# EOF", content_type=OPEN) == ("line 1: no sample: 'a 5 # no exemplar'",)


@pytest.mark.parametrize("line", ["# HELP a ", "# HELP a"])
def test_help_without_words_is_a_help_line(line: str) -> None:
    """The format asks for no words in it, and client libraries write it for what was not described."""
    assert page(line, "a 1").families["a"].has_help
    assert not page("a 1").families["a"].has_help


def test_twenty_errors_are_enough() -> None:
    """A page of rubbish is not told line by line."""
    assert len(errors(*["?"] * 50)) == 20


def test_totals_of_what_is_not_there() -> None:
    """A family, a label set or a histogram that is not on the page is None, never 0."""
    read = page("# TYPE a gauge", 'a{x="1"} 0')
    assert (read.total("a", x="1"), read.total("a", x="2"), read.total("b")) == (0.0, None, None)
    assert (read.histogram("a"), read.histogram("b"), read.family("export_latency_ms")) == (None, None, None)


def test_the_histograms_alias_is_taken_for_it() -> None:
    """The first implementation's family name is known to the reader."""
    read = page("# TYPE export_latency_ms_bucket histogram", 'export_latency_ms_bucket_bucket{le="+Inf"} 3')
    found = read.histogram("export_latency_ms")
    assert found is not None
    assert found.buckets == {math.inf: 3.0}


def lines_of(labels: str, buckets: dict[str, float], total: float, count: float) -> list[str]:
    """A histogram series as a page has it."""
    comma = "," if labels else ""
    inside = f"{{{labels}}}" if labels else ""
    rows = [f'h_bucket{{{labels}{comma}le="{le}"}} {value}' for le, value in buckets.items()]
    return [*rows, f"h_sum{inside} {total}", f"h_count{inside} {count}"]


def test_series_of_a_histogram_are_distinguished_and_added_up() -> None:
    """Each label set is its own histogram; asked for together they are one, over all their bounds."""
    read = page(
        "# TYPE h histogram",
        *lines_of('f="csv"', {"10": 1, "20": 3, "+Inf": 4}, 50, 4),
        *lines_of('f="pdf"', {"20": 2, "+Inf": 2}, 30, 2),
        'h_created{f="csv"} 5',
    )
    apart = histograms(read.families["h"])
    assert [(dict(one.labels), one.count, one.sum) for one in apart] == [({"f": "csv"}, 4, 50), ({"f": "pdf"}, 2, 30)]
    both = read.histogram("h")
    assert both == Histogram(labels={}, buckets={10.0: 1, 20.0: 5, math.inf: 6}, count=6, sum=80)
    assert read.histogram("h", f="pdf") == Histogram(
        labels={"f": "pdf"}, buckets={20.0: 2, math.inf: 2}, count=2, sum=30
    )


def test_what_was_added_is_the_difference_by_bound() -> None:
    """A histogram minus an earlier one, or minus nothing, is what came in between."""
    before = Histogram(labels={}, buckets={10.0: 1, math.inf: 2}, count=2, sum=15)
    after = Histogram(labels={}, buckets={10.0: 4, math.inf: 7}, count=7, sum=95)
    added = after.minus(before)
    assert added == Histogram(labels={}, buckets={10.0: 3, math.inf: 5}, count=5, sum=80)
    assert after.minus(None) is after


@pytest.mark.parametrize(
    ("bound", "expected"), [(9.9, 0.0), (10.0, 1.0), (10.1, 1.0), (20.0, 3.0), (1e9, 3.0), (math.inf, 4.0)]
)
def test_the_count_at_a_bound_is_that_of_the_bucket_below(bound: float, expected: float) -> None:
    """Between two bounds only the lower one's count is sure."""
    assert Histogram(labels={}, buckets={10.0: 1, 20.0: 3, math.inf: 4}, count=4, sum=0).cumulative(bound) == expected


@pytest.mark.parametrize(
    ("buckets", "q", "expected"),
    [
        ({}, 0.95, None),
        ({math.inf: 0.0}, 0.95, None),
        ({100.0: 0.0, math.inf: 0.0}, 0.95, None),
        ({100.0: 10.0, math.inf: 10.0}, 0.95, 95.0),
        ({100.0: 10.0, math.inf: 10.0}, 0.5, 50.0),
        ({100.0: 10.0, math.inf: 10.0}, 1.0, 100.0),
        ({100.0: 5.0, 200.0: 10.0, math.inf: 10.0}, 0.5, 100.0),
        ({100.0: 5.0, 200.0: 10.0, math.inf: 10.0}, 0.75, 150.0),
        ({100.0: 5.0, 200.0: 5.0, 300.0: 10.0, math.inf: 10.0}, 0.75, 250.0),
        ({100.0: 0.0, 200.0: 8.0, math.inf: 8.0}, 0.25, 125.0),
        ({100.0: 94.0, math.inf: 100.0}, 0.95, math.inf),
        ({100.0: 95.0, math.inf: 100.0}, 0.95, 100.0),
        ({math.inf: 3.0}, 0.5, math.inf),
    ],
)
def test_quantiles_by_hand(buckets: dict[float, float], q: float, expected: float | None) -> None:
    """Linear within its bucket, infinite beyond the last bound, None without observations."""
    assert Histogram(labels={}, buckets=buckets, count=None, sum=None).quantile(q) == expected


def test_a_histogram_that_is_not_cumulative_is_never_finite_by_accident() -> None:
    """Where no bucket reaches the rank the quantile is infinite."""
    broken = Histogram(labels={}, buckets={10.0: math.nan, math.inf: 5.0}, count=5, sum=0)
    assert broken.quantile(0.95) == math.inf
    assert Histogram(labels={}, buckets={1.0: 5.0, 2.0: math.nan}, count=5, sum=0).quantile(0.95) == math.inf


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.sampled_from([50, 90, 95, 100]))
def test_a_quantile_lies_in_the_bucket_of_the_value_of_that_rank(values: list[int], percent: int) -> None:
    """The bucket of the interpolated quantile is the one that holds the exact nearest-rank value."""
    bounds = [50.0, 100.0, 200.0, 300.0, 400.0]
    buckets = {bound: float(sum(value <= bound for value in values)) for bound in bounds} | {math.inf: len(values)}
    histogram = Histogram(labels={}, buckets=buckets, count=len(values), sum=sum(values))
    exact = sorted(values)[math.ceil(len(values) * percent / 100) - 1]
    upper = next(bound for bound in bounds if exact <= bound)
    lower = max([0.0, *(bound for bound in bounds if bound < upper)])
    found = histogram.quantile(percent / 100)
    assert found is not None
    assert lower <= found <= upper + 1e-9
    known = histogram.quantile_bounds(percent / 100)
    assert known is not None
    assert known[1] == upper
