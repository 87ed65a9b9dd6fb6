"""Queries against a captured page: what it does not offer is named, and so is a bucket that is there twice."""

from __future__ import annotations

import pytest

from assertions.prometheus.offered import page_findings
from tests.rules.endpoint import page

FIRST = page(2).replace("export_latency_ms", "export_latency_ms_bucket")
"""A page whose histogram is named as the first implementation named it."""


def findings(expression: str, text: str) -> tuple[str, ...]:
    """What is found for one query."""
    return page_findings([("Q", expression)], text)


@pytest.mark.parametrize(
    "expression",
    [
        "rate(export_latency_ms_bucket[5m])",
        'rate(export_latency_ms_bucket{le="1000"}[5m])',
        'rate(export_latency_ms_bucket{le="1000.0", size=~"small|huge"}[5m])',
        'export_queue_depth{job="export", instance="elsewhere"}',
        'rate(export_requests_total{user="somebody", status!="failed"}[5m])',
        '{__name__="export_queue_depth"}',
        "up == 0",
        'ALERTS{alertstate="firing"}',
        "absent(no_such)",
        "no_such or export_queue_depth",
        "export_queue_depth or vector(0)",
        'export_memory_bytes{format="xls" or format="csv"}',
        "vector(1)",
        "this is no PromQL (",
    ],
)
def test_what_the_page_offers_is_found(expression: str) -> None:
    """Series that are there by name and label values, and names that Prometheus makes itself, are no finding."""
    assert findings(expression, page(2)) == ()


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        (
            "rate(export_latency_ms_bucket[5m])",
            FIRST,
            "Q: no series export_latency_ms_bucket is on the page; it has export_latency_ms_bucket_bucket, "
            "export_latency_ms_bucket_count, export_latency_ms_bucket_sum",
        ),
        ("sum(no_such) / 2", page(2), "Q: no series no_such is on the page"),
        ("no_such or neither", page(2), "Q: no series no_such is on the page"),
        ("no_such or vector(0)", page(2), "Q: no series no_such is on the page"),
        (
            'export_memory_bytes{format="xls"}',
            page(2),
            'Q: export_memory_bytes{format="xls"} matches no series of the page; there format is csv, pdf',
        ),
        (
            'rate(export_fail_total{reason=~"io|net", format="csv"}[5m])',
            page(2),
            'Q: export_fail_total{reason=~"io|net", format="csv"} matches no series of the page; '
            "there format is csv, pdf; reason is disk",
        ),
        (
            'export_queue_depth{pod="x"}',
            page(2),
            'Q: export_queue_depth{pod="x"} matches no series of the page; there pod is absent',
        ),
    ],
)
def test_what_the_page_does_not_offer_is_named(expression: str, text: str, found: str) -> None:
    """A missing name and a missing label value are reported, with what the page has instead."""
    assert findings(expression, text)[0] == found


@pytest.mark.parametrize(
    ("one", "other", "effect"),
    [
        ("+Inf", "Infinity", "histogram_quantile() counts what lies beyond the last bound twice"),
        ("10000", "10000.0", "Prometheus keeps them apart, and histogram_quantile() does not"),
    ],
)
def test_a_bucket_under_two_spellings_is_named(one: str, other: str, effect: str) -> None:
    """Two spellings of one bound are one finding a family, with the number of series."""
    text = "".join(f'x_bucket{{a="{a}",le="{le}"}} 1\n' for a in "bc" for le in (one, other))
    assert page_findings([], text) == (
        f'x_bucket has one bucket twice, le="{one}" and le="{other}", in 2 of its series: {effect}; offer it once',
    )
    assert page_findings([], text.replace(f'le="{other}"', 'le="5"')) == ()


def test_recorded_names_are_not_looked_for() -> None:
    """What a recording rule makes is not on the target's page, and an unreadable page is one finding."""
    assert page_findings([("Q", "a:b")], page(2), recorded=["a:b"]) == ()
    assert page_findings([("Q", "a:b")], 'a{b="c} 1\n')[0].startswith("the page can't be read: ")
