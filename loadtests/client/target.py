"""Requests to a target: one attempt each, no redirects, one deadline over the whole exchange.

By hand on http.client: requests, httpx and urllib3 have no deadline over a whole exchange, and they normalise paths,
which the probes of hostile paths must not.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import urlsplit

from loadtests.client.answer import Answer, Download, Sink, SinkError, error_name, lower_headers
from loadtests.client.clock import Clock
from loadtests.client.deadline import CHUNK_BYTES, _DeadlineSocket
from loadtests.errors import LoadTestError

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""Of any answer but a file's; the largest page of the contract, /openapi.json or metrics, has some 100 kB."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"[!-~]*")


class TargetError(LoadTestError):
    """The target's address or its settings can't be used; the message says what was expected."""


@dataclass(frozen=True)
class Target:
    """A running service that implements the contract, and how to reach it."""

    scheme: str
    """`http` or `https`."""
    host: str
    """Without brackets, also for IPv6."""
    port: int
    base_path: str
    """Put before each of the contract's paths: empty or `/base`, never with a slash at its end."""
    clock: Clock
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request; may hold secrets, so they are never shown or written."""
    timeout_s: float = 60.0
    """Deadline over a whole exchange, unless a call says otherwise."""
    insecure: bool = False
    """True: https certificates are not checked."""

    @property
    def url(self) -> str:
        """The base address, without a slash at its end and without credentials."""
        return f"{self.origin}{self.base_path}"

    @property
    def origin(self) -> str:
        """Scheme, host and port; the port is left out where it is the scheme's own."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port, as the Host header writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def resolve(self, link: str) -> str | None:
        """The path, below the base path, of a link that the target gave; None where it leads to another origin."""
        try:
            parts = urlsplit(link)
            port = parts.port
        except ValueError:
            return None
        if not _PATH.fullmatch(link):
            return None
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if parts.scheme or parts.netloc:
            scheme = parts.scheme or self.scheme
            same = (scheme, parts.hostname or "", port or DEFAULT_PORTS.get(scheme)) == (
                self.scheme,
                self.host.lower(),
                self.port,
            )
            if not same or parts.username is not None:
                return None
        if not path.startswith("/"):
            return None
        if self.base_path and path.startswith(self.base_path + "/"):
            return path[len(self.base_path) :]
        return None if self.base_path and (parts.scheme or parts.netloc) else path

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        *,
        max_bytes: int = MAX_PAGE_BYTES,
    ) -> Answer:
        """One exchange on a connection of its own; whatever happens, it becomes an Answer. `path` is the contract's."""
        kept = io.BytesIO()
        done = self._exchange(
            method, path, body=body, headers=headers or {}, timeout_s=timeout_s, into=kept, max_bytes=max_bytes
        )
        status = done.status if done.error is None else None
        return Answer(status, done.error, done.headers, kept.getvalue(), done.start, done.end)

    def leave(self, path: str, body: bytes, headers: Mapping[str, str], stay_s: float, timeout_s: float) -> Answer:
        """POST a whole body, wait `stay_s`, and close the connection without reading: a client that disconnects.

        The error is `disconnected`, or why the body could not be sent within the timeout; the connection is closed.
        """
        start = self.clock.now()
        error = "disconnected"
        link = _Link(self, start + timeout_s)
        try:
            link.connect()
            link.request("POST", self.base_path + path, body=body, headers={**dict(self.headers), **headers})
            time.sleep(stay_s)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            error = error_name(problem)
        finally:
            link.end()
        return Answer(None, error, {}, b"", start, self.clock.now())

    def download(
        self, path: str, into: Sink | BinaryIO, timeout_s: float | None = None, *, max_bytes: int | None = None
    ) -> Download:
        """GET a file, chunk by chunk into `into`; a broken download keeps what came, with its error.

        max_bytes: a longer file ends with the error `too-long`; None: there is no limit.

        SinkError where `into` takes no more, such as on a full disk.
        """
        return self._exchange("GET", path, body=None, headers={}, timeout_s=timeout_s, into=into, max_bytes=max_bytes)

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float | None,
        into: Sink | BinaryIO,
        max_bytes: int | None,
    ) -> Download:
        start = self.clock.now()
        status: int | None = None
        error: str | None = None
        got: dict[str, str] = {}
        digest, count = hashlib.sha256(), 0
        link = _Link(self, start + (timeout_s or self.timeout_s))
        try:
            link.connect()
            sent = {"Accept-Encoding": "identity", "Connection": "close", **dict(self.headers), **headers}
            # a target may answer, for example 413, and close before it has read the whole body: its answer counts
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                link.request(method, self.base_path + path, body=body, headers=sent)
            answer = link.getresponse()
            status, got = answer.status, lower_headers(answer.getheaders())
            expected = answer.length
            while chunk := answer.read1(CHUNK_BYTES):
                if max_bytes is not None and count + len(chunk) > max_bytes:
                    error = "too-long"
                    break
                digest.update(chunk)
                count += len(chunk)
                _put(into, chunk)
            if error is None and expected is not None and count < expected:
                error = "short"
        except (OSError, http.client.HTTPException, ValueError) as problem:
            error = error_name(problem)
        finally:
            link.end()
        sha256 = digest.hexdigest() if count or (status is not None and error is None) else None
        return Download(status, error, got, count, sha256, start, self.clock.now())


def _put(into: Sink | BinaryIO, chunk: bytes) -> None:
    try:
        into.write(chunk)
    except OSError as problem:
        raise SinkError(f"downloaded bytes can't be written: {problem.strerror or problem}") from problem


class _Link(http.client.HTTPConnection):
    """One connection whose every wait ends at one deadline."""

    def __init__(self, target: Target, deadline: float) -> None:
        super().__init__(target.host, target.port, timeout=max(deadline - target.clock.now(), 0.001))
        self.target = target
        self.deadline = deadline
        self._raw: socket.socket | None = None

    def connect(self) -> None:
        super().connect()
        if self.target.scheme == "https":
            context = ssl.create_default_context()
            if self.target.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock, server_hostname=self.target.host)
        self._raw = self.sock
        self.sock = _DeadlineSocket(self.sock, self.target.clock, self.deadline)

    def end(self) -> None:
        """Close the connection for good."""
        self.close()
        if self._raw is not None:
            self._raw.close()
