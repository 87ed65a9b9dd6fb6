"""The rule file and its promtool tests, built from templates and a limits file, where every bound stands once.

Pure but for the reading of the two templates next to this module: limits in, text out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2

from assertions.alert_bounds import AlertBound
from assertions.limits import Limit, Limits
from rules.building import edges, figures, operations
from rules.records import RulesError

HERE: Final = Path(__file__).resolve().parents[1]
RULES_NAME: Final = "export.yml"
DOCS: Final = "docs/observability.md"
"""The page with one section an alert; `--docs URL` names where a deployment serves it."""

_ALERTED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "latency": ("latency_p95_ms", ("<", "<=")),
    "success": ("success_ratio", (">", ">=")),
    "concurrency": ("concurrent_exports", ("<", "<=")),
    "queue": ("queue_depth", ("<", "<=")),
    "memory": ("memory_bytes", ("<", "<=")),
}
"""What the templates call a limit: its id, and on which side of its bound a reading must lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """A test in which counters that begin at 0 jump once."""

    name: str
    why: str
    interval: str
    """Between two samples."""
    one: str
    """Values of the first series."""
    other: str
    """Values of the second series."""
    failures: int
    """How much both gain together."""
    at: str
    """When the jump lies in the middle of the window."""
    later: str
    """When the jump has left every window."""
    fires: tuple[str, ...]
    """Severities expected at `at`."""


def companion_of(rules_name: str) -> str:
    """Return the name of the test file that belongs to a rule file: `export.test.yml` for `export.yml`."""
    path = Path(rules_name)
    return f"{path.stem}.test{path.suffix}"


def build_rules(limits: Limits, rules_name: str = RULES_NAME, docs: str = DOCS) -> str:
    """Return the rule file's text; `docs` is where its `runbook_url`s lead.

    RulesError when a limit's operator leaves an alert without a bad side, or a bound can't be reached.
    """
    return _render("export.yml.j2", limits, rules_name, docs)


def build_tests(limits: Limits, rules_name: str = RULES_NAME, docs: str = DOCS) -> str:
    """Return the text of the promtool tests of the rule file called `rules_name`. RulesError as in `build_rules`."""
    return _render("export.test.yml.j2", limits, rules_name, docs)


