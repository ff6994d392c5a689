"""Where connections to addresses that users chose may go: the inside of the network is closed by default.

A name is resolved once, every address is looked at, and the connection goes to one of them: a name that points
elsewhere a moment later leads nowhere (decisions 0014 and 0031).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from quinta.kit.addresses import Network, is_public, reached


class HostUnknown(Exception):
    """No such host at this moment."""


class HostInside(Exception):
    """The host has an address that is neither public nor in one of the networks allowed."""


def addresses_of(host: str, port: int, inside: Sequence[Network]) -> list[str]:
    """The addresses of ``host``, IPv4 first, if all of them are public or in one of the networks ``inside``; else
    HostUnknown or HostInside. Blocks for as long as the system's resolver takes."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HostUnknown from None
    addresses = {ipaddress.ip_address(entry[4][0]) for entry in found}
    for address in addresses:
        if not is_public(address) and not is_in(str(reached(address)), inside):
            raise HostInside
    return [str(address) for address in sorted(addresses, key=lambda address: address.version)]


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address, one that wraps another taken for that, is in one of the networks."""
    target = reached(ipaddress.ip_address(address))
    return any(target.version == network.version and target in network for network in networks)
