"""Strict reading of a metrics page, in the Prometheus text format and in OpenMetrics.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and the OpenMetrics 1.0 specification. Libraries'
parsers forgive what a judge must see (a series there twice, a sample before its type), so this one does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from assertions.contract import FAMILIES

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_INSIDE = r'(?:[^"}]|"(?:[^"\\]|\\.)*")*'  # a label's value may hold any sign, a closing brace among them
_SAMPLE = re.compile(rf"({_NAME})(?:[ \t]*\{{({_INSIDE})\}}[ \t]*|[ \t]+)(\S+)(?:[ \t]+(\S+))?[ \t]*")
_OPEN_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_INSIDE})\}})?[ \t]+(\S+)(?:[ \t]+(\S+))?[ \t]*")
_EXEMPLAR = re.compile(rf"(.*?)[ \t]+# \{{{_INSIDE}\}}[ \t]+\S+(?:[ \t]+\S+)?[ \t]*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\.)*)"\s*(,|$)')
_META = re.compile(rf"#[ \t]+(HELP|TYPE|UNIT)[ \t]+({_NAME})(?:[ \t]+(.*))?")
_MILLISECONDS = re.compile(r"-?[0-9]{1,18}")
_SECONDS = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
_ESCAPE = re.compile(r"\\(.)")
_LABEL_ESCAPES = '\\"n'
"""What may follow a backslash in a label's value of the text format; in OpenMetrics any sign may."""
_TYPES = frozenset(
    {"counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram"}
)
_SUFFIXES = ("_bucket", "_count", "_sum", "_total", "_created", "_info", "_gcount", "_gsum")

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(slots=True)
class FamilyPage:
    """One family of a page."""

    name: str
    kind: str | None = None
    has_help: bool = False
    samples: Sequence[Sample] = ()

    def values(self) -> Iterator[Sample]:
        """Yield the samples that are values, without the moments at which series were created (`_created`)."""
        return (sample for sample in self.samples if not sample.name.endswith("_created"))


@dataclass(frozen=True)
class Page:
    """A metrics page, read."""

    families: Mapping[str, FamilyPage]
    """By name, a counter's with its `_total`, as the contract names it in both formats."""
    errors: tuple[str, ...]
    """Faults by a strict reader, with the line number where a fault has one; at most 20."""

    def family(self, name: str) -> FamilyPage | None:
        """Return the family of that name or of its alias in the contract; None when the page has neither."""
        if name in self.families:
            return self.families[name]
        for known in FAMILIES:
            if known.name == name:
                return next((self.families[alias] for alias in known.aliases if alias in self.families), None)
        return None

    def total(self, name: str, **labels: str) -> float | None:
        """Sum of a counter's or gauge's samples that bear these labels; None when the page has no such series."""
        family = self.family(name)
        if family is None:
            return None
        found = [sample.value for sample in family.values() if _has(sample.labels, labels)]
        return sum(found) if found else None

    def histogram(self, name: str, **labels: str) -> Histogram | None:
        """The sum over all of a histogram's series that bear these labels; None when there is none."""
        family = self.family(name)
        if family is None:
            return None
        series = [found for found in histograms(family) if _has(found.labels, labels)]
        if not series:
            return None
        bounds = sorted({bound for found in series for bound in found.buckets})
        return Histogram(
            labels=labels,
            buckets={bound: sum(found.cumulative(bound) for found in series) for bound in bounds},
            count=sum(found.count or 0.0 for found in series),
            sum=math.fsum(found.sum or 0.0 for found in series),
        )


@dataclass(frozen=True)
class Histogram:
    """One histogram: cumulative counts by upper bound."""

    labels: Mapping[str, str]
    buckets: Mapping[float, float]
    """Upper bound (unit of the family) to the count at or below it."""
    count: float | None
    sum: float | None

    def cumulative(self, bound: float) -> float:
        """Count at or below a bound, that of the next lower bucket where there is none of just this bound."""
        known = [known_bound for known_bound in self.buckets if known_bound <= bound]
        return self.buckets[max(known)] if known else 0.0

    def minus(self, before: Histogram | None) -> Histogram:
        """What was added since `before`."""
        if before is None:
            return self
        return Histogram(
            labels=self.labels,
            buckets={bound: count - before.cumulative(bound) for bound, count in self.buckets.items()},
            count=(self.count or 0.0) - (before.count or 0.0),
            sum=(self.sum or 0.0) - (before.sum or 0.0),
        )

    def quantile(self, q: float) -> float | None:
        """As PromQL's histogram_quantile: linear within the bucket; None without observations.

        A quantile in the +Inf bucket is the highest finite bound there, which hides how bad it is; here it is infinite.
        """
        bounds = sorted(self.buckets)
        total = self.buckets[bounds[-1]] if bounds else 0.0
        if total <= 0:
            return None
        rank, lower, below = q * total, 0.0, 0.0
        for bound in bounds:
            at = self.buckets[bound]
            if at >= rank and at > below:
                return bound if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (at - below)
            lower, below = bound, at
        return math.inf

    def quantile_bounds(self, q: float) -> tuple[float, float] | None:
        """The bounds of the bucket that holds the nearest-rank quantile; None without observations."""
        bounds = sorted(self.buckets)
        total = self.buckets[bounds[-1]] if bounds else 0.0
        if total <= 0:
            return None
        rank = max(1, math.ceil(q * total - 1e-9))
        at = next((number for number, bound in enumerate(bounds) if self.buckets[bound] >= rank), len(bounds) - 1)
        return (bounds[at - 1] if at else 0.0), bounds[at]


