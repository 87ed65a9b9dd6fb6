"""The dashboard's command as users run it, with a real Prometheus that scrapes a real endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assertions.limits import DEFAULT_PATH
from assertions.limits import load as load_limits
from assertions.record.files import read_one, write_one
from dashboards.live import report
from dashboards.records import CheckStep, DashboardResults, LivePanel, LiveQuery, LiveResults
from dashboards.source import text
from rules.server.prometheus import Prometheus, running
from tests.processes import Ended, run_module
from tests.rules.endpoint import page, serving

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "dashboards" / "grafana-export-dashboard.json"


def run_command(*arguments: str | Path) -> Ended:
    """Run `python -m dashboards` for real."""
    return run_module("dashboards", *arguments)


def test_build_and_check_with_other_limits(tmp_path: Path) -> None:
    """`build --limits FILE --out FILE` moves the panels' bounds; `check --limits FILE` checks what would be built."""
    mine, built = tmp_path / "limits.toml", tmp_path / "deploy" / "mine.json"
    mine.write_text(DEFAULT_PATH.read_text().replace("target = 10_000\ncritical = 30_000", "target = 2_000"))
    done = run_command("build", "--limits", mine, "--out", built)
    assert (done.code, done.out, done.err) == (0, "wrote mine.json\n", "")
    assert built.read_text() == text(load_limits(mine)) != EXPORT.read_text()
    assert run_command("check", "--limits", mine).code == 0
    theirs = run_command("check", "--dashboard", built, "--out", tmp_path)
    assert theirs.code == 0
    results = read_one(tmp_path / "dashboard.json", DashboardResults)
    assert (results.file, results.ours) == ("mine.json", False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "--limits", "x.toml"), "build --limits FILE needs --out FILE"),
        (("check", "--limits", "x.toml", "y.json"), "no other file can be given with it"),
        (("check", "--limits", "no-such.toml"), "no-such.toml can't be read"),
        (("check", "--metrics", "no-such.txt"), "no-such.txt: no metrics page can be read there"),
        (("build", "--out", "/dev/null/x.json"), "x.json can't be written: "),
    ],
)
def test_bad_usage_of_files_is_no_verdict(arguments: tuple[str, ...], said: str) -> None:
    """What can't be built or read gives exit 2 and one sentence."""
    done = run_command(*arguments)
    assert done.code == 2
    assert done.err.startswith("dashboards: no verdict: ")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_check_holds_the_queries_against_a_page(tmp_path: Path) -> None:
    """With a captured page the check says what it does not offer, and what it offers twice."""
    good, doubled = tmp_path / "good.txt", tmp_path / "doubled.txt"
    good.write_text(page(3))
    bucket = next(line for line in page(3).splitlines(keepends=True) if 'le="+Inf"' in line)
    doubled.write_text(page(3).replace(bucket, bucket + bucket.replace("+Inf", "Infinity")))
    assert run_command("check", "--metrics", good).code == 0
    done = run_command("check", "--metrics", doubled, "--out", tmp_path)
    assert done.code == 1
    results = read_one(tmp_path / "dashboard.json", DashboardResults)
    assert [(step.name, step.ok) for step in results.steps] == [
        ("structure", True),
        ("expressions", True),
        ("series offered", False),
    ]
    assert results.steps[2].output == (
        'export_latency_ms_bucket has one bucket twice, le="+Inf" and le="Infinity", in 1 of its series: '
        "histogram_quantile() counts what lies beyond the last bound twice; offer it once"
    )


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """A server that has scraped a healthy endpoint some times."""
    with serving() as target, running(target, scrape_interval_s=0.2) as server:
        server.wait_for_scrapes(10)
        yield server


def test_check_is_green_for_ours() -> None:
    """Our dashboard passes its check: exit 0."""
    done = run_command("check")
    assert (done.code, done.out, done.err) == (
        0,
        "ok   structure      13 panels\nok   expressions    17 queries\n",
        "",
    )


