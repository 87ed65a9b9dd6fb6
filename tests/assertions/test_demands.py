"""The contract and the checks in step: what is demanded of a target is said to its author."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions import limits as limits_file
from assertions.checks.catalogue import CHECKS
from assertions.checks.conduct import behaviour
from assertions.checks.metrics import metrics_page
from assertions.demands import DEMANDS, HELP_LINE, OWN, UNKNOWN_DOWNLOAD
from assertions.probes.behaviour import BY_NAME
from tests.assertions.cases.behaviour import behaving
from tests.assertions.healthy.records import drop_samples, healthy, with_pages

LIMITS = limits_file.load()
CONTRACT = " ".join((Path(__file__).resolve().parents[2] / "docs" / "contract.md").read_text(encoding="utf-8").split())


def test_every_check_says_what_it_rests_on() -> None:
    """A new check needs its sentence of the contract, or is one of the harness's own."""
    assert {check.id for check in CHECKS} == DEMANDS.keys() | OWN
    assert not DEMANDS.keys() & OWN


@pytest.mark.parametrize(
    ("check", "sentence"), [(check, sentence) for check, sentences in DEMANDS.items() for sentence in sentences]
)
def test_each_demand_stands_in_the_contract(check: str, sentence: str) -> None:
    """The words that a check rests on are the contract's own, line ends aside."""
    assert sentence in CONTRACT, check


def test_a_link_to_nothing_is_reported_in_the_contracts_words() -> None:
    """An unknown name that is answered 200 fails with the sentence that its author can look up."""
    judged = behaviour.behaviour(behaving("download-unknown", status=200)(healthy("smoke")), LIMITS)
    assert judged.status == "FAIL"
    assert f'status 200, expected a refusal; the contract: "{UNKNOWN_DOWNLOAD}"' in judged.reason
    assert UNKNOWN_DOWNLOAD in BY_NAME["download-unknown"].why


def test_a_histogram_without_series_at_the_start_is_reported_in_the_contracts_words() -> None:
    """Before the first request the histogram's label sets are there, too; the reason says by which sentence."""
    late = with_pages(healthy("smoke"), drop_samples("export_latency_ms_"), lambda scrape: scrape.moment == "before")
    judged = metrics_page.coverage(late, LIMITS)
    assert (judged.status, judged.reason) == (
        "FAIL",
        'export_latency_ms has no series for format="csv", size="small" before the first request (and 5 more series); '
        'the contract: "Every label set that can come is there at 0 from the start, the histogram\'s series included"',
    )


def test_a_missing_help_line_is_reported_in_the_contracts_words() -> None:
    """All families without one are named."""
    bare = with_pages(healthy("smoke"), lambda text: text.replace("# HELP export_q", "# export_q"))
    judged = metrics_page.exposition(bare, LIMITS)
    assert (judged.status, judged.reason) == (
        "FAIL",
        f'no HELP line for export_queue_depth; the contract: "{HELP_LINE}"',
    )
