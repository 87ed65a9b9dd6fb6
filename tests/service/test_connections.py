"""Connections: limits, time limits, one shape for every answer, and what floods do to the log."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import re
import socket
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.http.connections import HEAD_TIMEOUT_S, KEEP_ALIVE_S, RESERVE, SEND_TIMEOUT_S
from tests.service.helpers import TIMEOUT_S, Gate, Running, encoded, local, running, until

pytestmark = pytest.mark.e2e


def ask_raw(url: str, request: bytes) -> tuple[int, dict[str, str], Any]:
    """Send bytes over a separate connection: status, headers, and the body as JSON."""
    host, port = url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), TIMEOUT_S)) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        headers = {name.lower(): text for name, text in answer.getheaders()}
        return answer.status, headers, json.loads(answer.read())


def answers_to(url: str, requests: bytes) -> list[int]:
    """Send bytes over a separate connection: the status of each answer until the service closes it."""
    host, port = url.removeprefix("http://").split(":")
    received = b""
    with closing(socket.create_connection((host, int(port)), TIMEOUT_S)) as connection:
        connection.sendall(requests)
        while part := connection.recv(65_536):
            received += part
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


POST = b"POST /export/run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nBad header\r\n\r\n", 400),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (POST + b"Content-Encoding: zstd\r\nContent-Length: 1\r\n\r\nx", 415),
        (POST + b"Content-Encoding: foo\r\nContent-Length: 1\r\n\r\nx", 415),
        (POST.replace(b"application/json", b"text/plain") + b"Content-Length: 1\r\n\r\nx", 415),
        (POST.replace(b"Content-Type: application/json\r\n", b"") + b"Content-Length: 1\r\n\r\nx", 415),
        (POST + b"Expect: foo\r\nContent-Length: 1\r\n\r\nx", 417),
        (b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nExpect: foo\r\nContent-Length: 1\r\n\r\nx", 417),
        (b"DELETE /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    ],
)
def test_every_error_has_the_contracts_shape(shared: Running, request_: bytes, status: int) -> None:
    """Malformed HTTP, unknown codings, media and expectations: JSON, one sentence, and no versions in Server."""
    got, headers, body = ask_raw(shared.url, request_)
    assert (got, headers["content-type"].split(";")[0]) == (status, "application/json")
    assert headers["server"] == "export-at-scale"
    assert body["success"] is False
    assert body.keys() == {"success", "error", "timestamp"}
    assert "\n" not in body["error"]
    assert "zstandard" not in body["error"]
    assert shared.get("/health").status == 200


def test_expect_100_continue_works(shared: Running) -> None:
    """The client is asked to go on, and gets its export."""
    body = encoded(format="csv", columns=["a"], data=[{"a": 1}])
    assert shared.post(body, Expect="100-continue").status == 200


def test_http_1_0_knows_no_expectations(shared: Running) -> None:
    """The answer follows at once, without `100 Continue`."""
    body = encoded(format="csv", columns=["a"], data=[{"a": 1}])
    head = POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert answers_to(shared.url, head + body) == [200]


@pytest.mark.parametrize(("megabytes", "statuses"), [(4, [413, 200]), (64, [413])])
def test_a_small_body_that_unpacks_to_a_large_one_is_not_unpacked_to_its_end(
    tmp_path: Path, megabytes: int, statuses: list[int]
) -> None:
    """Some of it is, and the connection goes on; beyond that it is closed, for unpacking would stop all else."""
    packed = gzip.compress(b" " * (megabytes * 1_000_000))
    head = POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    after = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with running("--max-body", "1MB", exports=tmp_path / "exports") as service:
        assert answers_to(service.url, head + packed + after) == statuses


def test_a_flood_of_malformed_requests_on_an_unread_pipe_stops_nothing(service: Running) -> None:
    """Nobody reads stderr; 300 requests that no HTTP parser takes leave /health and the stop as they were."""
    for _ in range(300):
        ask_raw(service.url, b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert service.get("/health").status == 200
    assert service.stop() == 0
    assert service.process.stderr is not None
    lines = [json.loads(line) for line in service.process.stderr.read().splitlines()]
    assert {line["event"] for line in lines} == {"bad-http", "stopping", "stopped"}


def test_idle_connections_make_room_when_the_limit_is_reached(tmp_path: Path) -> None:
    """Past the limit the connection that waited longest is closed, and the log says so; the new one is served."""

    async def scene() -> None:
        async with local(Gate(), max_connections=3, exports=tmp_path) as service:
            host, port = service.url.removeprefix("http://").split(":")
            opened = [await asyncio.open_connection(host, int(port)) for _ in range(3)]
            async with service.session.get(f"{service.url}/health") as answer:
                assert answer.status == 200
            assert await opened[0][0].read() == b""
            assert [event["busy"] for event in service.log.named("connection-limit")] == [False]
            for _, writer in opened:
                writer.close()

    asyncio.run(scene())


def test_health_answers_when_all_connections_are_busy(tmp_path: Path) -> None:
    """A reserve beyond the limit serves /health and status, and answers 503 for all else."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, max_connections=2, exports=tmp_path) as service:
            body = encoded(format="csv", columns=["a"], data=[{"a": 1}])
            busy = [asyncio.create_task(service.post(body)) for _ in range(2)]
            await until(lambda: len(gate.held) == 2)
            for path, status in (("/health", 200), ("/export/status", 200), ("/openapi.json", 503)):
                async with service.session.get(f"{service.url}{path}", headers={"Connection": "close"}) as answer:
                    assert answer.status == status
                    assert (await answer.json()) is not None
            status, error, _ = await service.post(body)
            assert (status, error["error"]) == (503, "too many connections; try again later")
            assert service.service.metrics.page("")[0].count(b'status="rejected",user="anonymous"} 1') == 1
            for held in gate.held:
                held.run()
            assert [(await task)[0] for task in busy] == [200, 200]

    asyncio.run(scene())


