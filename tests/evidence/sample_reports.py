"""Reports and contexts made by hand: what the judge could have said, without a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assertions import limits as limits_file
from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.judge import Report
from assertions.record.last_page import PageFigures
from assertions.verdicts import (
    Assertion,
    Colour,
    Judgement,
    Reading,
    Status,
    Verdict,
    failed,
    judge_reading,
    no_data,
    not_run,
    passed,
)
from evidence.collect.provenance import Context
from evidence.reports.examples import Example, Found
from evidence.reports.figures import Figures, Instrument, Place, Plot
from evidence.reports.information import Information
from evidence.reports.latencies import Latencies
from evidence.reports.proofs.fault_coverage import AtContract, CriticalTier, Sensitivity, Shown, Under
from tests.assertions.healthy.drawn import drawn_files
from tests.assertions.healthy.replayed import alerts_replayed

LIMITS = limits_file.load()
Said = Mapping[str, Judgement]


def context(**fields: Any) -> Context:
    """One run's context; fields by name replace the usual ones."""
    usual: dict[str, Any] = {
        "run_id": "20260102T030405Z-42",
        "started": 1_767_323_045.0,
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "dirty": False,
        "harness_sha256": "ab" * 32,
        "python": "3.11.2",
        "packages": {"locust": "2.47.0", "msgspec": "0.20.0"},
        "machine": "Linux 6.1 x86_64",
        "cpus": 2,
        "memory_bytes": 8_000_000_000,
        "target": "http://127.0.0.1:4001",
        "limits_sha256": "cd" * 32,
        "waivers": {},
    }
    return Context(**{**usual, **fields})


def verdicts(said: Said, waivers: Mapping[str, str], usual: Callable[[str], Judgement]) -> tuple[Verdict, ...]:
    """A verdict of each check; `said` gives a check's judgement, `usual` that of the others in a scenario."""
    made = []
    for check in CHECKS:
        for scenario in check.scenarios if check.scope == "scenario" else ("run",):
            judgement = said.get(check.id) or usual(scenario)
            waived = waivers.get(check.group) or waivers.get(check.id) if judgement.status == "NO DATA" else None
            made.append(
                Verdict(
                    id=check.id,
                    title=check.title,
                    group=check.group,
                    scenario=scenario,
                    judgement=judgement,
                    waived=waived,
                )
            )
    return tuple(made)


def report(
    colour: Colour,
    headline: str,
    said: Said,
    waivers: Mapping[str, str] | None = None,
    usual: Callable[[str], Judgement] = lambda scenario: passed("all as it should be", catches="anything else"),
) -> Report:
    """A report in which `said` stands out."""
    mine = verdicts(said, waivers or {}, usual)
    words: dict[Colour, Status] = {"GREEN": "PASS", "RED": "FAIL", "NO DATA": "NO DATA"}
    assertions = tuple(
        Assertion(
            title=six.title,
            status=words[colour] if number == 1 else "PASS",
            reason="both sources hold and agree" if colour == "GREEN" else "see below",
            target="the target's word",
            outside="seen from outside",
            verdicts=(),
        )
        for number, six in enumerate(ASSERTIONS)
    )
    return Report(
        colour=colour,
        headline=headline,
        assertions=assertions,
        verdicts=mine,
        limits_sha256="cd" * 32,
        waivers=dict(waivers or {}),
        page=PageFigures(families_found=9, families=9),
    )


def p95(value: float) -> Judgement:
    """The P95 of 10k exports, held against its limit."""
    reading = Reading(
        name="P95", value=value, unit="ms", source="load/hits.jsonl", count=300, low=value * 0.9, high=value * 1.2
    )
    return judge_reading(LIMITS["latency_p95_ms"], reading, "the P95 of 10k exports")


def throughput(value: float | None) -> Judgement:
    """The throughput, held against its limit; a reading that may be missing."""
    reading = Reading(name="throughput", value=value, unit="exports/s", source="load/hits.jsonl", count=None)
    return judge_reading(LIMITS["throughput_per_s"], reading, "the throughput")


def row(scenario: str, phase: str, clients: int | None, case: str, took_ms: list[float], seconds: float) -> Latencies:
    """A row of the latency table; each export was due 1 ms before it was sent, and its file has 1,000 bytes."""
    return Latencies(
        scenario=scenario,
        phase=phase,
        clients=clients,
        case=case,
        started_ms=took_ms,
        planned_ms=[ms + 1 for ms in took_ms],
        bytes=1_000 * len(took_ms),
        seconds=seconds,
    )


