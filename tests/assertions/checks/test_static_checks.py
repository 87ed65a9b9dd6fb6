"""What promtool and the dashboard's check wrote down, judged."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.checks.harness import static_checks
from assertions.checks.harness.static_checks import DASHBOARD_STEPS, PACKAGE_STEPS, RULE_STEPS
from assertions.record.run import ToolRun, ToolStep
from assertions.verdicts import Judgement
from tests.assertions.healthy.records import healthy_run, tool_run

LIMITS = limits_file.load()


def rules(run: ToolRun | None) -> Judgement:
    """The verdict on promtool's result."""
    return static_checks.rules(replace(healthy_run(), promtool=run), LIMITS)


def dashboard(run: ToolRun | None) -> Judgement:
    """The verdict on the dashboard's result."""
    return static_checks.dashboard(replace(healthy_run(), dashboard=run), LIMITS)


def package(run: ToolRun | None) -> Judgement:
    """The verdict on the package's result."""
    return static_checks.package(replace(healthy_run(), package=run), LIMITS)


def with_step(run: ToolRun, name: str, **fields: object) -> ToolRun:
    """A copy in which one step failed."""
    steps = tuple(ToolStep(name=name, ok=False, **fields) if step.name == name else step for step in run.steps)  # type: ignore[arg-type]
    return ToolRun(ok=False, version=run.version, steps=steps)


def test_results_with_every_step_well_pass() -> None:
    """All steps there and well is a pass that names them."""
    assert rules(tool_run(RULE_STEPS, "2.53.0")).reason == (
        "version, check rules, test rules, rule coverage, expressions: passed (promtool 2.53.0)"
    )
    assert (dashboard(tool_run(DASHBOARD_STEPS)).status, dashboard(tool_run(DASHBOARD_STEPS)).reason) == (
        "PASS",
        "structure, expressions: passed",
    )


def test_results_that_are_missing_are_no_data() -> None:
    """Without its result file a tool has not been run."""
    assert (rules(None).status, rules(None).reason) == (
        "NO DATA",
        "promtool.json is not there; `python -m rules` has not been run",
    )
    assert (dashboard(None).status, dashboard(None).reason) == (
        "NO DATA",
        "dashboard.json is not there; `python -m dashboards check` has not been run",
    )


@pytest.mark.parametrize("step", RULE_STEPS[1:])
def test_each_step_of_promtool_can_fail(step: str) -> None:
    """Whichever step went wrong is named, with its note."""
    judged = rules(with_step(tool_run(RULE_STEPS, "2.53.0"), step, note="it broke"))
    assert (judged.status, judged.reason) == ("FAIL", f"{step}: it broke (promtool.json)")


@pytest.mark.parametrize("step", DASHBOARD_STEPS)
def test_each_step_of_the_dashboard_can_fail(step: str) -> None:
    """Without a note the step's output stands in the reason on one line, cut after 200 characters."""
    judged = dashboard(with_step(tool_run(DASHBOARD_STEPS), step, output=" a\n  b" + "x" * 300))
    assert (judged.status, judged.reason) == ("FAIL", f"{step}: a b{'x' * 197}… (dashboard.json)")


def test_a_promtool_that_could_not_be_had_is_no_data() -> None:
    """Without promtool's version nothing was judged, and the reason is the tool's own."""
    gone = with_step(tool_run(RULE_STEPS[:1]), "version", note="promtool was not found")
    assert (rules(gone).status, rules(gone).reason) == (
        "NO DATA",
        "promtool is not available: promtool was not found",
    )
    assert rules(ToolRun(ok=True, steps=())).reason == "promtool is not available: no version"


def test_steps_that_are_missing_are_no_data() -> None:
    """A result without one of its steps proves nothing, though all that is there is well."""
    judged = rules(tool_run(RULE_STEPS[:-2], "2.53.0"))
    assert (judged.status, judged.reason) == ("NO DATA", "promtool.json lacks the step rule coverage, expressions")
    assert dashboard(ToolRun(ok=True, steps=())).status == "NO DATA"


def test_a_result_that_contradicts_its_steps_fails() -> None:
    """A tool that says no while each step says yes is not believed."""
    judged = dashboard(replace_ok(tool_run(DASHBOARD_STEPS)))
    assert (judged.status, judged.reason) == (
        "FAIL",
        "dashboard.json reports a failure, though each of its steps passed",
    )


def replace_ok(run: ToolRun) -> ToolRun:
    """The same steps, not ok as a whole."""
    return ToolRun(ok=False, version=run.version, steps=run.steps)


@pytest.mark.parametrize(
    ("ours", "whose"), [(True, "this project's rules, not the target's own: "), (False, "the target's own rules: ")]
)
def test_a_pass_says_whose_rules_were_tested(ours: bool, whose: str) -> None:
    """A target that is judged with this project's rules is not said to have tested its rules."""
    run = msgspec.structs.replace(tool_run(RULE_STEPS, "2.53.0"), ours=ours)
    assert rules(run).reason.startswith(whose)


def test_a_pass_says_which_outcome_is_of_an_earlier_run() -> None:
    """promtool's tests of the same files may have run before; the reason says when."""
    run = tool_run(RULE_STEPS, "2.53.0")
    note = "run at 2026-01-02T03:04:05Z by the same promtool, with the same rules and tests"
    steps = tuple(msgspec.structs.replace(step, note=note) if step.name == "test rules" else step for step in run.steps)
    judged = rules(msgspec.structs.replace(run, steps=steps))
    assert judged.status == "PASS"
    assert judged.reason.endswith(f"(promtool 2.53.0); test rules: {note}")


def test_a_package_that_was_built_passes_with_its_answers() -> None:
    """Each step is named with what it answered."""
    run = tool_run(PACKAGE_STEPS, "1.7.0")
    assert (package(run).status, package(run).reason) == (
        "PASS",
        "build wheel: done; install wheel: done; --version: done",
    )


@pytest.mark.parametrize("step", PACKAGE_STEPS)
def test_each_step_of_the_package_can_fail(step: str) -> None:
    """The step that failed is named with its output."""
    judged = package(with_step(tool_run(PACKAGE_STEPS, "1.7.0"), step, output="no module", note="exit 1"))
    assert (judged.status, judged.reason) == ("FAIL", f"{step}: exit 1: no module (package.json)")


@pytest.mark.parametrize(
    "run",
    [
        None,
        ToolRun(ok=False, steps=(ToolStep(name="build wheel", ok=False, note="setuptools can't be imported"),)),
        tool_run(PACKAGE_STEPS[:2], "1.7.0"),
    ],
)
def test_a_package_that_was_not_tried_is_no_data(run: ToolRun | None) -> None:
    """Where a step could not be tried nothing is claimed."""
    assert package(run).status == "NO DATA"


def test_what_promtool_notes_on_the_page_is_said_and_fails_nothing() -> None:
    """A target whose highest bucket lies below an alert's bound keeps to the contract; the reason says so."""
    run = tool_run((*RULE_STEPS, "check metrics"), "2.53.0")
    judged = rules(with_step(run, "check metrics", note="ExportLatencyP95High can never fire"))
    assert judged.status == "PASS"
    assert judged.reason.endswith("no demand of the contract: ExportLatencyP95High can never fire")
