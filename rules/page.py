"""Is a captured metrics page ground for the rules? What promtool's own check of a page does not ask.

Pure: a page and rules in, sentences out.
"""

from __future__ import annotations

import math
import re
from typing import Final

from assertions.prometheus.offered import page_findings, read_samples
from rules.records import RuleFile

_LATENCY_BOUND: Final = re.compile(r"export_latency_ms_bucket.*>\s*([0-9.e+]+)\s*$", re.DOTALL)


def page_problems(page: str, rules: RuleFile | None) -> tuple[str, ...]:
    """Return why a metrics page that promtool accepts is still no ground for these rules; empty when it is.

    An empty page passes in promtool. And where the highest finite latency bucket is not above a rule's bound, that
    rule can never fire: histogram_quantile() never answers more than the highest finite bound.
    """
    try:
        samples = read_samples(page)
    except ValueError as error:
        return (f"the page can't be read: {error}",)
    if not samples:
        return ("the page holds no samples",)
    buckets = [float(s.labels.get("le", "nan")) for s in samples if s.name == "export_latency_ms_bucket"]
    finite = [bound for bound in buckets if math.isfinite(bound)]
    if not finite:
        return ("the page holds no export_latency_ms buckets, so the latency alerts match nothing",)
    problems = []
    for rule in rules.alerts if rules else ():
        bound = _LATENCY_BOUND.search(rule.expr)
        if bound and max(finite) <= float(bound[1]):
            problems.append(f"{rule.identity} can never fire: the highest finite bucket is {max(finite):g} ms")
    return tuple(problems)


def rule_findings(page: str, rules: RuleFile) -> tuple[str, ...]:
    """Return what keeps the rules from their data on a page: doubled buckets, and selectors that match no series."""
    queries = [(rule.identity, rule.expr) for rule in rules.rules]
    return page_findings(queries, page, recorded=[rule.record or "" for rule in rules.recordings])
