"""Where workers of other machines come to: the option, what can be wrong with it, and what to tell the user."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import socket
from collections.abc import Mapping

from assertions.record.types import Plan
from loadtests.client.addresses import is_loopback
from loadtests.client.target import Target, TargetError
from loadtests.errors import LocustError
from loadtests.plan.limits import PhaseLimits
from loadtests.protocol import messages
from loadtests.protocol.channel import CONTROL_BESIDE, ROOTS
from loadtests.protocol.server import ControlServer, RemoteSetup
from loadtests.recorders.record_folder import Folder

LISTEN_PORT = 5557
"""Locust's own."""
HOW = """\
waiting up to 300 s for {workers} worker(s) at {host}:{port} and {beside}. On each machine, in its checkout:
  python -m locust -f loadtests/locustfile.py --worker --master-host {host} --master-port {port} --processes N"""


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of `HOST[:PORT]`; ValueError says what is wrong."""
    host, _, port = text.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 1024 <= int(port) <= 65534)):
        raise ValueError(f"must be an address of this machine, HOST or HOST:PORT, not {text!r}")
    return host, int(port or LISTEN_PORT)


def check_listen(listen: tuple[str, int], target: Target) -> None:
    """TargetError where nobody can come to the address, or would look for the target on a machine of their own."""
    if _only_here(target.host) and not is_loopback(listen[0]):
        raise TargetError(
            f"--listen {listen[0]} is for workers of other machines, which can't reach {target.url}: name the target "
            "as they know it"
        )
    for port in (listen[1], listen[1] + 1):
        try:
            with socket.create_server((listen[0], port)):
                pass
        except OSError as error:
            raise TargetError(f"can't listen at {listen[0]}:{port}: {error.strerror or error}") from None


def _only_here(host: str) -> bool:
    """Whether it means another machine elsewhere, whatever the machine; names may lead home only from here."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def how_to_join(listen: tuple[str, int], workers: int) -> str:
    """What to do on the other machines."""
    host, port = listen
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = "<an address of this machine>"
    return HOW.format(workers=workers, host=host, port=port, beside=port + 1)


def open_control(
    plan: Plan,
    templates: Mapping[str, bytes],
    target: Target,
    phases: tuple[PhaseLimits, ...],
    workers: int,
    listen: tuple[str, int],
    folder: Folder,
) -> ControlServer:
    """For generators of other machines. LocustError where the address beside the master's is not free, or not ours."""
    brief = messages.RemoteConfig(
        plan=plan,
        target=target.url,
        insecure=target.insecure,
        phases=phases,
        templates={case: hashlib.sha256(body).hexdigest() for case, body in templates.items()},
    )
    host, port = listen[0], listen[1] + CONTROL_BESIDE
    roots = dict(zip(ROOTS, (folder.parts, folder.spool), strict=True))
    try:
        return ControlServer(workers, target.clock, (host, port), RemoteSetup(brief, roots))
    except OSError as error:
        raise LocustError(f"can't listen at {host}:{port}: {error.strerror or error}") from error
