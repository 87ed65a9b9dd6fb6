"""One virtual user's connection to a target: export requests in sequence, timed where they reach the connection.

Locust's HTTP session spends a good half of a small request's CPU time on what an export does not need (URLs, cookies,
redirects, headers made anew), and copies a large body once more. This reads by the parser of the same library,
geventhttpclient, and feeds Locust's statistics by its request event. Imported only where gevent has patched the
standard library.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import gevent
import gevent.monkey
import gevent.socket
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPParseError, HTTPResponse

from assertions.contract import RUN_PATH
from assertions.record.types import INTERRUPTED
from loadtests.client.answer import Answer, error_name, lower_headers
from loadtests.client.target import Target

MAX_ANSWER_BYTES = 1024 * 1024
"""Of an export's answer, which has some 300 bytes; many clients hold one each."""
JOINED_BYTES = 64 * 1024
"""Up to this size head and body are joined and sent by one call; beyond, a second call costs less."""

FINAL = 200
"""Statuses below it are interim: the answer is still to come."""
BLOCK_BYTES = 16 * 1024
YIELDS = 16
"""Blocks of an answer after which other users run."""
IDLE_S = 1.0
"""A connection idle for longer is not used again: servers close idle ones, and a lost race looks like a failure."""

_poll = gevent.monkey.get_original("select", "poll")
"""Returns at once, which gevent's own can't do without a pass of its event loop."""


class TooLongError(Exception):
    """More bytes than any answer has."""


class ShortError(Exception):
    """The connection ended before the answer did."""


class Deadline(BaseException):
    """The request took too long; not an Exception, so that no library swallows it."""


class HttpClient:
    """Keep-alive, one attempt and one deadline a request, no redirects."""

    def __init__(self, target: Target, context: ssl.SSLContext | None, on_request: Callable[..., object]) -> None:
        """context: of an https target; on_request: called with each request as Locust's event is."""
        self.target, self.context, self.on_request = target, context, on_request
        self.url = target.url + RUN_PATH
        self._sock: Any = None
        self._ready: Any = None
        self._used = 0.0
        fields = Headers(
            {
                "Host": target.authority,
                "User-Agent": "export-at-scale",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            }
        )
        fields.update(dict(target.headers))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._head = f"POST {target.base_path}{RUN_PATH} HTTP/1.1\r\n{lines}Content-Length: ".encode("latin-1")

    def post(self, body: bytes, timeout_s: float) -> Answer:
        """Send one export request; whatever happens becomes an Answer, after an error the connection is closed."""
        now = self.target.clock.now
        begun, start = time.time(), now()
        reply = _Reply(method="POST")
        problem: BaseException | None = None
        try:
            with gevent.Timeout(timeout_s, Deadline):
                self._send(body)
                self._receive(reply, start + timeout_s)
        except (OSError, HTTPException, ValueError, TooLongError, ShortError, Deadline, gevent.GreenletExit) as raised:
            problem = raised
            problem.__traceback__ = None  # else its frames keep the body until the collector finds them
        end = self._used = now()
        error = None if problem is None else self._why(problem, reply)
        headers = lower_headers(list(reply.headers)) if reply.answering else {}
        content = bytes(reply.body) if error is None else b""
        if error is not None or reply.spoilt or not reply.should_keep_alive():
            self.close()
        self.on_request(
            request_type="POST",
            name=RUN_PATH,
            response_time=(end - start) * 1000,
            response_length=len(content),
            exception=problem,
            context={},
            response=None,
            start_time=begun,
            url=self.url,
        )
        return Answer(reply.get_code() if error is None else None, error, headers, content, start, end)

    def close(self) -> None:
        """Close the connection."""
        if self._sock is not None:
            self._sock.close()
            self._sock = self._ready = None

    def _send(self, body: bytes) -> None:
        head = b"%b%d\r\n\r\n" % (self._head, len(body))
        if self._sock is not None and (self.target.clock.now() - self._used > IDLE_S or self._ready.poll(0)):
            self.close()
        if self._sock is None:
            self._connect()
        # a target may answer, for example 413, and close before it has read the whole body: its answer counts
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            if len(body) <= JOINED_BYTES:
                self._sock.sendall(head + body)
            else:
                self._sock.sendall(head)
                self._sock.sendall(body)

    def _receive(self, reply: _Reply, deadline: float) -> None:
        """Read one final answer, to its last byte."""
        size, blocks = 0, 0
        while not reply.whole:
            data = self._sock.recv(BLOCK_BYTES)
            size, blocks = size + len(data), blocks + 1
            if self.target.clock.now() > deadline:
                raise Deadline
            if size > MAX_ANSWER_BYTES:
                raise TooLongError
            reply.take(data)
            if not data and not reply.whole:
                raise ShortError if reply.answering or size else ConnectionResetError
            if blocks % YIELDS == 0:
                gevent.sleep(0)  # while bytes are there, reading lets no other user run

    def _connect(self) -> None:
        self._sock = gevent.socket.create_connection((self.target.host, self.target.port))
        # the end of a body must not wait until its beginning is acknowledged
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            self._sock = self.context.wrap_socket(self._sock, server_hostname=self.target.host)
        self._ready = _poll()
        self._ready.register(self._sock, select.POLLIN)

    def _why(self, problem: BaseException, reply: _Reply) -> str:
        """Return one word; the words are listed at Answer.error."""
        match problem:
            case Deadline():
                return "timeout"
            case gevent.GreenletExit():
                return INTERRUPTED
            case TooLongError():
                return "too-long"
            case ShortError():
                return "short" if reply.answering else "protocol"
            case ssl.SSLEOFError() if self._ready is not None:
                return "reset"
            case OSError() if reply.answering:
                return "short"
        return error_name(problem)


class _Reply(HTTPResponse):
    """One final answer: interim answers before it are skipped, and bytes after it are no part of it."""

    whole = False
    """Its last byte was read."""
    spoilt = False
    """There were bytes after it."""

    @property
    def answering(self) -> bool:
        """Whether the head of the final answer was read."""
        return self.whole or (bool(self.headers_complete) and self.get_code() >= FINAL)

    def take(self, data: bytes) -> None:
        """Parse the next bytes; none: there are no more. HTTPParseError where they are no HTTP."""
        try:
            self.feed(data)
        except HTTPParseError:
            if self.whole:
                self.spoilt = True
            elif data:
                raise

    @property
    def body(self) -> bytearray:
        """What was read of it."""
        buffer: bytearray = self._body_buffer
        return buffer

    def _on_message_begin(self) -> None:
        if self.whole:
            raise HTTPParseError("bytes after the answer")
        super()._on_message_begin()

    def _on_message_complete(self) -> None:
        super()._on_message_complete()
        self.whole = self.get_code() >= FINAL


NewHttpClient = Callable[[Target], HttpClient]
"""Makes one virtual user's connection to a target."""
