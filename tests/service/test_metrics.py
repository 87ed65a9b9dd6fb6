"""The metrics page: nine families, every label set from the start, closed label values."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from service.metrics import REASONS, Metrics, size_of
from tests.service.helpers import sample

TYPES = {
    "export_requests": "counter",
    "export_bytes": "counter",
    "export_fail": "counter",
    "export_latency_ms": "histogram",
    "export_concurrent_running": "gauge",
    "export_queue_depth": "gauge",
    "export_memory_bytes": "gauge",
    "export_throughput_ops_per_sec": "gauge",
    "export_success_rate": "gauge",
}


def page(metrics: Metrics) -> str:
    """The page as text."""
    return metrics.page("")[0].decode()


def test_there_are_nine_families_of_their_types() -> None:
    """No more, no less, and no created-series with them."""
    families = {one.name: one.type for one in text_string_to_metric_families(page(Metrics()))}
    assert families == TYPES


def test_every_known_label_set_is_there_at_0_from_the_start() -> None:
    """So that the first increase is seen; only the success rate starts at 1."""
    text = page(Metrics())
    for format in ("csv", "pdf"):
        for status in ("started", "succeeded", "failed", "rejected"):
            assert sample(text, "export_requests_total", format=format, status=status, user="anonymous") == 0
        for reason in REASONS:
            assert sample(text, "export_fail_total", format=format, reason=reason) == 0
        for size in ("small", "medium", "large"):
            assert sample(text, "export_latency_ms_count", format=format, size=size) == 0
        assert sample(text, "export_bytes_total", format=format, status="success") == 0
        assert sample(text, "export_memory_bytes", format=format) == 0
        assert sample(text, "export_throughput_ops_per_sec", format=format) == 0
        assert sample(text, "export_success_rate", format=format) == 1
    assert sample(text, "export_requests_total", format="unknown", status="rejected") == 0


def test_the_user_label_is_closed_at_a_hundred_values() -> None:
    """The first 100 names are kept (anonymous is one), all later and all overlong ones are `other`."""
    metrics = Metrics()
    assert metrics.user_label("x" * 101) == "other"
    labels = [metrics.user_label(f"user{number}") for number in range(150)]
    assert labels == [*(f"user{number}" for number in range(99)), *["other"] * 51]
    assert metrics.user_label("user7") == "user7"
    assert metrics.user_label("anonymous") == "anonymous"
    for number in range(10_000):
        metrics.started("csv", f"user{number}")
    users = {
        one.labels["user"]
        for family in text_string_to_metric_families(page(metrics))
        for one in family.samples
        if "user" in one.labels
    }
    assert len(users) == 101


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0"),
        (999_999, "999999"),
        (1_835_253, "1835253"),
        (2**53 - 1, "9007199254740991"),
        (2**53, "9007199254740992"),
    ],
)
def test_whole_numbers_are_digits(accept: str, count: int, written: str) -> None:
    """Up to 2^53 a script that reads `[0-9.]+` gets the number, in both formats."""
    metrics = Metrics()
    metrics.succeeded("csv", "u", records=1, file_bytes=count, latency_ms=1_835_253.7, memory_bytes=count)
    lines = metrics.page(accept)[0].decode().splitlines()
    assert f'export_bytes_total{{format="csv",status="success"}} {written}' in lines
    assert f'export_memory_bytes{{format="csv"}} {written}' in lines
    assert 'export_latency_ms_sum{format="csv",size="small"} 1835253.7' in lines
    assert not any("e+" in line for line in lines)


NEGOTIATED = {
    "Prometheus 2.42": (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    ),
    "Prometheus 3.5": (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    ),
    "Prometheus 3.5, native histograms": (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    ),
    "protobuf only": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    "text only": "text/plain;version=0.0.4",
}
"""What servers send as Accept, as they sent it."""


@pytest.mark.parametrize("server", NEGOTIATED)
def test_every_server_gets_a_page_that_it_can_read(server: str) -> None:
    """OpenMetrics to who takes it, text to all others, never protobuf; the values are those of the plain page."""
    metrics = Metrics()
    metrics.succeeded("csv", "u", records=1, file_bytes=17, latency_ms=4.5, memory_bytes=1_000)
    body, content_type = metrics.page(NEGOTIATED[server])
    wanted = "application/openmetrics-text" if "openmetrics" in NEGOTIATED[server] else "text/plain"
    assert content_type.split(";")[0] == wanted
    read = open_metrics if wanted.startswith("application/") else text_string_to_metric_families
    found = {
        (one.name, tuple(one.labels.items())): one.value for family in read(body.decode()) for one in family.samples
    }
    plain = text_string_to_metric_families(page(metrics))
    assert found == {(one.name, tuple(one.labels.items())): one.value for family in plain for one in family.samples}


def test_a_user_called_like_a_number_stays_as_sent() -> None:
    """Only values are rewritten, labels are not."""
    metrics = Metrics()
    metrics.started("csv", "x 1.5e+06")
    assert 'user="x 1.5e+06"' in page(metrics)


def test_refused_users_give_their_places_to_those_who_export() -> None:
    """Made-up names of refused requests are shown while there is room, and never push a real user into `other`."""
    metrics = Metrics()
    for number in range(300):
        metrics.rejected("csv", f"attacker{number}")
    text = page(metrics)
    assert sample(text, "export_requests_total", user="attacker0", status="rejected") == 1
    assert sample(text, "export_requests_total", user="other", status="rejected") == 201
    for number in range(99):
        metrics.started("csv", f"user{number}")
    metrics.started("csv", "late")
    text = page(metrics)
    assert sample(text, "export_requests_total", user="user98", status="started") == 1
    assert sample(text, "export_requests_total", user="other", status="started") == 1
    assert sample(text, "export_requests_total", user="other", status="rejected") == 300
    assert "attacker" not in text
    assert len({one.labels["user"] for one in samples(text) if "user" in one.labels}) == 101


def test_a_refused_user_who_exports_later_keeps_the_place() -> None:
    """The refusals before count on under the same name."""
    metrics = Metrics()
    metrics.rejected("pdf", "mia")
    metrics.started("pdf", "mia")
    metrics.rejected("pdf", "mia")
    for number in range(300):
        metrics.started("csv", f"user{number}")
    assert sample(page(metrics), "export_requests_total", user="mia", status="rejected") == 2


def samples(text: str) -> list[Sample]:
    """All samples of a page."""
    return [one for family in text_string_to_metric_families(text) for one in family.samples]


def test_size_classes_have_their_edges() -> None:
    """small < 1,000 <= medium < 10,000 <= large."""
    assert [size_of(count) for count in (0, 999, 1_000, 9_999, 10_000)] == [
        "small",
        "small",
        "medium",
        "medium",
        "large",
    ]


def test_throughput_counts_the_last_minute_and_success_rate_all_time() -> None:
    """Exports older than a minute leave the throughput, not the rate; rejections touch neither."""
    now = [0.0]
    metrics = Metrics(clock=lambda: now[0])
    for _ in range(3):
        metrics.succeeded("csv", "u", records=1, file_bytes=10, latency_ms=7, memory_bytes=5)
    metrics.failed("csv", "u", "io")
    metrics.rejected("csv", "u")
    assert sample(page(metrics), "export_throughput_ops_per_sec", format="csv") == 3 / 60
    assert sample(page(metrics), "export_success_rate", format="csv") == 0.75
    now[0] = 60.5
    metrics.succeeded("csv", "u", records=1, file_bytes=10, latency_ms=7, memory_bytes=6)
    text = page(metrics)
    assert sample(text, "export_throughput_ops_per_sec", format="csv") == 1 / 60
    assert sample(text, "export_success_rate", format="csv") == 0.8
    assert sample(text, "export_memory_bytes", format="csv") == 6
    assert sample(text, "export_bytes_total", format="csv") == 40
    assert sample(text, "export_latency_ms_sum", format="csv", size="small") == 28
    assert sample(text, "export_latency_ms_bucket", format="csv", le="10.0") == 4


def test_label_values_can_not_break_the_page() -> None:
    """Quotes, line ends and backslashes in a user's name are escaped."""
    metrics = Metrics()
    metrics.started("csv", 'a"b\n\\c')
    assert sample(page(metrics), "export_requests_total", user='a"b\n\\c', status="started") == 1
