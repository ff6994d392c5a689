"""Which network addresses are public, and which lead inside."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_EMBEDDED = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses of NAT64: the last 32 bits are the IPv4 address that is reached."""

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given out for public use. Beyond it are old and local ways to wrap an IPv4 address."""

_NOT_PUBLIC = (
    ipaddress.IPv6Network("3fff::/20"),  # for documentation
    ipaddress.IPv4Network("168.63.129.16/32"),  # the platform's own services on Azure
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocols' own; clouds have services there
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays to IPv6, given up
)
"""What the library, of one version of Python or another, counts as global although it leads inside."""


def reached(address: Address) -> Address:
    """The address that a connection ends at: the IPv4 one within an IPv6 one that only wraps it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _EMBEDDED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether it leads to the public network: not to this machine, this network, a cloud's own services or many."""
    target = reached(address)
    if target.version == 6 and target not in _GLOBAL_UNICAST:
        return False
    return target.is_global and not target.is_multicast and not any(target in network for network in _NOT_PUBLIC)
