"""Where connectors may connect to: users choose the addresses, so the inside of the network is closed by default.

A name is resolved once, every address is looked at, and the connection goes to one of them: a name that points
elsewhere a moment later leads nowhere (decision 0014). With https the name stays, since TLS checks it: no server inside
has a certificate for it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from quinta.core.reasons import Reason
from quinta.engine.connectors.driver import StoreFailure
from quinta.engine.connectors.threads import in_connector_thread

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_EMBEDDED = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses of NAT64: the last 32 bits are the IPv4 address that is reached."""

_NOT_PUBLIC = (
    ipaddress.IPv6Network("fec0::/10"),  # site-local, and addresses that only wrap an IPv4 one in the old way
    ipaddress.IPv6Network("::/96"),
    ipaddress.IPv4Network("168.63.129.16/32"),  # the platform's own services on Azure
)
"""What the library counts as global although it leads inside."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL to connect to, and the host that the caller named in it."""

    url: str
    host: str


class Destinations:
    """Answers which addresses a host has, if all of them are public or in one of the networks ``inside``."""

    def __init__(self, inside: Iterable[Network] = ()) -> None:
        self._inside = tuple(inside)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of ``host``, IPv4 first. StoreFailure: no such host, or not to be reached from here."""
        return await in_connector_thread(self.addresses_now, host, port)

    def addresses_now(self, host: str, port: int) -> list[str]:
        """Like ``addresses``, blocking."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise StoreFailure(Reason.UNREACHABLE, f"the host '{host}' cannot be found", passing=True) from None
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
        for address in addresses:
            if not self._allowed(address):
                raise StoreFailure(
                    Reason.DESTINATION_REFUSED,
                    f"the host '{host}' is in a network that connectors may not reach; the operator of this server can "
                    "allow it (QUINTA_CONNECTOR_NETWORKS)",
                )
        return [str(address) for address in sorted(set(addresses), key=lambda address: address.version)]

    async def endpoint(self, url: str) -> Endpoint:
        """The URL to use for ``url``. StoreFailure as with ``addresses``."""
        return await in_connector_thread(self.endpoint_now, url)

    def endpoint_now(self, url: str) -> Endpoint:
        """Like ``endpoint``, blocking."""
        parts = urlsplit(url)
        try:
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise StoreFailure(Reason.DESTINATION_REFUSED, f"the port of the endpoint '{url}' is none") from None
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise StoreFailure(
                Reason.DESTINATION_REFUSED, f"the endpoint '{url}' is no address of a server (https://host)"
            )
        address = self.addresses_now(host, port)[0]
        if parts.scheme == "https":
            return Endpoint(url, parts.netloc)
        if not self._named(address):
            raise StoreFailure(Reason.DESTINATION_REFUSED, f"the endpoint '{url}' is not encrypted: use https")
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return Endpoint(urlunsplit(parts._replace(netloc=place)), parts.netloc)

    def _allowed(self, address: Address) -> bool:
        reached = _reached(address)
        public = (
            reached.is_global and not reached.is_multicast and not any(reached in network for network in _NOT_PUBLIC)
        )
        return public or self._named(str(reached))

    def _named(self, address: str) -> bool:
        reached = ipaddress.ip_address(address)
        return any(reached.version == network.version and reached in network for network in self._inside)


def _reached(address: Address) -> Address:
    """The IPv4 address within an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _EMBEDDED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
