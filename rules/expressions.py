"""The static check of a rule file: every expression and annotation speaks of what the contract offers.

Pure: a rule file in, sentences out. What PromQL means lives in `assertions.promql`, which the dashboard uses too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from assertions.promql import is_conditional, labels_of, problems_of
from rules.records import Rule, RuleFile

_TEMPLATE_LABEL: Final = re.compile(r"\$labels\.(\w+)")


def expression_problems(rules: RuleFile) -> tuple[str, ...]:
    """Return what is wrong with each rule's expression and annotations, as `<rule>: <problem>`; empty when nothing is.

    Beside `assertions.promql.problems_of`: an alert that compares nothing (it fires for ever), and an annotation that
    speaks of a label that the result does not carry (it shows as empty).
    """
    if not rules.rules:
        return ("the rule file holds no rules",)
    return tuple(f"{rule.identity}: {problem}" for rule in rules.rules for problem in _problems(rule))


def _problems(rule: Rule) -> Iterator[str]:
    problems = problems_of(rule.expr)
    yield from problems
    if problems or rule.alert is None:
        return
    if not is_conditional(rule.expr):
        yield "compares nothing, so it fires as long as its metric exists"
    carried = labels_of(rule.expr) | set(rule.labels)
    for key, text in rule.annotations.items():
        for label in _TEMPLATE_LABEL.findall(text):
            if label not in carried:
                yield f"annotation {key} speaks of label {label}, which the result lacks: {', '.join(sorted(carried))}"
