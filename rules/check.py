"""All checks of one rule file in order, each a `Step`; the results are a value, nothing is printed.

A check that can't be made is a step that is not ok and says why: what was not looked at is never green.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rules.coverage import coverage_problems
from rules.expressions import expression_problems
from rules.page import page_problems, rule_findings
from rules.promtool import Outcome, Promtool, find, find_next_major
from rules.records import CaseFile, PromtoolResults, RuleFile, RulesError, Step, StepName, read_rules, read_tests
from rules.server.cache import Cache
from rules.server.fetch import NEXT_MAJOR, ToolFailed, ToolMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What is to be checked."""

    rules: Path
    """The rule file."""
    tests: Path
    """Its promtool unit tests."""
    metrics: Path | None = None
    """A metrics page as a target served it (text format); None: none is checked."""
    ours: bool = True
    """Whether these are this project's own rules."""
    fetch_next: bool = False
    """Fetch a promtool 3.x by apt where none is there; False: take one that is there."""
    cache: Cache | None = None
    """Keeps the outcomes of unit tests; None: they are run in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came out, and whether that is a verdict."""

    results: PromtoolResults
    unjudged: str | None
    """Why there is no verdict: promtool can't be had or an input is missing; None when there is one."""


def check_all(inputs: Inputs, env: Mapping[str, str]) -> Checked:
    """Run every check; failures and accidents become steps, so that the results can always be written down."""
    reasons: list[str] = []
    promtool: Promtool | None = None
    steps: list[Step] = []
    try:
        promtool = find(env, inputs.cache)
        argv = ("promtool", "--version")
        steps.append(Step(name="version", argv=argv, exit_code=0, output=promtool.version, ok=True))
    except (ToolMissing, ToolFailed) as error:
        reasons.append(str(error))
        exit_code = error.exit_code if isinstance(error, ToolFailed) else None
        steps.append(_not_made("version", str(error), exit_code))

    rules, tests = _read(inputs, reasons)
    with ThreadPoolExecutor(max_workers=1) as pool:  # the tests take promtool seconds: both versions at once
        later = pool.submit(_by_next, promtool, inputs, env)
        steps.append(_command("check rules", promtool, inputs, reasons))
        steps.append(_command("test rules", promtool, inputs, reasons))
        by_next = later.result()
    steps += by_next.steps
    if rules is None or tests is None:
        steps.append(_not_made("rule coverage", "the rule file and its tests could not both be read"))
    else:
        found = rule_files_found(inputs, tests)
        steps.append(_own("rule coverage", coverage_problems(rules, tests, found), f"{len(rules.alerts)} alerts"))
    if rules is None:
        steps.append(_not_made("expressions", "the rule file could not be read"))
    else:
        steps.append(_own("expressions", expression_problems(rules), f"{len(rules.rules)} expressions"))
    if inputs.metrics is not None:
        steps += _page(inputs.metrics, promtool, rules, reasons)

    alerts = tuple(dict.fromkeys(rule.alert or "" for rule in rules.alerts)) if rules else ()
    results = PromtoolResults(
        version=promtool.version if promtool else None,
        steps=tuple(steps),
        ok=all(step.ok for step in steps),
        alerts=alerts,
        file=inputs.rules.name,
        ours=inputs.ours,
        next_version=by_next.version,
        next_problem=by_next.problem,
    )
    return Checked(results=results, unjudged="; ".join(dict.fromkeys(reasons)) or None)


def rule_files_found(inputs: Inputs, tests: CaseFile) -> dict[str, bool | None]:
    """Say of each `rule_files` pattern whether it matches the rule file (True), only others (False), or nothing (None).

    Patterns count from the test file's folder, as in promtool.
    """
    wanted = inputs.rules.resolve()
    found: dict[str, bool | None] = {}
    for pattern in tests.rule_files or ():
        # Not Path.glob: it refuses some patterns and follows `**`, neither of which promtool does.
        names = glob.glob(pattern, root_dir=inputs.tests.resolve().parent)  # noqa: PTH207
        matches = [path.resolve() for name in names if (path := inputs.tests.resolve().parent / name).is_file()]
        found[pattern] = wanted in matches if matches else None
    return found