def _render(template: str, limits: Limits, rules_name: str, docs: str) -> str:
    environment = jinja2.Environment(
        # PromQL and Prometheus' own templates are full of {{ }}, [ ] and %, so ours are written << >> and <% %>.
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters |= _FILTERS
    parts = [template, template.replace("export", "operations", 1)]
    parts += ["edges.test.yml.j2"] if template == "export.test.yml.j2" else []
    text = "".join((HERE / part).read_text(encoding="utf-8") for part in parts)
    return environment.from_string(text).render(
        **_bounds(limits),
        **_cases(limits),
        **operations.values(limits),
        docs=docs,
        rules_name=rules_name,
        tests_name=companion_of(rules_name),
    )


def _bounds(limits: Limits) -> dict[str, Limit | AlertBound]:
    bounds: dict[str, Limit | AlertBound] = {}
    for name, (limit_id, sides) in _ALERTED.items():
        limit = limits[limit_id]
        if limit.op not in sides:
            raise RulesError(
                f"limit {limit_id}: an alert on it needs an operator of {' or '.join(sides)}, not {limit.op}"
            )
        bounds[name] = limit
    alerts = limits.alerts
    return bounds | {
        "fail_warning": alerts["fail_spike_warning"],
        "fail_critical": alerts["fail_spike_critical"],
        "bytes_anomaly": alerts["bytes_anomaly"],
        "concurrent_high": alerts["concurrent_high"],
        "queue_nearly_full": alerts["queue_nearly_full"],
    }


def _cases(limits: Limits) -> dict[str, object]:
    """Return the values that the tests feed in, each on a chosen side of its bound."""
    latency, success, memory = limits["latency_p95_ms"], limits["success_ratio"], limits["memory_bytes"]
    top_ms = latency.target if latency.critical is None else latency.critical
    lowest = success.target if success.critical is None else success.critical
    most_bytes = memory.target if memory.critical is None else memory.critical
    return {
        "buckets": sorted({latency.target, top_ms, 2 * top_ms}),
        "far_p95": 1.5 * top_ms,
        "mid_p95": (latency.target + top_ms) / 2,
        "ratio_low": lowest * 0.8,
        "ratio_mid": (success.target + lowest) / 2,
        "ratio_good": (success.target + 1) / 2,
        "million": lambda ratio: round(1_000_000 * ratio),
        "memory_mid": min(1.5 * memory.target, (memory.target + most_bytes) / 2)
        if memory.critical is not None
        else 1.5 * memory.target,
        "memory_far": 1.2 * most_bytes if memory.critical is not None else 2 * most_bytes,
        "spikes": _spikes(limits.alerts["fail_spike_warning"], limits.alerts["fail_spike_critical"]),
        "spike_edges": [
            edges.spike_edge("warning", limits.alerts["fail_spike_warning"]),
            edges.spike_edge("critical", limits.alerts["fail_spike_critical"]),
        ],
        "exact_counts": edges.exact_counts,
        "bytes_cases": _bytes_cases(limits.alerts["bytes_anomaly"]),
    }


def _spikes(warning: AlertBound, critical: AlertBound) -> list[Burst]:
    bursts = []
    for severity, bound in (("warning", warning), ("critical", critical)):
        over = math.floor(bound.above) + 1
        for failures, where in ((over - 1, "at"), (over, "over")):
            bursts.append(
                _burst(
                    f"failures {where} the {severity} bound",
                    f"{failures} first-ever failures, of two formats and reasons, within {bound.window}.",
                    failures,
                    {"warning": warning, "critical": critical},
                    severity,
                )
            )
    return bursts


def _bytes_cases(bound: AlertBound) -> list[Burst]:
    over = math.floor(bound.above) + 1
    return [
        _burst(
            f"bytes {where} the bound",
            f"{gained:,} bytes of two formats within {bound.window}.",
            gained,
            {"warning": bound},
            "warning",
        )
        for gained, where in ((over - 1, "at"), (over, "over"))
    ]


def _burst(name: str, why: str, gained: int, bounds: Mapping[str, AlertBound], of: str) -> Burst:
    """Return a test whose jump lies in the middle of one bound's window; the other bounds' windows may hold it too."""
    window_s = _window_s(bounds[of])
    interval_s = max(15, window_s // 2400 * 60)
    step_s = max(60, interval_s)
    at_s = -(-3 * window_s // (2 * step_s)) * step_s + step_s
    after_s = window_s // 2 // interval_s * interval_s
    # Where the last 0 lies on the edge of another bound's window, Prometheus 2 counts it in and Prometheus 3 does not.
    while any(after_s == _window_s(bound) - interval_s for bound in bounds.values()):
        after_s -= interval_s
    # The sample at `jump_s` is the first with the new value; every sample before it is 0.
    jump_s = at_s - after_s
    zeros = jump_s // interval_s - 1
    longest_s = max(_window_s(bound) for bound in bounds.values())
    later_s = -(-(jump_s + longest_s) // step_s) * step_s + 2 * step_s
    kept = (later_s - jump_s) // interval_s + 1
    one = gained // 2
    fires = tuple(
        severity
        for severity, bound in bounds.items()
        if gained > bound.above and after_s < _window_s(bound) - interval_s
    )
    return Burst(
        name=name,
        why=why,
        interval=_duration(interval_s),
        one=f"0x{zeros} {one}x{kept}",
        other=f"0x{zeros} {gained - one}x{kept}",
        failures=gained,
        at=_duration(at_s),
        later=_duration(later_s),
        fires=fires,
    )


def _window_s(bound: AlertBound) -> int:
    assert bound.window_s is not None  # the limits file was refused without one
    return bound.window_s


def _duration(seconds: int) -> str:
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


_FILTERS: Final[dict[str, Callable[..., str]]] = {
    "promql": figures.promql,
    "count": figures.count,
    "rounded": figures.rounded,
    "ms": figures.milliseconds,
    "percent": figures.percent,
    "bytes": figures.size,
    "humanize": figures.humanize,
    "humanize_percentage": figures.humanize_percentage,
}