def histograms(family: FamilyPage) -> list[Histogram]:
    """A histogram family's series apart, by their labels without `le`."""
    buckets: dict[Labels, dict[float, float]] = {}
    counts: dict[Labels, float] = {}
    sums: dict[Labels, float] = {}
    for sample in family.samples:
        key = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        if sample.name == family.name + "_bucket" and "le" in sample.labels:
            buckets.setdefault(key, {})[_number(sample.labels["le"])] = sample.value
        elif sample.name == family.name + "_count":
            counts[key] = sample.value
        elif sample.name == family.name + "_sum":
            sums[key] = sample.value
    keys = dict.fromkeys([*buckets, *counts, *sums])
    return [
        Histogram(labels=dict(key), buckets=buckets.get(key, {}), count=counts.get(key), sum=sums.get(key))
        for key in keys
    ]


def series_text(name: str, labels: Mapping[str, str]) -> str:
    """Return a series as PromQL and the page write it: `name{label="value"}`, the bare name without labels."""
    inside = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return wanted.items() <= labels.items()


def _number(text: str) -> float:
    """Return a value as Go's ParseFloat reads it, else ValueError (Python would take `1_000` and Arabic digits)."""
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


@dataclass(frozen=True)
class PageLayout:
    """Where a page's samples stand in its text."""

    openmetrics: bool
    lines: Sequence[str]
    places: Mapping[int, tuple[str, int]]
    """Index of a line to its family's name in `Page.families` and the sample's index there. Only lines that hold
    nothing but a series and its value: no timestamp, no exemplar, no fault."""


class _Reader:
    def __init__(self, openmetrics: bool) -> None:
        self.openmetrics = openmetrics
        self.families: dict[str, FamilyPage] = {}
        self.samples: dict[str, list[Sample]] = {}
        self.places: dict[int, tuple[str, int]] = {}
        self.errors: list[str] = []
        self.seen: set[tuple[str, Labels]] = set()
        self.number = 0

    def error(self, message: str, *, of_line: bool = True) -> None:
        if len(self.errors) < 20:
            self.errors.append(f"line {self.number}: {message}" if of_line else message)

    def meta(self, line: str) -> None:
        match = _META.fullmatch(line)
        if match is None:
            words = line[1:].split()
            if words and words[0] in ("TYPE", "HELP"):
                self.error(f"malformed {words[0]} line {line[:80]!r}")
            return  # any other comment is allowed
        what, name, rest = match.group(1), match.group(2), match.group(3) or ""
        family = self.family(name)
        if what == "HELP":
            self.escapes(rest, "HELP")
            if family.has_help:
                self.error(f"second HELP for {name}")
            family.has_help = True
        elif what == "TYPE":
            if family.kind is not None:
                self.error(f"second TYPE for {name}")
            if family.samples:
                self.error(f"TYPE of {name} after its samples")
            if rest.strip() not in _TYPES:
                self.error(f"unknown type {rest.strip()!r} of {name}")
            family.kind = rest.strip()

    def sample(self, line: str) -> None:
        match = (_OPEN_SAMPLE if self.openmetrics else _SAMPLE).fullmatch(line)
        exemplar = _EXEMPLAR.fullmatch(line) if match is None and self.openmetrics else None
        if exemplar is not None:
            match = _OPEN_SAMPLE.fullmatch(exemplar[1])
        if match is None:
            self.error(f"no sample: {line[:80]!r}")
            return
        name, inside, written, at = match.groups()
        if at is not None and not (_SECONDS if self.openmetrics else _MILLISECONDS).fullmatch(at):
            self.error(f"{at!r} is no timestamp")
            return
        labels = self.labels(inside or "", line)
        try:
            value = _number(written)
        except ValueError:
            self.error(f"{written!r} is no number")
            return
        if labels is None:
            return
        key = (name, tuple(sorted((k, _bound(v) if k == "le" else v) for k, v in labels.items())))
        if key in self.seen:
            self.error(f"the series {series_text(name, labels)} is there twice")
            return
        self.seen.add(key)
        family = self.home(name)
        if at is None and exemplar is None:
            self.places[self.number - 1] = family.name, len(family.samples)
        self.samples[family.name].append(Sample(name, labels, value))

    def labels(self, inside: str, line: str) -> dict[str, str] | None:
        labels: dict[str, str] = {}
        at = 0
        while at < len(inside):
            match = _LABEL.match(inside, at)
            if match is None:
                self.error(f"malformed labels in {line[:80]!r}")
                return None
            name, value, _ = match.groups()
            if name in labels:
                self.error(f"label {name} is there twice in {line[:80]!r}")
            self.escapes(value, f"the value of label {name}")
            labels[name] = _ESCAPE.sub(lambda m: {"n": "\n"}.get(m[1], m[1]), value) if "\\" in value else value
            at = match.end()
        return labels

    def escapes(self, text: str, where: str) -> None:
        """Note a backslash that the text format gives no meaning, like that of a Windows path."""
        if self.openmetrics or "\\" not in text:
            return
        wrong = next((sign for sign in _ESCAPE.findall(text) if sign not in _LABEL_ESCAPES), None)
        if wrong is not None:
            self.error(f'invalid escape \\{wrong} in {where}; the text format knows \\\\, \\" and \\n')

    def line_end(self, line: str) -> None:
        """Note a line that ends in carriage return and line feed; in a HELP line or a comment the sign is text."""
        read = ("TYPE", "UNIT", "EOF") if self.openmetrics else ("TYPE",)
        if line.endswith("\r") and (not line.startswith("#") or line[1:].split()[:1] in [[word] for word in read]):
            self.error("a carriage return ends the line; lines of a metrics page end in a line feed only")

    def home(self, name: str) -> FamilyPage:
        """Return the family of a sample of this name: the declared family that fits, else a new one."""
        if name in self.families:
            return self.families[name]
        for suffix in _SUFFIXES:
            base = name.removesuffix(suffix)
            if base != name and base in self.families:
                return self.families[base]
        return self.family(name)

    def family(self, name: str) -> FamilyPage:
        """Return the family of exactly this name, a new one where there is none yet."""
        if name not in self.families:
            self.samples[name] = []
            self.families[name] = FamilyPage(name, samples=self.samples[name])
        return self.families[name]


