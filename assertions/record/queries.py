"""What alert rules and dashboard panels ask a target for: `queries.json`, written by the main job, read by the judge.

The judge knows no rules file and no dashboard; both are passed on here as series names with label matchers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from assertions.record.types import Record

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
    """Who asks: `alert ExportFailSpike`, `panel Export success rate`."""
    series: str
    """Name of the series, with `_bucket`, `_sum` or `_count` where it is a histogram's."""
    matchers: tuple[LabelMatcher, ...] = ()
    """Without those on labels that Prometheus itself adds (job, instance)."""

    def __str__(self) -> str:
        return self.series + (f"{{{','.join(map(str, self.matchers))}}}" if self.matchers else "")


class Queries(Record, frozen=True, kw_only=True):
    """All selectors, in the order of the files, each once a source."""

    selectors: tuple[Selector, ...]
