"""What the service can be told, by option or by environment variable; checked before anything starts."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast

from service.errors import ServiceError

T = TypeVar("T")

VERSION = "1.7.0-export-scale"
MIB = 1024 * 1024

SIZE_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
TIME_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


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
    workers: int = 2
    """Worker processes."""
    recycle_after: int = 500
    """Exports after which a worker process is replaced by a fresh one; 0: never."""
    database: Path | None = None
    """SQLite file that `source` reads; None: `source` is answered 400."""
    guard_formulas: bool = False
    """Put ' before CSV cells that a spreadsheet would run."""
    retention_s: float = 0.0
    """Age after which finished files are removed; 0: kept for ever."""
    grace_s: float = 60.0
    """How long a stop waits for admitted exports."""
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


def build_parser() -> argparse.ArgumentParser:
    """The command line; every default is None so that an environment variable can be told from an option."""
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="The reference export service: JSON records in, a durable CSV or PDF file out, over HTTP.",
        epilog=(
            "Every option is also an environment variable: EXPORT_PORT for --port, EXPORT_MAX_BODY for --max-body, "
            "and so on; an option wins over its variable. Once the service listens, it prints its address and routes "
            "on stdout and logs one line with its url and pid on stderr. SIGTERM or Ctrl-C lets admitted exports "
            "finish, then ends the service with exit 0. Exit 2: the service could not start. "
            "`python -m service make-data --help` makes a database for --database."
        ),
    )
    default = Settings()
    parser.add_argument("--host", metavar="HOST", help=f"address to listen on (default {default.host})")
    parser.add_argument("--port", metavar="PORT", help=f"port; 0 picks a free one (default {default.port})")
    parser.add_argument("--exports", metavar="DIR", help=f"folder of the finished files (default {default.exports})")
    parser.add_argument("--max-concurrent", metavar="N", help=f"exports at once (default {default.max_concurrent})")
    parser.add_argument("--max-queue", metavar="N", help=f"exports that may wait (default {default.max_queue})")
    parser.add_argument("--max-body", metavar="SIZE", help="longest body, bytes or like 64MiB (default 64MiB)")
    parser.add_argument("--workers", metavar="N", help=f"worker processes (default {default.workers})")
    parser.add_argument(
        "--recycle-after", metavar="N", help=f"exports a worker lives for; 0: no end (default {default.recycle_after})"
    )
    parser.add_argument("--database", metavar="FILE", help="SQLite file for requests with `source` (default none)")
    parser.add_argument(
        "--guard-formulas",
        action="store_const",
        const="true",
        help="put ' before text cells that a spreadsheet would run as a formula (=, +, -, @, also wide; tab, CR, LF)",
    )
    parser.add_argument("--retention", metavar="AGE", help="remove files older than this: 24h, 7d (default never)")
    parser.add_argument("--grace", metavar="TIME", help="how long a stop waits for admitted exports (default 60s)")
    parser.add_argument("--log-format", choices=("json", "text"), help="how log lines look (default json)")
    return parser


def settings_from(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Options over environment over defaults; SettingsError names the setting that can't be used."""
    given = vars(build_parser().parse_args(argv))
    raw: dict[str, tuple[str, str]] = {}
    for name, value in given.items():
        variable = f"EXPORT_{name.upper()}"
        if value is not None:
            raw[name] = (f"--{name.replace('_', '-')}", value)
        elif environ.get(variable):
            raw[name] = (variable, environ[variable])

    def whole(name: str, default: int, lowest: int, highest: int = 10**9) -> int:
        if name not in raw:
            return default
        source, text = raw[name]
        if not re.fullmatch(r"\d{1,18}", text.strip()) or not lowest <= int(text) <= highest:
            raise SettingsError(f"{source} must be a whole number of {lowest} to {highest}, not {text[:40]!r}")
        return int(text)

    def measured(name: str, parse: Callable[[str], T], default: T) -> T:
        if name not in raw:
            return default
        source, text = raw[name]
        try:
            return parse(text)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from None

    def text(name: str, default: str) -> str:
        return raw[name][1] if name in raw else default

    default = Settings()
    log_format = text("log_format", default.log_format)
    if log_format not in ("json", "text"):
        raise SettingsError(f"{raw['log_format'][0]} must be json or text, not {log_format!r}")
    guard = text("guard_formulas", "false").strip().lower()
    if guard not in ("true", "false", "1", "0", "yes", "no"):
        raise SettingsError(f"{raw['guard_formulas'][0]} must be true or false, not {guard!r}")
    return Settings(
        host=text("host", default.host),
        port=whole("port", default.port, 0, 65535),
        exports=Path(text("exports", str(default.exports))),
        max_concurrent=whole("max_concurrent", default.max_concurrent, 1, 1000),
        max_queue=whole("max_queue", default.max_queue, 0, 1_000_000),
        max_body_bytes=measured("max_body", parse_size, default.max_body_bytes),
        workers=whole("workers", default.workers, 1, 64),
        recycle_after=whole("recycle_after", default.recycle_after, 0),
        database=Path(raw["database"][1]) if "database" in raw else None,
        guard_formulas=guard in ("true", "1", "yes"),
        retention_s=measured("retention", parse_duration, default.retention_s),
        grace_s=measured("grace", parse_duration, default.grace_s),
        log_format=cast(Literal["json", "text"], log_format),
    )
