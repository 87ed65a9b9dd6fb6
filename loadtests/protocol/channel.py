"""A generator's connection to its runner: messages, and the upload of a record."""

from __future__ import annotations

import contextlib
import socket
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from loadtests.protocol import messages

CONNECT_TIMEOUT_S = 10.0
CONTROL_PORT_OFFSET = 1
"""For generators of other machines the runner listens at the Locust master's port plus this."""
ROOTS = ("parts", "spool")
"""Folders of an upload, as the runner has them."""


class Channel:
    """One connection to the runner; OSError where there is no runner."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._socket.close()

    def send(self, message: messages.GeneratorMessage) -> None:
        """Send a message to the runner; OSError where the connection is broken."""
        self._socket.sendall(messages.encode(message) + b"\n")

    def receive(self) -> messages.RunnerMessage | None:
        """Return the runner's next message; None where the connection is broken, or the message of another version."""
        try:
            text = self._reader.readline()
            return messages.decode_runner(text) if text.endswith(b"\n") else None
        except (OSError, msgspec.DecodeError):
            return None

    def upload(self, roots: Mapping[str, Path]) -> None:
        """Send folders as a tar and wait until they are unpacked; OSError where they are not."""
        with self._socket.makefile("wb") as out:
            with tarfile.open(fileobj=out, mode="w|") as tar:
                for name, root in roots.items():
                    for path in sorted(root.rglob("*")):
                        if path.is_file():
                            tar.add(path, arcname=f"{name}/{path.relative_to(root)}", recursive=False)
            out.flush()
        self._socket.shutdown(socket.SHUT_WR)
        if not isinstance(self.receive(), messages.UploadDone):
            raise OSError("the runner did not accept the upload")


def unpack(stream: IO[bytes], roots: Mapping[str, Path]) -> None:
    """Unpack an upload. OSError or tarfile.TarError where it is not whole, or would leave its folders."""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            root, _, rest = member.name.partition("/")
            if root not in roots or not rest or not member.isfile():
                raise tarfile.TarError(f"{member.name} is no part of a record")
            member.name = rest
            tar.extract(member, roots[root], filter="data")
