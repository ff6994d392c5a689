"""Ways to servers, one of them active (contract dq0 2.2, 4.2)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

from quinta.dialects.base.envelope import PublicKeys
from quinta.gateway.calls import GatewayFailure, LocalCall, Reply, text
from quinta.gateway.desk import Desk
from quinta.gateway.platform import DEFAULT_URI
from quinta.gateway.state import Proxy, State

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}")
_URI = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_MOST = 100


class Proxies:
    """Operations of proxies; they need no session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def find(self, _: LocalCall) -> Reply:
        state = self._desk.memory.read()
        items = [_item(proxy, state) for proxy in state.proxies.values()]
        return Reply(200, {"total": len(items), "page": 1, "page_size": max(100, len(items)), "items": items})

    def add(self, call: LocalCall) -> Reply:
        """Pins the key that the server shows, or the one in ``public_key`` where that is given (an addition). The first
        proxy is active at once."""
        values = call.values
        proxy = _new(values)
        wanted = text(values, "public_key", "")
        shown = self._desk.platform(proxy).fetch_key()
        if wanted and wanted != shown.text:
            raise GatewayFailure(409, f"{proxy.address} shows another key than the one that was given")
        proxy = replace(proxy, public_key=shown.text)
        with self._desk.memory.change() as state:
            if len(state.proxies) >= _MOST:
                raise GatewayFailure(409, f"there are {_MOST} proxies already: remove one")
            if any(each.address == proxy.address for each in state.proxies.values()):
                raise GatewayFailure(409, f"there is a proxy for {proxy.address} already")
            state.last_id += 1
            proxy.id = state.last_id
            state.proxies[proxy.id] = proxy
            if state.active is None:
                state.active = proxy.id
            item = _item(proxy, state)
        message = f"successfully added proxy {proxy.id} to {proxy.address}; compare its key's {shown.fingerprint}"
        return Reply(200, {"message": f"{message} with what {proxy.address}/key shows on its own machine", **item})

    def current(self, _: LocalCall) -> Reply:
        state = self._desk.memory.read()
        if state.active is None:
            raise GatewayFailure(404, "there is no active proxy")
        return Reply(200, _item(state.active_proxy, state))

    def get(self, _: LocalCall, number: str) -> Reply:
        state = self._desk.memory.read()
        return Reply(200, _item(_named(state, number), state))

    def activate(self, _: LocalCall, number: str) -> Reply:
        with self._desk.memory.change() as state:
            proxy = _named(state, number)
            state.active = proxy.id
        return Reply(200, {"message": f"successfully activated proxy {proxy.id}"})

    def remove(self, _: LocalCall, number: str) -> Reply:
        """With its session and its keys; the session ends by itself on the server."""
        with self._desk.memory.change() as state:
            proxy = _named(state, number)
            del state.proxies[proxy.id]
            if state.active == proxy.id:
                state.active = None
        return Reply(200, {"message": f"successfully removed proxy {proxy.id}"})


def _new(values: dict[str, Any]) -> Proxy:
    hostname, scheme = text(values, "hostname"), text(values, "scheme", "http").lower()
    uri = text(values, "request_uri", DEFAULT_URI).rstrip("/")
    port = values.get("port") or (443 if scheme == "https" else 80)
    if not _HOST.fullmatch(hostname):
        raise GatewayFailure(400, "'hostname' must be a name or an address, such as dq0.example.com")
    if scheme not in ("http", "https"):
        raise GatewayFailure(400, "'scheme' must be http or https")
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65_536:
        raise GatewayFailure(400, "'port' must be a whole number from 1 to 65535")
    if not _URI.fullmatch(uri):
        raise GatewayFailure(400, f"'request_uri' must be a path, such as {DEFAULT_URI}")
    return Proxy(0, hostname, port, scheme, uri, "")


def _named(state: State, number: str) -> Proxy:
    proxy = state.proxies.get(int(number)) if number.isdecimal() and len(number) < 19 else None
    if proxy is None:
        raise GatewayFailure(404, f"there is no proxy {number!r}")
    return proxy


def _item(proxy: Proxy, state: State) -> dict[str, Any]:
    """``session_key`` is a fingerprint: the API asks for no credential, so it hands none out (contract dq0 2.3)."""
    shown = hashlib.sha256(proxy.session.encode()).hexdigest()[:16] if proxy.session else ""
    return {
        "id": proxy.id,
        "active": proxy.id == state.active,
        "email_address": proxy.email,
        "hostname": proxy.hostname,
        "port": proxy.port,
        "public_key": proxy.public_key,
        "fingerprint": PublicKeys.parse(proxy.public_key).fingerprint,
        "request_uri": proxy.request_uri,
        "scheme": proxy.scheme,
        "session_key": shown,
    }