FOUND = {
    ("load", "csv-contents"): Found(
        since="1.5 s after the start of load (03:04:06 UTC), measure-3",
        examples=(
            Example(
                kind="lost in 2 of 40 csv files",
                asked="POST /export/run, csv-10k (measure-3); row 17: 'Ada'",
                came="''",
                kept="load/kept/measure-3.csv",
                case="csv-10k",
                path="POST /export/run",
                tag="T020000003",
                user="loadtests",
            ),
        ),
    )
}
FIGURES = Figures(
    latencies=(
        row("smoke", "measure", 1, "pdf-1k", [50.0, 60.0, 1500.25], seconds=2.0),
        row("load", "solo", 1, "csv-10k", [20.0], seconds=0.0),
        row("load", "measure", 5, "csv-10k", [float(ms) for ms in range(1, 101)], seconds=10.0),
    ),
    information=(
        Information(title="10k export, mean by the client", value="50.5 ms", count=100, note="phase measure"),
        Information(title="csv-1k, bytes a record", value="–", count=None, note="a | note"),
    ),
    differences=("Success rate: the target counts 12 ended exports, the outside 10.",),
    instruments={
        "smoke": Instrument(None, None, None, None, ()),
        "load": Instrument(0.2, 1.0, 3.25, 2.0, [0.5, 1.0, 1.5]),
    },
    places={
        "load": Place(
            url="http://127.0.0.1:4001",
            embedded=False,
            seed=17,
            seconds=100.0,
            end=1_767_323_145.0,
            bodies=frozenset({"csv-10k"}),
        )
    },
    target_version="1.7.0-export-scale",
    plots=(Plot(title="load: over time", path="plots/load-timeline.svg", caption="426 exports done.", aspect=1.2),),
    panels=drawn_files().drawn,
    alerts=alerts_replayed(),
    generators={"load": "Locust 2.47.0, 1 worker(s), busiest 0.2 of a core, event-loop lag P99 1 ms"},
    sensitivity=Sensitivity(
        commit="0123456789abcdef",
        when="2026-01-02T03:04:05+00:00",
        judge_sha256="ab" * 32,
        load_side_sha256="ef" * 32,
        recorded_first="2026-01-01T03:04:05+00:00",
        recorded_last="2026-01-01T04:04:05+00:00",
        stale=0,
        repeated=1,
        faulty_known=3,
        healthy_known=1,
        faults=2,
        caught=2,
        healthy=1,
        green=1,
        edits=1,
        noticed=1,
        conditions=(Under(description="the contract's limits, short profiles", limits_sha256="cd" * 32, records=3),),
        at_contract=(
            AtContract(
                assertion="Metrics Coverage", fault="no_metrics", why="the metrics page is gone", checks=("scrapes",)
            ),
        ),
        tiers=(
            CriticalTier(
                limit="memory_bytes", edit="memory-critical", why="an export holds too much", check="memory", shown=True
            ),
        ),
        checks={"scrapes": (Shown(fault="no_metrics", why="the metrics page is gone"),)},
    ),
)


def reading(limit: str, value: float, count: int, subject: str) -> Judgement:
    """A reading of a count or a share, held against its limit."""
    found = Reading(name=subject, value=value, unit=LIMITS[limit].unit, source="load/hits.jsonl", count=count)
    return judge_reading(LIMITS[limit], found, subject)


SEEN: Said = {
    "latency-outside": p95(850.0),
    "throughput": throughput(12.5),
    "success-outside": reading("success_ratio", 0.996, 813, "exports done of asked"),
    "concurrency-target": reading("concurrent_exports", 5, 439, "the peak of exports running at once"),
    "queue-target": reading("queue_depth", 97, 462, "the peak of exports waiting"),
    "bytes-outside": reading("exported_bytes", 247_051_359, 811, "the size of the fetched files"),
}
GREEN = report("GREEN", "GREEN", {**SEEN, "leftovers": no_data("the exports folder can't be seen")})
REMOTE = {"memory": "remote target"}
WAIVED = report(
    "GREEN",
    "GREEN, waived: memory (remote target)",
    {**SEEN, **{c.id: no_data("the target's process can't be seen") for c in CHECKS if c.group == "memory"}},
    REMOTE,
)
RED = report(
    "RED",
    "RED: 8 of 140 verdicts failed, 1 of them critical; 5 have no data",
    {
        **SEEN,
        "latency-outside": p95(31_000.0),
        "latency-target": p95(9_000.0),
        "throughput": throughput(None),
        "rules": failed("check rules: line 3 is no rule (promtool.json)"),
        "csv-contents": failed("2 of 40 csv files do not hold what was sent, measure-3 first"),
        "downloads": failed("no file could be fetched"),
        "bytes-outside": no_data("no file was fetched"),
        "names": no_data("no answer named a file"),
    },
)
SMOKE_ONLY = report(
    "NO DATA",
    "NO DATA: 94 of 140 verdicts have no data; load, batch not run",
    {},
    usual=lambda scenario: (
        passed("all as it should be") if scenario == "smoke" else not_run("batch" if scenario == "batch" else "load")
    ),
)
