"""The text of the six assertions: the runbook's block to the letter, our facts below it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.catalogue import ASSERTIONS
from assertions.judge import Report, judge
from assertions.record.last_page import PageFigures, read_figures
from assertions.record.view import ScenarioRecord
from assertions.summary import runbook_text
from tests.assertions.healthy.records import changed, healthy, healthy_run, values, with_pages

LIMITS = limits_file.load()
HEADING = "=== What they rest on ==="
BLOCK = """\
=== Export Metrics Assertions ===
Latency Avg: 157.25ms (count: 228)
Success Rate: 100.0%
Concurrent Exports: 0 / 5 max
Queue Depth: 0
Bytes Exported: 80409.12 KB
Metrics Found: 9/9

=== Assertions ===
✅ Metrics Coverage
✅ Latency P95 < 10s
✅ Success Rate >= 95%
✅ Concurrent <= 5
✅ Queue Depth <= 100
✅ Bytes Exported > 0
✅ All export metrics assertions passed!
"""


def block(report: Report) -> str:
    """The runbook's part of the text."""
    head, _, rest = runbook_text(report).partition(f"\n{HEADING}\n")
    assert rest
    return head


def with_figures(**fields: Any) -> list[str]:
    """The lines of figures where the page shows these."""
    usual: dict[str, Any] = {"source": "load/scrapes.jsonl", "most_running": 5.0, "families_found": 9}
    reported = PageFigures(**{**usual, **fields})
    return block(msgspec.structs.replace(judge(healthy_run(), LIMITS), page=reported)).splitlines()[1:7]


def test_a_green_run_begins_with_the_runbooks_block() -> None:
    """With the default limits the first lines are the runbook's, to the letter."""
    assert block(judge(healthy_run(), LIMITS)) == BLOCK


def test_the_figures_are_those_of_the_last_page() -> None:
    """Sum, count, counters and gauges are read from the page that was read last, in whichever scenario."""
    pages = [record.pages[-1] for record in healthy_run().scenarios.values()]
    last = max(pages, key=lambda timed: timed.scrape.start).page
    figures = read_figures(healthy_run(), LIMITS)
    latency = last.histogram("export_latency_ms")
    assert latency is not None
    assert (figures.latency_sum_ms, figures.latency_count) == (latency.sum, latency.count)
    assert figures.bytes == last.total("export_bytes_total", status="success")
    assert (figures.source, figures.at_rest, figures.families_found) == ("load/scrapes.jsonl", True, 9)


def test_gauges_at_rest_are_reported_as_such_with_their_peaks() -> None:
    """0 running after the load is no proof of anything: the text says so and gives the peaks."""
    text = runbook_text(judge(healthy_run(), LIMITS)).partition(HEADING)[2]
    assert "(load/scrapes.jsonl), read with nothing under way: running and waiting are at rest.\n" in text
    assert "Peaks over the whole run, by the target: 5 running, 100 waiting.\n" in text


def test_a_last_page_under_load_is_reported_as_such() -> None:
    """Where the run broke off, the figures are not called those at rest."""
    load = healthy("load")
    cut = changed(load, scrapes=tuple(one for one in load.scrapes if one.moment != "after"))
    cut = changed(cut, scrapes=tuple(one for one in cut.scrapes if one.moment == "during"))
    text = runbook_text(judge(healthy_run(load=cut), LIMITS))
    assert "read while load ran.\n" in text
    assert "at rest" not in text.partition(HEADING)[2].splitlines()[1]


