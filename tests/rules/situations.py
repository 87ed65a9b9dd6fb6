"""The situations in which a promtool test file looks at an alert: read from its series and its moments."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from assertions.prometheus.promql import series_in
from rules.proving.mutants import seconds

COUNTERS = ("_total", "_bucket", "_sum", "_count")
_REPEATED = re.compile(r"(?P<first>-?[0-9.e]+)(?:(?P<step>[+-][0-9.e]+))?x(?P<more>[0-9]+)")
_SELECTED = re.compile(r'ALERTS\{alertname="(\w+)", alertstate="firing", severity="(\w+)"\}')


@dataclass(frozen=True, slots=True)
class Series:
    """One input series."""

    name: str
    values: tuple[float | None, ...]
    """One each interval; None: no sample."""

    @property
    def is_counter(self) -> bool:
        """Whether its value may only grow, but for a restart."""
        return self.name.endswith(COUNTERS)


@dataclass(frozen=True, slots=True)
class Moment:
    """What one alert of one severity must be at one time."""

    at_s: float
    fires: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One test as far as it looks at one alert of one severity."""

    test: str
    step_s: float
    series: tuple[Series, ...]
    moments: tuple[Moment, ...]
    """In order of time."""

    @property
    def fires(self) -> bool:
        """At some moment the alert fires."""
        return any(moment.fires for moment in self.moments)

    @property
    def waits(self) -> bool:
        """The alert is silent first and fires later, in one and the same test."""
        return any(not one.fires and later.fires for one, later in itertools.combinations(self.moments, 2))

    @property
    def resolves(self) -> bool:
        """The alert fires first and is silent later."""
        return any(one.fires and not later.fires for one, later in itertools.combinations(self.moments, 2))

    @property
    def resets(self) -> bool:
        """A counter falls, before the last moment."""
        return any(
            later is not None and one is not None and later < one
            for series in self._counters
            for one, later in itertools.pairwise(series.values[: self._place(self.moments[-1].at_s)])
        )

    @property
    def begins(self) -> bool:
        """A counter stands at 0 for two samples or more, moves for the first time, and the alert fires later."""
        return any(
            moment.fires and self._first_move(series) is not None and (self._first_move(series) or 0) < moment.at_s
            for series in self._counters
            for moment in self.moments
        )

    def idles(self, window_s: float) -> bool:
        """At some moment the alert is silent though it had counters, which have stood still for a window."""
        return any(
            not moment.fires
            and moment.at_s >= window_s
            and bool(self._counters)
            and all(len(set(self._before(series, moment.at_s, window_s))) == 1 for series in self._counters)
            for moment in self.moments
        )

    @property
    def _counters(self) -> tuple[Series, ...]:
        return tuple(series for series in self.series if series.is_counter)

    def _first_move(self, series: Series) -> float | None:
        if len(series.values) < 2 or series.values[0] != 0 or series.values[1] != 0:
            return None
        return next((place * self.step_s for place, value in enumerate(series.values) if value), None)

    def _before(self, series: Series, at_s: float, window_s: float) -> Sequence[float | None]:
        return series.values[self._place(at_s - window_s) : self._place(at_s) + 1]

    def _place(self, at_s: float) -> int:
        return int(at_s // self.step_s)


def situations(path: Path, alert: str, severity: str, reads: frozenset[str]) -> tuple[Seen, ...]:
    """Return what a test file holds on one alert; of each test the series that the alert reads."""
    document = msgspec.yaml.decode(path.read_bytes())
    found = []
    for test in document["tests"]:
        moments = sorted(_moments(test, alert, severity), key=lambda moment: moment.at_s)
        if moments:
            series = tuple(one for one in map(_series, test["input_series"]) if one.name in reads)
            found.append(Seen(test["name"], _seconds(test["interval"]), series, tuple(moments)))
    return tuple(found)


def expanded(text: str) -> tuple[float | None, ...]:
    """Return the values that promtool's notation stands for: `1+2x3`, `5x2`, `_x4`, `stale`, `7`."""
    values: list[float | None] = []
    for word in text.split():
        if word.startswith("_"):
            values += [None] * int(word.removeprefix("_x") if word != "_" else 1)
        elif word == "stale":
            values.append(None)
        elif match := _REPEATED.fullmatch(word):
            first, step = float(match["first"]), float(match["step"] or 0)
            values += [first + number * step for number in range(int(match["more"]) + 1)]
        else:
            values.append(float(word))
    return tuple(values)


def _series(given: dict[str, str]) -> Series:
    (name,) = series_in(given["series"])
    return Series(name, expanded(given["values"]))


def _moments(test: dict[str, Any], alert: str, severity: str) -> Iterator[Moment]:
    for case in test.get("alert_rule_test", []):
        if case["alertname"] == alert:
            expected = {one["exp_labels"].get("severity") for one in case["exp_alerts"]}
            yield Moment(_seconds(case["eval_time"]), severity in expected)
    for case in test.get("promql_expr_test", []):
        if (match := _SELECTED.search(case["expr"])) and match.groups() == (alert, severity):
            yield Moment(_seconds(case["eval_time"]), bool(case["exp_samples"]))


def _seconds(duration: str) -> float:
    return int(duration.removesuffix("ms")) / 1000 if duration.endswith("ms") else seconds(duration)
