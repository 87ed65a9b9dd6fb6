"""Panels: throughput is compared over the span that the server scraped, series by series."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.observability.panels import FEWEST_SCRAPES, panels
from assertions.contract import FORMATS
from assertions.record.prometheus_run import PrometheusRun
from assertions.record.types import Scrape
from assertions.record.view import ScenarioRecord
from tests.assertions.cases.prometheus import scaled, with_panel, with_run
from tests.assertions.healthy.records import changed, each, healthy

LIMITS = limits_file.load()
TITLE = "Export Throughput (ops/sec)"


def server_of(record: ScenarioRecord) -> PrometheusRun:
    """Return what the Prometheus server recorded."""
    assert record.prometheus is not None
    return record.prometheus


def showing(record: ScenarioRecord, rate: Callable[[str], float]) -> ScenarioRecord:
    """Return the record with the throughput panel showing these rates. rate: by format, exports per second."""
    change = with_panel(TITLE, lambda series: msgspec.structs.replace(series, whole=rate(series.labels["format"])))
    return change(record)


def succeeded_since(record: ScenarioRecord, fmt: str, moment: float) -> float:
    """Return the succeeded exports of a format from the first page at or after a moment to the last page."""
    totals = [
        timed.page.total("export_requests_total", status="succeeded", format=fmt) or 0.0
        for timed in record.pages
        if timed.scrape.start >= moment
    ]
    return totals[-1] - totals[0]


@pytest.mark.parametrize(
    ("scrapes", "expected"),
    [(FEWEST_SCRAPES - 1, "PASS"), (FEWEST_SCRAPES, "FAIL"), (FEWEST_SCRAPES + 1, "FAIL")],
)
def test_a_server_of_few_scrapes_is_not_compared(scrapes: int, expected: str) -> None:
    """With four scrapes one export at either end decides the rate; with five a panel of ten times the rate fails."""
    record = with_run(scrapes=scrapes, scrape_interval_s=4.0)(healthy("load"))
    assert panels(with_panel(TITLE, scaled(10))(record), LIMITS).status == expected


@pytest.mark.parametrize(("factor", "expected"), [(1.0, "PASS"), (2.0, "FAIL"), (0.5, "FAIL")])
def test_a_server_that_began_late_is_compared_over_its_own_span(factor: float, expected: str) -> None:
    """What was finished before the first scrape counts for neither side."""
    late = with_run(scrapes=11)(healthy("load"))
    server = server_of(late)
    window_s = server.end - server.start
    own = {fmt: succeeded_since(late, fmt, server.end - 10.0) for fmt in FORMATS}
    assert own["csv"] < 0.8 * succeeded_since(late, "csv", server.start)
    judged = panels(showing(late, lambda fmt: factor * own[fmt] / window_s), LIMITS)
    assert judged.status == expected, judged.reason


def with_new_user(record: ScenarioRecord, first: int, last: int) -> ScenarioRecord:
    """Return the record with a user whose series of csv exports begins halfway, at `first`, and ends at `last`."""
    server = server_of(record)
    middle, quarter = (server.start + server.end) / 2, (server.end - server.start) / 4
    head = 'export_requests_total{format="csv",status="succeeded",user="late"}'

    def edit(scrape: Scrape) -> dict[str, str] | None:
        if scrape.start < middle:
            return None
        value = first if scrape.start < middle + quarter else last
        lines = scrape.text.splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.startswith("export_requests_total{"))
        return {"text": "".join([*lines[:place], f"{head} {value}\n", *lines[place:]])}

    return changed(record, scrapes=each(record.scrapes, edit))


@pytest.mark.parametrize(("counted", "expected"), [(60, "PASS"), (560, "FAIL")])
def test_what_a_new_series_begins_with_counts_for_nothing(counted: int, expected: str) -> None:
    """A series that begins at 500 and ends at 560 raises the rate by 60 exports, as rate() has it."""
    record = with_new_user(healthy("load"), 500, 560)
    server = server_of(record)
    base = {fmt: succeeded_since(healthy("load"), fmt, server.start) for fmt in FORMATS}
    window_s = server.end - server.start
    judged = panels(showing(record, lambda fmt: (base[fmt] + (counted if fmt == "csv" else 0)) / window_s), LIMITS)
    assert judged.status == expected, judged.reason
    assert (TITLE in judged.reason) == (expected == "FAIL")


def test_the_moment_a_series_was_made_is_no_count() -> None:
    """`_created` samples, which OpenMetrics has for each counter, add nothing to the throughput."""
    record = healthy("load")

    def edit(scrape: Scrape) -> dict[str, str]:
        heads = [
            line.rpartition(" ")[0] for line in scrape.text.splitlines() if line.startswith("export_requests_total{")
        ]
        made = [f"{head.replace('_total{', '_total_created{')} {scrape.start - 60}\n" for head in heads]
        return {"text": scrape.text + "".join(made)}

    judged = panels(changed(record, scrapes=each(record.scrapes, edit)), LIMITS)
    assert judged.status == "PASS", judged.reason


@pytest.mark.parametrize(("factor", "expected"), [(1 + 2.2 / 10, "PASS"), (1.6, "FAIL")])
def test_rate_may_stretch_by_more_than_a_scrape_interval_at_each_end(factor: float, expected: str) -> None:
    """A server of eleven scrapes whose window ends 1.1 intervals after its last one, and begins so before its first."""
    late = with_run(scrapes=11)(healthy("load"))
    server = server_of(late)
    window_s = server.end - server.start
    own = {fmt: succeeded_since(late, fmt, server.end - 10.0) for fmt in FORMATS}
    judged = panels(showing(late, lambda fmt: factor * own[fmt] / window_s), LIMITS)
    assert judged.status == expected, judged.reason


@pytest.mark.parametrize(("counted", "expected"), [(60, "PASS"), (120, "FAIL")])
def test_the_server_may_see_first_exports_that_the_harness_does_not(counted: int, expected: str) -> None:
    """Sixty users whose series the harness first sees at 1: a server that read their 0 in between counts each one."""
    record = healthy("load")
    server = server_of(record)
    middle = (server.start + server.end) / 2

    def edit(scrape: Scrape) -> dict[str, str] | None:
        if scrape.start < middle:
            return None
        lines = scrape.text.splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.startswith("export_requests_total{"))
        made = [
            f'export_requests_total{{format="csv",status="succeeded",user="user-{number}"}} 1\n' for number in range(60)
        ]
        return {"text": "".join([*lines[:place], *made, *lines[place:]])}

    base = {fmt: succeeded_since(record, fmt, server.start) for fmt in FORMATS}
    window_s = server.end - server.start
    crowded = changed(record, scrapes=each(record.scrapes, edit))
    judged = panels(showing(crowded, lambda fmt: (base[fmt] + (counted if fmt == "csv" else 0)) / window_s), LIMITS)
    assert judged.status == expected, judged.reason


def test_series_that_begin_on_the_first_page_of_the_span_are_new() -> None:
    """Sixty users whose first exports end right after it: a server that reads them an interval later counts none."""
    late = with_run(scrapes=11)(healthy("load"))
    server = server_of(late)
    pages = [timed.scrape.start for timed in late.pages if timed.scrape.start >= server.end - 9.0]

    def edit(scrape: Scrape) -> dict[str, str] | None:
        if scrape.start < pages[0]:
            return None
        lines = scrape.text.splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.startswith("export_requests_total{"))
        head = 'export_requests_total{format="csv",status="succeeded",user='
        made = [f'{head}"user-{number}"}} {int(scrape.start > pages[0])}\n' for number in range(60)]
        return {"text": "".join([*lines[:place], *made, *lines[place:]])}

    window_s = server.end - server.start
    own = {fmt: succeeded_since(late, fmt, server.end - 10.0) for fmt in FORMATS}
    record = with_run(scrapes=11)(changed(healthy("load"), scrapes=each(late.scrapes, edit)))
    record = showing(record, lambda fmt: own[fmt] / window_s)
    judged = panels(record, LIMITS)
    assert judged.status == "PASS", judged.reason
