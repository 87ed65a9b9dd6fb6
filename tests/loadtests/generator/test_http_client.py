"""One client's connection, against servers that answer by the book and against it."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import psutil
import pytest
from gevent.server import StreamServer

from loadtests.client.answer import Answer
from loadtests.client.clock import start_clock
from loadtests.client.target_settings import parse_target
from loadtests.generator.http_client import JOINED_BYTES, HttpClient
from tests.leftovers import open_descriptors

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nx-a: 2\r\n\r\n{}"
Serve = Callable[[Any, bytes, bytes], bool]
"""Given the connection, a request's head and body; False: the connection is closed."""


class Served:
    """What a server saw."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.connections = 0
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    def handle(self, sock: Any, _address: object) -> None:
        """One connection, request by request."""
        self.connections += 1
        came = b""
        while True:
            while b"\r\n\r\n" not in came:
                more = sock.recv(65536)
                if not more:
                    return
                came += more
            head, _, came = came.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            while len(came) < length:
                came += sock.recv(65536)
            body, came = came[:length], came[length:]
            self.heads.append(head.decode())
            self.bodies.append(body)
            if not self.serve(sock, head, body):
                sock.close()
                return


def answer(data: bytes, *, stays: bool = True) -> Serve:
    """A server that says so whatever it is asked."""

    def serve(sock: Any, _head: bytes, _body: bytes) -> bool:
        sock.sendall(data)
        return stays

    return serve


@contextmanager
def connected(
    serve: Serve, *, base: str = "", headers: tuple[tuple[str, str], ...] = ()
) -> Iterator[tuple[HttpClient, Served, list[dict[str, Any]]]]:
    """A server, a connection to it, and the events that Locust got."""
    served = Served(serve)
    events: list[dict[str, Any]] = []
    server = StreamServer(("127.0.0.1", 0), served.handle)
    server.start()
    target = parse_target(f"http://127.0.0.1:{server.server_port}{base}", start_clock(), headers)
    client = HttpClient(target, None, lambda **said: events.append(said))
    try:
        yield client, served, events
    finally:
        client.close()
        server.stop(timeout=1)


def test_one_connection_carries_all_requests_and_the_target_reads_them_whole() -> None:
    """Requests of any size go over one connection, with the base path and the headers asked for."""
    bodies = [b"{}", b"x" * (JOINED_BYTES + 1), b"y" * 3_000_000, b""]
    with connected(answer(OK), base="/base", headers=(("user-agent", "mine"), ("Authorization", "Bearer t"))) as (
        client,
        served,
        events,
    ):
        answers = [client.post(body, 10) for body in bodies]
    assert [(one.status, one.error, one.body) for one in answers] == [(200, None, b"{}")] * 4
    assert answers[0].headers == {"content-length": "2", "x-a": "1, 2"}
    assert served.connections == 1
    assert served.bodies == bodies
    lines = served.heads[0].split("\r\n")
    assert lines[0] == "POST /base/export/run HTTP/1.1"
    assert sorted(lines[1:]) == sorted(
        [
            f"Host: {client.target.authority}",
            "user-agent: mine",
            "Content-Type: application/json",
            "Accept-Encoding: identity",
            "Authorization: Bearer t",
            "Content-Length: 2",
        ]
    )
    assert [(said["name"], said["response_length"], said["exception"]) for said in events] == [
        ("/export/run", 2, None)
    ] * 4
    for one, said in zip(answers, events, strict=True):
        assert said["response_time"] == pytest.approx((one.end - one.start) * 1000)


@pytest.mark.parametrize(
    "serve",
    [
        answer(OK, stays=False),
        answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
        answer(b"HTTP/1.0 200 OK\r\n\r\n{}", stays=False),
    ],
    ids=["without a word", "as it said", "http-1.0"],
)
def test_a_target_that_closes_after_each_answer_is_connected_to_anew(serve: Serve) -> None:
    """Each request succeeds though the target closes its connection after each answer."""
    with connected(serve) as (client, served, _):
        for _ in range(3):
            one = client.post(b"{}", 10)
            assert (one.status, one.error, one.body) == (200, None, b"{}")
            gevent.sleep(0.01)
        assert served.connections == 3


def test_an_answer_that_comes_before_the_body_was_read_counts() -> None:
    """A refusal that the target sends while the body is still on its way is the answer."""

    def refuse(sock: Any, _address: object) -> None:
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        gevent.sleep(0.2)

    server = StreamServer(("127.0.0.1", 0), refuse)
    server.start()
    client = HttpClient(parse_target(f"http://127.0.0.1:{server.server_port}", start_clock()), None, _silent)
    one = client.post(b"x" * 30_000_000, 10)
    assert (one.status, one.error) == (413, None)
    server.stop(timeout=1)


def in_pieces(*pieces: bytes) -> Serve:
    """A server that says so bit by bit."""

    def serve(sock: Any, _head: bytes, _body: bytes) -> bool:
        for piece in pieces:
            sock.sendall(piece)
            gevent.sleep(0.02)
        return True

    return serve


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
)
def test_interim_answers_are_passed_over(before: bytes) -> None:
    """The body that comes after them is waited for, and the connection goes on."""
    with connected(in_pieces(before, OK[:-2], OK[-2:])) as (client, served, _):
        for _ in range(2):
            one = client.post(b"{}", 10)
            assert (one.status, one.error, one.body) == (200, None, b"{}")
            assert one.headers == {"content-length": "2", "x-a": "1, 2"}
            assert one.end - one.start > 0.04
        assert served.connections == 1
    with connected(in_pieces(before)) as (client, _, _told):
        assert client.post(b"{}", 0.2).error == "timeout"


@pytest.mark.parametrize("behind", [OK, b"garbage", b"HTTP/1.1 200 OK\r\nCon"])
def test_bytes_behind_an_answer_are_no_part_of_it(behind: bytes) -> None:
    """Bytes after the end of an answer are dropped with their connection."""
    failed = b"HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nerr"
    with connected(answer(failed + behind)) as (client, served, _):
        for _ in range(2):
            one = client.post(b"{}", 10)
            assert (one.status, one.error, one.body) == (500, None, b"err")
        assert served.connections == 2


@pytest.mark.parametrize("status", [204, 304])
def test_a_body_where_none_may_be_is_left(status: int) -> None:
    """An answer with 204 or 304 has no body, whatever follows its head."""
    with connected(answer(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)) as (client, _, _told):
        assert (client.post(b"{}", 10).status, client.post(b"{}", 10).error) == (status, None)


def test_an_answer_without_end_ends_at_the_deadline_and_lets_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless answer is a timeout, and beyond the most bytes it is too long."""

    def endless(sock: Any, _head: bytes, _body: bytes) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 1_000_000)

    with connected(endless) as (client, _, _told):
        monkeypatch.setattr("loadtests.generator.http_client.MAX_ANSWER_BYTES", 10**12)
        one = client.post(b"{}", 0.3)
        assert (one.error, one.end - one.start < 3) == ("timeout", True)
        monkeypatch.setattr("loadtests.generator.http_client.MAX_ANSWER_BYTES", 2_000_000)
        assert client.post(b"{}", 10).error == "too-long"


