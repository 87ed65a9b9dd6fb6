"""The static check finds each kind of expression that would match nothing, and lets right ones through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assertions.contract import FAMILIES
from assertions.prometheus.promql import PromqlError, families_in, is_conditional, labels_of, problems_of, substitute

RIGHT = [
    "histogram_quantile(0.95, sum by (le) (rate(export_latency_ms_bucket[5m]))) > 10000",
    'histogram_quantile(0.5, rate(export_latency_ms_bucket{size="large", le!="+Inf"}[5m]))',
    "histogram_quantile(0.5, sum without (format) (rate(export_latency_ms_bucket[5m])))",
    "histogram_quantile(scalar(export_success_rate), sum by (le) (rate(export_latency_ms_bucket[5m])))",
    "rate(export_latency_ms_sum[5m]) / rate(export_latency_ms_count[5m])",
    'sum(increase(export_requests_total{status=~"succ.*"}[1h])) / sum(increase(export_requests_total[1h]))',
    'sum by (format) (rate(export_requests_total{status!="rejected", user!~"x.*"}[5m]))',
    "export_queue_depth > 100 and export_concurrent_running < 5",
    "export_queue_depth unless export_concurrent_running",
    "export_queue_depth or export_success_rate",
    "-export_queue_depth",
    "max_over_time((export_queue_depth)[5m:1m])",
    "absent(export_requests_total)",
    "count(export_requests_total)",
    "topk(3, export_memory_bytes)",
    'count_values("depth", export_queue_depth)',
    "quantile by (format) (0.9, export_memory_bytes)",
    'sum by (name) (label_replace(export_memory_bytes, "name", "$1", "format", "(.*)"))',
    'sum by (format) (rate(export_requests_total{status="failed"}[5m])) '
    '/ sum by (format) (rate(export_requests_total{status="started"}[5m]))',
    'rate(export_requests_total{status="failed"}[5m]) '
    '/ ignoring (status) rate(export_requests_total{status="started"}[5m])',
    'export_memory_bytes{format="csv"} or export_memory_bytes{format="pdf"}',
    '(export_memory_bytes{format="csv"} or export_memory_bytes{format="pdf"}) / export_success_rate',
    'label_replace(export_memory_bytes{format="csv"}, "format", "pdf", "", "") / export_memory_bytes{format="pdf"}',
    'export_queue_depth{job="a"} - ignoring (job) export_queue_depth{job="b"}',
    'up{job="export"} == 0',
    'sum by (alertname, severity, format) (ALERTS{alertname=~"Export.+", alertstate="firing"})',
    'ALERTS{alertstate="pending"} or on () label_replace(vector(0), "alertname", "none", "", "")',
    "export_memory_bytes / on (job, instance) group_left () export_queue_depth",
    "export_queue_depth * on (job, instance) group_right () export_memory_bytes",
    "export_memory_bytes / ignoring (format) group_left () export_queue_depth",
    "export_memory_bytes / ignoring () export_success_rate",
    'export_memory_bytes{format="csv"} > 5 * 100',
    '{__name__="export_queue_depth"}',
    r'export_memory_bytes{format=~"\\pL+"}',
]
WRONG = [
    ("export_latency_ms_bucket_bucket > 1", "export_latency_ms_bucket_bucket is no metric of the contract"),
    ("sum(rate(export_latency_ms[5m]))", "export_latency_ms is a histogram; its series are"),
    ('{format="csv"}', "a selector names no metric"),
    ('{__name__=~"export_.*"}', "a selector names no metric"),
    ('export_memory_bytes{size="large"}', "export_memory_bytes has no label size; it has format, instance, job"),
    ('export_queue_depth{format="csv" or job="x"}', "export_queue_depth has no label format"),
    ('rate(export_requests_total{status="success"}[5m])', "matches no series; status is one of started, succeeded"),
    ('rate(export_bytes_total{status="succeeded"}[5m])', "matches no series; status is one of success"),
    ('ALERTS{alertstate="resolved"}', "matches no series; alertstate is one of firing, pending"),
    ('ALERTS{alert="ExportFailSpike"}', "ALERTS has no label alert"),
    ('export_memory_bytes{format=~"xls|doc"}', "matches no series; format is one of csv, pdf, unknown"),
    ('export_memory_bytes{format!~".+"}', "matches no series"),
    ("rate(export_queue_depth[5m])", "rate() of export_queue_depth, which is a gauge"),
    ("increase(export_memory_bytes[5m])", "increase() of export_memory_bytes, which is a gauge"),
    ("export_fail_total > 5", "export_fail_total only ever grows; read it through rate()"),
    ("deriv(export_bytes_total[5m])", "export_bytes_total only ever grows"),
    ("histogram_quantile(0.9, export_latency_ms_bucket)", "export_latency_ms_bucket only ever grows"),
    (
        "histogram_quantile(0.9, sum(rate(export_latency_ms_bucket[5m])))",
        "needs buckets with their label le; here are no",
    ),
    (
        "histogram_quantile(0.9, sum by (format) (rate(export_latency_ms_bucket[5m])))",
        "needs buckets with their label le",
    ),
    (
        "histogram_quantile(0.9, sum without (le) (rate(export_latency_ms_bucket[5m])))",
        "needs buckets with their label le",
    ),
    ("histogram_quantile(0.9, export_memory_bytes)", "needs buckets with their label le"),
    ("histogram_quantile(95, sum by (le) (rate(export_latency_ms_bucket[5m])))", "a quantile from 0 to 1, not 95"),
    ("sum by (fromat) (export_memory_bytes)", "sum by (fromat): what it groups has no label fromat"),
    ("sum without (size) (export_memory_bytes)", "sum without (size): what it groups has no label size"),
    ("sum by (job) (sum by (format) (export_memory_bytes))", "sum by (job): what it groups has no label job"),
    (
        "export_memory_bytes / export_queue_depth",
        "the two sides of / never match: compared by format, instance, job and",
    ),
    ("export_memory_bytes / on (format) export_queue_depth", "the two sides of / never match: compared on (format)"),
    ("export_memory_bytes / on (size) export_success_rate", "the two sides of / never match: compared on (size)"),
    ("export_queue_depth and export_memory_bytes", "the two sides of and never match"),
    (
        'rate(export_requests_total{status="failed"}[5m]) / rate(export_requests_total{status="started"}[5m])',
        "the two sides of / never match: status is failed on one and started on the other",
    ),
    (
        'export_memory_bytes{format="csv"} + export_memory_bytes{format="pdf"}',
        "the two sides of + never match: format is csv on one and pdf on the other",
    ),
    (
        'sum by (status) (rate(export_requests_total{status=~"succ.*|failed"}[5m])) '
        'and sum by (status) (rate(export_requests_total{status="started"}[5m]))',
        "status is failed or succeeded on one and started on the other",
    ),
    (
        'export_memory_bytes{format!="csv"} / on (format) export_success_rate{format="csv"}',
        "format is pdf or unknown on one and csv on the other",
    ),
    ('export_queue_depth{job="a"} - export_queue_depth{job="b"}', "job is a on one and b on the other"),
    ("1 + 1", "reads no metric"),
    ("vector(1)", "reads no metric"),
    ("time()", "reads no metric"),
    ('"text"', "reads no metric"),
    ("rate(export_bytes_total)", "is no PromQL: expected type matrix"),
    ("export_bytes_total{", "is no PromQL: unexpected end"),
    ("", "is no PromQL"),
]


@pytest.mark.parametrize("expression", RIGHT)
def test_right_expressions_have_no_problem(expression: str) -> None:
    """An expression that means something on a target of the contract is let through."""
    assert problems_of(expression) == ()


@pytest.mark.parametrize(("expression", "problem"), WRONG)
def test_wrong_expressions_are_named(expression: str, problem: str) -> None:
    """Each kind of broken expression gives exactly one problem, which says what is wrong."""
    problems = problems_of(expression)
    assert len(problems) == 1
    assert problem in problems[0]


def test_all_problems_are_reported_at_once() -> None:
    """Two faults in one expression are two problems, and a fault made twice is reported once."""
    assert problems_of("rate(export_queue_depth[5m]) + rate(export_queue_depth[5m]) + no_such") == (
        "rate() of export_queue_depth, which is a gauge, means nothing",
        "no_such is no metric of the contract",
    )


@given(st.text(alphabet='export_bytla()[]{}5m "=,.~!$\\', max_size=40))
def test_no_text_makes_the_check_stumble(text: str) -> None:
    """Whatever the text, the answer is a tuple of sentences, never an accident."""
    assert all(problem.strip() for problem in problems_of(text))


@given(st.from_regex(r"[a-z_]{1,20}", fullmatch=True))
def test_a_name_has_no_problem_only_if_it_is_a_gauge(name: str) -> None:
    """A bare name is right exactly when it is one of the contract's gauges."""
    gauges = {family.name for family in FAMILIES if family.kind == "gauge"}
    assert (problems_of(name) == ()) is (name in gauges)


