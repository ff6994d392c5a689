"""The worker's end of the socket to the supervisor, on a bare descriptor: importing socket would cost 3 ms."""

from __future__ import annotations

import os
from collections import deque
from typing import Deque, Optional, Tuple

from quinta.wire.messages import Decoder, Message, encode

# One read. From 128 KiB on, C's malloc would map and unmap the buffer for each request: 2 page faults, 20 microseconds.
_READ_BYTES = 64 << 10


class Channel:
    """Sends and receives whole messages, blocking."""

    def __init__(self, descriptor: int) -> None:
        # Programs that the user's code starts must not hold the socket open.
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._owner = os.getpid()
        self._decoder = Decoder()
        self._received: Deque[Tuple[Message, bytes]] = deque()

    def receive(self) -> Optional[Tuple[Message, bytes]]:
        """The next message and its payload; None when the supervisor is gone."""
        while not self._received:
            data = os.read(self._descriptor, _READ_BYTES)
            if not data:
                return None
            self._received.extend(self._decoder.feed(data))
        return self._received.popleft()

    def send(self, message: Message, payload: bytes = b"") -> None:
        """Sends one message. In a process that the user's code forked and let return, it ends that process instead:
        two processes answering one request would break the protocol."""
        if os.getpid() != self._owner:
            os._exit(0)
        rest = memoryview(encode(message, payload))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
