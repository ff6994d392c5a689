"""The process that reads large JSON texts, and whatever else may take long to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from quinta.core.errors import Unavailable
from quinta.engine.own_process import OwnProcess

_MEMORY_BYTES = 4 << 30
"""Address space of the process. The worst 16 MiB of JSON known take 0.7 GB."""

_TOO_LARGE = "the JSON needs more memory than is given to one text: send large data as blobs"

P = ParamSpec("P")
R = TypeVar("R")


class ReadingProcess(OwnProcess):
    """Implements ``core.ports.Apart``.

    Of texts that wait for their turn, ``most_waiting_bytes`` are kept in memory; what comes beyond is refused.
    """

    most_waiting_bytes = 256 << 20
    limit_seconds = 120.0
    """For one text. The worst 16 MiB known take 3 s of a core."""

    def __init__(self) -> None:
        super().__init__("reads large JSON", _TOO_LARGE, _MEMORY_BYTES, self.limit_seconds)
        self._waiting_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes of text that wait for their turn."""
        return self._waiting_bytes

    async def call(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """As ``OwnProcess.call``; Unavailable also when too much waits for it already."""
        size = sum(len(argument) for argument in arguments if isinstance(argument, bytes | str))
        if self._waiting_bytes and self._waiting_bytes + size > self.most_waiting_bytes:
            raise Unavailable("too many large JSON texts wait to be read: try again in a moment")
        self._waiting_bytes += size
        try:
            await self._turn.acquire()
        finally:
            self._waiting_bytes -= size
        return await self.in_turn(function, *arguments, **named)
