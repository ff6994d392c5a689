"""Receivers of webhooks, good and bad: what they do with a call is one function each."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

DEADLINE = 60.0


@dataclass
class Call:
    """A call as it came: the first line, headers by lower-case name, the raw body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Does with its calls what ``behaviours`` say, one after the other; the last one stays."""

    behaviours: Sequence[Behaviour]
    port: int = 0
    calls: list[Call] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=value"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for something that calls bring about."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_called(self, times: int = 1) -> None:
        await self.until(lambda: len(self.calls) >= times)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
                body = await reader.readexactly(int(headers["content-length"]))
                behaviour = self.behaviours[min(len(self.calls), len(self.behaviours) - 1)]
                self.calls.append(Call(head[0], headers, body))
                self.changed.set()
                await behaviour(reader, writer)
        finally:
            self.open -= 1
            self.changed.set()
            writer.transport.abort()


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answers(status: int = 200, body: bytes = b"", **headers: str) -> Behaviour:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    return says("\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode() + body)


def says(raw: bytes) -> Behaviour:
    """Sends these bytes and closes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.write_eof() if writer.can_write_eof() else None
        await reader.read()

    return behave


def for_ever(raw: bytes, first: bytes = b"") -> Behaviour:
    """Sends ``first``, then ``raw`` again and again until the caller goes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not reader.at_eof():
            writer.write(raw)
            await writer.drain()
            await asyncio.sleep(0)

    return behave


def drips(raw: bytes) -> Behaviour:
    """Sends byte by byte, ten milliseconds apart, and then nothing until the caller goes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in raw:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)
        await reader.read()

    return behave


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing until the caller goes."""
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes without an answer."""


@asynccontextmanager
async def receiving(
    *behaviours: Behaviour, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver(behaviours or (answers(),))
    server = await asyncio.start_server(receiver.serve, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.until(lambda: receiver.open == 0)
