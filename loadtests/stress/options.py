"""The options of a stress session, the same at every door that offers one."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from assertions import limits as limits_file
from loadtests.client.target import Target
from loadtests.datasets.records import FORMATS, CaseError, parse_case
from loadtests.plan.profile import MAX_RATE_PER_S
from loadtests.stress.session import StressSettings

SIZES = "10k,50k,100k,1000k"
MOST_WORKERS = 64
"""Generators of one run, at every door."""
PDF_MOST = 100_000
"""Records of a PDF that are asked for where no format is named: beyond, one takes minutes."""


def add_options(parser: argparse.ArgumentParser, out: Path | None = None) -> None:
    """All of them but the target's own; `out`: where the session goes if it is not named."""
    parser.description = (
        "For each size and format the rate of open arrivals rises until a limit breaks: P95 from the intended start, "
        "success, a refusal, or a target that falls behind. What is found is a function of the raw record in --out."
    )
    where = "the session's folder" if out is None else f"the session's folder (default: {out})"
    parser.add_argument("--out", required=out is None, default=out, type=Path, metavar="DIR", help=where)
    parser.add_argument("--sizes", type=_sizes, default=_sizes(SIZES), metavar="N,N", help=f"records ({SIZES})")
    parser.add_argument(
        "--formats", type=_formats, metavar="F,F", help="csv, pdf (csv at every size, pdf up to 100k records)"
    )
    parser.add_argument(
        "--rates", type=_rates, default=(), metavar="R,R", help="exports/s to try, upwards (searched by itself)"
    )
    parser.add_argument("--seconds", type=_positive(600.0), default=5.0, metavar="N", help="of each rate, at least (5)")
    parser.add_argument(
        "--max-rate", type=_positive(MAX_RATE_PER_S), default=1000.0, metavar="R", help="never more exports/s (1000)"
    )
    parser.add_argument(
        "--limits", type=Path, default=limits_file.DEFAULT_PATH, metavar="FILE", help="replaces assertions/limits.toml"
    )
    parser.add_argument("--target-pid", type=int, metavar="PID", help="the target's process, if not found by its port")
    parser.add_argument(
        "--workers", type=int, choices=range(1, MOST_WORKERS + 1), default=1, metavar="N", help="generators (1)"
    )


def settings(options: argparse.Namespace, target: Target) -> StressSettings:
    """What the options ask for; LimitsError where the limits can't be used."""
    return StressSettings(
        target=target,
        out=options.out,
        cases=cases(options.sizes, options.formats),
        limits=limits_file.load(options.limits),
        seed=options.seed,
        ladder=options.rates,
        most_per_s=options.max_rate,
        seconds=options.seconds,
        workers=options.workers,
        target_pid=options.target_pid,
    )


def cases(sizes: tuple[str, ...], formats: tuple[str, ...] | None) -> tuple[str, ...]:
    """Cases by format, then size; without formats csv at every size and pdf where that is bearable."""
    asked = [f"{fmt}-{size}" for fmt in (formats or FORMATS) for size in sizes]
    if formats is not None:
        return tuple(asked)
    return tuple(case for case in asked if case.startswith("csv") or (parse_case(case).count or 0) <= PDF_MOST)


def _sizes(text: str) -> tuple[str, ...]:
    found = []
    for word in text.split(","):
        size = "1000k" if word.strip() in ("1M", "1m") else word.strip()
        try:
            count = parse_case(f"csv-{size}").count
        except CaseError:
            count = None
        if not count:
            raise argparse.ArgumentTypeError(f"sizes are numbers of records like 10k,50k,1M, not {word!r}")
        found.append(size)
    return tuple(dict.fromkeys(found))


def _formats(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if not set(words) <= set(FORMATS):
        raise argparse.ArgumentTypeError(f"formats are {', '.join(FORMATS)}, not {text!r}")
    return words


def _rates(text: str) -> tuple[float, ...]:
    return tuple(sorted({_positive(MAX_RATE_PER_S)(word) for word in text.split(",")}))


def minutes(text: str) -> float:
    """A number of minutes, up to five hours, for a run with all its phases may last six; else ArgumentTypeError."""
    return _positive(5 * 60.0)(text)


def _positive(most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"must be a number above 0 and up to {most:g}, not {text!r}")
        return value

    return number