def test_the_reserve_has_an_end(tmp_path: Path) -> None:
    """Past limit and reserve a connection is closed at once; on a clock that stands still no time limit closes it."""

    async def scene() -> None:
        async with local(Gate(), max_connections=1, clock=lambda: 0.0, exports=tmp_path, max_concurrent=99) as service:
            host, port = service.url.removeprefix("http://").split(":")
            held = []
            for count in range(1, 2 + RESERVE):
                held.append(await asyncio.open_connection(host, int(port)))
                await until(lambda count=count: len(service.server.connections) == count)  # type: ignore[misc]
                for handler in service.server.connections:  # each is in the middle of a request
                    request: Any = SimpleNamespace(protocol=handler, path="/health")
                    assert service.server.began_request(request)
            reader, writer = await asyncio.open_connection(host, int(port))
            async with asyncio.timeout(TIMEOUT_S):
                assert await reader.read() == b""
            assert len(service.server.connections) == 1 + RESERVE
            for _, opened in [*held, (reader, writer)]:
                opened.close()

    asyncio.run(scene())


@pytest.mark.parametrize(("after_s", "closed"), [(HEAD_TIMEOUT_S, 0), (HEAD_TIMEOUT_S + 0.1, 1)])
@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost"])
def test_a_connection_without_a_whole_head_is_closed_in_time(
    tmp_path: Path, sent: bytes, after_s: float, closed: int
) -> None:
    """Nothing sent, or half a head: closed after 30 s, not before."""
    now = [0.0]

    async def scene() -> None:
        async with local(Gate(), clock=lambda: now[0], exports=tmp_path) as service:
            host, port = service.url.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(sent)
            await until(lambda: len(service.server.connections) == 1)
            now[0] = after_s
            assert service.server.sweep() == closed
            writer.close()

    asyncio.run(scene())


def test_a_kept_connection_may_be_idle_longer(tmp_path: Path) -> None:
    """After an answer there are 75 s for the next request."""
    now = [0.0]

    async def scene() -> None:
        async with local(Gate(), clock=lambda: now[0], exports=tmp_path) as service:
            async with service.session.get(f"{service.url}/health") as answer:
                await answer.read()
            now[0] = KEEP_ALIVE_S
            assert service.server.sweep() == 0
            now[0] = KEEP_ALIVE_S + 0.1
            assert service.server.sweep() == 1

    asyncio.run(scene())


def test_a_reader_who_takes_nothing_is_dropped(tmp_path: Path) -> None:
    """A download without progress ends after 60 s, and its place comes free."""
    now = [0.0]
    name = "export_1_aaaaaaaaa.csv"
    (tmp_path / name).write_bytes(b"x" * 30_000_000)

    async def scene() -> None:
        async with local(Gate(), clock=lambda: now[0], exports=tmp_path) as service:
            host, port = service.url.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port), limit=1_024)
            writer.write(b"GET /export/files/%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % name.encode())
            await until(lambda: service.service.downloads == 1)
            sizes: list[int] = []

            def stands_still() -> bool:
                service.server.sweep()
                sizes.append(sum(size for _, size, _ in service.server.sending.values()))
                return len(sizes) > 50 and len(set(sizes[-50:])) == 1

            await until(stands_still)
            now[0] = SEND_TIMEOUT_S
            assert service.server.sweep() == 0
            now[0] = SEND_TIMEOUT_S + 0.1
            assert service.server.sweep() == 1
            await until(lambda: service.service.downloads == 0)
            writer.close()

    asyncio.run(scene())


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a body and then nothing: 400 in the contract's shape, counted as rejected."""
    monkeypatch.setattr("service.request.body.IDLE_TIMEOUT_S", 0.05)

    async def scene() -> None:
        async with local(Gate(), exports=tmp_path) as service:
            host, port = service.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(POST + b"Content-Length: 100\r\n\r\n{")
            assert b"400 Bad Request" in await reader.readline()
            writer.close()
            assert service.log.named("export-rejected")[0]["error"].startswith("body: only 1 bytes came")  # type: ignore[attr-defined]

    asyncio.run(scene())


def test_the_soft_limit_of_open_files_is_raised(tmp_path: Path) -> None:
    """With `ulimit -S -n 256`, 400 idle connections do not keep /health from answering."""
    with running(exports=tmp_path / "e", wrapper=("prlimit", "--nofile=256:4096")) as service:
        host, port = service.url.removeprefix("http://").split(":")
        idle = [socket.create_connection((host, int(port)), TIMEOUT_S) for _ in range(400)]
        assert service.get("/health").status == 200
        assert service.run(format="csv", columns=["a"], data=[]).status == 200
        for connection in idle:
            connection.close()


def test_the_hard_limit_of_open_files_is_kept_free_for_health(tmp_path: Path) -> None:
    """With a hard limit of 256, idle connections are closed for new ones: 300 of them shut nobody out."""
    with running(exports=tmp_path / "e", wrapper=("prlimit", "--nofile=256:256")) as service:
        host, port = service.url.removeprefix("http://").split(":")
        idle = [socket.create_connection((host, int(port)), TIMEOUT_S) for _ in range(300)]
        assert service.get("/health").status == 200
        for connection in idle:
            connection.close()
