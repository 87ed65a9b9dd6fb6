"""Static check of PromQL against the contract: does an expression speak of what a target offers?

promtool judges syntax, and a live Prometheus shows what a query returns. Neither objects to a metric that nobody
exports: the query just returns nothing, for ever. This check does, before anything runs. It follows which labels each
part of an expression carries, so that a lost `le`, or two sides that can never match, are found too.

Pure: text in, sentences out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import promql_parser as promql

from assertions.contract import BYTES_STATUS, FAMILIES, FORMATS, REQUEST_STATUSES, SIZES, UNKNOWN_FORMAT, Family

TARGET_LABELS: Final = frozenset({"job", "instance"})
"""Labels that Prometheus itself puts on each series that it scrapes."""

GRAFANA_VARIABLES: Final[Mapping[str, str]] = {
    "__rate_interval": "1m",
    "__interval": "15s",
    "__interval_ms": "15000",
    "__range": "15m",
    "__range_s": "900",
    "__range_ms": "900000",
}
"""Grafana's own variables that may stand in a query, each with a value of its kind."""

Labels = frozenset[str]

_SERIES: Final[Mapping[str, Family]] = {series: family for family in FAMILIES for series in family.series}
_FAMILY_VALUES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("export_requests_total", "status"): REQUEST_STATUSES,
    ("export_bytes_total", "status"): (BYTES_STATUS,),
}
_LABEL_VALUES: Final[Mapping[str, tuple[str, ...]]] = {"format": (*FORMATS, UNKNOWN_FORMAT), "size": SIZES}
_COUNTER_FUNCTIONS: Final = frozenset({"rate", "irate", "increase", "resets"})
# These ask whether or when samples exist, not how large a counter has grown.
_PRESENCE: Final = frozenset(
    {"absent", "absent_over_time", "present_over_time", "count_over_time", "changes", "timestamp", "count", "group"}
)
_COMPARISONS: Final = frozenset({">", "<", ">=", "<=", "==", "!="})
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$([A-Za-z_]\w*)|\[\[(\w+)(?::\w+)?\]\]")


class PromqlError(ValueError):
    """An expression can't be read; the message says what was expected."""


def substitute(expression: str, variables: Mapping[str, str] = GRAFANA_VARIABLES) -> str:
    """Return a dashboard's query with its `$name`, `${name}` and `[[name]]` replaced; PromqlError for others."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[3]
        if name not in variables:
            known = ", ".join(f"${known}" for known in variables)
            raise PromqlError(f"{match[0]} is no variable here; known are {known}")
        return variables[name]

    return _VARIABLE.sub(value, expression)


def problems_of(expression: str) -> tuple[str, ...]:
    """Return what keeps an expression from meaning something on a target of the contract; empty when nothing does.

    Found: syntax errors, unknown metrics and labels, label values outside a closed set, rate() of a gauge, a counter
    without rate(), histogram_quantile() without `le`, grouping by a label that is not there, sides that never match.
    """
    try:
        tree = _parse(expression)
    except PromqlError as error:
        return (str(error),)
    check = _Check()
    check.labels(tree)
    if not check.series and not check.problems:
        check.problems.append("reads no metric, so it says nothing about a target")
    return tuple(dict.fromkeys(check.problems))


def families_in(expression: str) -> tuple[str, ...]:
    """Return the contract's families that an expression reads, in the contract's order. PromqlError when unreadable."""
    check = _Check()
    check.labels(_parse(expression))
    return tuple(family.name for family in FAMILIES if check.series & set(family.series))


def labels_of(expression: str) -> frozenset[str]:
    """Return the labels that an expression's result carries; empty for a scalar. PromqlError when unreadable."""
    return _Check().labels(_parse(expression)) or frozenset()


def is_conditional(expression: str) -> bool:
    """Say whether an expression can be empty by what it compares; an alert on any other one fires for ever.

    PromqlError when unreadable.
    """
    return _is_conditional(_parse(expression))


def _parse(expression: str) -> promql.Expr:
    try:
        return promql.parse(expression)
    except ValueError as error:
        raise PromqlError(f"is no PromQL: {error}") from error


def _is_conditional(tree: promql.Expr) -> bool:
    match tree:
        case promql.ParenExpr() | promql.AggregateExpr():
            return _is_conditional(tree.expr)
        case promql.BinaryExpr():
            operator = str(tree.op)
            if operator in _COMPARISONS:
                return not (tree.modifier and tree.modifier.return_bool)
            left, right = _is_conditional(tree.lhs), _is_conditional(tree.rhs)
            return (left and right) if operator == "or" else (left or right or operator == "unless")
        case promql.Call():
            return tree.func.name in {"absent", "absent_over_time"}
    return False


