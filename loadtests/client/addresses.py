"""Addresses of a target: whether it runs on this machine."""

from __future__ import annotations

import ipaddress
import socket

import psutil


def is_local(host: str) -> bool:
    """Whether a host name or address is one of this machine's own."""
    own = {address.address.split("%")[0] for some in psutil.net_if_addrs().values() for address in some}
    found = addresses(host)
    # a client that asks for no address in particular (0.0.0.0) asks its own machine
    unnamed = any(ipaddress.ip_address(one).is_unspecified for one in found)
    return is_loopback(host) or unnamed or not own.isdisjoint(found)


def is_loopback(host: str) -> bool:
    """Whether a host name or address leads no further than the machine on which it is asked for."""
    return any(ipaddress.ip_address(address).is_loopback for address in addresses(host))


def addresses(host: str) -> set[str]:
    """A host's addresses, those of IPv4 in their own form; empty where it has none."""
    try:
        found = {ipaddress.ip_address(str(info[4][0]).split("%")[0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return set()
    return {str(getattr(one, "ipv4_mapped", None) or one) for one in found}
