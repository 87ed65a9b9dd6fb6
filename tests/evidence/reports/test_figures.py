"""Figures in addition to the verdicts: latencies by phase, information without a limit, and why two sources differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assertions import limits as limits_file
from assertions.judge import judge
from assertions.record.run import Run
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Reading, passed
from evidence.reports.differences import differences
from evidence.reports.information import information
from evidence.reports.latencies import Latencies, by_phase, section
from tests.assertions.healthy.records import changed, drop, drop_samples, healthy, healthy_run, values, with_pages
from tests.evidence.sample_reports import report, row

LIMITS = limits_file.load()


def load_only(record: ScenarioRecord) -> Run:
    """A run of which only load was recorded."""
    return replace(healthy_run(), scenarios={"load": record})


def reported(run: Run) -> dict[str, tuple[str, int | None]]:
    """Value and count of each row of information, by its title."""
    return {one.title: (one.value, one.count) for one in information(run)}


def counted(check: str, count: int | None, value: float | None = 1.0) -> dict[str, object]:
    """A pass of one check with one reading."""
    return {check: passed("well", Reading(name="x", value=value, unit="", source="", count=count))}


def cells_of(latencies: Latencies) -> tuple[str, ...]:
    """The cells of a row of the latency table, as many as it has columns."""
    found = section([latencies])
    assert found is not None
    (table,) = found.tables
    (cells,) = table.rows
    assert len(cells) == len(table.columns)
    return cells


def test_latencies_never_mix_numbers_of_clients() -> None:
    """The same case by one client and by five stands in two rows, each with its own exports."""
    rows = {(one.phase, one.case): one for one in by_phase({"load": healthy("load")})}
    single, crowd = rows["solo", "csv-10k"], rows["measure", "csv-10k"]
    assert (single.clients, crowd.clients) == (1, 5)
    for (phase, case), found in rows.items():
        mine = [hit for hit in healthy("load").done if (hit.phase, hit.case) == (phase, case)]
        assert found.started_ms == [(hit.end - hit.start) * 1000 for hit in mine]
        assert found.bytes == sum(healthy("load").fetched[hit.id].bytes for hit in mine)
    assert not {phase for phase, _ in rows} & {"warmup", "leak", "behaviour", "refusals"}


@pytest.mark.parametrize(
    ("n", "shown"),
    [
        (1, 0),
        (2, 1),
        (9, 1),
        (10, 2),
        (19, 2),
        (20, 3),
        (99, 3),
        (100, 4),
    ],
)
def test_percentiles_take_samples(n: int, shown: int) -> None:
    """P50 is shown from 2 samples on, P90 from 10, P95 from 20, P99 from 100; the count always."""
    cells = cells_of(row("load", "measure", 5, "csv-10k", [float(ms) for ms in range(1, n + 1)], 2.0))
    assert cells[3] == str(n)
    assert [cell != "–" for cell in cells[5:9]] == [True] * shown + [False] * (4 - shown)


def test_a_row_has_exact_figures() -> None:
    """Mean, nearest-rank percentiles, the longest, and rates over the phase's length."""
    cells = cells_of(row("load", "measure", 5, "csv-10k", [float(ms) for ms in range(1, 101)], 10.0))
    assert cells == (
        *("load, measure", "5", "csv-10k", "100", "50.5 ms", "50 ms", "90 ms", "95 ms", "99 ms", "0.1 s", "96 ms"),
        *("0.101 s", "10", "0.01"),
    )
    assert cells_of(row("load", "measure", 5, "csv-10k", [1.0] * 9, 10.0))[-2:] == ("–", "–")
    assert section([]) is None


def test_means_and_the_histograms_p95_are_information() -> None:
    """The client's mean is of phase measure, the target's of all large exports; P95 as histogram_quantile has it."""
    record = healthy("load")
    shown = reported(load_only(record))
    large = [hit for hit in record.done if (hit.records or 0) >= 10_000]
    measured = [hit for hit in large if hit.phase == "measure"]
    mean = sum((hit.end - hit.start) * 1000 for hit in measured) / len(measured)
    assert shown["10k export, mean by the client"] == (f"{mean:,.1f} ms", len(measured))
    assert shown["10k export, mean by the target"][1] == len(large)
    assert record.before is not None
    assert record.after is not None
    after = record.after.histogram("export_latency_ms", size="large")
    assert after is not None
    quantile = after.minus(record.before.histogram("export_latency_ms", size="large")).quantile(0.95)
    assert shown["10k export, P95 from the histogram"] == (f"{quantile:,.1f} ms", len(large))


def test_a_p95_beyond_the_last_bound_is_that_bound() -> None:
    """As in PromQL the highest finite bound stands for what lies beyond it, and the row says so."""

    def beyond(text: str) -> str:
        return "\n".join(
            f"{line.rpartition(' ')[0]} 0"
            if line.startswith("export_latency_ms_bucket") and "+Inf" not in line
            else line
            for line in text.split("\n")
        )

    record = with_pages(healthy("load"), beyond)
    found = next(one for one in information(load_only(record)) if one.title.endswith("P95 from the histogram"))
    assert record.after is not None
    series = record.after.histogram("export_latency_ms", size="large")
    assert series is not None
    assert found.value == f"{sorted(series.buckets)[-2]:,.0f} ms"
    assert "beyond the highest finite bound" in found.note


@pytest.mark.parametrize("how", ["no histogram", "nothing counted", "no page"])
def test_without_a_histogram_there_is_no_row_of_it(how: str) -> None:
    """A target without readable buckets has the client's mean only."""
    record = {
        "no histogram": with_pages(healthy("load"), drop("export_latency_ms")),
        "nothing counted": with_pages(healthy("load"), values("export_latency_ms", lambda _: 0)),
        "no page": changed(healthy("load"), scrapes=()),
    }[how]
    assert [title for title in reported(load_only(record)) if title.startswith("10k")] == [
        "10k export, mean by the client"
    ]


