"""Replay: recorded samples through the unmodified rules, as recorded and with faults."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from assertions.contract import FAMILIES
from rules.promtool import find
from rules.proving.replay import NO_SAMPLES, play, replay_run
from rules.proving.samples import read_samples, repeated
from rules.records import RulesError, read_rules
from tests.rules.conftest import RULES
from tests.rules.proving.dumps import SCRAPES, dump, lines

NAME = "prometheus_samples.txt.xz"


def run_with(tmp_path: Path, **scenarios: list[str]) -> Path:
    """A run directory whose scenarios have these samples."""
    for scenario, samples in scenarios.items():
        (tmp_path / scenario).mkdir()
        (tmp_path / scenario / NAME).write_bytes(dump(samples))
    return tmp_path


def test_samples_are_read_scrape_by_scrape(tmp_path: Path) -> None:
    """Each series of the target has one value a scrape; what the server's own rules made is left out."""
    (tmp_path / NAME).write_bytes(
        dump([line for line in lines() if not line.endswith(" 5000") or "export_queue_depth" not in line])
    )
    series, count = read_samples(tmp_path / NAME)
    names = {dict(key)["__name__"] for key in series}
    assert (count, {len(values) for values in series.values()}) == (SCRAPES, {SCRAPES})
    assert names == {"up", *(family.series[0] for family in FAMILIES)}
    waiting = next(values for key, values in series.items() if dict(key)["__name__"] == "export_queue_depth")
    assert waiting[4:7] == [1.0, None, 1.0]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([], "holds no scrape of a target"),
        (['{__name__="export_queue_depth"} 3 1000'], "holds no scrape of a target"),
        (["export_queue_depth 3"], "is no sample as `promtool tsdb dump` prints them"),
    ],
)
def test_what_can_not_be_replayed_is_refused(tmp_path: Path, samples: list[str], reason: str) -> None:
    """A dump without a scrape, or no dump at all, can't be played."""
    (tmp_path / NAME).write_bytes(dump(samples))
    with pytest.raises(RulesError, match=reason):
        read_samples(tmp_path / NAME)


@pytest.mark.parametrize("content", [None, b"no archive", lzma.compress(b"\xff\xfe")])
def test_no_recorded_samples(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, no archive or no text says what to run."""
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    with pytest.raises(RulesError, match=r"no recorded samples can be read there .* run load"):
        read_samples(tmp_path / NAME)


@pytest.mark.parametrize(
    ("name", "values", "twice"),
    [
        ("export_fail_total", [3.0, 3.0, 5.0], [3.0, 3.0, 5.0, 5.0, 5.0, 7.0]),
        ("export_latency_ms_bucket", [None, 1.0, 4.0], [None, 1.0, 4.0, 4.0, 4.0, 7.0]),
        ("export_queue_depth", [1.0, None, 2.0], [1.0, None, 2.0, 1.0, 1.0, 2.0]),
        ("export_queue_depth", [None, None], [None, None, None, None]),
    ],
)
def test_counters_go_on_where_they_were(name: str, values: list[float | None], twice: list[float | None]) -> None:
    """Samples in a row: a counter grows by what it grew by before, a gauge comes again."""
    key = (("__name__", name),)
    assert repeated({key: values}, 2) == {key: twice}


@pytest.mark.e2e
def test_a_sound_run_is_silent(tmp_path: Path) -> None:
    """Every scenario's samples are played; no alert fires, and the record says which rules they were."""
    run = run_with(tmp_path, load=lines(), batch=lines(9))
    replayed = replay_run(run, RULES, "ab", find(), None)
    assert [(one.scenario, one.samples, one.fired) for one in replayed.scenarios] == [
        ("batch", 9, ()),
        ("load", SCRAPES, ()),
    ]
    assert (replayed.problem, replayed.rules_sha256, replayed.proof) == (None, "ab", None)
    assert [alert for alert, _ in replayed.alerts] == [rule.alert for rule in read_rules(RULES).alerts]


@pytest.mark.e2e
def test_an_alert_that_fires_is_named_with_its_sample(tmp_path: Path) -> None:
    """Six at once from sample 4 on: the alert fires there."""
    samples = [
        line.replace("} 1 ", "} 6 ") if "export_concurrent_running" in line and not line.endswith(early) else line
        for line in lines()
        for early in [tuple(f" {1000 * number}" for number in range(4))]
    ]
    (scenario,) = replay_run(run_with(tmp_path, load=samples), RULES, "ab", find(), None).scenarios
    assert [(one.alert, one.severity, one.sample) for one in scenario.fired] == [
        ("ExportOverConcurrencyLimit", "critical", 4)
    ]


def test_a_run_without_samples_says_so(tmp_path: Path) -> None:
    """Where no server recorded anything there is nothing to replay, and no promtool is asked."""
    replayed = replay_run(tmp_path, RULES, "ab", find(), None)
    assert (replayed.problem, replayed.scenarios) == (NO_SAMPLES, ())


@pytest.mark.e2e
def test_a_renamed_histogram_in_the_recorded_samples_fires(tmp_path: Path) -> None:
    """The first implementation's page, `…_bucket_bucket`: the replay says that a metric is missing."""
    samples = [line.replace('"export_latency_ms_bucket"', '"export_latency_ms_bucket_bucket"') for line in lines()]
    (scenario,) = replay_run(run_with(tmp_path, load=samples), RULES, "ab", find(), None).scenarios
    assert [(one.alert, one.sample) for one in scenario.fired] == [("ExportMetricsMissing", 5)]


@pytest.mark.e2e
def test_what_promtool_can_not_play_is_an_error(tmp_path: Path) -> None:
    """Rules that promtool refuses leave no result that could be taken for silence."""
    rules = tmp_path / "broken.yml"
    rules.write_text("groups: [{name: g, rules: [{alert: A, expr: 'rate('}]}]\n")
    with pytest.raises(RulesError, match="promtool could not play the samples"):
        play({(("__name__", "up"),): [1.0, 1.0]}, rules, find())
