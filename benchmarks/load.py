"""A load generator: keeps N connections busy with one request, each connection with one request at a time.

Runs as a process of its own, so that it does not share an event loop with what it measures. It reads a JSON object
from standard input (``host``, ``port``, ``connections``, ``seconds``, ``request``, ``expect``) and writes one to
standard output (``requests``, ``seconds``, ``p50``, ``p99`` in milliseconds, ``processor`` seconds it used itself).
HTTP/1.1 by hand on asyncio protocols and uvloop: a general client would cost more than the server it measures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
CHUNKED = b"transfer-encoding: chunked"
LAST_CHUNK = b"\r\n0\r\n\r\n"


class UnexpectedAnswer(Exception):
    """An answer was not the one that all answers should be."""


class Connection(asyncio.Protocol):
    """One connection: sends the request again as soon as its answer is complete, until ``deadline``."""

    def __init__(self, request: bytes, expect: bytes, deadline: float) -> None:
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._expect = expect
        self._deadline = deadline
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return
        total = _length(self._buffer, end)
        if total is None:
            self._fail("an answer without Content-Length")
            return
        if len(self._buffer) < total:
            return
        now = time.perf_counter()
        if not self._buffer.startswith(b"HTTP/1.1 200") or self._expect not in self._buffer:
            self._fail("an unexpected answer")
            return
        self._buffer = self._buffer[total:]
        self.latencies.append(now - self._sent_at)
        if now < self._deadline:
            self._send()
        else:
            self._finish()

    def _fail(self, what: str) -> None:
        if not self.done.done():
            self.done.set_exception(UnexpectedAnswer(f"{what}: {self._buffer[:500]!r}"))
        self._close()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(UnexpectedAnswer(f"the server closed a connection ({error})"))


def _length(answer: bytes, end: int) -> int | None:
    """Bytes of an answer whose head ends at ``end``: more than there are while it is not whole; None: not said."""
    head, start = answer[:end].lower(), end + len(HEAD_END)
    if CHUNKED in head:
        last = answer.find(LAST_CHUNK, start)
        return len(answer) + 1 if last < 0 else last + len(LAST_CHUNK)
    at = head.find(LENGTH)
    if at < 0:
        return None
    line_end = head.find(b"\r\n", at)
    return start + int(head[at + len(LENGTH) : line_end if line_end >= 0 else len(head)])


async def measure(host: str, port: int, connections: int, seconds: float, request: bytes, expect: bytes) -> list[float]:
    """Returns the seconds that each request took, sorted. Raises UnexpectedAnswer at the first wrong answer."""
    loop = asyncio.get_running_loop()
    deadline = time.perf_counter() + seconds
    protocols: list[Connection] = []
    for _ in range(connections):
        _, protocol = await loop.create_connection(lambda: Connection(request, expect, deadline), host, port)
        protocols.append(protocol)
    await asyncio.wait_for(asyncio.gather(*(protocol.done for protocol in protocols)), seconds + 60)
    return sorted(latency for protocol in protocols for latency in protocol.latencies)


def main() -> None:
    order = json.load(sys.stdin)
    begun = time.perf_counter()
    latencies = uvloop.run(
        measure(
            order["host"],
            order["port"],
            order["connections"],
            order["seconds"],
            order["request"].encode(),
            order["expect"].encode(),
        )
    )
    took = time.perf_counter() - begun
    result = {
        "requests": len(latencies),
        "seconds": took,
        "p50": latencies[len(latencies) // 2] * 1000,
        "p99": latencies[int(len(latencies) * 0.99)] * 1000,
        "processor": time.process_time(),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
