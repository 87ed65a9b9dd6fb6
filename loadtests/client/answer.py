"""The result of one exchange with a target."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import Protocol

from loadtests.errors import LoadTestError


class SinkError(LoadTestError):
    """Downloaded bytes could not be written; the target is not the reason."""


@dataclass(frozen=True)
class Answer:
    """The result of one request."""

    status: int | None
    """None: no complete answer came."""
    error: str | None
    """Why not: `timeout`, `refused`, `reset`, `dns`, `tls`, `protocol`, `short`, `too-long`, `os`; else None."""
    headers: dict[str, str]
    """Names in lower case; values of one name joined by a comma."""
    body: bytes
    start: float
    """Unix seconds, just before the connection was asked for."""
    end: float
    """Unix seconds, after the last byte, or when the client gave up."""


@dataclass(frozen=True)
class Download:
    """What a file's download brought; the bytes themselves went to the sink."""

    status: int | None
    error: str | None
    """As in Answer."""
    headers: dict[str, str]
    bytes: int
    """How many came, also of a download that broke off."""
    sha256: str | None
    """Of what came; None when nothing did."""
    start: float
    end: float


class Sink(Protocol):
    """Where downloaded bytes go: an open binary file, or anything else that takes them."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


def error_name(problem: BaseException) -> str:
    """One word for why no answer came; the words are listed at Answer.error."""
    kinds: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
        (http.client.RemoteDisconnected, "reset"),
        ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), "reset"),
        (ssl.SSLError, "tls"),
        (socket.gaierror, "dns"),
        (http.client.IncompleteRead, "short"),
        ((http.client.HTTPException, ValueError), "protocol"),
    )
    return next((name for kind, name in kinds if isinstance(problem, kind)), "os")


def lower_headers(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Header names in lower case, values of one name joined by a comma."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