def test_check_is_red_for_a_broken_one(tmp_path: Path) -> None:
    """A query that matches nothing gives exit 1 and is named."""
    broken = tmp_path / "broken.json"
    broken.write_text(EXPORT.read_text().replace("export_latency_ms_bucket", "export_latency_ms_bucket_bucket"))
    done = run_command("check", broken, "--out", tmp_path / "out")
    assert (done.code, done.err) == (1, "")
    results = read_one(tmp_path / "out" / "dashboard.json", DashboardResults)
    assert (results.file, results.ok) == ("broken.json", False)
    assert [(step.name, step.ok) for step in results.steps] == [("structure", True), ("expressions", False)]
    assert results.steps[1].output.splitlines()[0] == (
        "panel 2 'Export Latency P95 (ms)', query A: export_latency_ms_bucket_bucket is no metric of the contract"
    )


@pytest.mark.parametrize("content", [None, "{", '{"panels": 3}'])
def test_check_without_a_dashboard_is_no_verdict(content: str | None, tmp_path: Path) -> None:
    """A missing and a malformed file give exit 2 and one sentence."""
    file = tmp_path / "file.json"
    if content is not None:
        file.write_text(content)
    done = run_command("check", file, "--out", tmp_path)
    assert done.code == 2
    results = read_one(tmp_path / "dashboard.json", DashboardResults)
    assert not results.ok
    assert [(step.name, step.ok) for step in results.steps] == [("structure", False), ("expressions", False)]
    assert all((step.note or "").startswith("not made: file.json ") for step in results.steps)
    assert done.err.startswith("dashboards: no verdict: file.json ")
    assert done.err.count("\n") == 1


def test_the_results_must_be_writable(tmp_path: Path) -> None:
    """A folder that can't be made gives exit 2 and one sentence."""
    (tmp_path / "file").write_text("")
    done = run_command("check", "--out", tmp_path / "file")
    assert done.code == 2
    assert done.err.startswith("dashboards: no verdict: dashboard.json can't be written: ")
    assert done.err.count("\n") == 1


def test_live_is_green_on_a_healthy_target(prometheus: Prometheus, tmp_path: Path) -> None:
    """Every query of every panel brings data from a real Prometheus; the series are as many as the labels give."""
    out = tmp_path
    done = run_command("live", "--prometheus", prometheus.url, "--step", "1", "--minutes", "2", "--out", out)
    assert (done.code, done.err) == (0, "")
    results = read_one(out / "dashboard_live.json", LiveResults)
    assert results.ok
    found = {panel.title: [query.series_with_data for query in panel.queries] for panel in results.panels}
    # a target that is not under load may have alerts: how many depends on the moment
    assert min(found.pop("Alerts by state")) >= 1
    assert found == {
        "Export Latency P95 (ms)": [6],
        "Export Success Rate (%)": [2],
        "Export Bytes Total (MB)": [2],
        "Concurrent Exports": [1],
        "Export Throughput (ops/sec)": [2, 2],
        "Latency percentiles by format": [2, 2, 2],
        "Success rate over time": [2],
        "Failed exports by reason": [2],
        "Requests by outcome": [8],
        "Queue depth": [1],
        "Memory per export": [2],
        "Latency of exports": [6],
    }
    assert done.out.splitlines()[0] == "ok   Export Latency P95 (ms): 6 series with data"


def test_live_is_red_when_one_query_brings_nothing(prometheus: Prometheus, tmp_path: Path) -> None:
    """A query that matches nothing, one that is always NaN and one that is refused each fail their panel."""
    model = json.loads(EXPORT.read_text())
    panels = [panel for panel in model["panels"] if panel["type"] != "row"]
    panels[0]["targets"][0]["expr"] = "no_such_metric"
    panels[1]["targets"][0]["expr"] = "export_queue_depth * NaN"
    panels[2]["targets"][0]["expr"] = "rate("
    panels[3]["targets"][0]["expr"] = "rate(x[$unknown])"
    panels[4]["targets"] = []
    file, out = tmp_path / "broken.json", tmp_path
    file.write_text(json.dumps(model))
    done = run_command("live", "--prometheus", prometheus.url, "--file", file, "--minutes", "1", "--out", out)
    assert (done.code, done.err) == (1, "")
    results = read_one(out / "dashboard_live.json", LiveResults)
    assert [panel.ok for panel in results.panels] == [False] * 5 + [True] * 8
    first = [panel.queries[0] for panel in results.panels[:4]]
    assert [(query.series, query.series_with_data) for query in first] == [(0, 0), (1, 0), (0, 0), (0, 0)]
    assert [bool(query.error) for query in first] == [False, False, True, True]
    assert all(query.series_with_data for panel in results.panels for query in panel.queries[1:])


