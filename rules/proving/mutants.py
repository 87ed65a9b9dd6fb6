"""Mutants of a rule file: the same rules with one thing changed in one of them. Pure.

Each comparison, number, window, `for`, label matcher, metric name, grouping label and set operator of every rule is
changed in each way that `_OPERATORS` and the functions below list. A mutant that is no PromQL is not made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from assertions.prometheus.promql import PromqlError, parse
from rules.building.figures import count
from rules.records import Rule, RuleFile

Kind = Literal["comparison", "number", "window", "for", "matcher", "metric", "grouping", "operator", "function"]

_OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    ">": (">=", "<", "=="),
    "<": ("<=", ">", "=="),
    ">=": (">", "<", "=="),
    "<=": ("<", ">", "=="),
    "==": ("!=", ">"),
    "!=": ("==",),
    "and": ("or", "unless"),
    "or": ("and", "unless"),
    "unless": ("and",),
    "/": ("*",),
    "*": ("/",),
}
_MATCHERS: Final[Mapping[str, str]] = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
_FUNCTIONS: Final[Mapping[str, str]] = {
    "max_over_time": "min_over_time",
    "min_over_time": "max_over_time",
    "floor": "ceil",
    "sum": "max",
}
_SET_WORDS: Final = frozenset({"and", "or", "unless"})
_WORDS: Final = frozenset({"by", "without", "on", "ignoring", "bool", "group_left", "group_right"}) | _SET_WORDS
_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<window>\[[0-9a-z]+\])
  | (?P<number>[0-9][0-9.]*(?:e[+-]?[0-9]+)?)
  | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<sign>>=|<=|==|!=|=~|!~|[><=/*+(){},-])
    """,
    re.VERBOSE,
)
_DURATION: Final = re.compile(r"([0-9]+)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_WHOLE: Final = 1_000
"""Whole numbers up to this are counts, changed by one; others are changed by a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One rule with one thing changed."""

    index: int
    """The rule's place in its file, from 0."""
    identity: str
    """The rule, as `Rule.identity` writes it."""
    kind: Kind
    change: str
    """What was replaced by what, in the field's own words: `> becomes >= (1)`."""
    expr: str
    wait: str
    """The mutant's `for`; empty: none."""

    @property
    def id(self) -> str:
        """A name that stays the same as long as the rule does."""
        return f"{self.identity}: {self.kind}: {self.change}"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def mutants_of(rules: RuleFile) -> tuple[Mutant, ...]:
    """Return every mutant of every rule, in the file's order. ValueError on an expression that can't be tokenised."""
    return tuple(mutant for index, rule in enumerate(rules.rules) for mutant in _of_rule(index, rule))


def _of_rule(index: int, rule: Rule) -> Iterator[Mutant]:
    seen: dict[str, int] = {}
    for kind, change, expr in _changes(rule.expr):
        try:
            parse(expr)
        except PromqlError:
            continue
        # The same change at several places of one expression: numbered in order.
        seen[change] = seen.get(change, 0) + 1
        yield Mutant(
            index=index,
            identity=rule.identity,
            kind=kind,
            change=f"{change} ({seen[change]})",
            expr=expr,
            wait=str(rule.wait),
        )
    if rule.wait:
        wait_s = seconds(str(rule.wait))
        for changed in (_duration(wait_s // 2), _duration(2 * wait_s), ""):
            yield Mutant(
                index=index,
                identity=rule.identity,
                kind="for",
                change=f"{rule.wait} becomes {changed or 'none'}",
                expr=rule.expr,
                wait=changed,
            )


def _changes(expr: str) -> Iterator[tuple[Kind, str, str]]:
    """Yield (kind, change, changed expression)."""
    tokens = _tokens(expr)
    depth_braces = 0
    grouping = False
    for place, token in enumerate(tokens):
        following = tokens[place + 1].text if place + 1 < len(tokens) else ""
        before = tokens[place - 1].text if place else ""
        if token.text in "{}":
            depth_braces += 1 if token.text == "{" else -1
            continue
        if token.text == ")":
            grouping = False
        if depth_braces:
            if token.text in _MATCHERS and token.kind == "sign":
                yield from _matcher(expr, tokens, place)
            continue
        if token.kind == "word" and token.text not in _SET_WORDS:
            if token.text in {"by", "without", "on", "ignoring"}:
                grouping = True
            elif grouping:
                yield "grouping", f"label {token.text} dropped", _drop(expr, token, before, following)
            else:
                yield from _name(expr, token, following)
        else:
            yield from _value_or_sign(expr, token)


def _name(expr: str, token: _Token, following: str) -> Iterator[tuple[Kind, str, str]]:
    if token.text in _FUNCTIONS:
        changed = _FUNCTIONS[token.text]
        yield "function", f"{token.text} becomes {changed}", _put(expr, token, changed)
    elif following != "(" and token.text not in _WORDS:
        yield "metric", f"{token.text} renamed", _put(expr, token, f"{token.text}_renamed")


def _value_or_sign(expr: str, token: _Token) -> Iterator[tuple[Kind, str, str]]:
    if token.kind == "window":
        window_s = seconds(token.text[1:-1])
        for changed in (_duration(window_s // 2), _duration(2 * window_s)):
            yield "window", f"{token.text} becomes [{changed}]", _put(expr, token, f"[{changed}]")
    elif token.kind == "number":
        for changed in _numbers(float(token.text)):
            yield "number", f"{token.text} becomes {changed}", _put(expr, token, changed)
    else:
        kind: Kind = "operator" if token.text in _SET_WORDS or token.text in "/*" else "comparison"
        for changed in _OPERATORS.get(token.text, ()):
            yield kind, f"{token.text} becomes {changed}", _put(expr, token, changed)


def _matcher(expr: str, tokens: list[_Token], place: int) -> Iterator[tuple[Kind, str, str]]:
    name, sign, value = tokens[place - 1], tokens[place], tokens[place + 1]
    written = f"{name.text}{sign.text}{value.text}"
    negated = _MATCHERS[sign.text]
    yield "matcher", f"{written} negated", _put(expr, sign, negated)
    yield "matcher", f"{written} asks for another value", _put(expr, value, '"another"')
    for alternative in value.text[1:-1].split("|") if sign.text == "=~" else ():
        yield "matcher", f"{written} asks for {alternative} only", _put(expr, value, f'"{alternative}"')
    following = tokens[place + 2]
    end = following.end if following.text == "," else value.end
    yield "matcher", f"{written} dropped", expr[: name.start] + expr[end:]


def _numbers(value: float) -> tuple[str, ...]:
    if value.is_integer() and abs(value) <= _WHOLE:
        return count(value + 1), count(value - 1)
    return count(round(value * 1.1, 9)), count(round(value * 0.9, 9))


def _drop(expr: str, token: _Token, before: str, following: str) -> str:
    start, end = token.start, token.end
    if following == ",":
        end = expr.index(",", end) + 1
    elif before == ",":
        start = expr.rindex(",", 0, start)
    return expr[:start] + expr[end:]


def _put(expr: str, token: _Token, text: str) -> str:
    return expr[: token.start] + text + expr[token.end :]


def _tokens(expr: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(expr):
        match = _TOKEN.match(expr, place)
        if match is None:
            raise ValueError(f"{expr[place : place + 20]!r} in {expr!r} is no part of PromQL that can be changed")
        place = match.end()
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup or "", match[0], match.start(), match.end()))
    return found


def seconds(duration: str) -> int:
    """Return a Prometheus duration such as `1h30m` in seconds. ValueError where it is none."""
    parts = _DURATION.findall(duration)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no duration such as 5m")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def _duration(value_s: int) -> str:
    return f"{value_s // 60}m" if value_s % 60 == 0 else f"{value_s}s"