@pytest.mark.parametrize(
    ("expression", "families"),
    [
        ("rate(export_latency_ms_sum[5m]) / rate(export_latency_ms_count[5m])", ("export_latency_ms",)),
        ("export_success_rate + export_memory_bytes", ("export_memory_bytes", "export_success_rate")),
        ("no_such", ()),
    ],
)
def test_families_of_an_expression(expression: str, families: tuple[str, ...]) -> None:
    """The families that an expression reads come once each, in the contract's order."""
    assert families_in(expression) == families


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ("export_queue_depth", {"job", "instance"}),
        ("histogram_quantile(0.9, sum by (le, size) (rate(export_latency_ms_bucket[5m])))", {"size"}),
        ("sum(export_memory_bytes)", set()),
        ("topk(1, export_memory_bytes)", {"job", "instance", "format"}),
        ('count_values("v", export_memory_bytes)', {"v"}),
        ("sum by (format) (export_memory_bytes) > 1", {"format"}),
        ("export_queue_depth or export_memory_bytes", {"job", "instance", "format"}),
        ("export_memory_bytes * on (job) group_left (instance) export_queue_depth", {"job", "instance", "format"}),
        ("export_queue_depth * on (job) group_right () export_memory_bytes", {"job", "instance", "format"}),
        ("export_memory_bytes * on (format) export_success_rate", {"format"}),
        ("export_memory_bytes * 2", {"job", "instance", "format"}),
        ("2 * export_memory_bytes", {"job", "instance", "format"}),
        ("scalar(export_queue_depth)", set()),
    ],
)
def test_labels_of_a_result(expression: str, labels: set[str]) -> None:
    """The labels of a result follow aggregation and matching."""
    assert labels_of(expression) == labels


