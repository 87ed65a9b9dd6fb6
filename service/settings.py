"""The service's settings: options over environment variables over defaults, checked before anything starts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource

from service.errors import ServiceError

VERSION = "1.7.0-export-scale"
MIB = 1024 * 1024

SIZE_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
TIME_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
TOKEN_LEAST = 16
"""Characters of a token; a shorter one could be guessed."""


class SettingsError(ServiceError):
    """A setting can't be used; the message is one sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the service needs to know."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 4001
    """Port to listen on; 0: any free one."""
    exports: Path = Path("exports")
    """Folder of the finished files; made when missing."""
    max_concurrent: int = 5
    """Exports that run at once."""
    max_queue: int = 100
    """Exports that may wait; one more is answered 429."""
    max_body_bytes: int = 64 * MIB
    """Longest request body; a longer one is answered 413."""
    max_connections: int = 1_000
    """Connections served at once; the limit of open files may allow fewer."""
    export_timeout_s: float = 120.0
    """Longest time in a worker process; infinite: no limit."""
    workers: int = 2
    """Worker processes."""
    recycle_after: int = 500
    """Exports after which a worker process is replaced by a fresh one; 0: never."""
    database: Path | None = None
    """SQLite file that `source` reads; None: `source` is answered 400."""
    guard_formulas: bool = False
    """Put ' before CSV cells that a spreadsheet would run."""
    file_mode: int = 0o600
    """Permissions of finished files."""
    retention_s: float = 0.0
    """Age after which finished files are removed; 0: kept for ever."""
    grace_s: float = 60.0
    """How long a stop waits for admitted exports."""
    token: str | None = None
    """Bearer token of every call but /health; None: no token is asked for."""
    allow_host: tuple[str, ...] = ()
    """Further names that a Host header may have when the service listens on a loopback address."""
    log_format: Literal["json", "text"] = "json"
    """How log lines look."""


def parse_size(text: str) -> int:
    """`67108864`, `64MiB`, `10 MB` -> bytes; SettingsError for all else."""
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([a-zA-Z]*)\s*", text)
    if match is None or match[2].lower() not in SIZE_UNITS:
        raise SettingsError(f"{text[:40]!r} is no size; write bytes or a number with kB, MB, GB, KiB, MiB or GiB")
    return int(float(match[1]) * SIZE_UNITS[match[2].lower()])


def parse_duration(text: str) -> float:
    """`90`, `15m`, `24h`, `7d` or `never` -> seconds, infinite for never; SettingsError for all else."""
    if text.strip().lower() == "never":
        return math.inf
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([smhdSMHD]?)\s*", text)
    if match is None:
        raise SettingsError(f"{text[:40]!r} is no duration; write seconds, or a number with s, m, h or d, or never")
    return float(match[1]) * TIME_UNITS[match[2].lower()]


def parse_file_mode(text: str) -> int:
    """`600`, `640` … -> permissions; SettingsError where the service itself could not read and write the file."""
    if re.fullmatch(r"0?[0-7]{3}", text) is None or int(text, 8) & 0o600 != 0o600:
        raise SettingsError(f"{text[:40]!r} is no file mode; write 600, 640 or 644")
    return int(text, 8)


def read_token(text: str) -> str:
    """Return the token that a file holds; SettingsError when there is none."""
    try:
        token = Path(text).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"can't read the token from {text[:200]}: {error}") from None
    return check_token(token)


def check_token(token: str) -> str:
    """Return a usable token; SettingsError for one that is too short or that no header can hold."""
    if len(token) < TOKEN_LEAST or re.fullmatch(r"[\x21-\x7e]+", token) is None:
        raise SettingsError(f"a token is at least {TOKEN_LEAST} visible ASCII characters without spaces")
    return token


class _Parsed(click.ParamType[Any]):
    """A click type around one of the parsers above."""

    def __init__(self, name: str, parse: Any) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse a text; what is parsed already stays."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except SettingsError as error:
            self.fail(str(error), param, ctx)


SIZE, TIME = _Parsed("size", parse_size), _Parsed("time", parse_duration)
EPILOG = """Every option is also an environment variable, named in brackets; an option wins over its variable.
EXPORT_TOKEN holds the token itself. Once the service listens, it prints its address and routes on stdout and logs one
line with its url and pid on stderr. SIGTERM or Ctrl-C lets admitted exports finish, then ends the service with exit 0.
Exit 2: the service could not start. `export-at-scale serve make-data --help` explains test databases."""


