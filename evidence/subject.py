"""What is judged: its name, version, digest, environment and address, from options, the CI's variables, or its word."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
import msgspec

from assertions.record.types import Record

SELF_TEST = "self-test of the built-in service"
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{8,128}")
_LONGEST = 200

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Subject(Record, frozen=True, kw_only=True):
    """The release under test, as somebody named it; None where nobody did."""

    name: str | None = None
    version: str | None = None
    digest: str | None = None
    """Of its image or archive, with the algorithm: `sha256:…`."""
    commit: str | None = None
    """Of the repository that the CI job was started for."""
    environment: str | None = None
    """Where it runs: `staging`."""
    url: str | None = None
    """Where more about it can be read: the CI job, the release page."""
    source: str | None = None
    """Who named it: `command line`, `CI`, or both."""


class _Word(click.ParamType[Any]):
    """A value that a function reads; the function's ValueError is the usage error."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name, self._read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value as the function reads it."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def subject_options(command: Decorated) -> Decorated:
    """Add the options that name the subject; left out, the CI's variables do, then `/export/status`."""
    for option in reversed(
        (
            click.option("--subject", type=_Word("subject", _named), metavar="NAME@VERSION",
                         help="The release that is judged: `orders-export@2.3.1` (default: the CI's variables)."),
            click.option("--digest", type=_Word("digest", _digest), metavar="ALGORITHM:HEX",
                         help="Digest of its image or archive: `sha256:…`."),
            click.option("--environment", type=_Word("name", _words), metavar="NAME",
                         help="Where it runs: `staging`."),
            click.option("--url", type=_Word("url", _page), metavar="URL",
                         help="Its release page or pipeline (not the target)."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def from_options(
    subject: tuple[str, str | None] | None,
    digest: str | None,
    environment: str | None,
    url: str | None,
    environ: Mapping[str, str],
) -> Subject | None:
    """Return the subject that options and the CI's variables name; None where neither names anything."""
    name, version = subject or (None, None)
    given = {"name": name, "version": version, "digest": digest, "environment": environment, "url": url}
    chosen = {key: value for key, value in given.items() if value is not None}
    found = {key: value for key, value in from_ci(environ).items() if value}
    if not chosen and not found:
        return None
    source = " and ".join(word for word, there in (("command line", chosen), ("CI", found)) if there)
    return Subject(**{**found, **chosen}, source=source)


def from_ci(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what GitHub Actions or GitLab CI say of the job: `name`, `commit`, `url`; no other variable is read."""
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    if repository:
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        url = f"{server}/{repository}/actions/runs/{run}" if run else None
        return {"name": repository, "commit": environ.get("GITHUB_SHA"), "url": _safe(url)}
    project = environ.get("CI_PROJECT_PATH")
    if project:
        return {"name": project, "commit": environ.get("CI_COMMIT_SHA"), "url": _safe(environ.get("CI_JOB_URL"))}
    return {}


def named(subject: Subject | None, *, embedded: bool, target: str, version: str | None) -> str:
    """Return the subject in one phrase: `orders-export 2.3.1 (sha256:…) on staging`.

    target: the URL that was judged, for want of a name; version: what `/export/status` says, for want of another.
    """
    given = subject or Subject()
    words = [SELF_TEST, version or ""] if embedded else [given.name or target, given.version or version or ""]
    digest = "" if embedded else short_digest(given.digest or given.commit)
    words += [f"({digest})"] if digest else []
    words += [f"on {given.environment}"] if given.environment else []
    return " ".join(word for word in words if word)


def short_digest(digest: str | None) -> str:
    """Return a digest or commit short enough for a line: its algorithm and first 12 digits."""
    if digest is None:
        return ""
    algorithm, colon, value = digest.rpartition(":")
    short = value if len(value) <= 12 else f"{value[:12]}…"
    return f"{algorithm}{colon}{short}" if colon else f"commit {short}"


def _safe(url: str | None) -> str | None:
    """Drop an address that holds credentials or is none."""
    try:
        return None if url is None else _page(url)
    except ValueError:
        return None


def _named(text: str) -> tuple[str, str | None]:
    name, _, version = _words(text).rpartition("@") if "@" in text.strip().lstrip("@") else (_words(text), "", "")
    return name, version or None


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text.strip()):
        raise ValueError(f"expected an algorithm and hexadecimal digits like sha256:3f9a…, not {text!r}")
    return text.strip()


def _words(text: str) -> str:
    plain = " ".join(text.split())
    if not plain or len(plain) > _LONGEST or not plain.isprintable():
        raise ValueError(f"expected 1 to {_LONGEST} printable characters, not {text[:40]!r}")
    return plain


def _page(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"expected an http or https address, not {text!r}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise ValueError("expected an http or https address without user and password")
    return _words(text)


def as_lines(subject: Subject | None) -> tuple[tuple[str, str], ...]:
    """Return label and value of all that is known of a named subject."""
    if subject is None:
        return ()
    found = msgspec.structs.asdict(subject)
    return tuple((key, value) for key, value in found.items() if value is not None)
