"""What a rule file's recording rules make: names that its other rules may use, with the labels of their expressions.

Pure: a rule file in, values out.
"""

from __future__ import annotations

from assertions.prometheus.promql import EVERY_LABEL, PromqlError, Vector, series_in, vector_of
from rules.records import RuleFile


def recorded_series(rules: RuleFile) -> dict[str, Vector]:
    """Return what is known of each recorded name's series, those recorded from other recorded names too."""
    # Until its expression has been followed, a name may carry anything; one that can't be read stays so.
    known = {rule.record or "": Vector(labels=EVERY_LABEL) for rule in rules.recordings}
    for _ in rules.recordings:  # each turn follows one more step of a chain, whatever the order of the rules
        for rule in rules.recordings:
            try:
                made = vector_of(rule.expr, known)
            except PromqlError:
                continue
            own = {name: frozenset({value}) for name, value in rule.labels.items() if "{{" not in value}
            known[rule.record or ""] = Vector(
                labels=made.labels | rule.labels.keys(),
                values={label: values for label, values in made.values.items() if label not in rule.labels} | own,
            )
    return known


def sources_of(expression: str, rules: RuleFile) -> frozenset[str]:
    """Return the series that an expression reads in the end: recorded names stand for what they are recorded from.

    The recorded names themselves are among them, for a test may feed those in. PromqlError when unreadable.
    """
    found: set[str] = set()
    waiting = set(series_in(expression))
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for rule in rules.recordings:
            if rule.record == name:
                try:
                    waiting |= series_in(rule.expr)
                except PromqlError:
                    continue  # its own problem, and reported as that
    return frozenset(found)