def test_a_histogram_without_buckets_has_a_mean_only() -> None:
    """Sum and count give the mean; without any bucket there is no P95."""
    shown = reported(load_only(with_pages(healthy("load"), drop_samples("export_latency_ms_bucket"))))
    assert shown["10k export, mean by the target"][0].endswith(" ms")
    assert shown["10k export, P95 from the histogram"][0] == "–"


def test_nothing_done_is_shown_as_nothing() -> None:
    """Without an export under load there is no mean, and without a file no size."""
    shown = reported(load_only(changed(healthy("load"), hits=(), fetches=(), files=())))
    assert shown["10k export, mean by the client"] == ("–", 0)
    assert shown["csv-10k, bytes a record"] == ("–", 0)


def test_bytes_a_record_are_those_of_the_files() -> None:
    """The size of this run's own CSV files by their records, next to what the runbook's example has."""
    record = healthy("load")
    sizes = [record.fetched[hit.id].bytes for hit in record.done if hit.case == "csv-10k" and hit.id in record.fetched]
    found = next(one for one in information(load_only(record)) if one.title == "csv-10k, bytes a record")
    assert found.count == len(sizes)
    assert float(found.value.removesuffix(" bytes").replace(",", "")) == pytest.approx(
        sum(sizes) / len(sizes) / 10_000, rel=1e-3
    )
    assert "~150,000 bytes, 15 a record" in found.note


def test_a_healthy_runs_differences_are_explained_to_the_last_one() -> None:
    """Behaviour probes and phases other than measure make all of the difference, and each sentence says so."""
    run = healthy_run()
    said = differences(run, judge(run, LIMITS))
    assert [sentence.split(":")[0] for sentence in said] == [
        *("Success rate", "Bytes exported", "Latency", "Memory an export"),
    ]
    assert all("not explained" not in sentence for sentence in said)
    others = [hit.phase for hit in run.scenarios["load"].done if (hit.records or 0) >= 10_000]
    assert f"{others.count('solo')} of solo" in said[2]


def memories(gauge_bytes: float, outside_bytes: float, source: str) -> dict[str, object]:
    """Passes of both checks of memory."""
    found = (("memory-gauge", gauge_bytes, "scrapes.jsonl, export_memory_bytes"), ("memory", outside_bytes, source))
    return {
        check: passed("well", Reading(name="x", value=value, unit="bytes", source=origin, count=1))
        for check, value, origin in found
    }


@pytest.mark.parametrize(
    ("source", "how"),
    [
        (
            "probes.jsonl (measure, sampled)",
            "it is the highest sample of the whole process tree in the phase measure above the tree at rest, shared "
            "out among the 5 exports that may run at once, plus what one export left behind",
        ),
        (
            "probes.jsonl (solo, sampled)",
            "it is the highest sample of the whole process tree in the phase solo above the tree at rest, plus what",
        ),
        ("probes.jsonl (high-water mark)", "it is one export's share of the rise of the kernel's high-water mark"),
    ],
)
def test_two_measures_of_memory_say_how_each_was_taken(source: str, how: str) -> None:
    """The sentence follows the source of the outside's reading, and compares the gauge with the kernel's own mark."""
    run = load_only(healthy("load"))
    (said,) = differences(run, report("GREEN", "GREEN", memories(8e6, 14e6, source)))  # type: ignore[arg-type]
    assert said.startswith(
        "Memory an export: the target's gauge reads up to 8 MB (load), from outside it is 14 MB (load)."
    )
    assert how in said
    assert said.endswith("which covers what the gauge reads.")
    (less,) = differences(run, report("GREEN", "GREEN", memories(9e9, 14e6, source)))  # type: ignore[arg-type]
    assert less.endswith("less than the gauge reads.")
    assert differences(run, report("GREEN", "GREEN", memories(14e6, 14e6, source))) == ()  # type: ignore[arg-type]
    unseen = load_only(changed(healthy("load"), probes=()))
    (said,) = differences(unseen, report("GREEN", "GREEN", memories(8e6, 14e6, source)))  # type: ignore[arg-type]
    assert "In load the kernel's" not in said


def test_what_the_record_does_not_explain_is_said() -> None:
    """A difference beyond what the probes make is called unexplained, with its size and sign."""
    run = replace(healthy_run(), scenarios={"load": healthy("load")})
    mine = report("GREEN", "GREEN", {**counted("success-target", 12), **counted("success-outside", 10)})  # type: ignore[dict-item]
    assert differences(run, mine)[0].endswith("; +2 exports are not explained by that.")


def test_equal_figures_need_no_sentence() -> None:
    """Where both count alike, or one could not be read, nothing is said."""
    run = replace(healthy_run(), scenarios={})
    same = {**counted("success-target", 5), **counted("success-outside", 5)}
    same |= {**counted("bytes-target", None, 7.0), **counted("bytes-outside", None, 7.0)}
    assert differences(run, report("GREEN", "GREEN", same)) == ()  # type: ignore[arg-type]
    large = {**counted("latency-target", 9), **counted("latency-outside", 9)}
    assert differences(load_only(healthy("load")), report("GREEN", "GREEN", large)) == ()  # type: ignore[arg-type]
    blind = {**counted("success-target", None), **counted("bytes-target", None, None)}
    assert differences(run, report("GREEN", "GREEN", blind)) == ()  # type: ignore[arg-type]
