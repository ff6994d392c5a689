"""Who works at this computer: registering, logging in, logging out (contract dq0 2.2, 4.2)."""

from __future__ import annotations

from quinta.gateway.calls import GatewayFailure, LocalCall, Reply, text
from quinta.gateway.desk import Desk
from quinta.gateway.state import Proxy


class Sessions:
    """Operations of the active proxy's session. The person's key pair is made here and never leaves."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, call: LocalCall) -> Reply:
        email, password = _credentials(call)
        proxy, reply = self._desk.ask_unknown(email, "/auth/register", {"email": email, "password": password})
        if not reply.failed:
            self._remember(proxy, email=email)
        return reply

    def login(self, call: LocalCall) -> Reply:
        email, password = _credentials(call)
        proxy, reply = self._desk.ask_unknown(email, "/auth/login", {"email": email, "password": password})
        if not reply.failed:
            token = reply.body.get("token")
            if not isinstance(token, str) or not token:
                raise GatewayFailure(502, f"{proxy.address} answered a login without a token")
            self._remember(proxy, email=email, session=token)
        return reply

    def logout(self, _: LocalCall) -> Reply:
        """Forgets the session whatever the server says, which ends it too where it can be reached."""
        proxy = self._desk.memory.read().active_proxy
        if not proxy.session:
            raise GatewayFailure(401, "not logged in, please run 'dq0 user login'")
        try:
            reply = self._desk.ask("POST", "/auth/logout")
            said = "" if not reply.failed else f"; the server said: {reply.body['error']}"
        except GatewayFailure as failure:
            said = f"; the session ends on the server by itself, which could not be told: {failure.message}"
        self._remember(proxy, email=proxy.email, session="")
        return Reply(200, {"message": f"successfully logged out{said}"})

    def session(self, _: LocalCall) -> Reply:
        proxy = self._desk.memory.read().active_proxy
        if not proxy.session:
            raise GatewayFailure(401, "not logged in, please run 'dq0 user login'")
        return Reply(200, {"token": proxy.session})

    def _remember(self, proxy: Proxy, *, email: str, session: str | None = None) -> None:
        """For the proxy that was called, if it is still there; registering changes no session."""
        with self._desk.memory.change() as state:
            kept = state.proxies.get(proxy.id)
            if kept is None:
                return
            if session is not None:
                kept.email, kept.session = email, session
            elif not kept.session:
                kept.email = email


def _credentials(call: LocalCall) -> tuple[str, str]:
    values = call.values
    password = values.get("password")
    if not isinstance(password, str) or not password:
        raise GatewayFailure(400, "'password' is missing")
    return text(values, "email").lower(), password
