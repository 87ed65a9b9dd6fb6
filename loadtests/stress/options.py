"""From what a stress session is asked for to its settings."""

from __future__ import annotations

from pathlib import Path

from assertions import limits as limits_file
from loadtests.client.target import Target
from loadtests.datasets.records import FORMATS, parse_case
from loadtests.runner.request import StressRequest
from loadtests.stress.session import StressSettings

PDF_MOST = 100_000
"""Records of a PDF that are asked for where no format is named: beyond, one takes minutes."""


def settings(request: StressRequest, target: Target) -> StressSettings:
    """Return what the request asks for; LimitsError where the limits can't be used."""
    return StressSettings(
        target=target,
        out=Path(request.out),
        cases=request.cases,
        limits=limits_file.load(Path(request.limits)),
        seed=request.seed,
        ladder=request.rates,
        most_per_s=request.max_rate,
        seconds=request.seconds,
        workers=request.workers,
        target_pid=request.target_pid,
    )


def cases(sizes: tuple[str, ...], formats: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the cases by format, then size; without formats csv at every size and pdf where that is bearable."""
    asked = [f"{fmt}-{size}" for fmt in (formats or FORMATS) for size in sizes]
    if formats is not None:
        return tuple(asked)
    return tuple(case for case in asked if case.startswith("csv") or (parse_case(case).count or 0) <= PDF_MOST)
