"""HTTP with a target: one attempt, one deadline, no redirects, and an error that names what went wrong."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from loadtests.client.answer import SinkError
from loadtests.client.clock import start_clock
from loadtests.client.target import Target, TargetError
from loadtests.client.target_settings import headers_from, parse_target
from tests.loadtests.fake_target import Manners, fake_target


def make_target(url: str, **settings: float) -> Target:
    """A target at a URL."""
    return parse_target(url, start_clock(), **settings)  # type: ignore[arg-type]


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server whose every connection is handed to `serve`; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    try:
                        line.recv(65536)
                        serve(line)
                    except OSError:
                        pass

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_an_answer_is_taken_whole() -> None:
    """Status, headers in lower case, body and times in order."""
    with fake_target() as fake:
        answer = make_target(fake.url).request("GET", "/health")
    assert (answer.status, answer.error) == (200, None)
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.startswith(b'{"ok": true')
    assert answer.start < answer.end


def test_an_answer_that_drips_ends_at_the_deadline() -> None:
    """The deadline is over the whole exchange: bytes that keep coming do not stretch it."""

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(200):
            line.sendall(b"x")
            time.sleep(0.05)

    with raw_server(drip) as url:
        answer = make_target(url).request("GET", "/health", timeout_s=0.5)
    assert (answer.status, answer.error) == (None, "timeout")
    assert 0.5 <= answer.end - answer.start < 5
    assert answer.body


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "short"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nshort", "short"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "short"),
        (b"no http\r\n\r\n", "protocol"),
    ],
)
def test_a_broken_answer_is_no_answer(said: bytes, error: str) -> None:
    """An answer that ends early, or is no HTTP, has no status and says why."""
    with raw_server(lambda line: line.sendall(said)) as url:
        answer = make_target(url).request("GET", "/health", timeout_s=5)
    assert (answer.status, answer.error) == (None, error)


def test_an_answer_that_closes_the_connection_is_read_to_its_end() -> None:
    """`Connection: close` with a length, or with none, is a whole answer."""
    for head in (b"Content-Length: 4\r\nConnection: close", b"Connection: close"):
        with raw_server(lambda line, head=head: line.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nbody")) as url:  # type: ignore[misc]
            answer = make_target(url).request("GET", "/health", timeout_s=5)
        assert (answer.status, answer.error, answer.body) == (200, None, b"body")


def test_nobody_there_is_refused() -> None:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    answer = make_target(f"http://127.0.0.1:{port}").request("GET", "/health", timeout_s=5)
    assert (answer.status, answer.error) == (None, "refused")


def test_an_early_answer_to_a_body_that_is_too_long_is_seen() -> None:
    """A target may answer 413 and close before it has read the body; that is an answer, not a broken connection."""

    def refuse(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        line.shutdown(socket.SHUT_WR)
        while line.recv(65536):
            pass

    with raw_server(refuse) as url:
        answer = make_target(url).request("POST", "/export/run", body=b"x" * 30_000_000, timeout_s=10)
    assert (answer.status, answer.body) == (413, b"no")


def test_redirects_are_not_followed() -> None:
    """A 307 is the answer."""
    with fake_target(Manners(redirect=True)) as fake:
        assert make_target(fake.url).request("POST", "/export/run", body=b"{}").status == 307
        assert len(fake.seen) == 1
        assert fake.got == []


def test_an_answer_over_the_most_is_cut_off_and_said_to_be() -> None:
    """What is kept ends before the limit."""
    with raw_server(lambda line: line.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000)) as url:
        answer = make_target(url).request("GET", "/export/metrics", max_bytes=100_000, timeout_s=5)
    assert (answer.status, answer.error) == (None, "too-long")
    assert len(answer.body) <= 100_000


def test_a_sink_that_is_full_is_no_fault_of_the_target() -> None:
    """It raises SinkError instead of making a failed download."""

    class Full:
        def write(self, data: bytes, /) -> int:
            raise OSError(28, "No space left on device")

    with fake_target() as fake, pytest.raises(SinkError, match="No space left"):
        make_target(fake.url).download("/health", Full())


def test_a_broken_download_keeps_what_came() -> None:
    """Bytes and hash are of what came; the error says that it was not all."""
    into = io.BytesIO()
    with raw_server(lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")) as url:
        came = make_target(url).download("/export/files/x", into, timeout_s=5)
    assert (came.status, came.error, came.bytes, into.getvalue()) == (200, "short", 4, b"half")
    assert came.sha256 is not None


@pytest.mark.parametrize(
    ("base", "link", "path"),
    [
        ("http://h:4001", "/export/files/a.csv", "/export/files/a.csv"),
        ("http://h:4001", "http://h:4001/export/files/a.csv", "/export/files/a.csv"),
        ("http://h", "http://h:80/export/files/a.csv", "/export/files/a.csv"),
        ("http://h:4001/base", "/export/files/a.csv", "/export/files/a.csv"),
        ("http://h:4001/base", "/base/export/files/a.csv", "/export/files/a.csv"),
        ("http://h:4001/base", "http://h:4001/base/export/files/a.csv", "/export/files/a.csv"),
        ("http://h:4001/base", "http://h:4001/export/files/a.csv", None),
        ("http://h:4001", "http://evil:4001/export/files/a.csv", None),
        ("http://h:4001", "//evil/export/files/a.csv", None),
        ("http://h:4001", "https://h:4001/export/files/a.csv", None),
        ("http://h:4001", "http://h:4002/export/files/a.csv", None),
        ("http://h:4001", "http://u:p@h:4001/export/files/a.csv", None),
        ("http://h:4001", "file:///etc/passwd", None),
        ("http://h:4001", "export/files/a.csv", None),
        ("http://h:4001", "/a b", None),
        ("http://h:4001", "/a\r\nX: y", None),
        ("http://h:4001", "http://h:99999/a", None),
        ("http://h:4001", "", None),
    ],
)
def test_links_lead_only_to_the_targets_own_origin(base: str, link: str, path: str | None) -> None:
    """A link becomes a path below the base, or nothing."""
    assert make_target(base).resolve(link) == path


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:4001",
        "ftp://h",
        "http://",
        "http://h:x",
        "http://h:99999",
        "http://u:p@h",
        "http://h/?q=1",
        "http://h/#f",
        "http://h/a b",
        "http://\uff4cocalhost:4001",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """One sentence names the option."""
    with pytest.raises(TargetError, match="--target"):
        make_target(url)


@pytest.mark.parametrize(
    ("url", "shown", "base"),
    [
        ("http://127.0.0.1:4001/", "http://127.0.0.1:4001", ""),
        ("https://Example.org/base/", "https://example.org/base", "/base"),
        ("http://[::1]:4001", "http://[::1]:4001", ""),
    ],
)
def test_a_url_is_shown_in_one_form(url: str, shown: str, base: str) -> None:
    """Without a slash at its end and without its scheme's own port."""
    target = make_target(url)
    assert (target.url, target.base_path) == (shown, base)


