"""uvicorn's HTTP protocol with bounds that it lacks: on the size of a request's head, its time, how many may wait, and
on callers that send a body or take an answer so slowly that they never end.

Measured without them: 150 MB of short header lines from a caller without a key took 2.2 GB of memory. And with answers
sent whole: uvicorn writes head and body apart, which wakes the caller twice.
"""

from __future__ import annotations

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES = 65_536
"""For request line and headers together, beyond the piece (256 KiB at most) in which they begin; other servers allow
8 to 64 KiB."""
HEAD_SECONDS = 30.0
LINGER_SECONDS = 1.0
"""How long what a refused caller still sends is taken and dropped. The kernel answers bytes that nobody reads with a
reset, and most clients then give up before they read why."""
LEAST_BYTES_A_SECOND = 1_024
"""Of a body on its way in, and of an answer on its way out, once the caller makes the server wait for it."""
MOST_WAITING = 1_000
"""Requests of one connection that wait for the answers before theirs. uvicorn reads on after every answer: 8 MB of
short requests took 280 MB of memory, and nothing ended that."""

JOINED_BYTES = 65_536
"""A first piece of a body up to this size is sent together with the head; copying a larger one would cost more."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class WholeAnswer:
    """The transport of one answer, as uvicorn uses it: its first write, the head, goes out with its second."""

    __slots__ = ("_head", "_started", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._started = False

    def write(self, data: bytes) -> None:
        if self._started or data == _CONTINUE:
            self._transport.write(data)
        elif not self._head:
            self._head = data
        elif len(data) <= JOINED_BYTES:
            self._started = True
            self._transport.write(self._head + data)
        else:
            self._send_head()
            self._transport.write(data)

    def close(self) -> None:
        if not self._started:  # the application ended without a body
            self._send_head()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _send_head(self) -> None:
        self._started = True
        self._transport.write(self._head)


class BoundedHttp(HttpToolsProtocol):
    """Answers 431 to a head that is too large and 408 to a head or a body that takes too long, then closes the
    connection; closes it when too many requests wait, or when an answer is not taken.

    A request that comes in one piece, as nearly all do, and an answer that fits into the kernel's buffer cost no timer.
    """

    patience_seconds = 30.0
    """How long a body or an answer may stay below ``LEAST_BYTES_A_SECOND``; see ``patient``."""
    url = b""
    _in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _in_body = False
    _body_bytes = 0
    _body_since = 0.0
    _body_timer: asyncio.TimerHandle | None = None
    _answer_timer: asyncio.TimerHandle | None = None
    _refused: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        for timer in (self._body_timer, self._answer_timer, self._refused):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused is not None:
            return
        head = self.headers
        super().data_received(data)
        if self._in_head:
            if self.headers is head:  # all of the piece belongs to the head that was being read before it
                self._head_bytes += len(data)
                if self._head_bytes > HEAD_BYTES:
                    self._refuse_head()
                    return
            self._watch()
        elif self._deadline is not None:
            self._unwatch()
        if self._in_body and self._body_timer is None:
            self._watch_body(self.patience_seconds)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._body_bytes, self._body_since = 0, self.loop.time()
        if len(self.pipeline) < MOST_WAITING:
            super().on_headers_complete()
            if self.cycle is not None and self.scope["method"] != "HEAD":  # whose answer has no second write
                self.cycle.transport = WholeAnswer(self.transport)  # type: ignore[assignment]  # all of it that is used
        else:
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._answer_timer is None:
            self._watch_answer()

    def send_400_response(self, msg: str) -> None:
        if len(self.url) > HEAD_BYTES:  # the parser takes no longer one; it came in one piece, before it was counted
            self._refuse_head()
        else:
            self._refuse(400, "this is no HTTP request that can be read")

    def _watch(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self._answering:  # reading may be paused meanwhile: not the caller's fault
            self._watch()
        else:
            self._refuse(408, f"the request line and the headers took longer than {HEAD_SECONDS:.0f} seconds")

    def _watch_body(self, seconds: float) -> None:
        self._body_timer = self.loop.call_later(seconds, self._look_at_body)

    def _look_at_body(self) -> None:
        """A timer that lives as long as bodies come in pieces: none is set and cancelled with each of them."""
        self._body_timer = None
        if not self._in_body or self.transport.is_closing():
            return
        now = self.loop.time()
        if (left := self._body_since + self.patience_seconds - now) > 0:  # another body than when the timer was set
            self._watch_body(left)
            return
        ours = self.flow.read_paused or self.cycle.waiting_for_100_continue  # the server has not asked for more yet
        if ours or self._body_bytes >= self.patience_seconds * LEAST_BYTES_A_SECOND:
            self._body_bytes, self._body_since = 0, now
            self._watch_body(self.patience_seconds)
        elif self.pipeline or self.cycle.response_started:
            self.transport.close()
        else:
            rate = f"less than {LEAST_BYTES_A_SECOND} bytes a second for {self.patience_seconds:.0f} seconds"
            self._write_refusal(408, f"the body comes too slowly: {rate}")
            self.transport.close()

    def _watch_answer(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._answer_timer = self.loop.call_later(self.patience_seconds, self._look_at_answer, left)

    def _look_at_answer(self, before: int) -> None:
        """While an answer waits for its caller, nothing is added to it: what is less has been taken."""
        self._answer_timer = None
        if not self.flow.write_paused:
            return
        if before - self.transport.get_write_buffer_size() < self.patience_seconds * LEAST_BYTES_A_SECOND:
            self.transport.abort()  # close() would wait for the caller to take what is left
        else:
            self._watch_answer()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: int, text: str) -> None:
        """Ends the connection with a status, in the shape of the faces; which of them was meant is not known yet."""
        if self._answering:
            self.transport.close()
        elif self._refused is None and not self.transport.is_closing():
            self._write_refusal(status, text)
            self.transport.write_eof()
            self._refused = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _refuse_head(self) -> None:
        self._refuse(431, f"the request line and the headers are larger than {HEAD_BYTES} bytes")

    def _write_refusal(self, status: int, text: str) -> None:
        body = json.dumps({"error": text}).encode()
        head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + body)

    def _unsupported_upgrade_warning(self) -> None:
        """Says nothing: no face has web sockets, and anybody could fill the log with this."""


def patient(seconds: float) -> type[BoundedHttp]:
    """The protocol for callers that get so many seconds' patience."""
    return type("PatientHttp", (BoundedHttp,), {"patience_seconds": seconds})
