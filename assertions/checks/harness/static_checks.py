"""Checks: promtool accepts the alert rules, and the dashboard fits the contract, by their result files."""

from __future__ import annotations

from assertions.limits import Limits
from assertions.record.run import Run, ToolRun
from assertions.verdicts import Judgement, failed, no_data, passed

RULE_STEPS = ("version", "check rules", "test rules", "rule coverage", "expressions")
WITHOUT_PROMTOOL = ("rule coverage", "expressions")
"""Steps that need no promtool, so that they can fail where promtool can't be had."""
DASHBOARD_STEPS = ("structure", "expressions")


def rules(run: Run, limits: Limits) -> Judgement:
    """promtool accepted the rules, their tests passed, each alert has a firing and a silent case."""
    return _steps(run.promtool, RULE_STEPS, "promtool.json", "python -m rules")


def dashboard(run: Run, limits: Limits) -> Judgement:
    """The dashboard's structure and queries fit the contract."""
    return _steps(run.dashboard, DASHBOARD_STEPS, "dashboard.json", "python -m dashboards check")


def _steps(tool: ToolRun | None, wanted: tuple[str, ...], name: str, command: str) -> Judgement:
    if tool is None:
        return no_data(f"{name} is not there; `{command}` has not been run")
    by_name = {step.name: step for step in tool.steps}
    broken = [step for step in tool.steps if not step.ok]
    without_promtool = [step for step in broken if step.name in WITHOUT_PROMTOOL]
    if tool.version is None and "version" in wanted and not without_promtool:
        return no_data(f"promtool is not available: {broken[0].note if broken else 'no version'}")
    if broken:
        first = without_promtool[0] if tool.version is None and "version" in wanted else broken[0]
        return failed(f"{first.name}: {first.note or first.output.strip()[:200]} ({name})")
    missing = [step for step in wanted if step not in by_name]
    if missing:
        return no_data(f"{name} lacks the step {', '.join(missing)}")
    if not tool.ok:
        return failed(f"{name} reports a failure, though each of its steps passed")
    return passed(f"{', '.join(wanted)}: passed" + (f" (promtool {tool.version})" if "version" in wanted else ""))
