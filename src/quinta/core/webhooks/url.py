"""Which URLs may be called (contract versiontwo 5.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from quinta.core.errors import InvalidInput
from quinta.kit.addresses import is_public

MAXIMUM_URL: Final = 2_048
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]+")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the parts that a call needs: ``authority`` is what the header Host says, ``resource`` path and query."""

    secure: bool
    host: str
    port: int
    authority: str
    resource: str


def parse_url(url: str) -> Target:
    """The parts of a URL; InvalidInput (field ``url``) when it is none that can be called."""
    if not url:
        raise _refused("the URL is missing")
    if len(url) > MAXIMUM_URL:
        raise _refused(f"the URL has {len(url):,} characters; the limit is {MAXIMUM_URL:,}")
    if not all("!" <= character <= "~" for character in url):
        raise _refused("the URL has blanks or characters beyond ASCII: write these percent-encoded, names in punycode")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("the URL cannot be read: its host or its port is malformed") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _refused("the URL must begin with https:// or http://")
    if parts.username is not None:
        raise _refused("the URL holds a name or a password: receivers know calls by their signature")
    if port == 0 or not _HOST.fullmatch(parts.hostname or ""):
        raise _refused("the URL names no host, or a port that is none")
    return _target(parts, parts.hostname or "", port)


def check_url(url: str, *, private: bool) -> None:
    """InvalidInput (field ``url``) for a URL that cannot be called, or, unless ``private`` addresses are allowed, that
    plainly leads inside. Names are looked up at each call: they may lead elsewhere by then."""
    host = parse_url(url).host
    if not private and _leads_inside(host):
        raise _refused(
            f"the host '{host}' is in a network that webhooks may not reach; the operator of this server can allow it "
            "(QUINTA_WEBHOOK_ALLOW_PRIVATE)"
        )


def _target(parts: SplitResult, host: str, port: int | None) -> Target:
    default = _DEFAULT_PORTS[parts.scheme]
    literal = f"[{host}]" if ":" in host else host
    return Target(
        secure=parts.scheme == "https",
        host=host,
        port=port or default,
        authority=literal if port in (None, default) else f"{literal}:{port}",
        resource=f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
    )


def _leads_inside(host: str) -> bool:
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return True
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return False


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, field="url")
