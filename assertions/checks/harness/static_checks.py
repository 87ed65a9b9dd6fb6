"""Checks: promtool accepts the alert rules, the dashboard fits the contract, the package builds, by result files."""

from __future__ import annotations

from assertions.limits import Limits
from assertions.record.run import Run, ToolRun, ToolStep
from assertions.verdicts import Judgement, failed, no_data, passed

RULE_STEPS = ("version", "check rules", "test rules", "rule coverage", "expressions")
WITHOUT_PROMTOOL = ("rule coverage", "expressions")
"""Steps that need no promtool, so that they can fail where promtool can't be had."""
NOTED = ("check metrics",)
"""Steps on the target's page that ask for more than the contract: what they find is said, and fails nothing."""
DASHBOARD_STEPS = ("structure", "expressions")
PACKAGE_STEPS = ("build wheel", "install wheel", "--version")


def rules(run: Run, limits: Limits) -> Judgement:
    """promtool accepted the rules, their tests passed, each alert has a firing and a silent case."""
    return _steps(run.promtool, RULE_STEPS, "promtool.json", "python -m rules", "rules")


def dashboard(run: Run, limits: Limits) -> Judgement:
    """The dashboard's structure and queries fit the contract."""
    return _steps(run.dashboard, DASHBOARD_STEPS, "dashboard.json", "python -m dashboards check", "dashboard")


def package(run: Run, limits: Limits) -> Judgement:
    """A wheel of this harness was built, and its installed copy answered `--version`."""
    tool = run.package
    if tool is None:
        return no_data("package.json is not there; a run makes it once its load is over")
    if tool.version is None:
        return no_data(f"the package was not built: {tool.steps[-1].note if tool.steps else 'no step was tried'}")
    broken = next((step for step in tool.steps if not step.ok), None)
    if broken is not None:
        return failed(f"{broken.name}: {broken.note or 'failed'}: {_shown(broken)} (package.json)")
    missing = [step for step in PACKAGE_STEPS if step not in {step.name for step in tool.steps}]
    if missing or not tool.ok:
        return no_data(f"package.json lacks the step {', '.join(missing) or 'that failed'}")
    return passed("; ".join(f"{step.name}: {step.output or step.note or 'done'}" for step in tool.steps))


SHOWN_CHARACTERS = 200
"""Of a tool's output in a reason."""
KEPT = "run at "
"""Begins the note of a step whose outcome is of an earlier run of the same tool on the same files."""


def _whose(tool: ToolRun, what: str) -> str:
    """Return whose files a tool read, to begin a reason with; empty where the record does not say so."""
    if tool.ours is None:
        return ""
    return f"this project's {what}, not the target's own: " if tool.ours else f"the target's own {what}: "


def _steps(tool: ToolRun | None, wanted: tuple[str, ...], name: str, command: str, what: str) -> Judgement:
    if tool is None:
        return no_data(f"{name} is not there; `{command}` has not been run")
    by_name = {step.name: step for step in tool.steps}
    noted = [step for step in tool.steps if not step.ok and step.name in NOTED]
    broken = [step for step in tool.steps if not step.ok and step.name not in NOTED]
    without_promtool = [step for step in broken if step.name in WITHOUT_PROMTOOL]
    if tool.version is None and "version" in wanted and not without_promtool:
        return no_data(f"promtool is not available: {broken[0].note if broken else 'no version'}")
    if broken:
        first = without_promtool[0] if tool.version is None and "version" in wanted else broken[0]
        return failed(f"{first.name}: {_said(first)} ({name})")
    missing = [step for step in wanted if step not in by_name]
    if missing:
        return no_data(f"{name} lacks the step {', '.join(missing)}")
    if not tool.ok and not noted:
        return failed(f"{name} reports a failure, though each of its steps passed")
    versions = " and ".join(version for version in (tool.version, tool.next_version) if version is not None)
    by = f" (promtool {versions})" if "version" in wanted else ""
    on_page = "".join(f"; noted on the target's page, no demand of the contract: {_said(step)}" for step in noted)
    kept = "".join(
        f"; {step.name}: {step.note}" for step in tool.steps if step.ok and (step.note or "").startswith(KEPT)
    )
    return passed(f"{_whose(tool, what)}{', '.join(wanted)}: passed{by}{kept}{on_page}")


def _said(step: ToolStep) -> str:
    return step.note or _shown(step)


def _shown(step: ToolStep) -> str:
    """Return what a step printed on one line, its beginning where it is long."""
    text = " ".join(step.output.split())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