def _bound(text: str) -> str:
    """Return a bucket bound in one spelling, so that `+Inf` and `Infinity` are the same bucket."""
    try:
        return repr(_number(text))
    except ValueError:
        return text


def read_page(text: str, content_type: str | None) -> Page:
    """Read a metrics page. Never raises: what is wrong stands in `Page.errors`."""
    return read_layout(text, content_type)[0]


def read_layout(text: str, content_type: str | None) -> tuple[Page, PageLayout]:
    """Read a metrics page as `read_page` does; return it with the places of its samples."""
    openmetrics = "openmetrics" in (content_type or "") or text.rstrip().endswith("# EOF")
    reader = _Reader(openmetrics)
    ended = False
    lines = text.split("\n")
    for reader.number, line in enumerate(lines, 1):
        reader.line_end(line if openmetrics else line.strip(" \t"))
        stripped = line.rstrip("\r") if openmetrics else line.strip(" \t\r")  # plain text may be indented
        if not stripped.strip():
            continue
        if ended:
            reader.error("text after # EOF")
            break
        if stripped.startswith("#"):
            ended = openmetrics and stripped.strip() == "# EOF"
            reader.meta(stripped)
        else:
            reader.sample(stripped)
    if not openmetrics and text and not text.endswith("\n"):
        reader.error("the page ends without a line feed; its last line must have one too")
    if openmetrics and not ended:
        reader.error("an OpenMetrics page ends with # EOF")
    for family in reader.families.values():
        for problem in _family_problems(family):
            reader.error(problem, of_line=False)
    names = {family.name: _contract_name(family, openmetrics) for family in reader.families.values()}
    families = {names[family.name]: replace(family, name=names[family.name]) for family in reader.families.values()}
    places = {line: (names[family], at) for line, (family, at) in reader.places.items()}
    return Page(families, tuple(reader.errors)), PageLayout(openmetrics, lines, places)


def _family_problems(family: FamilyPage) -> Iterator[str]:
    if family.kind == "counter" and any(not sample.value >= 0 for sample in family.samples):
        yield f"counter {family.name} has a value that is negative or NaN"
    if family.kind != "histogram":
        return
    for sample in family.samples:
        if sample.name == family.name + "_bucket":
            try:
                bound = _number(sample.labels.get("le", ""))
            except ValueError:
                bound = math.nan
            if math.isnan(bound):
                yield f"a bucket of {family.name} has no bound `le`, or one that is no number"
                return


def _contract_name(family: FamilyPage, openmetrics: bool) -> str:
    """OpenMetrics declares the counter `x_total` as `x`; the contract speaks of `x_total`."""
    bare = openmetrics and family.kind == "counter" and not family.name.endswith("_total")
    return family.name + "_total" if bare else family.name