@pytest.mark.parametrize(
    ("expression", "conditional"),
    [
        ("export_queue_depth > 1", True),
        ("(export_queue_depth > 1)", True),
        ("sum(export_queue_depth > 1)", True),
        ("export_queue_depth > bool 1", False),
        ("export_queue_depth", False),
        ("export_queue_depth > 1 or export_queue_depth", False),
        ("export_queue_depth > 1 or export_queue_depth < 0", True),
        ("export_queue_depth and export_queue_depth > 1", True),
        ("export_queue_depth unless export_concurrent_running", True),
        ("(export_queue_depth > 1) * 2", True),
        ("absent(export_queue_depth)", True),
        ("abs(export_queue_depth)", False),
    ],
)
def test_conditional_expressions(expression: str, conditional: bool) -> None:
    """Only an expression that can be empty by a comparison is fit for an alert."""
    assert is_conditional(expression) is conditional


def test_unreadable_expressions_are_errors() -> None:
    """The functions that need a tree refuse what has none."""
    for function in (families_in, labels_of, is_conditional):
        with pytest.raises(PromqlError, match="is no PromQL"):
            function("x{")


def test_variables_are_replaced_in_each_spelling() -> None:
    """All three spellings of a variable are replaced, with or without a format."""
    text = "rate(x[$__rate_interval]) + rate(x[${__rate_interval}]) + rate(x[[[__rate_interval]]]) + ${__range_s:raw}"
    assert substitute(text) == "rate(x[1m]) + rate(x[1m]) + rate(x[1m]) + 900"


def test_a_dollar_that_is_no_variable_stays() -> None:
    """The end of a regular expression and a capture group are left unchanged."""
    assert substitute('{a=~"csv$"} $1') == '{a=~"csv$"} $1'


def test_unknown_variables_are_errors() -> None:
    """A variable that nobody sets is named, with those that are known."""
    with pytest.raises(PromqlError, match=r"\$format is no variable here; known are \$__rate_interval"):
        substitute('x{format="$format"}')
    assert substitute('x{format="$format"}', {"format": "csv"}) == 'x{format="csv"}'
