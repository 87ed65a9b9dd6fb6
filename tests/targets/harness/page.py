"""The metrics page: families as data, and their text in both formats (pure). A lie is a change of data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the page."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    exemplar: str = ""
    """What OpenMetrics allows behind a value."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family."""

    name: str
    """A counter's ends in `_total`."""
    kind: str
    help: str
    samples: tuple[Sample, ...]


Page = list[Family]
Change = Callable[[Page], Page]
TextChange = Callable[[str], str]
SampleChange = Callable[[Sample], Sample | None]


def number(value: float) -> str:
    """A value as Prometheus writes it."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def escape(value: str) -> str:
    """A label's value inside its quotes."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def sample_line(sample: Sample, spell: Callable[[float], str] = number) -> str:
    """One line, without its line end."""
    inside = ",".join(f'{key}="{escape(value)}"' for key, value in sample.labels)
    return f"{sample.name}{'{' + inside + '}' if inside else ''} {spell(sample.value)}{sample.exemplar}"


def plain(page: Page, spell: Callable[[float], str] = number) -> str:
    """The Prometheus text format."""
    lines: list[str] = []
    for family in page:
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        lines += [sample_line(replace(sample, exemplar=""), spell) for sample in family.samples]
    return "\n".join(lines) + "\n"


def openmetrics(page: Page) -> str:
    """The OpenMetrics text format."""
    lines: list[str] = []
    for family in page:
        name = family.name.removesuffix("_total") if family.kind == "counter" else family.name
        lines += [f"# TYPE {name} {family.kind}", f"# HELP {name} {family.help}"]
        lines += [sample_line(_float_bounds(sample)) for sample in family.samples]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _float_bounds(sample: Sample) -> Sample:
    """OpenMetrics writes bucket bounds as floats."""
    labels = tuple(
        (key, repr(float(value)) if key == "le" and value != "+Inf" else value) for key, value in sample.labels
    )
    return replace(sample, labels=labels)


def changed(name: str, change: Callable[[Family], Family | None]) -> Change:
    """Change one family and leave the others; None removes it."""

    def apply(page: Page) -> Page:
        new = [change(family) if family.name == name else family for family in page]
        return [family for family in new if family is not None]

    return apply


def each_sample(name: str, change: SampleChange) -> Change:
    """Change every sample of one family; None removes it."""

    def of_family(family: Family) -> Family:
        new = [change(sample) for sample in family.samples]
        return replace(family, samples=tuple(sample for sample in new if sample is not None))

    return changed(name, of_family)


def with_value(name: str, value: Callable[[Sample], float]) -> Change:
    """Give every sample of one family another value."""
    return each_sample(name, lambda sample: replace(sample, value=value(sample)))


def label(sample: Sample, key: str) -> str:
    """A sample's label, or nothing."""
    return dict(sample.labels).get(key, "")


def relabelled(name: str, change: Callable[[dict[str, str]], dict[str, str]]) -> Change:
    """Change the labels of one family."""
    return each_sample(name, lambda sample: replace(sample, labels=tuple(change(dict(sample.labels)).items())))
