"""Calls to the server's VersionTwo interface. Nothing else of this command speaks HTTP."""

from __future__ import annotations

import http.client
import ipaddress
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from quinta.cli.version2.failures import ApiFailure, ExitCode, Failure

TIMEOUT_SECONDS = 30.0
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
PAGE_SIZE = 100
"""The largest that lists allow (contract versiontwo 6)."""
MOST_LIMITED_TRIES = 3
"""Each waits for the end of a window of 60 s: more of them would look like a command that hangs."""
LONGEST_WAIT_SECONDS = 60.0
_NOT_THERE = (502, 503, 504)
"""What a server says while it starts or ends, or a proxy in front of it: to wait is what helps."""

Query = Mapping[str, str | int | None]


class _NoRedirects(HTTPRedirectHandler):
    """The interface has none (contract versiontwo 1), and following one would hand the key to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def path(*segments: str) -> str:
    """A path below the interface's root, each segment escaped: ``path("projects", id)`` is ``/projects/<id>``."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def endpoint_of(text: str) -> str:
    """The root of the interface in ``text``, without a slash at its end; ``/v1`` is added where there is no path.

    Raises Failure (CONFIGURATION) when it is no http or https address.
    """
    try:
        parts = urlsplit(text.strip())
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
        fine = fine and parts.port != 0 and text.isprintable() and " " not in text.strip()
    except ValueError:
        fine = False
    if not fine:
        raise Failure(
            ExitCode.CONFIGURATION, f"the endpoint {text!r} is no address such as https://quinta.example.com/v1"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"


def is_loopback(endpoint: str) -> bool:
    """Whether the endpoint is on this machine."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its JSON (None when it has no body), and its headers."""

    body: Any
    headers: Message


class Api:
    """The server at ``endpoint`` (from ``endpoint_of``), asked with ``key``.

    ``note`` is told what a person may wonder about (waiting for the rate limit), ``trace`` each call with its time.
    All methods raise ApiFailure for a refusal and Failure (NETWORK) when there is no answer within 30 s.
    """

    def __init__(
        self,
        endpoint: str,
        key: str | None,
        note: Callable[[str], None],
        trace: Callable[[str], None],
        agent: str = "version2",
    ) -> None:
        self.endpoint = endpoint
        self._key = key
        self._note = note
        self._trace = trace
        self._agent = agent
        # A proxy cannot reach this machine by its own name for itself.
        proxies = [ProxyHandler({})] if is_loopback(endpoint) else []
        self._opener: OpenerDirector = build_opener(_NoRedirects, *proxies)

    def get(self, path: str, query: Query | None = None) -> Any:
        return self.call("GET", path, query=query).body

    def post(self, path: str, body: object) -> Any:
        return self.call("POST", path, body).body

    def patch(self, path: str, body: object) -> Any:
        return self.call("PATCH", path, body).body

    def delete(self, path: str) -> None:
        self.call("DELETE", path)

    def pages(self, path: str, wrapper: str, query: Query | None = None, most: int | None = None) -> list[Any]:
        """The items below ``wrapper`` of all pages of a list, ``most`` at most, in the server's order."""
        found: list[Any] = []
        for page in self.each_page(path, wrapper, query, most):
            found += page
            if most is not None and len(found) >= most:
                return found[:most]
        return found

    def each_page(
        self, path: str, wrapper: str, query: Query | None = None, most: int | None = None
    ) -> Iterator[list[Any]]:
        """The pages one by one; asks for the next only when it is wanted."""
        wanted: dict[str, str | int | None] = {"limit": min(most or PAGE_SIZE, PAGE_SIZE), **(query or {})}
        while True:
            answer = self.get(path, wanted)
            if not isinstance(answer, dict) or not isinstance(answer.get(wrapper), list):
                raise self._strange(f"a list without {wrapper!r}")
            yield answer[wrapper]
            cursor = answer.get("next_cursor")
            if not cursor:
                return
            wanted["cursor"] = cursor

    def call(self, method: str, path: str, body: object = None, query: Query | None = None) -> Answer:
        """One call; waits and tries again when the rate limit refused it, which is before anything was done."""
        for attempt in range(1, MOST_LIMITED_TRIES + 1):
            try:
                return self._once(self._request(method, path, body, query))
            except _Limited as limited:
                if attempt == MOST_LIMITED_TRIES:
                    raise limited.failure from None
                self._note(f"the rate limit is reached; going on in {limited.seconds:.0f} s")
                time.sleep(limited.seconds)
        raise AssertionError("unreachable")

    def health(self) -> Answer:
        """The server's ``/health``, which is outside the interface and needs no key."""
        parts = urlsplit(self.endpoint)
        return self._once(Request(f"{parts.scheme}://{parts.netloc}/health", headers={"User-Agent": self._agent}))

    def _request(self, method: str, path: str, body: object, query: Query | None) -> Request:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self.endpoint}{path}" + (f"?{urlencode(given)}" if given else "")
        headers = {"Accept": "application/json", "User-Agent": self._agent}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None
        if body is not None:
            data = json.dumps(body, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        return Request(url, data, headers, method=method)

    def _once(self, request: Request) -> Answer:
        start = time.monotonic()
        try:
            status, headers, data = self._exchange(request)
        except TimeoutError:
            raise self._unreachable(f"no answer within {TIMEOUT_SECONDS:.0f} s") from None
        except URLError as error:
            reason = error.reason
            if isinstance(reason, TimeoutError):
                raise self._unreachable(f"no connection within {TIMEOUT_SECONDS:.0f} s") from None
            raise self._unreachable(_plain_reason(reason)) from None
        except (http.client.HTTPException, OSError) as error:
            raise self._unreachable(f"the connection broke ({error or type(error).__name__})") from None
        spent = (time.monotonic() - start) * 1000
        number = f" {headers['X-Request-Id']}" if headers.get("X-Request-Id") else ""
        self._trace(f"{request.get_method()} {request.full_url} {status} {spent:.0f} ms{number}")
        if 200 <= status < 300:
            return Answer(self._parsed(status, headers, data) if data else None, headers)
        raise self._refusal(status, headers, data)

    def _exchange(self, request: Request) -> tuple[int, Message, bytes]:
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as reply:
                return reply.status, reply.headers, reply.read(LARGEST_ANSWER_BYTES)
        except HTTPError as refused:
            with refused:
                return refused.code, refused.headers, refused.read(LARGEST_ANSWER_BYTES)

    def _parsed(self, status: int, headers: Message, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError:
            kind = headers.get("Content-Type") or "no Content-Type"
            raise self._strange(f"HTTP {status} with {kind} instead of JSON") from None

    def _refusal(self, status: int, headers: Message, data: bytes) -> Failure:
        if 300 <= status < 400:
            return self._strange(f"a redirect to {headers.get('Location')!r}, which is not followed")
        if status in _NOT_THERE:
            return self._unreachable(f"it is not ready (HTTP {status})")
        answer = self._parsed(status, headers, data)
        try:
            error = answer["error"]
            name, message = str(error["code"]), str(error["message"])
        except (KeyError, TypeError):
            return self._strange(f"HTTP {status} without an error")
        details = error.get("details") if isinstance(error.get("details"), dict) else {}
        failure = ApiFailure(status, name, _line(status, message, details))
        if status == 429:
            raise _Limited(failure, _seconds(headers.get("Retry-After")))
        return failure

    def _unreachable(self, why: str) -> Failure:
        return Failure(
            ExitCode.NETWORK, f"cannot reach {self.endpoint}: {why}; is the server running, and api.endpoint right?"
        )

    def _strange(self, what: str) -> Failure:
        return Failure(
            ExitCode.GENERAL, f"{self.endpoint} answered {what}: no VersionTwo server there; is api.endpoint right?"
        )


class _Limited(Exception):
    def __init__(self, failure: ApiFailure, seconds: float) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.seconds = seconds


def _seconds(retry_after: str | None) -> float:
    try:
        return min(max(float(retry_after or ""), 1.0), LONGEST_WAIT_SECONDS)
    except ValueError:
        return LONGEST_WAIT_SECONDS


def _plain_reason(reason: object) -> str:
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror[:1].lower() + reason.strerror[1:]
    return str(reason)


def _line(status: int, message: str, details: Mapping[str, Any]) -> str:
    """The server's message in one line, with what a report of the trouble needs."""
    text = " ".join(message.split()).rstrip(".")
    field, reason = details.get("field"), details.get("reason")
    if field and str(field) not in text:
        text += f" ({field}: {reason})" if reason else f" ({field})"
    if status == 401:
        text += "; run 'version2 auth login'"
    if status >= 500 and details.get("request_id"):
        text += f" (request {details['request_id']})"
    return text
