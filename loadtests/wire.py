"""One client's connection to a target: export requests one after another, stamped where they meet the connection.

Locust's HTTP session spends a good half of a small request's CPU time on what an export needs not (URLs, cookies,
redirects, headers made anew), and copies a large body once more. This speaks through the connections and the parser of
the same library, geventhttpclient, and tells Locust's statistics by its request event. Imported only where gevent has
patched the standard library.
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
from geventhttpclient.response import HTTPConnectionClosed, HTTPSocketResponse

from loadtests.exporting import RUN_PATH
from loadtests.target import Answer, Target, error_name, lower_headers

JOINED_BYTES = 64 * 1024
"""Up to this size head and body are joined and sent by one call; beyond, a second call costs less."""

IDLE_S = 1.0
"""A connection that rested longer is not used again: servers close idle ones, and a lost race looks like a failure."""

_poll = gevent.monkey.get_original("select", "poll")
"""Asked without waiting, which gevent's own can't do without a walk through its event loop."""


class Deadline(BaseException):
    """The request took too long; not an Exception, so that no library swallows it."""


class Wire:
    """Keep-alive, one attempt and one deadline a request, no redirects."""

    def __init__(self, target: Target, context: ssl.SSLContext | None, told: Callable[..., object]) -> None:
        """context: of an https target; told: called with each request as Locust's event is."""
        self.target, self.context, self.told = target, context, told
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
        status: int | None = None
        headers: dict[str, str] = {}
        content = b""
        problem: BaseException | None = None
        try:
            with gevent.Timeout(timeout_s, Deadline):
                response = self._exchange(body)
                headers = lower_headers(list(response.headers))
                content = bytes(response.read())
                status = response.status_code
                if response.should_close():
                    self.close()
        except (OSError, HTTPException, ValueError, Deadline, gevent.GreenletExit) as came:
            problem = came
        end = self._used = now()
        error = None if problem is None else _why(problem, answering=bool(headers))
        if error is not None:
            self.close()
        self.told(
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
        return Answer(status, error, headers, content, start, end)

    def close(self) -> None:
        """Let the connection go."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _exchange(self, body: bytes) -> HTTPSocketResponse:
        """Send a body and read the answer's head."""
        head = b"%b%d\r\n\r\n" % (self._head, len(body))
        if self._sock is not None and (self.target.clock.now() - self._used > IDLE_S or self._ready.poll(0)):
            self.close()
        if self._sock is None:
            self._connect()
        # a target may answer, say 413, and close before it has read the whole body: its answer still counts
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            if len(body) <= JOINED_BYTES:
                self._sock.sendall(head + body)
            else:
                self._sock.sendall(head)
                self._sock.sendall(body)
        return HTTPSocketResponse(self._sock, method="POST")

    def _connect(self) -> None:
        self._sock = gevent.socket.create_connection((self.target.host, self.target.port))
        # the end of a body must not wait until its beginning is acknowledged
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            self._sock = self.context.wrap_socket(self._sock, server_hostname=self.target.host)
        self._ready = _poll()
        self._ready.register(self._sock, select.POLLIN)


def _why(problem: BaseException, *, answering: bool) -> str:
    if isinstance(problem, Deadline):
        return "timeout"
    if isinstance(problem, gevent.GreenletExit):
        return "interrupted"
    if answering:
        return "short"
    return "reset" if isinstance(problem, HTTPConnectionClosed) else error_name(problem)


NewWire = Callable[[Target], Wire]
"""Makes one client's connection to a target."""
