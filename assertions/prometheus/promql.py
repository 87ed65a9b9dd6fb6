"""Static check of PromQL against the contract: does an expression speak of what a target offers?

promtool judges syntax, and a live Prometheus shows what a query returns. Neither objects to a metric that nobody
exports: the query just returns nothing, for ever. This check does, before anything runs. It follows which labels each
part of an expression carries, so that a lost `le`, or two sides that can never match, are found too.

Pure: text in, sentences out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    "__from": "1700000000000",
    "__to": "1700000900000",
}
"""Grafana's own variables that may stand in a query, each with a value of its kind."""

PRESENT_EVERYWHERE: Final = frozenset(
    {
        "up",
        "scrape_duration_seconds",
        "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    }
)
"""Series that Prometheus itself makes for each target that it scrapes; all of them can go down."""

ALERTS: Final = "ALERTS"
"""The series that Prometheus itself makes of each alert that is pending or firing; none while all are silent."""

Labels = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """What is known of the series that an expression yields."""

    labels: Labels
    """Names of the labels that they carry."""
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For a label whose possible values are known: these."""

    def narrowed(self, labels: Labels) -> Vector:
        """Return the same with these labels only."""
        return Vector(labels=labels, values={label: kept for label, kept in self.values.items() if label in labels})


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
# What a counter's total may stand in when it is shown as it stands: nothing, or a sum over series.
_TOTALS: Final = frozenset({"", "sum", "min", "max", "avg", "topk", "bottomk"})
EVERY_LABEL: Final = TARGET_LABELS | {"le"} | {label for family in FAMILIES for label in family.labels}
"""All labels of the contract and of Prometheus itself."""

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


def label_values(name: str | None, label: str) -> tuple[str, ...]:
    """Return a label's closed set of values on a series, or on any where `name` is None; empty where it is open."""
    if name is None:
        of_any = [value for (_, known), values in _FAMILY_VALUES.items() if known == label for value in values]
        return tuple(dict.fromkeys(of_any)) or _LABEL_VALUES.get(label, ())
    return _FAMILY_VALUES.get((name, label)) or _LABEL_VALUES.get(label, ())


def problems_of(
    expression: str, recorded: Mapping[str, Vector] | None = None, *, totals: bool = False
) -> tuple[str, ...]:
    """Return what keeps an expression from meaning something on a target of the contract; empty when nothing does.

    Found: syntax errors, unknown metrics and labels, label values outside a closed set, rate() of a gauge, a counter
    without rate(), histogram_quantile() without `le`, grouping by a label that is not there, sides that never match.
    `recorded` are series that recording rules make. `totals` allows a counter to be shown as it stands.
    """
    try:
        tree = parse(expression)
    except PromqlError as error:
        return (str(error),)
    check = _Check(recorded, totals=totals)
    check.vector(tree)
    if not check.series and not check.problems:
        check.problems.append("reads no metric, so it says nothing about a target")
    return tuple(dict.fromkeys(check.problems))


def families_in(expression: str) -> tuple[str, ...]:
    """Return the contract's families that an expression reads, in the contract's order. PromqlError when unreadable."""
    check = _Check()
    check.vector(parse(expression))
    return tuple(family.name for family in FAMILIES if check.series & set(family.series))


def series_in(expression: str) -> frozenset[str]:
    """Return the names of all series that an expression reads, known or not. PromqlError when unreadable."""
    check = _Check()
    check.vector(parse(expression))
    return frozenset(check.read)


def vector_of(expression: str, recorded: Mapping[str, Vector] | None = None) -> Vector:
    """Return what is known of an expression's result; without labels for a scalar. PromqlError when unreadable."""
    return _Check(recorded).vector(parse(expression)) or Vector(labels=frozenset())


def labels_of(expression: str, recorded: Mapping[str, Vector] | None = None) -> frozenset[str]:
    """Return the labels that an expression's result carries; empty for a scalar. PromqlError when unreadable."""
    return vector_of(expression, recorded).labels


def is_conditional(expression: str) -> bool:
    """Say whether an expression can be empty by what it compares; an alert on any other one fires for ever.

    PromqlError when unreadable.
    """
    return _is_conditional(parse(expression))


def parse(expression: str) -> promql.Expr:
    """Return an expression's syntax tree; PromqlError when unreadable."""
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
    """One walk over an expression's tree: collects series and problems, and returns what each part yields."""

    def __init__(self, recorded: Mapping[str, Vector] | None = None, *, totals: bool = False) -> None:
        self.recorded = recorded or {}
        self.totals = totals
        self.problems: list[str] = []
        self.series: set[str] = set()
        self.read: set[str] = set()

    def vector(self, tree: promql.Expr, around: str = "") -> Vector | None:
        """Return what `tree` yields, None for a scalar or string; `around` is the function about it."""
        match tree:
            case promql.VectorSelector():
                return self._selector(tree, around)
            case promql.MatrixSelector():
                return self._selector(tree.vector_selector, around)
            case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
                return self.vector(tree.expr, around)
            case promql.Call():
                return self._call(tree)
            case promql.AggregateExpr():
                return self._aggregate(tree)
            case promql.BinaryExpr():
                return self._binary(tree)
        return None

    def _selector(self, selector: promql.VectorSelector, around: str) -> Vector:
        matchers = list(selector.matchers.matchers)
        for alternative in selector.matchers.or_matchers:
            matchers.extend(alternative)
        named = [m.value for m in matchers if m.name == "__name__" and m.op == promql.MatchOp.Equal]
        name = selector.name or (named[0] if named else None)
        if name is None:
            self.problems.append("a selector names no metric; name one of the contract's")
            return Vector(labels=TARGET_LABELS)
        self.read.add(name)
        family = _SERIES.get(name)
        if name in self.recorded:
            known = self.recorded[name]
        elif name in PRESENT_EVERYWHERE:
            known = Vector(labels=TARGET_LABELS)
        elif name == ALERTS:
            # an alert has the labels of its expression too
            known = Vector(
                labels=EVERY_LABEL | {"alertname", "alertstate", "severity"},
                values={"alertstate": frozenset({"pending", "firing"})},
            )
        elif family is None:
            self.problems.append(_unknown(name))
            # Its own matchers count as its labels, so that one wrong name gives one problem.
            return Vector(labels=EVERY_LABEL)
        else:
            bucket = {"le"} if name.endswith("_bucket") else set()
            labels = TARGET_LABELS | set(family.labels) | bucket
            sets = {label: _FAMILY_VALUES.get((name, label)) or _LABEL_VALUES.get(label, ()) for label in labels}
            known = Vector(labels=labels, values={label: frozenset(values) for label, values in sets.items() if values})
        self.series.add(name)
        values = dict(known.values)
        for matcher in matchers:
            if matcher.name != "__name__":
                left = self._matcher(name, matcher, known)
                # With `or` inside a selector each matcher holds for a part of it only.
                if left is not None and not selector.matchers.or_matchers:
                    values[matcher.name] = values.get(matcher.name, left) & left
        if family is not None:
            self._kind(name, family, around)
        return Vector(labels=known.labels, values=values)

    def _matcher(self, name: str, matcher: promql.Matcher, known: Vector) -> frozenset[str] | None:
        """Return the values that a matcher leaves of a label, None where they are not known."""
        if matcher.name not in known.labels:
            self.problems.append(f"{name} has no label {matcher.name}; it has {_listed(known.labels)}")
            return None
        values = known.values.get(matcher.name, frozenset())
        if not values:
            return frozenset({matcher.value}) if matcher.op == promql.MatchOp.Equal else None
        try:
            left = frozenset(value for value in values if accepts(matcher, value))
        except re.error:
            return None  # valid in Prometheus' dialect (the parser read it), but not in Python's: nothing to say
        if not left:
            offered = [value for value in label_values(name, matcher.name) if value in values] or sorted(values)
            self.problems.append(
                f"{name}{{{matcher}}} matches no series; {matcher.name} is one of {', '.join(offered)}"
            )
            return None
        return left

    def _kind(self, name: str, family: Family, around: str) -> None:
        if family.kind == "gauge":
            if around in _COUNTER_FUNCTIONS:
                self.problems.append(f"{around}() of {name}, which is a gauge, means nothing")
        elif around not in _COUNTER_FUNCTIONS | _PRESENCE and not (self.totals and around in _TOTALS):
            self.problems.append(f"{name} only ever grows; read it through rate() or increase()")

    def _call(self, call: promql.Call) -> Vector | None:
        function = call.func.name
        found = [self.vector(argument, function) for argument in call.args]
        if call.func.return_type == promql.ValueType.Scalar:
            return None
        first = next((vector for vector in found if vector is not None), Vector(labels=frozenset()))
        if function == "histogram_quantile":
            if "le" not in first.labels:
                self.problems.append(
                    f"histogram_quantile() needs buckets with their label le; here are {_listed(first.labels)}"
                )
            quantile = call.args[0]
            if isinstance(quantile, promql.NumberLiteral) and not 0 <= quantile.val <= 1:
                self.problems.append(f"histogram_quantile() takes a quantile from 0 to 1, not {quantile.val:g}")
            return first.narrowed(first.labels - {"le"})
        if function in {"label_replace", "label_join"}:
            made = call.args[1].val
            kept = first.narrowed(first.labels - {made})
            return Vector(labels=kept.labels | {made}, values=kept.values)
        return first

    def _aggregate(self, tree: promql.AggregateExpr) -> Vector:
        operator = str(tree.op)
        inner = self.vector(tree.expr, operator) or Vector(labels=frozenset())
        if tree.modifier is None:
            outer: Labels = frozenset()
        else:
            named = frozenset(tree.modifier.labels)
            by = tree.modifier.type == promql.AggModifierType.By
            for label in sorted(named - inner.labels):
                word = "by" if by else "without"
                self.problems.append(f"{operator} {word} ({label}): what it groups has no label {label}")
            outer = named if by else inner.labels - named
        if operator in {"topk", "bottomk"}:
            return inner
        if operator == "count_values" and isinstance(tree.param, promql.StringLiteral):
            kept = inner.narrowed(outer - {tree.param.val})
            return Vector(labels=outer | {tree.param.val}, values=kept.values)
        return inner.narrowed(outer)

    def _binary(self, tree: promql.BinaryExpr) -> Vector | None:
        before = len(self.problems)
        left, right = self.vector(tree.lhs), self.vector(tree.rhs)
        if left is None or right is None:
            return left if right is None else right
        operator = str(tree.op)
        matching = tree.modifier.matching if tree.modifier else None
        named: Labels = frozenset(matching.labels) if matching else frozenset()
        on = matching is not None and matching.type == promql.LabelModifierType.Include
        keys = (left.labels & named, right.labels & named) if on else (left.labels - named, right.labels - named)
        sound = len(self.problems) == before  # a fault within one side says nothing about the match
        if sound and operator != "or":
            if keys[0] != keys[1] or (on and keys[0] != named):
                how = f"on ({_listed(named)})" if on else f"by {_listed(keys[0])} and {_listed(keys[1])}"
                self.problems.append(f"the two sides of {operator} never match: compared {how}")
            else:
                self.problems += _apart(operator, keys[0], left, right)
        if operator in {"and", "unless"}:
            return left
        if operator == "or":
            both = left.values.keys() & right.values.keys()
            return Vector(
                labels=left.labels | right.labels,
                values={label: left.values[label] | right.values[label] for label in both},
            )
        extra = frozenset(tree.modifier.group_labels or ()) if tree.modifier else frozenset()
        many = tree.modifier.card if tree.modifier else None
        if many in (promql.VectorMatchCardinality.ManyToOne, promql.VectorMatchCardinality.OneToMany):
            side, other = (left, right) if many == promql.VectorMatchCardinality.ManyToOne else (right, left)
            kept = side.narrowed(side.labels - extra)
            given = {label: other.values[label] for label in extra if label in other.values}
            return Vector(labels=side.labels | extra, values={**kept.values, **given})
        return left.narrowed(keys[0])


def _apart(operator: str, keys: Labels, left: Vector, right: Vector) -> list[str]:
    """Return a problem for the labels in which no series of one side is like one of the other."""
    found = []
    for label in sorted(keys):
        one, other = left.values.get(label), right.values.get(label)
        if one is not None and other is not None and not one & other:
            found.append(f"{label} is {' or '.join(sorted(one))} on one and {' or '.join(sorted(other))} on the other")
    return [f"the two sides of {operator} never match: {'; '.join(found)}"] if found else []


def accepts(matcher: promql.Matcher, value: str) -> bool:
    """Say whether a matcher takes a label's value. re.error where its pattern is none of Python's."""
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
