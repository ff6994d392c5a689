"""One call to a receiver: a POST over HTTP/1.1 to an address that was looked at (decision 0031).

No client library: what counts here is what is not done. No redirect is followed, no proxy is taken from the
environment, no name is resolved twice, nothing of an answer is kept but its status.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_network
from typing import Final, NamedTuple

import h11

from quinta.core.reasons import Failure, Reason
from quinta.core.webhooks.url import Target, parse_url
from quinta.engine.addresses import HostInside, HostUnknown, addresses_of
from quinta.engine.threads import in_own_thread

CALL_SECONDS: Final = 10.0
"""For all of it: the name, the connection, the call and the answer (contract versiontwo 5.8)."""
MAXIMUM_ANSWER_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 8 * 1024
_EVERYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))

Headers = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    """``status`` is the receiver's, None when there was none; ``failure`` why the call failed, None for a 2xx."""

    status: int | None
    failure: Failure | None


class Caller:
    """Calls receivers, those at addresses that are not public only where ``private`` says so. ``agent`` is how it
    introduces itself. Certificates are those that the machine trusts at the first call by https."""

    def __init__(self, agent: str, private: bool = False, seconds: float = CALL_SECONDS) -> None:
        self._agent = agent
        self._inside = _EVERYWHERE if private else ()
        self._seconds = seconds
        self._tls: ssl.SSLContext | None = None

    async def post(self, url: str, headers: Headers, body: bytes) -> Answer:
        """Sends ``body`` as JSON. Never raises for what the receiver does or is."""
        target = parse_url(url)
        try:
            status = await self._post(target, headers, body)
        except TimeoutError:
            text = f"there was no answer within {self._seconds:g} seconds"
            return Answer(None, Failure(Reason.RECEIVER_TIMEOUT, text))
        except _CallFailed as failed:
            return Answer(None, failed.failure)
        if 200 <= status <= 299:
            return Answer(status, None)
        redirects = " (redirects are not followed)" if 300 <= status <= 399 else ""
        return Answer(status, Failure(Reason.RECEIVER_REFUSED, f"the receiver answered {status}{redirects}"))

    async def _post(self, target: Target, headers: Headers, body: bytes) -> int:
        """The status of the answer; TimeoutError when there is none in time."""
        deadline = asyncio.get_running_loop().time() + self._seconds
        async with asyncio.timeout_at(deadline):
            reader, writer = await self._connect(target)
        exchange = _Exchange(reader)
        try:
            async with asyncio.timeout_at(deadline):
                writer.write(exchange.request(target, [*headers, ("User-Agent", self._agent)], body))
                await writer.drain()
                status = await exchange.status()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await exchange.drop_body()
            return status
        except TimeoutError:  # which is an OSError
            raise
        except OSError as error:
            raise _unreachable(f"the connection broke off: {_words(error)}") from None
        finally:
            # Not closed in good order: that would be up to the receiver, and take as long as it likes.
            writer.transport.abort()

    async def _connect(self, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = target.host.rstrip(".") if target.secure else None
        tls = await self._trusted() if target.secure else None
        trouble: OSError | None = None
        for address in await self._addresses(target):
            try:
                return await asyncio.open_connection(address, target.port, ssl=tls, server_hostname=name)
            except ssl.SSLCertVerificationError as error:
                raise _unreachable(f"its certificate is not valid: {error.verify_message}") from None
            except OSError as error:
                trouble = error
        raise _unreachable(f"no connection could be made: {_words(trouble)}")

    async def _trusted(self) -> ssl.SSLContext:
        """Made when it is needed: to read the machine's certificates takes 55 ms of a processor."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls

    async def _addresses(self, target: Target) -> list[str]:
        try:
            return await in_own_thread(addresses_of, target.host, target.port, self._inside)
        except HostUnknown:
            raise _unreachable(f"the host '{target.host}' cannot be found") from None
        except HostInside:
            text = (
                f"the host '{target.host}' is in a network that webhooks may not reach; the operator of this server "
                "can allow it (QUINTA_WEBHOOK_ALLOW_PRIVATE)"
            )
            raise _CallFailed(Failure(Reason.DESTINATION_REFUSED, text)) from None


class _CallFailed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _Exchange:
    """The call and its answer on one connection."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._connection = h11.Connection(h11.CLIENT)
        self._left = MAXIMUM_ANSWER_BYTES

    def request(self, target: Target, headers: Headers, body: bytes) -> bytes:
        """The bytes of the call."""
        own = [
            ("Host", target.authority),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        events = (
            h11.Request(method="POST", target=target.resource, headers=[*own, *headers]),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        return b"".join(self._connection.send(event) or b"" for event in events)

    async def status(self) -> int:
        """The status of the final answer."""
        try:
            while not isinstance(event := await self._next(), h11.Response):
                if not isinstance(event, h11.InformationalResponse):
                    raise h11.RemoteProtocolError("closed")
        except h11.RemoteProtocolError:
            what = (
                "closed the connection without an answer" if self._reader.at_eof() else "answered what is no HTTP/1.1"
            )
            raise _CallFailed(Failure(Reason.RECEIVER_INVALID_ANSWER, f"the receiver {what}")) from None
        return event.status_code

    async def drop_body(self) -> None:
        """Reads what belongs to the answer, up to the limit, so that the receiver can end in peace."""
        try:
            while isinstance(await self._next(), h11.Data):
                pass
        except (h11.RemoteProtocolError, OSError, _CallFailed):
            return  # the status has said all that counts

    async def _next(self) -> object:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            if self._left <= 0:
                text = f"the receiver answered more than {MAXIMUM_ANSWER_BYTES // 1024} KiB"
                raise _CallFailed(Failure(Reason.RECEIVER_INVALID_ANSWER, text))
            data = await self._reader.read(min(_PIECE_BYTES, self._left))
            self._left -= len(data)
            self._connection.receive_data(data)
        return event


def _unreachable(text: str) -> _CallFailed:
    return _CallFailed(Failure(Reason.RECEIVER_UNREACHABLE, f"the receiver cannot be reached: {text}"))


def _words(error: OSError | None) -> str:
    """What the system or the TLS library calls it, without addresses."""
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({(error.reason or 'unknown').lower().replace('_', ' ')})"
    return os.strerror(error.errno).lower() if error is not None and error.errno else "it was closed"
