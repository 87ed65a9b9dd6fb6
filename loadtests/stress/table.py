"""What a stress session found, as text for a terminal."""

from __future__ import annotations

from loadtests.stress.search import CaseResult, Percentiles, Step, Stress, deciding

_HEAD = ("case", "unloaded", "held", "broke", "n", "P50", "P95", "P99", "P50 sent", "P95 sent", "P99 sent", "why")


def table(stress: Stress) -> str:
    """Return one row a case; latencies in ms are those at the highest rate that held (else at the lowest that broke).

    P50 to P99 are taken from the intended start, those marked `sent` from the real start.
    """
    rows = [_HEAD, *(_row(found) for found in stress.found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:-1], widths[1:], strict=True))])
        + f"  {row[-1]}"
        for row in rows
    ]
    limits = f"limits: P95 {stress.latency_limit}, success {stress.success_limit}, no refusal, no growing backlog"
    return "\n".join([*lines, "", f"rates in exports/s, latencies in ms; {limits}", _CAVEAT])


_CAVEAT = "An exploration of seconds a rate: it says where to look, and makes nothing GREEN."


def _row(found: CaseResult) -> tuple[str, ...]:
    step = deciding(found)
    unloaded = f"{sorted(found.unloaded_ms)[len(found.unloaded_ms) // 2]:,.0f}" if found.unloaded_ms else "-"
    return (
        found.case,
        unloaded,
        held_text(found),
        "-" if found.lowest_broke_per_s is None else f"{found.lowest_broke_per_s:g}",
        "-" if step is None else f"{step.planned}",
        *_three(step.intended if step else None),
        *_three(step.sent if step else None),
        found.reason,
    )


def held_text(found: CaseResult) -> str:
    """The highest rate that held, with how sure it is."""
    match found.outcome:
        case "held":
            return f"{found.highest_held_per_s:g}"
        case "at least":
            return f"at least {found.highest_held_per_s:g}"
        case "below":
            return f"below {found.lowest_broke_per_s:g}" if found.lowest_broke_per_s is not None else "none"
        case "no data":
            return "NO DATA"


def _three(values: Percentiles | None) -> tuple[str, str, str]:
    if values is None:
        return "-", "-", "-"
    return f"{values.p50_ms:,.0f}", f"{values.p95_ms:,.0f}", f"{values.p99_ms:,.0f}"


def step_line(case: str, step: Step) -> str:
    """Return one step as text, for a session that runs."""
    return f"{case} at {step.rate_per_s:g}/s for {step.seconds:.0f} s: {step.word.upper()}, {step.reason}"
