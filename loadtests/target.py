"""How the harness speaks to a target: one attempt a request, no redirects, one deadline over the whole exchange."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from loadtests.clock import Clock

MAX_ANSWER_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}
TARGET_HEADERS = "EXPORT_TARGET_HEADERS"
TARGET_TOKEN = "EXPORT_TARGET_TOKEN"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
FRAMING = ("content-length", "transfer-encoding")
_PATH = re.compile(r"[!-~]*")


class TargetError(Exception):
    """The target's address or its settings can't be used; the message says what was expected."""


class SinkError(Exception):
    """Downloaded bytes could not be put away; no fault of the target."""


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int | None
    """None: no whole answer came."""
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


@dataclass(frozen=True)
class Target:
    """A running service that speaks the contract, and how to reach it."""

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
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """One exchange on a connection of its own; whatever happens, it becomes an Answer. `path` is the contract's."""
        kept = io.BytesIO()
        done = self._exchange(
            method, path, body=body, headers=headers or {}, timeout_s=timeout_s, into=kept, max_bytes=max_bytes
        )
        status = done.status if done.error is None else None
        return Answer(status, done.error, done.headers, kept.getvalue(), done.start, done.end)

    def leave(self, path: str, body: bytes, headers: Mapping[str, str], stay_s: float, timeout_s: float) -> Answer:
        """POST a body whole, stay so long, and close the connection without reading: a client that goes away.

        The error is `hung-up`, or why the body could not be sent within the timeout; the connection is closed anyway.
        """
        start = self.clock.now()
        error = "hung-up"
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

    def download(self, path: str, into: Sink | BinaryIO, timeout_s: float | None = None) -> Download:
        """GET a file, chunk by chunk into `into`; a broken download keeps what came, with its error.

        SinkError where `into` takes no more, such as on a full disk.
        """
        return self._exchange("GET", path, body=None, headers={}, timeout_s=timeout_s, into=into, max_bytes=None)

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
            # a target may answer, say 413, and close before it has read the whole body: its answer still counts
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


class _DeadlineSocket:
    """A socket that http.client can use, each of whose calls is given only the time that is left."""

    def __init__(self, inner: socket.socket, clock: Clock, deadline: float) -> None:
        self.inner, self.clock, self.deadline = inner, clock, deadline

    def _arm(self) -> None:
        left = self.deadline - self.clock.now()
        if left <= 0:
            raise TimeoutError("the exchange took longer than its deadline")
        self.inner.settimeout(left)

    def sendall(self, data: bytes) -> None:
        self._arm()
        self.inner.sendall(data)

    def recv_into(self, buffer: memoryview) -> int:
        self._arm()
        return self.inner.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self), CHUNK_BYTES)

    def close(self) -> None:
        """Nothing yet: http.client calls this as soon as an answer says `Connection: close`, before reading it."""


class _Reader(io.RawIOBase):
    """The reading end of a deadline socket."""

    def __init__(self, source: _DeadlineSocket) -> None:
        self.source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self.source.recv_into(buffer)


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


def parse_target(
    url: str,
    clock: Clock,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    timeout_s: float = 60.0,
    insecure: bool = False,
) -> Target:
    """A target from its base URL, such as `http://127.0.0.1:4001/base`; TargetError says what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetError(f"--target {url!r} is no URL: {error}") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise TargetError(f"--target must be http://HOST[:PORT][/BASE] or https://…, not {url!r}")
    if not parts.hostname.isascii():
        raise TargetError(f"--target must name its host in ASCII (punycode), not {parts.hostname!r}")
    if parts.username is not None or parts.password is not None:
        raise TargetError(f"--target must hold no credentials; put a header line into ${TARGET_HEADERS} instead")
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise TargetError("--target must end with its base path: no query, no fragment, no spaces")
    return Target(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or DEFAULT_PORTS[parts.scheme],
        base_path=parts.path.rstrip("/"),
        clock=clock,
        headers=headers,
        timeout_s=timeout_s,
        insecure=insecure,
    )


def headers_from(environment: Mapping[str, str] = os.environ) -> tuple[tuple[str, str], ...]:
    """The extra headers that the environment asks for: lines `Name: value`, and a bearer token."""
    found: list[tuple[str, str]] = []
    for number, line in enumerate(environment.get(TARGET_HEADERS, "").splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name.strip()) or not _HEADER_VALUE.fullmatch(value.strip()):
            raise TargetError(f"${TARGET_HEADERS} line {number} is no `Name: value` in ASCII")
        if name.strip().lower() in FRAMING:
            raise TargetError(f"${TARGET_HEADERS} line {number} names {name.strip()}, which is made for each request")
        if name.strip().lower() in {one.lower() for one, _ in found}:
            raise TargetError(f"${TARGET_HEADERS} line {number} names {name.strip()} once more")
        found.append((name.strip(), value.strip()))
    token = environment.get(TARGET_TOKEN, "").strip()
    if token:
        if not _PATH.fullmatch(token):
            raise TargetError(f"${TARGET_TOKEN} must be one word in ASCII")
        if "authorization" in {one.lower() for one, _ in found}:
            raise TargetError(f"${TARGET_TOKEN} and ${TARGET_HEADERS} both say who we are; set one of them")
        found.append(("Authorization", f"Bearer {token}"))
    return tuple(found)
