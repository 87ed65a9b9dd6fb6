"""Connections: how many there may be, how long each may take, and one shape for every answer.

aiohttp sets no limit on connections, nor on the time for a request's head or for reading an answer. Past
`max_connections` the connection that has waited longest for its next request makes room; where all are busy, a few
more are served, but only `/health` and the status page.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from aiohttp import ClientPayloadError, StreamReader, web
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from service.http.responses import error_response, shape_error
from service.logs import Log

HEAD_TIMEOUT_S = 30.0
"""From the connection to the end of its first request's head."""
KEEP_ALIVE_S = 75.0
"""From an answer to the next request."""
SEND_TIMEOUT_S = 60.0
"""Without a byte that the client takes of its answer."""
RESERVE = 32
"""Connections past the limit; they get nothing but RESERVED_PATHS."""
RESERVED_PATHS = ("/health", "/export/status", "/export/metrics")
SWEEP_S = 1.0
REST_BYTES = 8 * 1024 * 1024
"""Of a packed body that was not read to its end: what is unpacked of it, so that the client gets its answer."""


class Handler(RequestHandler):
    """One connection."""

    __slots__ = ("server",)

    def __init__(self, server: Server, **settings: Any) -> None:
        super().__init__(server, **settings)
        self.server = server

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; one of aiohttp's own errors in the contract's shape."""
        if isinstance(resp, web.HTTPException):
            resp = shape_error(resp, request.method, request.path)
        self.server.began_sending(self, request)
        try:
            sent = await super().finish_response(request, resp, start_time)
        finally:
            self.server.ended_request(self)
        if "Content-Encoding" in request.headers and not request.content.is_eof():
            await self._drop_rest(request.content)
        return sent

    async def _drop_rest(self, content: StreamReader) -> None:
        """Unpack some of what is left of a body; aiohttp would unpack a gigabyte at once, and nothing could go on."""
        left = REST_BYTES
        with contextlib.suppress(TimeoutError, ClientPayloadError, HttpProcessingError, web.RequestPayloadError):
            async with asyncio.timeout(self._lingering_time):
                while left > 0 and not content.is_eof():
                    left -= len(await content.readany())
                    await asyncio.sleep(0)
        if not content.is_eof():
            self._lingering_time = 0  # the connection is closed

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that could not be read or broke its handler; close the connection then."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun, so no other can be sent")
        if isinstance(exc, ContentEncodingError):
            status, sentence = 415, "Content-Encoding: not known here; send identity, gzip or deflate"
        elif status >= 500:
            sentence = "the service failed to answer"
        else:
            words = (message or "malformed").splitlines()
            sentence = f"the request is no valid HTTP: {words[0][:100].rstrip(':') if words else 'malformed'}"
        error = f"{type(exc).__name__}: {exc}".splitlines()[0][:200] if exc else ""
        self.server.log.client_event("bad-http" if status < 500 else "request-failed", status=status, error=error)
        response = error_response(sentence, status)
        response.force_close()
        return response


class Server(web.Server):
    """All connections of one service."""

    def __init__(
        self,
        handler: Callable[..., Any],
        *,
        max_connections: int,
        log: Log,
        clock: Callable[[], float],
        **settings: Any,
    ) -> None:
        super().__init__(handler, **settings)
        self.log = log
        self._clock = clock
        self._max_connections = max_connections
        self._waiting: dict[RequestHandler, tuple[float, float]] = {}
        """No whole request yet: since when, and how long that may last; the longest first."""
        self.sending: dict[RequestHandler, tuple[web.BaseRequest, int, float]] = {}
        """Bytes sent, and since when no more."""
        self._reserve: set[RequestHandler] = set()

    def __call__(self) -> RequestHandler:
        """Make a connection's handler."""
        return Handler(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection in; past the limit, close one that waits."""
        super().connection_made(handler, transport)
        if len(self._connections) > self._max_connections:
            longest = next(iter(self._waiting), None)
            self.log.client_event("connection-limit", connections=len(self._connections), busy=longest is None)
            if longest is not None:
                self._close(longest)
            elif len(self._reserve) < RESERVE:
                self._reserve.add(handler)
            else:
                handler.force_close()
                return
        self._waiting[handler] = (self._clock(), HEAD_TIMEOUT_S)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        super().connection_lost(handler, exc)
        self._forget(handler)

    def _forget(self, handler: RequestHandler) -> None:
        self._waiting.pop(handler, None)
        self.sending.pop(handler, None)
        self._reserve.discard(handler)

    def _close(self, handler: RequestHandler) -> None:
        self._forget(handler)
        self._connections.pop(handler, None)
        handler.force_close()

    def began_request(self, request: web.BaseRequest) -> bool:
        """Note that a request's head is there; False when its connection may only ask for RESERVED_PATHS."""
        handler = request.protocol
        self._waiting.pop(handler, None)
        return handler not in self._reserve or request.path in RESERVED_PATHS

    def began_sending(self, handler: RequestHandler, request: web.BaseRequest) -> None:
        """Note that an answer is on its way."""
        self._waiting.pop(handler, None)
        self.sending[handler] = (request, request.writer.output_size, self._clock())

    def ended_request(self, handler: RequestHandler) -> None:
        """Note that an answer was sent."""
        self.sending.pop(handler, None)
        if handler in self._connections and handler.transport is not None:
            self._waiting[handler] = (self._clock(), KEEP_ALIVE_S)

    def sweep(self) -> int:
        """Close connections that take too long; how many."""
        now = self._clock()
        late = [handler for handler, (since, most) in self._waiting.items() if now - since > most]
        for handler, (request, sent, since) in list(self.sending.items()):
            size = request.writer.output_size
            if size != sent:
                self.sending[handler] = (request, size, now)
            elif now - since > SEND_TIMEOUT_S:
                late.append(handler)
        for handler in late:
            transport = handler.transport
            self._close(handler)
            if transport is not None:
                transport.abort()  # what the client does not take would be kept until it does
        if late:
            self.log.client_event("connections-timed-out", count=len(late))
        return len(late)


class Runner(web.AppRunner):
    """aiohttp's runner of an application, with these connections."""

    __slots__ = ("_clock", "_log", "_max_connections", "_sweeper")

    def __init__(
        self, app: web.Application, *, log: Log, max_connections: int, clock: Callable[[], float], **settings: Any
    ) -> None:
        super().__init__(app, **settings)
        self._log = log
        self._max_connections = max_connections
        self._clock = clock
        self._sweeper: asyncio.Task[None] | None = None

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        server = Server(
            made.request_handler,
            max_connections=self._max_connections,
            log=self._log,
            clock=self._clock,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=asyncio.get_running_loop(),
            **made._kwargs,
        )
        self.app[SERVER_KEY].append(server)
        self._sweeper = asyncio.get_running_loop().create_task(_sweep(server))
        return server

    async def cleanup(self) -> None:
        """End all connections."""
        await super().cleanup()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper


SERVER_KEY = web.AppKey("server", list)
"""The app's one server, once it runs."""


async def _sweep(server: Server) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        server.sweep()
