"""A plot's two forms have the same values: the static picture, and what the page's script draws."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from assertions.judge import judge
from assertions.record.prometheus_run import AlertState, PrometheusRun
from assertions.record.run import Run
from evidence.comparison.compare import compare
from evidence.comparison.samples import samples_of
from evidence.reports.faces.html import html, scripts, without_library
from evidence.reports.plots.baseline import distributions, ratios
from evidence.reports.plots.captions import target_caption
from evidence.reports.plots.drawings import drawings_of
from evidence.reports.plots.interactive import document, library
from evidence.reports.plots.model import MOST_POINTS, Drawing, Panel, Rule, series, spread, y_range
from evidence.reports.plots.prometheus_samples import read_samples
from evidence.reports.plots.prometheus_samples import samples_of as samples_in
from evidence.reports.plots.static import figure
from evidence.reports.plots.target import target_panels
from tests.assertions.healthy.records import changed, healthy, with_hits
from tests.evidence.comparison.test_compare import comparison, row
from tests.evidence.golden import model_of
from tests.evidence.sample_reports import LIMITS

DUMP = """\
{__name__="export_concurrent_running", instance="127.0.0.1:1", job="export"} 3 1000500
{__name__="export_concurrent_running", instance="127.0.0.1:1", job="export"} NaN 1001500
{__name__="export_requests_total", format="csv", job="export", status="succeeded", user="a"} 4 1000500
{__name__="export_requests_total", format="pdf", job="export", status="succeeded", user="a"} 2 1000500
{__name__="export_requests_total", format="csv", job="export", status="succeeded", user="a"} 8 1002500
{__name__="export_requests_total", format="pdf", job="export", status="succeeded", user="a"} 4 1002500
{__name__="export_requests_total", format="csv", job="export", status="succeeded", user="a"} 3 1003500
{__name__="up", job="export"} 1 1000500
no sample
"""


def drawings(*names: str) -> tuple[Drawing, ...]:
    """The plots of healthy scenarios."""
    run = Run(Path("run"), {name: healthy(name) for name in names})
    return drawings_of(run, judge(run, LIMITS), LIMITS)


def static_values(axis: Any, label: str) -> list[list[float]]:
    """The values under a label in a static picture's axes, as (x, y), rounded as the model rounds."""
    for line in axis.lines:
        if line.get_label() == label:
            return [list(pair) for pair in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    for collection in axis.collections:
        if collection.get_label() == label:
            return (
                [list(segment[0]) for segment in collection.get_segments()]
                if hasattr(collection, "get_segments")
                else []
            )
    raise AssertionError(f"{label} is not in the picture")


@pytest.mark.parametrize("drawing", drawings("smoke", "load", "batch"), ids=lambda drawing: drawing.name)
def test_both_forms_have_the_same_values(drawing: Drawing) -> None:
    """Each point, limit, range and name of the document is in the static picture, and no other."""
    [shown] = json.loads(document([drawing]))
    axes = figure(drawing).axes
    assert [panel["title"] for panel in shown["panels"]] == [axis.get_title(loc="left") for axis in axes]
    for panel, axis in zip(shown["panels"], axes, strict=True):
        assert list(axis.get_ylim()) == pytest.approx(panel["y_range"])
        assert list(axis.get_xlim()) == pytest.approx(shown["x_range"])
        labels = [one["label"] for one in panel["series"]] + [rule["label"] for rule in panel["rules"]]
        assert sorted(axis.get_legend_handles_labels()[1]) == sorted(label for label in labels if label)
        for one in panel["series"]:
            if one["kind"] != "area":
                expected = [list(pair) for pair in zip(one["xs"], one["ys"], strict=True)]
                assert static_values(axis, one["label"]) == expected
        for rule in panel["rules"]:
            x, y = static_values(axis, rule["label"])[0]
            assert (x if rule["upright"] else y) == rule["value"]


def test_every_export_is_in_the_plot() -> None:
    """The latencies of the plot are those of the record, each named."""
    record = healthy("load")
    panel = next(drawing for drawing in drawings("load") if drawing.name == "load-timeline").panels[0]
    assert sum(len(one.xs) for one in panel.series) == len(record.exports)
    names = [name for one in panel.series for name in one.names]
    assert sorted(names) == sorted(f"{hit.case}, {hit.id}" for hit in record.exports)


def test_long_series_keep_their_extremes() -> None:
    """Of more points than can be drawn the lowest and highest stay, and the label says how many are shown."""
    points = [(float(at), float(at % 100)) for at in range(10 * MOST_POINTS)]
    points[12_345] = (12_345.0, 500.0)
    made = series("csv", "points", points, "#000000", names=[str(at) for at, _ in enumerate(points)])
    assert len(made.xs) <= MOST_POINTS
    assert (12_345.0, 500.0, "12345") in list(zip(made.xs, made.ys, made.names, strict=True))
    assert made.label == f"csv ({len(made.xs):,} of 40,000 shown)"
    assert list(made.xs) == sorted(made.xs)


@pytest.mark.parametrize(
    ("values", "log", "expected"),
    [((), False, (0.0, 1.0)), ((), True, (0.1, 10.0)), ((0.0, 10.0), False, (0.0, 10.4)), ((5.0,), False, (0.0, 5.2))],
)
def test_ranges(values: tuple[float, ...], log: bool, expected: tuple[float, float]) -> None:
    """A range holds all values from zero, with room; without values there is one all the same."""
    assert spread(values, log=log, from_zero=bool(values)) == pytest.approx(expected)


def test_a_limit_is_always_within_the_range() -> None:
    """Values far below a limit are shown with the limit in view."""
    panel = Panel(
        title="waiting", unit="exports", from_zero=True, series=(series("w", "line", [(0, 1), (1, 2)], "#000000"),),
        rules=(Rule(100, "limit"),),
    )  # fmt: skip
    low, high = y_range(panel)
    assert low == 0
    assert high > 100


def test_samples_of_prometheus(tmp_path: Path) -> None:
    """Gauges as scraped, counters by the second over all label sets, a reset from 0; no other line counts."""
    path = tmp_path / "samples.txt.xz"
    path.write_bytes(lzma.compress(DUMP.encode()))
    samples = read_samples(path)
    assert samples is not None
    assert samples.gauge("export_concurrent_running") == [(1000.5, 3.0)]
    assert samples.rate("export_requests_total", "succeeded") == [(1000.5, 3.0), (1002.5, 3.0)]
    assert samples.rate("export_requests_total", "failed") == []


@pytest.mark.parametrize("sample", ["..e 1000500", "1e 1000500", f"1 {'9' * 5_000}", "-+1 1000500"])
def test_lines_that_no_server_prints_are_left_out(sample: str) -> None:
    """A value or a time that is no number is no sample, and no error."""
    series = '{__name__="export_queue_depth"}'
    assert samples_in([f"{series} {sample}", f"{series} 1.5e+02 1000500"]).gauge("export_queue_depth") == [
        (1000.5, 150)
    ]


@pytest.mark.parametrize("content", [None, b"no xz", lzma.compress(DUMP.encode())[:-20]])
def test_samples_that_can_not_be_read(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, of another kind or cut off has no samples."""
    path = tmp_path / "samples.txt.xz"
    if content is not None:
        path.write_bytes(content)
    assert read_samples(path) is None


def seen(record: Any, *alerts: AlertState) -> PrometheusRun:
    """What a server recorded, with these alerts."""
    recorded: PrometheusRun = replace(record.prometheus, alerts=alerts)
    return recorded


def test_prometheus_is_on_the_same_time_axis() -> None:
    """Samples and alert states are panels of the target's plot, at seconds since the scenario's start."""
    record = healthy("load")
    start = record.scenario.start
    alert = AlertState(
        name="ExportQueueOverBound", severity="critical", state="firing", labels={}, first=start + 2, last=start + 7
    )
    with_alert = changed(record, prometheus=seen(record, alert))
    dump = DUMP.replace("10005", str(int(start * 1000))[:-3] + "5")
    panels = {panel.title: panel for panel in target_panels(with_alert, LIMITS, samples_in(dump.splitlines()))}
    alerts = panels["alerts in Prometheus"]
    assert alerts.categories == ("ExportQueueOverBound",)
    assert [(one.label, one.xs, one.ends) for one in alerts.series] == [("firing", (2.0,), (7.0,))]
    assert "exports running and waiting, as Prometheus scraped them" in panels
    assert "requests ended a second, from Prometheus's counters" in panels
    run = Run(Path("run"), {"load": with_alert})
    caption = target_caption(with_alert, judge(run, LIMITS))
    assert caption.endswith("; firing in Prometheus: ExportQueueOverBound (2 s to 7 s).")


@pytest.mark.parametrize(
    ("prometheus", "expected"),
    [
        (None, "no Prometheus server ran"),
        (PrometheusRun(problem="no prometheus"), "no Prometheus server ran (no prometheus)"),
        (PrometheusRun(problem=None), "no alert was pending or firing in Prometheus"),
    ],
)
def test_the_caption_says_what_prometheus_did(prometheus: PrometheusRun | None, expected: str) -> None:
    """Without a server, or without an alert, the caption says so."""
    record = changed(healthy("smoke"), prometheus=prometheus)
    run = Run(Path("run"), {"smoke": record})
    assert f"{target_caption(record, judge(run, LIMITS)).lower()}".endswith(f"{expected.lower()}.")


def test_the_baseline_is_drawn() -> None:
    """Each ratio has its point, its interval and its outcome's colour; what has no ratio has no row."""
    drawing = ratios(
        comparison(row(newer=130.0, outcome="worse"), row(), row("batch of five", baseline=0.0, newer=1.0))
    )
    assert drawing is not None
    [panel] = drawing.panels
    assert panel.categories == ("load, measure: csv-10k median latency",) * 2
    points = {one.label: (one.xs, one.ys) for one in panel.series if one.kind == "points"}
    assert points == {"worse": ((1.3,), (0.0,)), "no change": ((1.0,), (1.0,))}
    [worse] = [one for one in panel.series if one.label == "interval, worse"]
    assert (worse.xs, worse.ends) == ((1.287,), (1.313,))
    assert ratios(comparison()) is None


def test_the_latencies_of_both_runs_are_drawn() -> None:
    """Each case has a row for each run, with all of its latencies."""
    record = healthy("load")
    slow = with_hits(record, lambda hit: {"end": hit.start + 2 * (hit.end - hit.start)})
    before, after = samples_of({"load": record}), samples_of({"load": slow})
    assert {one.outcome for one in compare(before, after, resamples=0) if one.measure == "latency"} == {"worse"}
    for drawing in distributions(before, after):
        [panel] = drawing.panels
        values = sum(len(one.xs) for one in panel.series if one.kind == "points")
        assert values == sum(int(name.split("n=")[1].rstrip(")").replace(",", "")) for name in panel.categories)
        assert [name.split(" (")[0].rpartition(", ")[2] for name in panel.categories] == ["baseline", "newer"] * (
            len(panel.categories) // 2
        )


def test_scripts_are_allowed_by_their_hash_only() -> None:
    """The policy names the two scripts of the page; a page without plots to zoom allows none."""
    policy = scripts(drawings("smoke"))["policy"]
    assert policy.count("'sha256-") == 2
    assert "script-src 'sha256-" in policy
    assert "unsafe-eval" not in policy
    assert "script" not in scripts(())["policy"]


def test_words_of_a_target_end_no_script() -> None:
    """A name that holds the end of a script element stays data."""
    panel = Panel(
        title="t", unit="ms", series=(series("</script><script>", "line", [(0, 1), (1, 2)], "#000000"),)
    )  # fmt: skip
    drawing = Drawing(name="d", title="t", caption="c", panels=(panel,), x_label="s", axis="a", x_range=(0, 1))
    data = str(scripts([drawing])["plots"]["data"])
    assert "<" not in data
    assert json.loads(data)[0]["panels"][0]["series"][0]["label"] == "</script><script>"


def test_the_page_is_the_same_each_time() -> None:
    """Equal records give equal pages; without the library's script a page does not depend on its version."""
    pages = [html(model_of("green"), {}, drawings("smoke")) for _ in range(2)]
    assert pages[0] == pages[1]
    assert library() in pages[0]
    rest = without_library(pages[0])
    assert len(rest) < len(pages[0]) - 1_000_000
    assert "script-src" not in rest
    assert document(drawings("smoke")) in rest
