"""Calls to the server behind a proxy: its key, and everything else sealed (contract dq0 2.3)."""

from __future__ import annotations

import http.client
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from quinta.dialects.base.envelope import (
    LARGEST_SEALED_BYTES,
    MEDIA_TYPE,
    Answer,
    EnvelopeRefused,
    PublicKeys,
    SigningKey,
    seal_call,
)
from quinta.gateway.calls import GatewayFailure, Reply
from quinta.gateway.state import Proxy
from quinta.kit.clock import Clock

TIMEOUT_SECONDS = 30.0
"""Between two bytes of a connection. The vendor's proxy cuts calls off after 10 s in all (contract dq0 2.1)."""
DEFAULT_URI = "/dq0/api"
_KEY_ANSWER_BYTES = 65_536
_LONGEST_QUOTE = 300
_NOT_LOGGED_IN = "please run 'dq0 user login'"


class _NoRedirects(HTTPRedirectHandler):
    """The interface has none, and what was pinned is one address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who calls: an e-mail or nothing, the computer, the key that signs, and the session's token or nothing."""

    email: str
    device: str
    key: SigningKey
    session: str = ""


class Platform:
    """The server behind ``proxy``. All methods raise GatewayFailure: 502 where it cannot be reached or is not what was
    pinned, 504 where it does not answer in time."""

    def __init__(self, proxy: Proxy, clock: Clock) -> None:
        self._proxy = proxy
        self._clock = clock
        # A web proxy cannot reach this machine by its own name for itself.
        direct = [ProxyHandler({})] if _is_loopback(proxy.hostname) else []
        self._opener: OpenerDirector = build_opener(_NoRedirects, *direct)

    def fetch_key(self) -> PublicKeys:
        """The key that the server shows now."""
        request = Request(f"{self._proxy.address}/key", headers={"Accept": "application/json"})
        status, data = self._exchange(request, _KEY_ANSWER_BYTES)
        try:
            return PublicKeys.parse(json.loads(data)["public_key"])
        except (ValueError, TypeError, KeyError, EnvelopeRefused):
            raise GatewayFailure(
                502, f"{self._proxy.address}/key answered {status} without a key: no DQ0 server there; is it right?"
            ) from None

    def call(
        self, sender: Sender, method: str, path: str, *, query: str = "", content_type: str = "", body: bytes = b""
    ) -> Reply:
        """What the server answers; a failure of its own is a Reply too."""
        headers = {"accept": "application/json"}
        if content_type:
            headers["content-type"] = content_type
        if sender.session:
            headers["authorization"] = f"Bearer {sender.session}"
        sealed, opener = seal_call(
            PublicKeys.parse(self._proxy.public_key),
            sender.key,
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=body,
            time=self._clock.now().timestamp(),
            user=sender.email,
            device=sender.device,
        )
        request = Request(f"{self._proxy.address}/sealed", sealed, {"Content-Type": MEDIA_TYPE}, method="POST")
        status, data = self._exchange(request, LARGEST_SEALED_BYTES)
        try:
            return _reply(opener.open(data), sender)
        except EnvelopeRefused:
            raise self._unsealed(status, data) from None

    def _unsealed(self, status: int, data: bytes) -> GatewayFailure:
        """Why an answer is none of the server's: what it says itself may be anybody's words, and is quoted as such."""
        if self.fetch_key().text != self._proxy.public_key:
            return GatewayFailure(
                502,
                f"{self._proxy.address} shows another key than when the proxy was added: either the server was set up "
                "anew, then remove the proxy and add it again, or somebody stands between you and it",
            )
        said = _quoted(data)
        because = f": '{said}'" if said else ""
        return GatewayFailure(502, f"{self._proxy.address} did not take the sealed call (HTTP {status}{because})")

    def _exchange(self, request: Request, most: int) -> tuple[int, bytes]:
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as reply:
                return reply.status, reply.read(most)
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read(most)
        except TimeoutError:
            raise self._too_late() from None
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise self._too_late() from None
            reason = getattr(error.reason, "strerror", None) or error.reason
            raise GatewayFailure(502, f"{self._proxy.address} cannot be reached: {reason}") from None
        except (http.client.HTTPException, OSError) as error:
            why = str(error) or type(error).__name__
            raise GatewayFailure(502, f"the connection to {self._proxy.address} broke: {why}") from None

    def _too_late(self) -> GatewayFailure:
        return GatewayFailure(504, f"{self._proxy.address} gave no answer within {TIMEOUT_SECONDS:.0f} s")


def _reply(answer: Answer, sender: Sender) -> Reply:
    """``answer`` as the API's clients need it: an object always, with an error where it is one (contract dq0 1.5)."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    if answer.status < 400:
        if not isinstance(body, dict):
            raise GatewayFailure(502, f"the server answered {answer.status} with something that is no JSON object")
        return Reply(answer.status, body)
    said = body.get("error") if isinstance(body, dict) else None
    message = said if isinstance(said, str) and said.strip() else f"the server refused the call with {answer.status}"
    if answer.status == 401 and sender.session and _NOT_LOGGED_IN not in message:
        message = f"{message}; {_NOT_LOGGED_IN}"
    return Reply(answer.status, {"error": message})


def _quoted(data: bytes) -> str:
    try:
        body: Mapping[str, Any] = json.loads(data)
        said = str(body["error"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return "".join(character if character.isprintable() else " " for character in said[:_LONGEST_QUOTE]).strip()


def _is_loopback(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"
