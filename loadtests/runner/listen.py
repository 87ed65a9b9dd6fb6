"""Workers of other machines: the address they connect to, its faults, and how to start them."""

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
from loadtests.protocol.channel import CONTROL_PORT_OFFSET, ROOTS
from loadtests.protocol.server import ControlServer, RemoteSetup
from loadtests.recorders.record_folder import Folder

LISTEN_PORT = 5557
"""Locust's default."""
HOW = """\
waiting up to 300 s for {workers} worker(s) at {host}:{port} and {control_port}. On each machine, in its checkout:
  python -m locust -f loadtests/locustfile.py --worker --master-host {host} --master-port {port} --processes N"""


def parse_listen(text: str) -> tuple[str, int]:
    """Return the host and port of `HOST[:PORT]`; ValueError says what is wrong."""
    host, _, port = text.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 1024 <= int(port) <= 65534)):
        raise ValueError(f"must be an address of this machine, HOST or HOST:PORT, not {text!r}")
    return host, int(port or LISTEN_PORT)


def check_listen(listen: tuple[str, int], target: Target) -> None:
    """Raise TargetError where the address can't be used, or workers of other machines can't reach the target."""
    if _is_loopback_everywhere(target.host) and not is_loopback(listen[0]):
        raise TargetError(
            f"--listen {listen[0]} is for workers of other machines, which can't reach {target.url}: name the target "
            "as they know it"
        )
    for port in (listen[1], listen[1] + CONTROL_PORT_OFFSET):
        try:
            with socket.create_server((listen[0], port)):
                pass
        except OSError as error:
            raise TargetError(f"can't listen at {listen[0]}:{port}: {error.strerror or error}") from None


def _is_loopback_everywhere(host: str) -> bool:
    """Return whether a host means the own machine on every machine; a name may do so only on this one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def how_to_join(listen: tuple[str, int], workers: int) -> str:
    """Return what to do on the other machines."""
    host, port = listen
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = "<an address of this machine>"
    return HOW.format(workers=workers, host=host, port=port, control_port=port + CONTROL_PORT_OFFSET)


def open_control(
    plan: Plan,
    templates: Mapping[str, bytes],
    target: Target,
    phases: tuple[PhaseLimits, ...],
    workers: int,
    listen: tuple[str, int],
    folder: Folder,
) -> ControlServer:
    """Listen for generators of other machines. LocustError where the port above the master's can't be used."""
    config = messages.RemoteConfig(
        plan=plan,
        target=target.url,
        insecure=target.insecure,
        phases=phases,
        templates={case: hashlib.sha256(body).hexdigest() for case, body in templates.items()},
    )
    host, port = listen[0], listen[1] + CONTROL_PORT_OFFSET
    roots = dict(zip(ROOTS, (folder.parts, folder.spool), strict=True))
    try:
        return ControlServer(workers, target.clock, (host, port), RemoteSetup(config, roots))
    except OSError as error:
        raise LocustError(f"can't listen at {host}:{port}: {error.strerror or error}") from error
