"""What every operation of the gateway works with: its memory, the time, and the server behind the active proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from quinta.dialects.base.envelope import EnvelopeRefused, SigningKey
from quinta.gateway.calls import GatewayFailure, LocalCall, Reply
from quinta.gateway.platform import Platform, Sender
from quinta.gateway.state import Proxy, StateFolder
from quinta.kit.clock import Clock

JSON = "application/json"


class Desk:
    """The parts, and the two ways to call the server: in a session, and before there is one."""

    def __init__(self, memory: StateFolder, clock: Clock) -> None:
        self.memory = memory
        self.clock = clock

    def platform(self, proxy: Proxy) -> Platform:
        return Platform(proxy, self.clock)

    def forward(self, call: LocalCall) -> Reply:
        """``call`` as it came."""
        return self.ask(
            call.method, call.path, query=call.query, body=call.body, content_type=JSON if call.body else ""
        )

    def ask(
        self,
        method: str,
        path: str,
        values: Mapping[str, Any] | None = None,
        *,
        query: str = "",
        body: bytes = b"",
        content_type: str = "",
    ) -> Reply:
        """Calls the active proxy's server in its session; ``values`` become a JSON body.

        GatewayFailure 401 without an active proxy or a session (contract dq0 9.16), and as of ``Platform``.
        """
        state = self.memory.read()
        proxy = state.active_proxy
        if not proxy.session:
            raise GatewayFailure(401, "not logged in, please run 'dq0 user login'")
        sender = Sender(proxy.email, state.device, self.key(proxy, proxy.email), proxy.session)
        if values is not None:
            body, content_type = json.dumps(values).encode(), JSON
        return self.platform(proxy).call(sender, method, path, query=query, body=body, content_type=content_type)

    def ask_unknown(self, email: str, path: str, values: Mapping[str, Any]) -> tuple[Proxy, Reply]:
        """Posts ``values`` for a person without a session, signed with the key of that e-mail, which is made and kept
        first: an answer that is lost must not cost the key that the server knows the device by."""
        with self.memory.change() as state:
            proxy = state.active_proxy
            if email not in proxy.keys:
                proxy.keys[email] = SigningKey.new().text
        sender = Sender(email, state.device, self.key(proxy, email))
        body = json.dumps(values).encode()
        return proxy, self.platform(proxy).call(sender, "POST", path, content_type=JSON, body=body)

    def key(self, proxy: Proxy, email: str) -> SigningKey:
        """GatewayFailure 401 where there is none that can be read."""
        try:
            return SigningKey.parse(proxy.keys[email])
        except (KeyError, EnvelopeRefused):
            raise GatewayFailure(401, "there is no key for this session, please run 'dq0 user login'") from None
