"""Networks that fail: a way to a server that can be cut, and a server that never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Way:
    """A port that leads to another. ``cuts`` connections to come are closed at once; ``called`` counts all."""

    port: int = 0
    cuts: int = 0
    called: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def way_to(target: int | None, port: int = 0) -> AsyncIterator[Way]:
    """A way to a port of this machine, from ``port``; to None: connections are taken and never answered."""
    way = Way()
    open_ends: set[asyncio.StreamWriter] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way.called += 1
        way.heard.set()
        open_ends.add(writer)
        if way.cuts > 0:
            way.cuts -= 1
            writer.close()
        elif target is not None:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", target)
            open_ends.add(to_writer)
            await asyncio.gather(pipe(reader, to_writer), pipe(to_reader, writer))

    server = await asyncio.start_server(take, "127.0.0.1", port)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        for writer in open_ends:
            writer.close()
        await server.wait_closed()