def _read(inputs: Inputs, reasons: list[str]) -> tuple[RuleFile | None, CaseFile | None]:
    rules: RuleFile | None = None
    tests: CaseFile | None = None
    try:
        rules = read_rules(inputs.rules)
    except RulesError as error:
        reasons.append(str(error))
    try:
        tests = read_tests(inputs.tests)
    except RulesError as error:
        reasons.append(str(error))
    return rules, tests


def _command(name: StepName, promtool: Promtool | None, inputs: Inputs, reasons: list[str]) -> Step:
    file = inputs.rules if name == "check rules" else inputs.tests
    if promtool is None:
        return _not_made(name, "promtool could not be had")
    if not file.is_file():
        return _not_made(name, f"{file.name} is missing")
    try:
        return _step(name, promtool.check_rules(file) if name == "check rules" else promtool.test_rules(file))
    except ToolFailed as error:
        reasons.append(str(error))
        return _not_made(name, str(error), error.exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ByNext:
    version: str | None = None
    problem: str | None = None
    steps: tuple[Step, ...] = ()


def _by_next(first: Promtool | None, inputs: Inputs, env: Mapping[str, str]) -> _ByNext:
    """Check rules and tests by a promtool 3.x too, where the first one is older; none to be had is no failure."""
    if first is not None and (first.major or 0) >= NEXT_MAJOR:
        return _ByNext(problem=f"the first promtool is {first.version} itself")
    if not (inputs.rules.is_file() and inputs.tests.is_file()):
        return _ByNext(problem="the rule file and its tests could not both be read")
    try:
        promtool = find_next_major(env, fetch=inputs.fetch_next, cache=inputs.cache)
        steps = (
            _step("check rules 3.x", promtool.check_rules(inputs.rules)),
            _step("test rules 3.x", promtool.test_rules(inputs.tests)),
        )
    except (ToolMissing, ToolFailed) as error:
        return _ByNext(problem=str(error))
    return _ByNext(version=promtool.version, steps=steps)


def _page(path: Path, promtool: Promtool | None, rules: RuleFile | None, reasons: list[str]) -> tuple[Step, Step]:
    try:
        # Bytes, since promtool must see the line ends as they were served.
        page = path.read_bytes()
        text = page.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = f"{path.name}: no metrics page can be read there ({error})".replace(str(path), path.name)
        reasons.append(reason)
        return _not_made("check metrics", reason), _not_made("series offered", reason)
    return _metrics(page, text, promtool, rules, reasons), _offered(text, rules)


def _metrics(page: bytes, text: str, promtool: Promtool | None, rules: RuleFile | None, reasons: list[str]) -> Step:
    if promtool is None:
        return _not_made("check metrics", "promtool could not be had")
    try:
        outcome = promtool.check_metrics(page)
    except ToolFailed as error:
        reasons.append(str(error))
        return _not_made("check metrics", str(error), error.exit_code)
    # What promtool can't parse needs no second opinion.
    problems = () if outcome.exit_code == 1 else page_problems(text, rules)
    if outcome.ok and not problems:
        notes = [f"allowed, the contract's own name: {line}" for line in outcome.allowed]
    else:
        notes = [*problems, *outcome.complaints]
    return _step("check metrics", outcome, ok=outcome.ok and not problems, note="; ".join(notes) or None)


def _offered(text: str, rules: RuleFile | None) -> Step:
    if rules is None:
        return _not_made("series offered", "the rule file could not be read")
    return _own("series offered", rule_findings(text, rules), f"{len(rules.rules)} expressions find their series")


def _step(name: StepName, outcome: Outcome, *, ok: bool | None = None, note: str | None = None) -> Step:
    output = outcome.output
    if outcome.made is not None:
        kept = f"run at {outcome.made} by the same promtool, with the same rules and tests"
        # a reader of a failed step needs what promtool printed
        output, note = (output, kept) if outcome.ok else (f"{output.rstrip()}\n{kept}\n", note)
    return Step(
        name=name,
        argv=outcome.argv,
        exit_code=outcome.exit_code,
        output=output,
        ok=outcome.ok if ok is None else ok,
        note=note,
    )


def _own(name: StepName, problems: tuple[str, ...], note: str) -> Step:
    # On a failure the problems themselves are what a reader needs.
    count = None if problems else note
    return Step(name=name, argv=(), exit_code=None, output="\n".join(problems), ok=not problems, note=count)


def _not_made(name: StepName, why: str, exit_code: int | None = None) -> Step:
    return Step(name=name, argv=(), exit_code=exit_code, output="", ok=False, note=f"not made: {why}")