def test_live_without_a_prometheus_is_no_verdict(tmp_path: Path) -> None:
    """A dead address, an address of another service and a bad one give exit 2 and one sentence."""
    with serving() as target:
        gone = target
        other = run_command("live", "--prometheus", target)
        assert (other.code, other.err) == (
            2,
            f"dashboards: no verdict: {target} answered 404, not as a Prometheus does\n",
        )
    dead = run_command("live", "--prometheus", gone)
    assert dead.code == 2
    assert dead.err.startswith(f"dashboards: no verdict: {gone} does not answer: ")
    assert dead.err.count("\n") == 1
    bad = run_command("live", "--prometheus", "localhost:9090")
    assert bad.code == 2
    assert "is a base URL such as" in bad.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Usage:"),
        (("draw",), "No such command 'draw'"),
        (("live",), "--prometheus"),
        (
            ("live", "--prometheus", "http://127.0.0.1:1", "--minutes", "0"),
            "a finite number above 0 is expected, not '0'",
        ),
        (("live", "--prometheus", "http://127.0.0.1:1", "--minutes", "nan"), "a finite number above 0 is expected"),
        (("live", "--prometheus", "http://127.0.0.1:1", "--step", "x"), "a finite number above 0 is expected, not 'x'"),
        (("live", "--prometheus", "http://127.0.0.1:1", "--rate-interval", "1"), "a duration such as 30s or 1m"),
        (("live", "--prometheus", "http://127.0.0.1:1", "--rate-interval", "1m:5s"), "a duration such as 30s or 1m"),
        (
            ("live", "--prometheus", "http://127.0.0.1:1", "--step", "0.01"),
            "at most 11,000 points a series, not 90,000",
        ),
    ],
)
def test_bad_usage_is_no_verdict(arguments: tuple[str, ...], said: str) -> None:
    """Bad usage gives exit 2 and says what was expected."""
    done = run_command(*arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_help_teaches() -> None:
    """The help names the exit codes and an example."""
    done = run_command("--help")
    assert done.code == 0
    assert "exit codes:" in done.out
    assert "export-at-scale dashboards live --prometheus" in done.out


def test_report_of_panels() -> None:
    """The report has a line for each panel and each query; no panels are a failure."""
    good = LiveQuery(ref="A", expression="x", series=2, series_with_data=1, error=None)
    bad = LiveQuery(ref="B", expression="y", series=0, series_with_data=0, error="refused")
    panel = LivePanel(id=1, title="P", queries=(good, bad), ok=False)
    results = LiveResults(start=0, end=1, step_s=1, panels=(panel,), ok=False)
    assert report(results) == "FAIL P: 1 series with data\n       A: 1 of 2 series have data\n       B: refused"
    assert report(LiveResults(start=0, end=1, step_s=1, panels=(), ok=False)) == "FAIL the dashboard has no panels"


TEXT = st.text(max_size=20)
COUNT = st.integers(0, 2**53)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
QUERIES = st.builds(LiveQuery, ref=TEXT, expression=TEXT, series=COUNT, series_with_data=COUNT, error=st.none() | TEXT)
PANELS = st.builds(
    LivePanel, id=st.none() | COUNT, title=TEXT, queries=st.lists(QUERIES, max_size=3).map(tuple), ok=st.booleans()
)
LIVE = st.builds(
    LiveResults,
    start=FINITE,
    end=FINITE,
    step_s=FINITE,
    panels=st.lists(PANELS, max_size=3).map(tuple),
    ok=st.booleans(),
)
STEPS = st.builds(
    CheckStep,
    name=st.sampled_from(("structure", "expressions", "series offered")),
    ok=st.booleans(),
    output=TEXT,
    note=st.none() | TEXT,
)
CHECKED = st.builds(
    DashboardResults,
    file=TEXT,
    steps=st.lists(STEPS, max_size=3).map(tuple),
    ok=st.booleans(),
    ours=st.none() | st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LIVE | CHECKED)
def test_results_round_trip(tmp_path: Path, results: LiveResults | DashboardResults) -> None:
    """What is written to the results files is what is read from them."""
    write_one(tmp_path / "results.json", results)
    assert read_one(tmp_path / "results.json", type(results)) == results