@pytest.mark.parametrize(
    ("fields", "number", "line"),
    [
        ({"latency_sum_ms": 1_234.5, "latency_count": 10.0}, 0, "Latency Avg: 123.45ms (count: 10)"),
        ({"latency_sum_ms": 0.0, "latency_count": 0.0}, 0, "Latency Avg: no data (count: 0)"),
        ({}, 0, "Latency Avg: no data (count: no data)"),
        ({"latency_sum_ms": float("nan"), "latency_count": 2.0}, 0, "Latency Avg: no data (count: 2)"),
        ({"succeeded": 999.0, "failed": 0.0}, 1, "Success Rate: 100.0%"),
        ({"succeeded": 9_999.0, "failed": 1.0}, 1, "Success Rate: 99.9%"),
        ({"succeeded": 0.0, "failed": 3.0}, 1, "Success Rate: 0.0%"),
        ({"succeeded": 0.0, "failed": 0.0}, 1, "Success Rate: no data"),
        ({"failed": 3.0}, 1, "Success Rate: no data"),
        ({"running": 6.0}, 2, "Concurrent Exports: 6 / 5 max"),
        ({}, 2, "Concurrent Exports: no data / 5 max"),
        ({"running": 0.0, "most_running": 7.0}, 2, "Concurrent Exports: 0 / 7 max"),
        ({"waiting": 101.0}, 3, "Queue Depth: 101"),
        ({"waiting": float("nan")}, 3, "Queue Depth: no data"),
        ({"bytes": 15_234.0}, 4, "Bytes Exported: 15.23 KB"),
        ({"bytes": 0.0}, 4, "Bytes Exported: 0.00 KB"),
        ({}, 4, "Bytes Exported: no data"),
        ({"families_found": 8}, 5, "Metrics Found: 8/9"),
    ],
)
def test_each_figure_is_what_the_page_reports(fields: dict[str, float], number: int, line: str) -> None:
    """Absent, empty, zero and no number are told apart; a rate is rounded down, so 100.0% is without a failure."""
    assert with_figures(**fields)[number] == line


def test_without_a_page_there_are_no_figures() -> None:
    """Where nothing was read nothing is reported, not even a zero."""
    blind = {name: changed(healthy(name), scrapes=()) for name in ("smoke", "load", "batch")}
    report = judge(healthy_run(**blind), LIMITS)
    assert block(report).splitlines()[1:7] == [
        "Latency Avg: no data (count: no data)",
        "Success Rate: no data",
        "Concurrent Exports: no data / 5 max",
        "Queue Depth: no data",
        "Bytes Exported: no data",
        "Metrics Found: 0/9",
    ]
    assert f"{HEADING}\nFigures: no metrics page was read.\n" in runbook_text(report)
    assert block(report).splitlines()[-1] == "⚪ 0 of 6 export metrics assertions passed"


def six_running(record: ScenarioRecord) -> ScenarioRecord:
    """The target reports six exports that run."""
    return with_pages(record, values("export_concurrent_running", lambda _: 6))


def test_a_failed_assertion_is_marked_and_counted() -> None:
    """❌ for the one that failed, and the last line of the block says how many passed."""
    report = judge(healthy_run(load=six_running(healthy("load"))), LIMITS)
    marks = {line[2:]: line[0] for line in block(report).splitlines()[9:15]}
    assert marks["Concurrent <= 5"] == "❌"
    passed = list(marks.values()).count("✅")
    assert block(report).splitlines()[-1] == f"❌ {passed} of 6 export metrics assertions passed"
    assert "    because: run/concurrency-target: most exports running at once" in runbook_text(report)


def test_what_has_no_data_is_neither_passed_nor_failed() -> None:
    """⚪ where a scenario was not run, and no line says that all passed."""
    run = healthy_run()
    report = judge(replace(run, scenarios={name: run.scenarios[name] for name in ("smoke", "load")}), LIMITS)
    assert "⚪ Queue Depth <= 100" in block(report).splitlines()
    assert re.fullmatch("⚪ [0-5] of 6 export metrics assertions passed", block(report).splitlines()[-1])
    assert "All export metrics assertions passed" not in runbook_text(report)


def test_the_bounds_in_the_text_are_those_of_the_limits() -> None:
    """Other limits show in the titles and next to the running exports; the default ones give the runbook's titles."""
    assert [six.titled(LIMITS) for six in ASSERTIONS] == [six.title for six in ASSERTIONS]
    text = limits_file.DEFAULT_PATH.read_text()
    for old, new in (("target = 10_000", "target = 2_500"), ("target = 0.95", "target = 0.999"), ("= 5\n", "= 4\n")):
        text = text.replace(old, new, 1)
    lines = block(judge(healthy_run(), limits_file.parse(text.encode(), "mine.toml"))).splitlines()
    assert lines[3] == "Concurrent Exports: 0 / 4 max"
    assert [line[2:] for line in lines[10:13]] == ["Latency P95 < 2.5s", "Success Rate >= 99.9%", "Concurrent <= 4"]
