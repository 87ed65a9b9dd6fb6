"""The check of the drawn panels: just inside, exactly at, just outside each bound, and what is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as with_fields

from assertions import limits as limits_file
from assertions.checks.observability.pictures import FEWEST_INK, NOT_DRAWN, panels_drawn
from assertions.record.results.panels_drawn import Box
from assertions.record.run import DrawnFiles
from assertions.verdicts import Judgement
from tests.assertions.healthy.drawn import drawn_files
from tests.assertions.healthy.records import healthy_run

LIMITS = limits_file.load()


def judged(files: DrawnFiles | None) -> Judgement:
    """The verdict on these pictures."""
    return panels_drawn(replace(healthy_run(), panels=files), LIMITS)


def with_panel(number: int, **fields: Any) -> DrawnFiles:
    """The healthy pictures with fields of one panel replaced."""
    files = drawn_files()
    panels = tuple(
        with_fields(panel, **fields) if place == number else panel for place, panel in enumerate(files.drawn.panels)
    )
    return replace(files, drawn=with_fields(files.drawn, panels=panels))


def with_query(number: int, ref: str, **fields: Any) -> DrawnFiles:
    """The healthy pictures with fields of one query replaced."""
    queries = tuple(
        with_fields(query, **fields) if query.ref == ref else query
        for query in drawn_files().drawn.panels[number].queries
    )
    return with_panel(number, queries=queries)


def test_drawn_panels_pass_with_their_numbers() -> None:
    """The reason says how much was drawn, and from where."""
    assert (judged(drawn_files()).status, judged(drawn_files()).reason) == (
        "PASS",
        "6 panels drawn, 7 queries, 420 points; a Prometheus that serves the samples recorded in load",
    )


def test_panels_that_were_not_drawn_are_no_data() -> None:
    """Without pictures nothing is claimed, and the reason says how to draw them."""
    assert (judged(None).status, judged(None).reason) == ("NO DATA", NOT_DRAWN)


def test_a_dashboard_without_panels_is_no_data() -> None:
    """Nothing drawn is no pass."""
    files = drawn_files()
    empty = replace(files, drawn=with_fields(files.drawn, panels=()))
    assert (judged(empty).status, judged(empty).reason) == ("NO DATA", "grafana-export-dashboard.json has no panels")


def test_another_dashboard_than_the_runs_is_no_data() -> None:
    """A file that lacks a panel of the run's, or asks another query in it, shows nothing of the run's dashboard."""
    files = drawn_files()
    fewer = replace(files, drawn=with_fields(files.drawn, dashboard="toy.json", panels=files.drawn.panels[-1:]))
    assert (judged(fewer).status, judged(fewer).reason) == (
        "NO DATA",
        "toy.json is not the dashboard that this run asked Prometheus for: Export Latency P95 (ms), Export Success "
        "Rate (%), Export Bytes Total (MB) are not in it as asked; name the same file to the run and to the drawing",
    )
    other = judged(with_query(5, "A", expression="vector(1)"))
    assert (other.status, "Queue depth is not in it as asked" in (other.reason or "")) == ("NO DATA", True)


def test_a_query_without_data_names_just_its_panel() -> None:
    """One query of two that brought nothing fails its panel, though the other one drew."""
    judgement = judged(with_query(2, "B", series=0, points=0, finite=0, ink=0, expression="export_misnamed"))
    assert (judgement.status, judgement.reason) == (
        "FAIL",
        "Export Throughput (ops/sec): query B brought no data point: export_misnamed",
    )


@pytest.mark.parametrize(("ink", "status"), [(FEWEST_INK - 1, "FAIL"), (FEWEST_INK, "PASS"), (FEWEST_INK + 1, "PASS")])
def test_ink_of_a_query(ink: int, status: str) -> None:
    """Points that left less ink than a single point are not drawn."""
    assert judged(with_query(0, "A", ink=ink)).status == status


@pytest.mark.parametrize(("ink", "status"), [(FEWEST_INK - 1, "FAIL"), (FEWEST_INK, "PASS"), (FEWEST_INK + 1, "PASS")])
def test_ink_in_the_picture(ink: int, status: str) -> None:
    """A picture that does not show what was painted fails, however much was painted."""
    assert judged(with_panel(0, picture_ink=ink)).status == status


@pytest.mark.parametrize(("left", "status"), [(23.0, "PASS"), (22.9, "FAIL"), (93.0, "PASS"), (93.1, "FAIL")])
def test_a_plot_with_its_panel(left: float, status: str) -> None:
    """The canvas may pass an edge of the panel by a pixel's rounding and no more."""
    canvas = Box(left=left, top=151, width=632, height=160)
    assert judged(with_panel(0, canvas=canvas)).status == status


@pytest.mark.parametrize(("top", "status"), [(109.0, "PASS"), (108.9, "FAIL"), (247.0, "PASS"), (247.1, "FAIL")])
def test_a_plot_above_or_below_its_panel(top: float, status: str) -> None:
    """The same up and down, for the plot itself."""
    plot = Box(left=85, top=top, width=622, height=160)
    assert judged(with_panel(0, plot=plot)).status == status


@pytest.mark.parametrize(("width", "status"), [(174.9, "FAIL"), (175.0, "PASS"), (175.1, "PASS")])
def test_a_plot_too_small_to_read(width: float, status: str) -> None:
    """A quarter of the panel's width is the least."""
    plot = Box(left=85, top=159, width=width, height=130)
    assert judged(with_panel(0, plot=plot)).status == status


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"error": "Prometheus refused it: parse error"}, "Prometheus refused it: parse error"),
        ({"queries": ()}, "it has no query"),
        ({"plot": None}, "nothing was painted in it"),
        ({"missing_texts": ("csv large",)}, "'csv large' can't be read in it"),
    ],
)
def test_what_else_is_wrong_with_a_panel(fields: dict[str, Any], reason: str) -> None:
    """Each fault is named with the panel."""
    assert (judged(with_panel(1, **fields)).status, judged(with_panel(1, **fields)).reason) == (
        "FAIL",
        f"Export Success Rate (%): {reason}",
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sha256": {"dashboard.png": "0e" * 32}}, "the picture 02.png is missing (and 5 more like it)"),
        (
            {"sha256": {**drawn_files().sha256, "03.png": "ff" * 32}},
            "the picture 03.png is not the one that was drawn",
        ),
        (
            {"samples_sha256": None},
            "the panels were drawn from other samples than those recorded in load",
        ),
    ],
)
def test_files_that_are_not_those_that_were_drawn(fields: dict[str, Any], reason: str) -> None:
    """A picture that is gone or another, and pictures of another run's samples."""
    judgement = judged(replace(drawn_files(), **fields))
    assert (judgement.status, judgement.reason) == ("FAIL", reason)
