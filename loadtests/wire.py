"""When a request went to its connection and when the last byte of its answer had come, as Locust's HTTP client sees it.

What the generator does before and after (headers, URL, events, statistics) is some tenths of a millisecond of its own
time, and no part of the target's latency; opening the connection is. Imported only where gevent has patched the
standard library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Wire:
    """In the place of a client pool, for a session that makes one request at a time."""

    def __init__(self, clients: Any, now: Callable[[], float]) -> None:
        """clients: the session's geventhttpclient.HTTPClientPool; now: the recorders' clock."""
        self.clients, self.now = clients, now
        self.began: float | None = None
        """Seconds by that clock; None: the request at hand has not come so far."""
        self.ended: float | None = None

    def clear(self) -> None:
        """Before each request."""
        self.began = self.ended = None

    def get_client(self, url: Any) -> Any:
        """The client of a host, whose connections are watched."""
        client = self.clients.get_client(url)
        if not isinstance(client._connection_pool, _Connections):
            client._connection_pool = _Connections(client._connection_pool, self)
        return client

    def close(self) -> None:
        """Close all connections."""
        self.clients.close()


class _Connections:
    """In the place of a connection pool: asked when a request is ready, given the socket back when it is over."""

    def __init__(self, pool: Any, wire: Wire) -> None:
        self.pool, self.wire = pool, wire
        self.size = pool.size

    def get_socket(self) -> Any:
        if self.wire.began is None:
            self.wire.began = self.wire.now()
        return self.pool.get_socket()

    def return_socket(self, sock: Any) -> None:
        self.wire.ended = self.wire.now()
        self.pool.return_socket(sock)

    def release_socket(self, sock: Any) -> None:
        self.wire.ended = self.wire.now()
        self.pool.release_socket(sock)

    def close(self) -> None:
        self.pool.close()
