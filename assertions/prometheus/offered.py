"""Does a captured metrics page offer what queries ask for? Selectors, with their label values, against samples.

A query on a series that the target does not offer returns nothing, for ever, and no error: this is how an alert
comes to match nothing. `promql` holds queries against the contract, this module against one target's page.

Pure: text in, sentences out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

from assertions.prometheus.promql import ALERTS, PRESENT_EVERYWHERE, TARGET_LABELS, PromqlError, accepts, parse

OPEN_LABELS: Final = frozenset({"user"})
"""Labels whose values come from callers: a value that one page lacks may be on the next."""

_ABSENT: Final = frozenset({"absent", "absent_over_time"})


@dataclass(frozen=True, slots=True)
class PageSample:
    """One series of a page."""

    name: str
    labels: Mapping[str, str]


def read_samples(page: str) -> tuple[PageSample, ...]:
    """Return all series of a page in the text format, doubled ones too. ValueError when the page can't be read.

    A forgiving reader on purpose: what the format forbids is for promtool and `exposition` to say.
    """
    families = text_string_to_metric_families(page)
    return tuple(PageSample(sample.name, sample.labels) for family in families for sample in family.samples)


def page_findings(queries: Iterable[tuple[str, str]], page: str, recorded: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what keeps queries, given as (where, expression), from their data on a page; empty when nothing does.

    First the buckets whose bound is there twice, then each query's selectors that match no series, as
    `<where>: <selector> ...`. `recorded` are names that recording rules make. Expressions that can't be read are
    passed over: `assertions.prometheus.promql` says what is wrong with them.
    """
    try:
        samples = read_samples(page)
    except ValueError as error:
        return (f"the page can't be read: {error}",)
    found = list(doubled_bounds(samples))
    known = PRESENT_EVERYWHERE | {ALERTS} | frozenset(recorded)
    for where, expression in queries:
        try:
            tree = parse(expression)
        except PromqlError:
            continue
        missing = _unmatched(tree, samples, known).missing
        found += [f"{where}: {selector}" for selector in dict.fromkeys(missing)]
    return tuple(found)


def doubled_bounds(samples: Iterable[PageSample]) -> Iterator[str]:
    """Yield a sentence for each family whose series have one bucket under two spellings of its bound."""
    spellings: dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, list[str]]] = {}
    for sample in samples:
        bound = sample.labels.get("le")
        if bound is None:
            continue
        try:
            value = float(bound)
        except ValueError:
            continue
        key = (sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le")))
        spellings.setdefault(key, {}).setdefault(value, []).append(bound)
    doubled: dict[tuple[str, float], tuple[str, int]] = {}
    for (name, _), bounds in spellings.items():
        for value, spelt in bounds.items():
            if len(spelt) > 1:
                texts, count = doubled.get((name, value), (" and ".join(f'le="{text}"' for text in spelt), 0))
                doubled[name, value] = (texts, count + 1)
    for (name, value), (texts, count) in doubled.items():
        effect = (
            "histogram_quantile() counts what lies beyond the last bound twice"
            if math.isinf(value)
            else "Prometheus keeps them apart, and histogram_quantile() does not"
        )
        yield f"{name} has one bucket twice, {texts}, in {count} of its series: {effect}; offer it once"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a part of an expression asks for."""

    selectors: int = 0
    missing: tuple[str, ...] = ()

    def with_(self, other: _Found) -> _Found:
        return _Found(self.selectors + other.selectors, self.missing + other.missing)


def _unmatched(tree: promql.Expr, samples: tuple[PageSample, ...], known: frozenset[str]) -> _Found:
    match tree:
        case promql.VectorSelector():
            problem = _selector_problem(tree, samples, known)
            return _Found(1, () if problem is None else (problem,))
        case promql.MatrixSelector():
            return _unmatched(tree.vector_selector, samples, known)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr() | promql.AggregateExpr():
            return _unmatched(tree.expr, samples, known)
        case promql.Call():
            found = _Found()
            if tree.func.name not in _ABSENT:  # these ask for what is not there
                for argument in tree.args:
                    found = found.with_(_unmatched(argument, samples, known))
            return found
        case promql.BinaryExpr():
            left, right = _unmatched(tree.lhs, samples, known), _unmatched(tree.rhs, samples, known)
            whole = left.with_(right)
            if str(tree.op) == "or" and any(side.selectors and not side.missing for side in (left, right)):
                return _Found(whole.selectors)  # one side stands in for the other
            return whole
    return _Found()


def _selector_problem(
    selector: promql.VectorSelector, samples: tuple[PageSample, ...], known: frozenset[str]
) -> str | None:
    groups = [list(alternative) for alternative in selector.matchers.or_matchers]
    groups = groups or [list(selector.matchers.matchers)]
    names = [m.value for m in selector.matchers.matchers if m.name == "__name__" and m.op == promql.MatchOp.Equal]
    name = selector.name or (names[0] if names else None)
    if name is None or name in known:
        return None
    of_name = [sample for sample in samples if sample.name == name]
    if not of_name:
        near = sorted({sample.name for sample in samples if sample.name.startswith(name)})
        return f"no series {name} is on the page" + (f"; it has {', '.join(near)}" if near else "")
    try:
        if any(all(_fits(matcher, sample) for matcher in group) for group in groups for sample in of_name):
            return None
    except re.error:
        return None  # valid in Prometheus' dialect of regular expressions, but not in Python's
    wanted = " or ".join(", ".join(str(matcher) for matcher in group) for group in groups)
    labels = sorted({m.name for group in groups for m in group} - TARGET_LABELS - OPEN_LABELS - {"__name__"})
    offered = []
    for label in labels:
        values = sorted({sample.labels.get(label, "") for sample in of_name})
        offered.append(f"{label} is {', '.join(value or 'absent' for value in values)}")
    return f"{name}{{{wanted}}} matches no series of the page; there {'; '.join(offered)}"


def _fits(matcher: promql.Matcher, sample: PageSample) -> bool:
    if matcher.name in TARGET_LABELS | OPEN_LABELS | {"__name__"}:
        return True
    if matcher.name == "le":  # a bound has more than one spelling
        return any(accepts(matcher, spelt) for spelt in _spellings(sample.labels.get("le", "")))
    return accepts(matcher, sample.labels.get(matcher.name, ""))


def _spellings(bound: str) -> Iterator[str]:
    yield bound
    try:
        value = float(bound)
    except ValueError:
        return
    # Prometheus 3 spells whole bounds with `.0` whatever the page has, Prometheus 2 leaves them as they are.
    if value.is_integer():
        yield f"{value:.1f}"
        yield f"{value:.0f}"