@click.command(
    context_settings={"auto_envvar_prefix": "EXPORT", "show_default": True, "max_content_width": 100},
    epilog=EPILOG,
)
@click.option("--host", default="127.0.0.1", metavar="HOST", show_envvar=True, help="Address to listen on.")
@click.option("--port", default=4001, type=click.IntRange(0, 65535), show_envvar=True, help="Port; 0 picks a free one.")
@click.option(
    "--exports", default="exports", type=Path, metavar="DIR", show_envvar=True, help="Folder of the finished files."
)
@click.option("--max-concurrent", default=5, type=click.IntRange(1, 1000), show_envvar=True, help="Exports at once.")
@click.option(
    "--max-queue", default=100, type=click.IntRange(0, 1_000_000), show_envvar=True, help="Exports that may wait."
)
@click.option(
    "--max-body", "max_body_bytes", default="64MiB", type=SIZE, envvar="EXPORT_MAX_BODY", show_envvar=True,
    help="Longest body, bytes or like 64MiB.",
)  # fmt: skip
@click.option(
    "--max-connections", default=1_000, type=click.IntRange(1, 1_000_000), show_envvar=True,
    help="Connections at once; the limit of open files may allow fewer.",
)  # fmt: skip
@click.option(
    "--export-timeout", "export_timeout_s", default="120s", type=TIME, envvar="EXPORT_EXPORT_TIMEOUT", show_envvar=True,
    help="Longest time an export may take in its worker; then it is answered 500. `never`: no limit.",
)  # fmt: skip
@click.option("--workers", default=2, type=click.IntRange(1, 64), show_envvar=True, help="Worker processes.")
@click.option(
    "--recycle-after", default=500, type=click.IntRange(0), show_envvar=True,
    help="Exports after which a worker is replaced; 0: never.",
)  # fmt: skip
@click.option("--database", type=Path, metavar="FILE", show_envvar=True, help="SQLite file for requests with `source`.")
@click.option(
    "--guard-formulas", is_flag=True, show_envvar=True,
    help="Put ' before text cells that a spreadsheet would run as a formula (=, +, -, @, | and their wide forms, also "
    "after white space; tab, CR, LF).",
)  # fmt: skip
@click.option(
    "--file-mode", default="600", type=_Parsed("mode", parse_file_mode), show_envvar=True,
    help="Permissions of finished files.",
)  # fmt: skip
@click.option(
    "--retention", "retention_s", default="0", type=TIME, envvar="EXPORT_RETENTION", show_envvar=True,
    help="Remove files older than this: 24h, 7d; 0: never.",
)  # fmt: skip
@click.option(
    "--grace", "grace_s", default="60s", type=TIME, envvar="EXPORT_GRACE", show_envvar=True,
    help="How long a stop waits for admitted exports.",
)  # fmt: skip
@click.option(
    "--token-file", type=_Parsed("file", read_token), metavar="FILE", show_envvar=True,
    help="File with a bearer token that every call but /health must send; or EXPORT_TOKEN.",
)  # fmt: skip
@click.option(
    "--allow-host", multiple=True, metavar="NAME", show_envvar=True,
    help="Further name that clients may call the service by, when it listens on a loopback address; may be repeated.",
)  # fmt: skip
@click.option(
    "--log-format", default="json", type=click.Choice(["json", "text"]), show_envvar=True, help="How log lines look."
)
@click.option("--token", hidden=True, expose_value=True, type=_Parsed("token", check_token))
def _command(token: str | None, token_file: str | None, **values: Any) -> Settings:
    """The built-in export service: JSON records in, a durable CSV or PDF file out, over HTTP."""
    return Settings(token=token_file or token, **values)


def settings_from(argv: Sequence[str]) -> Settings:
    """Return the settings; SettingsError names the option or the variable that can't be used. `--help` exits."""
    try:
        made = _command.main(list(argv), prog_name="export-at-scale serve", standalone_mode=False)
    except click.BadParameter as error:
        raise SettingsError(f"{_source_of(error)}: {error.message[:200]}") from None
    except click.ClickException as error:
        raise SettingsError(f"{error.format_message()[:200]} Try --help.") from None
    if not isinstance(made, Settings):
        raise SystemExit(made)  # --help was shown
    return made


def _source_of(error: click.BadParameter) -> str:
    option, context = error.param, error.ctx
    if option is None or option.name is None:
        return "options"
    if context is not None and context.get_parameter_source(option.name) == ParameterSource.ENVIRONMENT:
        return option.envvar if isinstance(option.envvar, str) else f"EXPORT_{option.name.upper()}"
    return option.opts[0]
