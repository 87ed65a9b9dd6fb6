"""The instrument: how right the load generator's clock was, and whether it had time to spare. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from assertions.judge import INSTRUMENT, Report
from assertions.stats import percentile
from evidence.reports.figures import Instrument
from evidence.reports.tables import Section, Table
from evidence.reports.units import plain, quantity


def instrument_table(report: Report, instruments: Mapping[str, Instrument]) -> Section | None:
    """Return the calibration of each scenario's load generator; None where nothing is known."""
    if not instruments:
        return None
    return Section(
        title="Calibration",
        paragraphs=(
            "Before each scenario the load generator measures a reference server that reports its own times. Its error "
            "is what the generator's clock adds to these.",
        ),
        tables=(
            Table(
                columns=(
                    "scenario",
                    "requests",
                    "error, median",
                    "error, P95",
                    "error, P99",
                    "CPU, of one core",
                    "event-loop lag, P99",
                    "start delay, P99",
                    "scheduling delay, P99",
                    "verdict",
                ),
                rows=tuple(_row(report, name, one) for name, one in instruments.items()),
                note="CPU, event-loop lag (how late the generator woke) and delays are those under load. Start delay: "
                "of open arrivals, from the planned moment to the first byte; scheduling delay: the generator's own "
                "part of it, without waits for a free connection.",
            ),
        ),
    )


def _row(report: Report, scenario: str, found: Instrument) -> tuple[str, ...]:
    errors = [percentile(found.errors_ms, q) if found.errors_ms else None for q in (0.5, 0.95, 0.99)]
    own = [found.event_loop_lag_p99_ms, found.start_delay_p99_ms, found.scheduling_delay_p99_ms]
    verdicts = [one for one in report.verdicts if one.scenario == scenario and one.id in INSTRUMENT]
    return (
        plain(scenario),
        f"{len(found.errors_ms):,}",
        *(quantity(value, "ms") for value in errors),
        quantity(found.cpu_ratio, "ratio"),
        *(quantity(value, "ms") for value in own),
        ", ".join(f"{one.id} {one.status}" for one in verdicts) or "–",
    )
