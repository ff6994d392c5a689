"""Where connectors may connect to: users choose the addresses, so the inside of the network is closed by default.

Which addresses are let through is decided in engine/addresses.py (decision 0014). With https the name stays, since TLS
checks it: no server inside has a certificate for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from quinta.core.reasons import Reason
from quinta.engine.addresses import HostInside, HostUnknown, addresses_of, is_in
from quinta.engine.connectors.driver import StoreFailure
from quinta.engine.connectors.threads import in_connector_thread
from quinta.kit.addresses import Network


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
            return addresses_of(host, port, self._inside)
        except HostUnknown:
            raise StoreFailure(Reason.UNREACHABLE, f"the host '{host}' cannot be found", passing=True) from None
        except HostInside:
            raise StoreFailure(
                Reason.DESTINATION_REFUSED,
                f"the host '{host}' is in a network that connectors may not reach; the operator of this server can "
                "allow it (QUINTA_CONNECTOR_NETWORKS)",
            ) from None

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
        if not is_in(address, self._inside):
            raise StoreFailure(Reason.DESTINATION_REFUSED, f"the endpoint '{url}' is not encrypted: use https")
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return Endpoint(urlunsplit(parts._replace(netloc=place)), parts.netloc)
