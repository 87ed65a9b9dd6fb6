"""Options of the load side, declared once for every command that offers them, with their types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from assertions import limits as limits_file
from loadtests.client.clock import start_clock
from loadtests.client.target import TargetError
from loadtests.client.target_settings import parse_target
from loadtests.datasets.records import FORMATS, CaseError, parse_case
from loadtests.plan.profile import MAX_RATE_PER_S
from loadtests.runner.listen import LISTEN_PORT, parse_listen

DEFAULT_SEED = 17
MOST_WORKERS = 64
"""Generator processes of one run."""
MOST_MINUTES = 5 * 60.0
"""A run with all its phases may last six hours."""
STRESS_SIZES = "10k,50k,100k,1000k"

FILE = click.Path(path_type=Path)
"""A file or folder; whether it is there is asked when it is needed."""
WORKERS = click.IntRange(1, MOST_WORKERS)
COUNT = click.IntRange(1)

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Positive(click.ParamType[float]):
    """A finite number above 0, up to a most."""

    name = "number"

    def __init__(self, most: float) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number <= self.most:
            self.fail(f"must be a number above 0 and up to {self.most:g}, not {value!r}", param, ctx)
        return number


class TargetUrl(click.ParamType[str]):
    """A target's address in one spelling; credentials in it are refused before they can be written down anywhere."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address without a trailing slash."""
        try:
            return parse_target(str(value), start_clock()).url
        except TargetError as error:
            self.fail(str(error), param, ctx)


class Listen(click.ParamType[tuple[str, int]]):
    """HOST or HOST:PORT of this machine."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return host and port."""
        try:
            return value if isinstance(value, tuple) else parse_listen(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Sizes(click.ParamType[tuple[str, ...]]):
    """Numbers of records, separated by commas: 10k,50k,1M."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the sizes as cases spell them."""
        if isinstance(value, tuple):
            return value
        found = []
        for word in value.split(","):
            size = "1000k" if word.strip() in ("1M", "1m") else word.strip()
            try:
                count = parse_case(f"csv-{size}").count
            except CaseError:
                count = None
            if not count:
                self.fail(f"sizes are numbers of records like 10k,50k,1M, not {word!r}", param, ctx)
            found.append(size)
        return tuple(dict.fromkeys(found))


class Formats(click.ParamType[tuple[str, ...]]):
    """csv, pdf or both, separated by a comma."""

    name = "formats"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the formats, each once."""
        words = value if isinstance(value, tuple) else tuple(dict.fromkeys(word.strip() for word in value.split(",")))
        if not set(words) <= set(FORMATS):
            self.fail(f"formats are {', '.join(FORMATS)}, not {value!r}", param, ctx)
        return words


class Rates(click.ParamType[tuple[float, ...]]):
    """Exports a second, separated by commas."""

    name = "rates"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Return the rates, rising."""
        if isinstance(value, tuple):
            return value
        number = Positive(MAX_RATE_PER_S)
        return tuple(sorted({number.convert(word, param, ctx) for word in value.split(",")}))


def apply(options: list[Callable[[Any], Any]]) -> Callable[[Decorated], Decorated]:
    """Return a decorator that adds options to a command, in this order in its help."""

    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def target_options(default: str | None) -> Callable[[Decorated], Decorated]:
    """Options that say what is driven. default: the target where none is named; None: the embedded service."""
    where = "the embedded service, started here" if default is None else default
    return apply(
        [
            click.option("--target", type=TargetUrl(), default=default, metavar="URL",
                         help=f"Base URL of the service (default: {where})."),
            click.option("--insecure", is_flag=True, help="Do not check the target's https certificate."),
            click.option("--seed", type=int, default=DEFAULT_SEED, metavar="N",
                         help=f"Seed of the made-up data and of the arrivals ({DEFAULT_SEED})."),
        ]
    )  # fmt: skip


LIMITS = click.option(
    "--limits", type=FILE, default=limits_file.DEFAULT_PATH, metavar="FILE", help="Limits in place of the default ones."
)
TARGET_PID = click.option(
    "--target-pid", type=COUNT, metavar="PID", help="The target's process (default: found by its listening port)."
)
GENERATORS = click.option(
    "--workers", type=WORKERS, default=1, metavar="N", help=f"Load generator processes, up to {MOST_WORKERS} (1)."
)

run_options = apply(
    [
        TARGET_PID,
        click.option("--exports", type=FILE, metavar="DIR",
                     help="Where the target keeps its files, if on this machine."),
        click.option("--profiles", type=FILE, metavar="DIR",
                     help="A folder of profiles, NAME.toml, which come before the built-in ones."),
        GENERATORS,
        click.option("--listen", type=Listen(), metavar="HOST[:PORT]",
                     help="Let N Locust workers of other machines make the load; they connect to this address of "
                     f"this machine (port {LISTEN_PORT}). See docs/load.md."),
        click.option("--minutes", type=Positive(MOST_MINUTES), metavar="N",
                     help="Stretch the phases that the profile marks `scaled` (soak) to N minutes in all."),
        click.option("--abort-on-fail", is_flag=True, help="Stop the run as soon as it can no longer be GREEN."),
        LIMITS,
    ]
)  # fmt: skip
"""Options of one run on a target, without the target itself."""

STRESS_HELP = """\
Raise the rate until a limit breaks, for each size and format.

For each size and format the rate of open arrivals rises until a limit breaks: P95 from the intended start, success, a
refusal, or a target that falls behind. What is found is a function of the raw record in --out."""


def stress_options(out: Path | None) -> Callable[[Decorated], Decorated]:
    """Options of a stress session, without the target itself. out: the folder where none is named; None: required."""
    where = "" if out is None else f" (default: {out})"
    return apply(
        [
            click.option("--out", type=FILE, default=out, metavar="DIR",
                         help=f"The session's folder{where}."),
            click.option("--sizes", type=Sizes(), default=STRESS_SIZES, metavar="N,N",
                         help=f"Numbers of records ({STRESS_SIZES})."),
            click.option("--formats", type=Formats(), metavar="F,F",
                         help="csv, pdf (default: csv at every size, pdf up to 100k records)."),
            click.option("--rates", type=Rates(), default=(), metavar="R,R",
                         help="Exports a second to try, upwards (default: searched)."),
            click.option("--seconds", type=Positive(600.0), default=5.0, metavar="N",
                         help="Of each rate, at least (5)."),
            click.option("--max-rate", type=Positive(MAX_RATE_PER_S), default=1000.0, metavar="R",
                         help="Never more exports a second (1000)."),
            LIMITS,
            TARGET_PID,
            GENERATORS,
        ]
    )  # fmt: skip
