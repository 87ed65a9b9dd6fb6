"""What alert rules and dashboard panels ask a target for: `queries.json`, written by the main job, read by the judge.

The judge knows no rules file and no dashboard; both are passed on here as series names with label matchers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

from assertions.record.types import Record

KINDS: Final = (("alert", "alert"), ("panel", "panel"), ("rule", "recording rule"))
"""First word of a source, and what a reader calls it."""

Operator = Literal["=", "!=", "=~", "!~"]


class LabelMatcher(Record, frozen=True, kw_only=True):
    """One condition on a label, as in PromQL."""

    label: str
    op: Operator
    value: str

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels fulfils the condition; a label that is not there reads as empty.

        re.error where Python can't read the pattern.
        """
        found = labels.get(self.label, "")
        match self.op:
            case "=":
                return found == self.value
            case "!=":
                return found != self.value
            case "=~":
                return re.fullmatch(self.value, found) is not None
            case "!~":
                return re.fullmatch(self.value, found) is None

    def __str__(self) -> str:
        return f'{self.label}{self.op}"{self.value}"'


class Selector(Record, frozen=True, kw_only=True):
    """Series that one query asks for."""

    source: str
    """Who asks, the kind first: `alert ExportFailSpike`, `panel Export Success Rate (%)`, `rule job:failed:rate5m`."""
    series: str
    """Name of the series, with `_bucket`, `_sum` or `_count` where it is a histogram's."""
    matchers: tuple[LabelMatcher, ...] = ()
    """Without those on labels that Prometheus itself adds (job, instance)."""

    def __str__(self) -> str:
        return self.series + (f"{{{','.join(map(str, self.matchers))}}}" if self.matchers else "")


class Queries(Record, frozen=True, kw_only=True):
    """What the rules file and the dashboard ask for: of a target, of Prometheus itself, of recording rules."""

    selectors: tuple[Selector, ...]
    """All that a target must offer, in the order of the files, each once a source."""
    prometheus_series: tuple[str, ...] = ()
    """Series that the files query and that Prometheus itself makes, such as `up`: no target offers them."""
    prometheus_labels: tuple[str, ...] = ()
    """Labels that the files match and that Prometheus itself adds, such as `job`; left out of the selectors."""
    recorded_series: tuple[str, ...] = ()
    """Series that the files query and that recording rules make, whose own expressions are among the selectors."""

    def counted(self) -> str:
        """Return how many selectors there are, and of how many alerts, panels and recording rules, each by name."""
        sources = Counter(source.partition(" ")[0] for source in {one.source for one in self.selectors})
        kinds = [f"{sources[kind]} {word}{'' if sources[kind] == 1 else 's'}" for kind, word in KINDS if sources[kind]]
        count = len({str(one) for one in self.selectors})
        of = " and ".join([", ".join(kinds[:-1]), kinds[-1]] if kinds[1:] else kinds)
        return f"{count} selector{'' if count == 1 else 's'} of {of}"
