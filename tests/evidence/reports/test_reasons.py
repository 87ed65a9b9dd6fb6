"""Reasons for red: what of a failed check differs from the baseline, and the kinds of fault, each once."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from assertions.verdicts import failed, no_data
from evidence.comparison.types import Comparison
from evidence.reports.examples import Example, Found
from evidence.reports.faces.html import html
from evidence.reports.faces.markdown import markdown, step_summary
from evidence.reports.faces.pdf import pdf, pdf_words
from evidence.reports.model import build
from evidence.reports.reasons import COMMAND, MOST_ROWS, Reason, reasons
from tests.evidence.comparison.test_compare import comparison, row
from tests.evidence.sample_reports import FIGURES, FOUND, LIMITS, RED, context

SLOWER = row(baseline=400.0, newer=31_000.0, outcome="worse")


def reason(check: str, against: Comparison | None = None, found: tuple[Found, ...] = ()) -> Reason:
    """The reason of a check of the red report."""
    scenarios = ("smoke", "load", "batch")
    figures = replace(
        FIGURES, comparison=against, found={(name, check): one for name, one in zip(scenarios, found, strict=False)}
    )
    return next(one for one in reasons(RED, figures) if one.check == check)


def test_the_baseline_is_quoted() -> None:
    """A failed latency has the rows on latency in its scenario, the worse first, and counts those left out."""
    others = [row(case=f"csv-{size}", outcome="no change") for size in range(3)]
    elsewhere = row(scenario="smoke", case="pdf-1k", newer=900.0, outcome="worse")
    text = reason("latency-outside", comparison(*others, elsewhere, SLOWER)).baseline
    assert text.startswith("worse: load, measure: csv-10k median latency 0.4 s → 31 s")
    assert "smoke" not in text
    assert text.endswith(f"; and {4 - MOST_ROWS} more")


@pytest.mark.parametrize(
    ("check", "against"),
    [
        ("latency-outside", None),
        ("latency-outside", comparison()),
        ("latency-outside", comparison(row("throughput", newer=10.0, outcome="worse"))),
        ("csv-contents", comparison(SLOWER)),
    ],
)
def test_nothing_to_quote(check: str, against: Comparison | None) -> None:
    """Without a baseline, or where a comparison measures nothing of the check, the reason says nothing of it."""
    assert reason(check, against).baseline == ""


def test_every_form_of_the_report_quotes_the_baseline() -> None:
    """Markdown, step summary, page and PDF have the line."""
    model = build(RED, LIMITS, context(), replace(FIGURES, comparison=comparison(SLOWER)))
    line = next(one.baseline for one in model.reasons if one.check == "latency-outside")
    assert line
    for face in (markdown(model), step_summary(model), html(model, {})):
        assert line.split(" (")[0] in face
    assert line.split(" (")[0].replace(" ", "") in "".join("".join(pdf_words(pdf(model, {}))).split())


def example(kind: str) -> Example:
    """An example of a kind of fault."""
    return Example(kind=kind, asked="POST /export/run", came="''", kept="", case="csv-10k", path="POST /export/run")


def test_a_kind_of_fault_is_shown_once() -> None:
    """The same kind in several scenarios has one example; the worst of each scenario come before the next worst."""
    found = (
        Found(since="", examples=(example("lost in 2 of 40 csv files"), example("header in 1 of 40 csv files"))),
        Found(since="", examples=(example("lost in 7 of 90 csv files"), example("order in 1 of 90 csv files"))),
        Found(since="", examples=(example("encoding in 9 of 12 csv files"),)),
    )
    kinds = [one.kind for one in reason("csv-contents", found=found).examples]
    assert kinds == ["lost in 2 of 40 csv files", "encoding in 9 of 12 csv files", "header in 1 of 40 csv files"]


@pytest.mark.parametrize("own_limits", [True, False])
def test_what_repeats_a_failure_takes_the_same_limits(own_limits: bool) -> None:
    """A run that was judged by limits of its user's is repeated with the copy of them in its directory."""
    commands = [one.command for one in reasons(RED, FIGURES, own_limits=own_limits) if one.command.startswith(COMMAND)]
    assert commands
    assert all(("--limits DIR/limits.toml" in command) == own_limits for command in commands)


def test_a_verdict_on_the_whole_run_is_repeated_by_the_scenario_of_its_first_bad_request() -> None:
    """What went wrong in batch is not repeated by smoke, though the verdict is on all scenarios together."""
    key = ("run", "concurrency-outside")
    verdicts = tuple(
        msgspec.structs.replace(one, judgement=failed("six at once")) if (one.scenario, one.id) == key else one
        for one in RED.verdicts
    )
    places = dict.fromkeys(("smoke", "load", "batch"), FIGURES.places["load"])
    found = {key: Found(since="22 s after the start of batch", examples=(), scenario="batch")}
    figures = replace(FIGURES, places=places, found=found)
    commands = {one.check: one.command for one in reasons(msgspec.structs.replace(RED, verdicts=verdicts), figures)}
    assert commands["concurrency-outside"].startswith(f"{COMMAND} batch --seed 17 ")


def test_what_quotes_a_cause_is_folded_below_it() -> None:
    """A user's rule without data because the generator was not fit is folded below that cause."""
    late = no_data("P95 of the generator's error: 180 ms")
    verdicts = [
        msgspec.structs.replace(one, judgement=late) if (one.scenario, one.id) == ("load", "calibration") else one
        for one in RED.verdicts
    ]
    rule = msgspec.structs.replace(
        RED.verdicts[0],
        id="rule-slower",
        scenario="run",
        judgement=no_data(f"the generator was not fit in load: {late.reason}"),
    )
    found = reasons(msgspec.structs.replace(RED, verdicts=(*verdicts, rule)), FIGURES)
    assert "run/rule-slower" in next(one.follows for one in found if one.check == "calibration")
    assert "rule-slower" not in [one.check for one in found]


def test_a_verdict_on_the_whole_run_without_a_request_is_repeated_by_all_scenarios() -> None:
    """Where no request is behind it, the same scenarios make the run again, with the target's address and the seed."""
    rule = msgspec.structs.replace(RED.verdicts[0], id="rule-slower", scenario="run", judgement=failed("1.4 s"))
    places = dict.fromkeys(("smoke", "load", "batch"), FIGURES.places["load"])
    changed = msgspec.structs.replace(RED, verdicts=(*RED.verdicts, rule))
    commands = {one.check: one.command for one in reasons(changed, replace(FIGURES, places=places))}
    assert commands["rule-slower"].startswith(f"{COMMAND} smoke load batch --seed 17 --target http://127.0.0.1:4001 ")


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ((), "-sS -D -"),
        (("EXPORT_TARGET_TOKEN",), '-sS -H "Authorization: Bearer $EXPORT_TARGET_TOKEN" -D -'),
        (("EXPORT_TARGET_HEADERS",), "-sS -H @<(printenv EXPORT_TARGET_HEADERS) -D -"),
        (("HOME", "$(reboot)"), "-sS -D -"),
    ],
)
def test_a_request_is_repeated_with_what_the_target_asked_for(variables: tuple[str, ...], options: str) -> None:
    """A curl line names the variable that held the token or the headers, and no variable that a record could name."""
    places = {name: replace(place, header_variables=variables) for name, place in FIGURES.places.items()}
    commands = {one.check: one.command for one in reasons(RED, replace(FIGURES, places=places, found=FOUND))}
    assert f"| curl {options} -X POST " in commands["csv-contents"]
