"""A Prometheus server for the length of a scenario, and what it recorded.

`observed` runs the block in any case: where no server can be had, the record says why, and the checks have no data.
"""

from __future__ import annotations

import lzma
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assertions.prometheus.promql import PromqlError, substitute
from assertions.record.files import write_one
from assertions.record.prometheus_run import (
    PROMETHEUS,
    SAMPLES,
    AlertState,
    PanelQuery,
    PanelSeries,
    PrometheusRun,
    RuleHealth,
    ScrapedTarget,
)
from rules.records import RulesError
from rules.server.fetch import PROMTOOL, ToolFailed, find_binary, run, version_of
from rules.server.prometheus import RULES, Matrix, Prometheus, running

SCRAPE_INTERVAL_S: Final = 1.0
RATE_INTERVAL: Final = "15s"
"""Stands for $__rate_interval over time: Grafana takes at least four scrapes."""
POINTS: Final = 300
"""At most, of a query over the run."""
LAST_SCRAPE_TIMEOUT_S: Final = 10.0
DUMP_TIMEOUT_S: Final = 120.0
LOG_LINES: Final = 20
_OWN_LABELS: Final = frozenset({"__name__", "alertname", "alertstate", "severity"})
_LOUD: Final = re.compile(r"\blevel=(?:warn|error)\b", re.IGNORECASE)

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A panel's query, given by the caller that knows the dashboard."""

    panel: str
    ref: str
    expression: str
    variables: Mapping[str, str]
    """But for $__rate_interval."""


@contextmanager
def observed(
    target: str, folder: Path, queries: Sequence[Query], *, span: Callable[[], Span], rules: Path | None = RULES
) -> Iterator[None]:
    """Run a server that scrapes `target` while the block lasts; write `prometheus.json` and the samples into `folder`.

    span: gives (start, end) of what the panels are asked for, in Unix seconds, once the block is over.
    Nothing is written when the block raises. The server's own trouble never ends the block.
    """
    with tempfile.TemporaryDirectory(prefix="observed-") as made, ExitStack() as stack:
        data, log = Path(made) / "data", Path(made) / "log"
        began = time.time()
        problem = None
        server: Prometheus | None = None
        try:
            server = stack.enter_context(
                running(target, rules=rules, scrape_interval_s=SCRAPE_INTERVAL_S, data=data, log=log)
            )
        except (RulesError, OSError) as error:
            problem = str(error)
        yield
        if server is None:
            write_one(folder / PROMETHEUS, PrometheusRun(problem=problem))
            return
        try:
            start, end = span()
            _await_last_scrape(server)
            recorded = _recorded(server, queries, (max(start, began), end), log)
            stack.close()
            (folder / SAMPLES).write_bytes(lzma.compress(dump(data)))
        except (RulesError, OSError) as error:
            recorded = PrometheusRun(problem=f"Prometheus' record could not be read: {error}")
        write_one(folder / PROMETHEUS, recorded)


def dump(data: Path) -> bytes:
    """Return all samples of a server's storage that has ended, one a line. ToolFailed when promtool can't."""
    argv = [str(find_binary(PROMTOOL, os.environ)), "tsdb", "dump", str(data)]
    done = run(argv, timeout_s=DUMP_TIMEOUT_S)
    if done.returncode != 0:
        raise ToolFailed(argv, done.returncode, done.stderr, "could not dump the samples")
    return done.stdout.encode()


def _await_last_scrape(server: Prometheus) -> None:
    """Wait until the server has scraped the state that the load left."""
    deadline = time.monotonic() + LAST_SCRAPE_TIMEOUT_S
    wanted = time.time()
    while time.monotonic() < deadline:
        found = server.query("max(timestamp(up))")
        if found and found[0].value >= wanted:
            return
        time.sleep(SCRAPE_INTERVAL_S / 5)


def _recorded(server: Prometheus, queries: Sequence[Query], span: Span, log: Path) -> PrometheusRun:
    start, end = span
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    up = server.query_range("up", start, end, SCRAPE_INTERVAL_S)
    # A range query repeats a sample for up to five minutes; the samples themselves are counted.
    seconds = max(1, math.ceil(end - start))
    counted = {
        name: sum(sample.value for sample in server.query(expression, at=end))
        for name, expression in {
            "all": f"count_over_time(up[{seconds}s])",
            "good": f"sum_over_time(up[{seconds}s])",
        }.items()
    }
    return PrometheusRun(
        problem=None if up else "Prometheus scraped nothing before the scenario was over",
        version=version_of(find_binary("prometheus", os.environ)),
        start=start,
        end=end,
        scrape_interval_s=SCRAPE_INTERVAL_S,
        scrapes=round(counted["all"]),
        failed_scrapes=round(counted["all"] - counted["good"]),
        warnings=tuple(line for line in lines if _LOUD.search(line))[:LOG_LINES],
        targets=tuple(ScrapedTarget(url=one.url, health=one.health, error=one.error) for one in server.targets()),
        rules=tuple(
            RuleHealth(name=one.name, severity=one.severity, health=one.health, error=one.error)
            for one in server.rules()
        ),
        alerts=_alerts(server, start, end),
        panels=tuple(_panel(server, query, span) for query in queries),
    )


def _alerts(server: Prometheus, start: float, end: float) -> tuple[AlertState, ...]:
    found = server.query_range("ALERTS", start, end, _step_s(start, end))
    return tuple(
        AlertState(
            name=series.metric.get("alertname", ""),
            severity=series.metric.get("severity", ""),
            state=series.metric.get("alertstate", ""),
            labels={name: value for name, value in series.metric.items() if name not in _OWN_LABELS},
            first=series.values[0][0],
            last=series.values[-1][0],
        )
        for series in found
    )


def _panel(server: Prometheus, query: Query, span: Span) -> PanelQuery:
    start, end = span
    whole_s = max(1, math.ceil(end - start))
    try:
        over_time, at_end = (
            substitute(query.expression, {**query.variables, "__rate_interval": interval})
            for interval in (RATE_INTERVAL, f"{whole_s}s")
        )
        series = server.query_range(over_time, start, end, _step_s(start, end))
        whole = {_key(sample.labels): sample.value for sample in server.query(at_end, at=end)}
    except (PromqlError, RulesError) as error:
        return PanelQuery(panel=query.panel, ref=query.ref, expression=query.expression, error=str(error), series=())
    return PanelQuery(
        panel=query.panel,
        ref=query.ref,
        expression=query.expression,
        error=None,
        series=tuple(_series(one, whole.get(_key(one.metric))) for one in series),
    )


def _series(found: Matrix, whole: float | None) -> PanelSeries:
    values = [float(value) for _, value in found.values]
    finite = [value for value in values if math.isfinite(value)]
    return PanelSeries(
        labels=found.metric,
        points=len(values),
        finite=len(finite),
        first=finite[0] if finite else None,
        last=finite[-1] if finite else None,
        lowest=min(finite, default=None),
        highest=max(finite, default=None),
        whole=whole if whole is not None and math.isfinite(whole) else None,
    )


def _key(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _step_s(start: float, end: float) -> float:
    return max(SCRAPE_INTERVAL_S, (end - start) / POINTS)
