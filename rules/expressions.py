"""The static check of a rule file: every expression and annotation speaks of what the contract offers.

Pure: a rule file in, sentences out. What PromQL means lives in `assertions.prometheus.promql`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from assertions.prometheus.promql import Vector, is_conditional, labels_of, problems_of
from rules.recorded import recorded_series
from rules.records import Rule, RuleFile

_TEMPLATE_LABEL: Final = re.compile(r"\$labels\.(\w+)")
_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"(\$\w+)\s*:?=\s*(.*)", re.DOTALL)
# Actions that look at a value without printing it.
_CONDITION: Final = re.compile(r"(?:if|else\s+if)\b")
_VALUE_NAMES: Final = ("$value", ".Value")


def expression_problems(rules: RuleFile) -> tuple[str, ...]:
    """Return what is wrong with each rule's expression and annotations, as `<rule>: <problem>`; empty when nothing is.

    Beyond `promql.problems_of`: an alert that compares nothing (it fires for ever), and an annotation that
    speaks of a label that the result does not carry (it shows as empty).
    """
    if not rules.rules:
        return ("the rule file holds no rules",)
    recorded = recorded_series(rules)
    return tuple(f"{rule.identity}: {problem}" for rule in rules.rules for problem in _problems(rule, recorded))


def _problems(rule: Rule, recorded: Mapping[str, Vector]) -> Iterator[str]:
    problems = problems_of(rule.expr, recorded)
    yield from problems
    if problems or rule.alert is None:
        return
    if not is_conditional(rule.expr):
        yield "compares nothing, so it fires as long as its metric exists"
    # Prometheus hands templates the labels of the result, without those that the rule itself adds.
    carried = labels_of(rule.expr, recorded)
    templates = [(f"annotation {key}", text) for key, text in rule.annotations.items()]
    templates += [(f"label {key}", text) for key, text in rule.labels.items()]
    for where, text in templates:
        for label in dict.fromkeys(_TEMPLATE_LABEL.findall(text)):
            if label not in carried:
                yield f"{where} speaks of label {label}, which the result lacks: {', '.join(sorted(carried))}"
    for key, text in rule.labels.items():
        if prints_value(text):
            effect = " and `for` never ends" if rule.wait else ""
            yield f"the label {key} holds $value, so every sample is another alert{effect}; put it into an annotation"


def prints_value(template: str) -> bool:
    """Say whether a template's output holds the sample's value itself, and not only a word chosen by it."""
    names = set(_VALUE_NAMES)
    for action in _ACTION.findall(template):
        if not any(re.search(rf"{re.escape(name)}\b", action) for name in names):
            continue
        assigned = _ASSIGNMENT.fullmatch(action)
        if assigned:
            names.add(assigned[1])
        elif not _CONDITION.match(action):
            return True
    return False
