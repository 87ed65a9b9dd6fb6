"""The selectors of a PromQL expression: which series does it read, under which label matchers? Pure."""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser as promql

from assertions.prometheus.promql import TARGET_LABELS, PromqlError
from assertions.record.queries import LabelMatcher, Operator, Selector

_OPERATORS: tuple[tuple[promql.MatchOp, Operator], ...] = (
    (promql.MatchOp.Equal, "="),
    (promql.MatchOp.NotEqual, "!="),
    (promql.MatchOp.Re, "=~"),
    (promql.MatchOp.NotRe, "!~"),
)


def selectors_of(expression: str, source: str) -> tuple[Selector, ...]:
    """Return the selectors of an expression, each once, in order; PromqlError when it can't be read."""
    return tuple(dict.fromkeys(_selector(found, source) for found in _walk(_parsed(expression))))


def target_labels_of(expression: str) -> frozenset[str]:
    """Return the labels that Prometheus itself adds, as far as an expression matches them; PromqlError as above."""
    return frozenset(
        matcher.name
        for found in _walk(_parsed(expression))
        for matcher in found.matchers.matchers
        if matcher.name in TARGET_LABELS
    )


def _parsed(expression: str) -> promql.Expr:
    try:
        return promql.parse(expression)
    except ValueError as error:
        raise PromqlError(f"is no PromQL: {error}") from error


def _walk(tree: promql.Expr) -> Iterator[promql.VectorSelector]:
    match tree:
        case promql.VectorSelector():
            yield tree
        case promql.MatrixSelector():
            yield tree.vector_selector
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr() | promql.AggregateExpr():
            yield from _walk(tree.expr)
        case promql.Call():
            for argument in tree.args:
                yield from _walk(argument)
        case promql.BinaryExpr():
            yield from _walk(tree.lhs)
            yield from _walk(tree.rhs)


def _selector(found: promql.VectorSelector, source: str) -> Selector:
    named = [m.value for m in found.matchers.matchers if m.name == "__name__" and m.op == promql.MatchOp.Equal]
    matchers = tuple(
        LabelMatcher(label=m.name, op=_operator(m), value=m.value)
        for m in found.matchers.matchers
        if m.name not in TARGET_LABELS | {"__name__"}
    )
    return Selector(source=source, series=found.name or (named[0] if named else ""), matchers=matchers)


def _operator(matcher: promql.Matcher) -> Operator:
    return next(op for known, op in _OPERATORS if matcher.op == known)
