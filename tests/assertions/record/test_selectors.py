"""What an expression asks for: series and label matchers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assertions.prometheus.promql import PromqlError
from assertions.record.queries import LabelMatcher, Operator
from assertions.record.selectors import selectors_of, target_labels_of


def shown(expression: str) -> list[str]:
    """The selectors, as text."""
    return [str(one) for one in selectors_of(expression, "alert A")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("export_queue_depth > 80", ["export_queue_depth"]),
        (
            "histogram_quantile(0.95, sum by (le) (rate(export_latency_ms_bucket[5m]))) > 1",
            ["export_latency_ms_bucket"],
        ),
        (
            'a{status="succeeded"} / a{status=~"succeeded|failed",job="x"}',
            ['a{status="succeeded"}', 'a{status=~"succeeded|failed"}'],
        ),
        ('max_over_time(b{x!="1"}[5m:1m]) or -(c{y!~"2"})', ['b{x!="1"}', 'c{y!~"2"}']),
        ('{__name__="d",format="csv"} + d{format="csv"}', ['d{format="csv"}']),
        ("vector(1)", []),
    ],
)
def test_each_selector_once_in_order(expression: str, expected: list[str]) -> None:
    """All parts of an expression are walked; labels that Prometheus adds are left out."""
    assert shown(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a / b", set()),
        ('a{job="x"} or b{format="csv"}', {"job"}),
        ('a{job="x"} or b{instance=~"y"}', {"job", "instance"}),
    ],
)
def test_labels_that_prometheus_adds_are_named(expression: str, expected: set[str]) -> None:
    """What the selectors leave out can still be said."""
    assert target_labels_of(expression) == expected


@pytest.mark.parametrize("read", [lambda text: selectors_of(text, "alert A"), target_labels_of])
def test_no_promql_is_an_error(read: Callable[[str], object]) -> None:
    """An expression that can't be read is a PromqlError."""
    with pytest.raises(PromqlError, match="is no PromQL"):
        read("sum(")


@pytest.mark.parametrize(
    ("op", "value", "found", "expected"),
    [
        ("=", "a", "a", True),
        ("=", "a", "b", False),
        ("!=", "a", "b", True),
        ("!=", "a", "a", False),
        ("=~", "a|b", "b", True),
        ("=~", "a", "ab", False),
        ("!~", "a|b", "c", True),
        ("!~", "a.*", "ab", False),
    ],
)
def test_matchers_accept_as_in_promql(op: Operator, value: str, found: str, expected: bool) -> None:
    """Equal, not equal, and patterns that must match the whole value."""
    assert LabelMatcher(label="x", op=op, value=value).accepts({"x": found}) is expected


def test_a_missing_label_reads_as_empty() -> None:
    """A series without the label fits where the empty text does."""
    assert LabelMatcher(label="x", op="=", value="").accepts({})
    assert not LabelMatcher(label="x", op="!=", value="").accepts({})