def test_extra_headers_come_from_the_environment_and_are_never_shown() -> None:
    """Lines and a token; neither is in the target's repr."""
    headers = headers_from({"EXPORT_TARGET_HEADERS": "X-A: 1\n\n X-B :  two \n", "EXPORT_TARGET_TOKEN": " s3cr3t "})
    assert headers == (("X-A", "1"), ("X-B", "two"), ("Authorization", "Bearer s3cr3t"))
    assert "s3cr3t" not in repr(parse_target("http://h", start_clock(), headers))


@pytest.mark.parametrize(
    "environment",
    [
        {"EXPORT_TARGET_HEADERS": "no colon"},
        {"EXPORT_TARGET_HEADERS": "A b: c"},
        {"EXPORT_TARGET_HEADERS": "X: ü"},
        {"EXPORT_TARGET_HEADERS": "X: a\x1bb"},
        {"EXPORT_TARGET_HEADERS": "content-Length: 7"},
        {"EXPORT_TARGET_HEADERS": "Transfer-Encoding: chunked"},
        {"EXPORT_TARGET_HEADERS": "X-A: 1\nx-a: 2"},
        {"EXPORT_TARGET_HEADERS": "authorization: Basic x", "EXPORT_TARGET_TOKEN": "y"},
        {"EXPORT_TARGET_TOKEN": "two words"},
    ],
)
def test_a_header_that_is_none_is_refused(environment: dict[str, str]) -> None:
    """The message names the variable and not the value."""
    with pytest.raises(TargetError, match=r"\$EXPORT_TARGET_") as caught:
        headers_from(environment)
    assert "two words" not in str(caught.value)
