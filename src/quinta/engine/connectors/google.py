"""What the drivers of Google's services share: a service account's key, and a session that goes where it may."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from quinta.core.reasons import Reason
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import WRITE_SECONDS, Place, StoreFailure, needed, reason_of_status
from quinta.engine.connectors.threads import in_connector_thread

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_MEMBERS = ("client_email", "private_key", "project_id", "token_uri", "type")
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_MOST_ANSWER_BYTES = 16 << 20
"""Unpacked. Answers are small; without an end, 0.7 MB of gzip made the server take 2 GB of memory."""
_PIECE_BYTES = 65_536


class GoogleAccount:
    """A service account's JSON key file, opened. StoreFailure when the text is none."""

    def __init__(self, text: str, destinations: Destinations, extra: str) -> None:
        try:
            key = json.loads(text)
        except ValueError:
            key = None
        if not isinstance(key, dict) or key.get("type") != "service_account":
            raise StoreFailure(Reason.CREDENTIALS_INVALID, "the JSON key file is not that of a service account")
        if missing := [name for name in _MEMBERS if not isinstance(key.get(name), str)]:
            raise StoreFailure(Reason.CREDENTIALS_INVALID, f"the JSON key file lacks '{missing[0]}'")
        self.project = key["project_id"]
        service_account = needed("google.oauth2.service_account", extra)
        requests_transport = needed("google.auth.transport.requests", extra)
        try:
            self.credentials = service_account.Credentials.from_service_account_info(key, scopes=[_SCOPE])
        except (ValueError, TypeError) as error:
            raise StoreFailure(
                Reason.CREDENTIALS_INVALID, "the JSON key file has no private key that can be used"
            ) from error
        plain = _guarded(needed("requests", extra).Session(), destinations, extra)
        self._transport = requests_transport.Request(plain)
        authorized = requests_transport.AuthorizedSession(self.credentials, auth_request=self._transport)
        self.session = _guarded(authorized, destinations, extra)
        self._extra = extra

    def sign_in(self) -> None:
        """Asks for a token: Google gives one to a key that it knows."""
        try:
            self.credentials.refresh(self._transport)
        except needed("google.auth.exceptions", self._extra).GoogleAuthError as error:
            raise failure_of(error) from error

    def close(self) -> None:
        self.session.close()


async def check_key(credentials: Mapping[str, str], destinations: Destinations, extra: str) -> None:
    """StoreFailure when Google gives no token for the service account's key."""
    await in_connector_thread(lambda: GoogleAccount(credentials["json_key_file"], destinations, extra).sign_in())


@contextmanager
def connected(
    service: str, module: str, place: Place, destinations: Destinations, extra: str
) -> Iterator[tuple[Any, GoogleAccount]]:
    """A client of ``module`` for the place, and its account. What Google's packages raise in the block becomes a
    StoreFailure; ``service`` is the name in its words."""
    package, core = needed(module, extra), needed("google.api_core.exceptions", extra)
    auth, requests = needed("google.auth.exceptions", extra), needed("requests", extra)
    account = GoogleAccount(place.credentials["json_key_file"], destinations, extra)
    endpoint = place.credentials["endpoint_url"].rstrip("/")
    client = package.Client(
        project=account.project,
        credentials=account.credentials,
        _http=account.session,
        client_options={"api_endpoint": endpoint} if endpoint else None,
    )
    try:
        yield client, account
    except requests.RequestException as error:
        raise StoreFailure(Reason.UNREACHABLE, f"{service} cannot be reached: {error}", passing=True) from error
    except (core.GoogleAPIError, auth.GoogleAuthError) as error:
        raise failure_of(error) from error
    finally:
        account.close()


def failure_of(error: Exception) -> StoreFailure:
    """A failure for an error of Google's packages."""
    if isinstance(error.__cause__, StoreFailure):
        return error.__cause__
    status = getattr(error, "code", None)
    words = getattr(error, "message", None) or str(error.args[0] if error.args else error)
    if isinstance(status, int):
        return StoreFailure(
            reason_of_status(status), f"Google answers {int(status)}: {words}", passing=status in _PASSING
        )
    passing = bool(getattr(error, "retryable", False)) or type(error).__name__ == "TransportError"
    return StoreFailure(
        Reason.UNREACHABLE if passing else Reason.CREDENTIALS_REFUSED, f"Google: {words}", passing=passing
    )


def _guarded(session: Any, destinations: Destinations, extra: str) -> Any:
    """The session with every request looked at before it is sent, redirected ones included, answers with an end, and no
    settings from the server's environment (proxies, .netrc)."""
    adapters = needed("requests.adapters", extra)
    broken = needed("urllib3.exceptions", extra).HTTPError

    class Guard(adapters.HTTPAdapter):  # type: ignore[misc, name-defined]  # the package is optional
        def send(self, request: Any, *args: Any, **options: Any) -> Any:
            endpoint = destinations.endpoint_now(request.url)
            if endpoint.url != request.url:
                request = request.copy()
                request.headers["Host"] = urlsplit(request.url).netloc
                request.url = endpoint.url
            try:
                return _bounded(super().send(request, *args, **options))
            except broken as error:
                raise StoreFailure(
                    Reason.UNREACHABLE, f"the server's answer breaks off: {error}", passing=True
                ) from error

    session.mount("https://", Guard(max_retries=0))
    session.mount("http://", Guard(max_retries=0))
    session.trust_env = False
    return session


def _bounded(response: Any) -> Any:
    """The answer, read whole. StoreFailure when it is larger or takes longer than any answer of a store."""
    content, ends_at = bytearray(), time.monotonic() + WRITE_SECONDS
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
        content += piece
        if len(content) > _MOST_ANSWER_BYTES or time.monotonic() > ends_at:
            response.close()
            raise StoreFailure(Reason.STORE_TIMEOUT, "the server's answer has no end", passing=True)
    response.raw = BytesIO(content)
    return response
