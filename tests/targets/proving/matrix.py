"""The matrix of targets and verdicts: for people, and as JSON (pure)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.targets.recording.run import Outcome

BROKE = "the check broke on this record"
"""How the judge words a check's own breakdown."""


def line(outcome: Outcome) -> str:
    """One target in one line."""
    mark = "ok   " if outcome.problem is None else "WRONG"
    colour = outcome.judged.colour if outcome.judged else "-"
    if outcome.problem is not None:
        said = outcome.problem
    elif outcome.target.healthy:
        said = ""
    else:
        said = ", ".join(_starred(outcome))
    return f"{mark} {outcome.target.name:32} {colour:8} {outcome.seconds:5.1f} s  {said}".rstrip()


def _starred(outcome: Outcome) -> list[str]:
    """The verdicts that failed, the expected ones first and marked."""
    failed = sorted(outcome.failed, key=lambda name: (name not in outcome.target.expect, name))
    return [f"{name}*" if name in outcome.target.expect else name for name in failed]


def summary(outcomes: Sequence[Outcome]) -> str:
    """What came out of it all."""
    wrong = [outcome for outcome in outcomes if outcome.problem is not None]
    broken = [outcome for outcome in outcomes if not outcome.target.healthy]
    healthy = [outcome for outcome in outcomes if outcome.target.healthy]
    lines = [
        f"{_right(broken)} of {len(broken)} faulty targets were caught for a fitting reason",
        f"{_right(healthy)} of {len(healthy)} healthy targets came out GREEN",
    ]
    needless = sorted({name for one in broken for name in one.failed} - {n for one in broken for n in only_failed(one)})
    if broken and needless:
        lines.append(f"checks that were never the only red one: {', '.join(needless)}")
    silent = silent_checks(outcomes)
    if broken and silent:
        lines.append(f"checks that no target turned red: {', '.join(silent)}")
    for outcome in outcomes:
        lines += [
            f"a check broke on {outcome.target.name}: {id}, {why}"
            for id, why in outcome.no_data.items()
            if BROKE in why
        ]
    lines += [f"WRONG {outcome.target.name}: {outcome.problem}" for outcome in wrong]
    return "\n".join(lines)


def _right(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.problem is None for outcome in outcomes)


def only_failed(outcome: Outcome) -> tuple[str, ...]:
    """The only verdict that failed; none where several did."""
    return tuple(outcome.failed) if len(outcome.failed) == 1 else ()


def silent_checks(outcomes: Sequence[Outcome]) -> list[str]:
    """Ids of verdicts that never FAILed on a faulty target, in the judge's order."""
    known: dict[str, None] = {}
    red: set[str] = set()
    for outcome in outcomes:
        known |= {word.id: None for word in outcome.judged.words} if outcome.judged else {}
        red |= set(outcome.failed) if not outcome.target.healthy else set()
    return [name for name in known if name not in red]


def matrix_json(outcomes: Sequence[Outcome], commit: str, when: str, sources: str) -> str:
    """All of it, a target an entry. sources: hash of what judged them."""
    rows = [
        {
            "name": one.target.name,
            "group": one.target.group,
            "healthy": one.target.healthy,
            "why": one.target.why,
            "expect": sorted(one.target.expect),
            "colour": one.judged.colour if one.judged else None,
            "failed": one.failed,
            "no_data": one.no_data,
            "passed": sorted({word.id for word in one.judged.words if word.status == "PASS"}) if one.judged else [],
            "seconds": round(one.seconds, 1),
            "problem": one.problem,
        }
        for one in outcomes
    ]
    data = {"commit": commit, "when": when, "sources": sources, "targets": rows}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
