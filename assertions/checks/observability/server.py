"""Scrapes, rules and alerts of a Prometheus server that ran during the scenario."""

from __future__ import annotations

from typing import Final

from assertions.limits import Limits
from assertions.record.prometheus_run import AlertState, PrometheusRun
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed_for, no_data, passed

MUST_STAY_SILENT: Final = frozenset(
    {
        "ExportConcurrentHigh",
        "ExportOverConcurrencyLimit",
        "ExportQueueOverBound",
        "ExportTargetDown",
        "ExportMetricsMissing",
        "ExportQueueStalled",
    }
)
"""Alerts that no target of the contract sets off. The others have bounds that a sound target may pass for a while, as a
burst of large exports does with the bytes of an hour; they are reported, and fail nothing."""

TIMED_OUT: Final = "context deadline exceeded"
"""In Prometheus' words for a page that did not come in time."""
SLOW_SHARE: Final = 0.8
"""Of the server's timeout: so long a reading of the harness counts as slow; the two do not read at the same moment."""


def scrape(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Prometheus scraped the page throughout, without an error and without a warning."""
    seen = recorded(record)
    if isinstance(seen, Judgement):
        return seen
    down = [one for one in seen.targets if one.health != "up"]
    slow = slow_pages(record) if all(TIMED_OUT in one.error for one in down) else None
    found = [("scrape error", f"{one.url} is {one.health}: {one.error}") for one in down if slow is None]
    if seen.failed_scrapes and slow is None:
        found.append(("failed scrape", f"{seen.failed_scrapes} of {seen.scrapes} scrapes failed"))
    found += [("warning", f"Prometheus warns: {line}") for line in seen.warnings]
    if found:
        return failed_for(found)
    if slow is not None:
        return no_data(slow)
    return passed(f"Prometheus {seen.version} scraped the page {seen.scrapes} times, without an error or a warning")


def rules(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Prometheus evaluated every rule without an error."""
    seen = recorded(record)
    if isinstance(seen, Judgement):
        return seen
    if not seen.rules:
        return no_data("Prometheus had no rules to evaluate")
    broken = [rule for rule in seen.rules if rule.health == "err"]
    if broken:
        return failed_for([("broken rule", f"{rule.name} can't be evaluated: {rule.error}") for rule in broken])
    waiting = [rule.name for rule in seen.rules if rule.health != "ok"]
    if waiting:
        return no_data(f"{len(waiting)} of {len(seen.rules)} rules were never evaluated, first {waiting[0]}")
    return passed(f"all {len(seen.rules)} rules healthy in Prometheus {seen.version}")


def alerts(record: ScenarioRecord, limits: Limits) -> Judgement:
    """None of the alerts fired that a target of the contract never sets off."""
    seen = recorded(record)
    if isinstance(seen, Judgement):
        return seen
    if not any(rule.name in MUST_STAY_SILENT for rule in seen.rules):
        return no_data("Prometheus had none of the rules that this check reads")
    fired = [alert for alert in seen.alerts if alert.state == "firing"]
    wrong = [alert for alert in fired if alert.name in MUST_STAY_SILENT]
    if wrong:
        return failed_for([(alert.name, _fired(alert, seen)) for alert in wrong])
    others = ", ".join(dict.fromkeys(alert.name for alert in fired))
    return passed(
        f"none of {len(MUST_STAY_SILENT)} alerts fired that must stay silent"
        + (f"; fired, which fails nothing: {others}" if others else "")
    )


def recorded(record: ScenarioRecord) -> PrometheusRun | Judgement:
    """Return what the server recorded, or why there is nothing to judge."""
    seen = record.prometheus
    if seen is None:
        return no_data("no Prometheus server ran during the scenario: prometheus.json is missing")
    if seen.problem is not None:
        return no_data(f"no Prometheus server ran during the scenario: {seen.problem}")
    if not seen.scrapes:
        return no_data("Prometheus scraped nothing")
    return seen


def slow_pages(record: ScenarioRecord) -> str | None:
    """Return why failed scrapes are no fault: the page came, but later than this server waits; None: it is one.

    The server's timeout is its interval, of a second; the contract sets the page no time. The harness, which waits
    longer, must have seen the page be that slow for as long as scrapes failed.
    """
    seen = record.prometheus
    if seen is None or not seen.failed_scrapes or not seen.scrape_interval_s:
        return None
    longer = [
        one.end - one.start for one in record.scrapes if one.end - one.start >= SLOW_SHARE * seen.scrape_interval_s
    ]
    # a reading of three seconds covers up to four scrapes
    if not longer or seen.failed_scrapes > sum(1 + seconds / seen.scrape_interval_s for seconds in longer):
        return None
    return (
        f"{seen.failed_scrapes} of {seen.scrapes} scrapes timed out after {seen.scrape_interval_s:g} s; the harness, "
        f"which waits longer, had the page after up to {max(longer):.1f} s, and the contract sets it no time"
    )


def _fired(alert: AlertState, seen: PrometheusRun) -> str:
    return (
        f"{alert.name} ({alert.severity or 'no severity'}) fired from {alert.first - seen.start:.0f} s "
        f"to {alert.last - seen.start:.0f} s of the scenario"
    )