class _Check:
    """One walk over an expression's tree: collects series and problems, and returns each part's labels."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.series: set[str] = set()

    def labels(self, tree: promql.Expr, around: str = "") -> Labels | None:
        """Return the labels of what `tree` yields, None for a scalar or string; `around` is the function about it."""
        match tree:
            case promql.VectorSelector():
                return self._selector(tree, around)
            case promql.MatrixSelector():
                return self._selector(tree.vector_selector, around)
            case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
                return self.labels(tree.expr, around)
            case promql.Call():
                return self._call(tree)
            case promql.AggregateExpr():
                return self._aggregate(tree)
            case promql.BinaryExpr():
                return self._binary(tree)
        return None

    def _selector(self, selector: promql.VectorSelector, around: str) -> Labels:
        matchers = list(selector.matchers.matchers)
        for alternative in selector.matchers.or_matchers:
            matchers.extend(alternative)
        named = [m.value for m in matchers if m.name == "__name__" and m.op == promql.MatchOp.Equal]
        name = selector.name or (named[0] if named else None)
        if name is None:
            self.problems.append("a selector names no metric; name one of the contract's")
            return TARGET_LABELS
        family = _SERIES.get(name)
        if family is None:
            self.problems.append(_unknown(name))
            # Its own matchers count as its labels, so that one wrong name gives one problem.
            return TARGET_LABELS | {"le"} | {label for known in FAMILIES for label in known.labels}
        self.series.add(name)
        bucket = {"le"} if name.endswith("_bucket") else set()
        labels = TARGET_LABELS | set(family.labels) | bucket
        for matcher in matchers:
            if matcher.name != "__name__":
                self._matcher(name, matcher, labels)
        self._kind(name, family, around)
        return labels

    def _matcher(self, name: str, matcher: promql.Matcher, labels: Labels) -> None:
        if matcher.name not in labels:
            self.problems.append(f"{name} has no label {matcher.name}; it has {_listed(labels)}")
            return
        values = _FAMILY_VALUES.get((name, matcher.name)) or _LABEL_VALUES.get(matcher.name, ())
        if not values:
            return
        try:
            left = [value for value in values if _accepts(matcher, value)]
        except re.error:
            return  # valid in Prometheus' dialect (the parser read it), but not in Python's: nothing to say
        if not left:
            self.problems.append(f"{name}{{{matcher}}} matches no series; {matcher.name} is one of {', '.join(values)}")

    def _kind(self, name: str, family: Family, around: str) -> None:
        if family.kind == "gauge":
            if around in _COUNTER_FUNCTIONS:
                self.problems.append(f"{around}() of {name}, which is a gauge, means nothing")
        elif around not in _COUNTER_FUNCTIONS | _PRESENCE:
            self.problems.append(f"{name} only ever grows; read it through rate() or increase()")

    def _call(self, call: promql.Call) -> Labels | None:
        function = call.func.name
        found = [self.labels(argument, function) for argument in call.args]
        if call.func.return_type == promql.ValueType.Scalar:
            return None
        first = next((labels for labels in found if labels is not None), frozenset[str]())
        if function == "histogram_quantile":
            if "le" not in first:
                self.problems.append(
                    f"histogram_quantile() needs buckets with their label le; here are {_listed(first)}"
                )
            quantile = call.args[0]
            if isinstance(quantile, promql.NumberLiteral) and not 0 <= quantile.val <= 1:
                self.problems.append(f"histogram_quantile() takes a quantile from 0 to 1, not {quantile.val:g}")
            return first - {"le"}
        if function in {"label_replace", "label_join"}:
            return first | {call.args[1].val}
        return first

    def _aggregate(self, tree: promql.AggregateExpr) -> Labels:
        operator = str(tree.op)
        inner = self.labels(tree.expr, operator) or frozenset()
        if tree.modifier is None:
            outer: Labels = frozenset()
        else:
            named = frozenset(tree.modifier.labels)
            by = tree.modifier.type == promql.AggModifierType.By
            for label in sorted(named - inner):
                word = "by" if by else "without"
                self.problems.append(f"{operator} {word} ({label}): what it groups has no label {label}")
            outer = named if by else inner - named
        if operator in {"topk", "bottomk"}:
            return inner
        if operator == "count_values" and isinstance(tree.param, promql.StringLiteral):
            return outer | {tree.param.val}
        return outer

    def _binary(self, tree: promql.BinaryExpr) -> Labels | None:
        before = len(self.problems)
        left, right = self.labels(tree.lhs), self.labels(tree.rhs)
        if left is None or right is None:
            return left if right is None else right
        operator = str(tree.op)
        matching = tree.modifier.matching if tree.modifier else None
        named: Labels = frozenset(matching.labels) if matching else frozenset()
        on = matching is not None and matching.type == promql.LabelModifierType.Include
        keys = (left & named, right & named) if on else (left - named, right - named)
        sound = len(self.problems) == before  # a fault within one side says nothing about the match
        if sound and operator != "or" and (keys[0] != keys[1] or (on and keys[0] != named)):
            how = f"on ({_listed(named)})" if on else f"by {_listed(keys[0])} and {_listed(keys[1])}"
            self.problems.append(f"the two sides of {operator} never match: compared {how}")
        if operator in {"and", "unless"}:
            return left
        if operator == "or":
            return left | right
        extra = frozenset(tree.modifier.group_labels or ()) if tree.modifier else frozenset()
        if tree.modifier and tree.modifier.card == promql.VectorMatchCardinality.ManyToOne:
            return left | extra
        if tree.modifier and tree.modifier.card == promql.VectorMatchCardinality.OneToMany:
            return right | extra
        return keys[0]


def _accepts(matcher: promql.Matcher, value: str) -> bool:
    if matcher.op == promql.MatchOp.Equal:
        return value == matcher.value
    if matcher.op == promql.MatchOp.NotEqual:
        return value != matcher.value
    fits = re.fullmatch(matcher.value, value) is not None
    return fits if matcher.op == promql.MatchOp.Re else not fits


def _unknown(name: str) -> str:
    for family in FAMILIES:
        if name == family.name:
            return f"{name} is a histogram; its series are {', '.join(family.series)}"
    return f"{name} is no metric of the contract"


def _listed(labels: Labels) -> str:
    return ", ".join(sorted(labels)) or "no labels"