@pytest.mark.e2e
def test_what_failed_keeps_nothing() -> None:
    """Bodies are large, and the collector comes late."""
    gc.collect()
    gc.disable()
    try:
        with connected(answer(b"", stays=False)) as (client, served, events):
            before = psutil.Process().memory_info().rss
            for _ in range(10):
                assert client.post(b"x" * 10_000_000, 10).error == "reset"
                events.clear()
                served.bodies.clear()
            assert psutil.Process().memory_info().rss - before < 60_000_000
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "reset"),
        (b"HTTP/1.1 200 O", "protocol"),
        (b"nonsense\r\n\r\n", "protocol"),
        (OK[:-1], "short"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "short"),
    ],
)
def test_what_goes_wrong_has_a_name_and_leaves_nothing_behind(data: bytes, why: str) -> None:
    """A malformed or short answer has an error by name, and its connection is closed."""
    with connected(answer(data, stays=False)) as (client, served, events):
        before = open_descriptors()
        for _ in range(3):
            one = client.post(b"{}", 10)
            assert (one.status, one.error) == (None, why)
        assert served.connections == 3
        assert all(said["exception"] is not None for said in events)
        gevent.sleep(0.05)
        assert open_descriptors() <= before


def test_a_connection_that_rested_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was idle for longer than IDLE_S is replaced before the next request."""
    monkeypatch.setattr("loadtests.generator.http_client.IDLE_S", 0.05)
    with connected(answer(OK)) as (client, served, _):
        for pause_s in (0, 0.1, 0):
            assert client.post(b"{}", 10).status == 200
            gevent.sleep(pause_s)
        assert served.connections == 2


def test_a_timeout_and_a_kill_end_a_request_with_their_own_words() -> None:
    """A request that times out and one that is killed have different errors."""
    with connected(answer(b"HTTP/1.1 200 OK\r\n")) as (client, served, _):
        one = client.post(b"{}", 0.1)
        assert (one.status, one.error) == (None, "timeout")
        assert 0.1 <= one.end - one.start < 5
        waiting = gevent.spawn(client.post, b"{}", 10)
        while served.connections < 2:
            gevent.sleep(0.01)
        gevent.sleep(0.01)
        waiting.kill()
        interrupted: Answer = waiting.value
        assert (interrupted.status, interrupted.error) == (None, "interrupted")


def test_nobody_listens() -> None:
    """A port where nobody listens is refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        client = HttpClient(parse_target(f"http://127.0.0.1:{bound.getsockname()[1]}", start_clock()), None, _silent)
        assert client.post(b"{}", 10).error == "refused"


def test_a_fault_of_its_own_is_none_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own defect is raised, not recorded as an error of the target."""

    def broken(_pairs: object) -> dict[str, str]:
        raise AttributeError("a mistake")

    monkeypatch.setattr("loadtests.generator.http_client.lower_headers", broken)
    with connected(answer(OK)) as (client, _, _told), pytest.raises(AttributeError):
        client.post(b"{}", 10)


def _silent(**_: object) -> None:
    pass
