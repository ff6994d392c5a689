"""A process beside the server that reads large JSON texts, so that the server does not stand still meanwhile.

It gets a pickled call and answers with a pickled outcome, each behind its length. It runs our own code only; the
hostile part of what it gets is text for the JSON decoder. It ends with the server, however that ends: its input closes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Any, ParamSpec, TypeVar

from quinta.core.errors import InvalidInput, QuintaError, TooLarge, Unavailable

_LENGTH = struct.Struct(">Q")
_MEMORY_BYTES = 4 << 30
"""Address space of the process. The worst 16 MiB of JSON known take 0.7 GB."""
_NICENESS = 5

P = ParamSpec("P")
R = TypeVar("R")


class ReadingProcess:
    """Implements ``core.ports.Apart``. The process starts with the first call, and again after it has ended.

    Of texts that wait for their turn, ``most_waiting_bytes`` are kept in memory; what comes beyond is refused.
    """

    most_waiting_bytes = 256 << 20
    limit_seconds = 120.0
    """For one text. The worst 16 MiB known take 3 s of a core; a process that is stopped takes for ever."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting_bytes = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def waiting_bytes(self) -> int:
        """Bytes of text that wait for their turn."""
        return self._waiting_bytes

    async def call(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """What ``function`` returns; what it raises of our family is raised. TooLarge when it needs too much memory,
        Unavailable when the process is lost meanwhile or takes too long, or when too much waits for it already."""
        size = sum(len(argument) for argument in arguments if isinstance(argument, bytes | str))
        if self._waiting_bytes and self._waiting_bytes + size > self.most_waiting_bytes:
            raise Unavailable("too many large JSON texts wait to be read: try again in a moment")
        self._waiting_bytes += size
        try:
            await self._turn.acquire()  # a call that is given up while it waits costs the others nothing
        finally:
            self._waiting_bytes -= size
        # Shielded, or the next call would find the answer to one that was given up.
        outcome = await asyncio.shield(self._in_turn((function, arguments, named)))
        if isinstance(outcome, QuintaError):
            raise outcome
        result: R = outcome
        return result

    def close(self) -> None:
        """Ends the process; a later call would start it again."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    async def _in_turn(self, call: tuple[Any, ...]) -> Any:
        """Gives up the turn that ``call`` has taken."""
        try:
            exchange = asyncio.create_task(asyncio.to_thread(self._exchange, call))
            await asyncio.wait({exchange}, timeout=self.limit_seconds)
            if not exchange.done() and self._process is not None:
                self._process.kill()  # which ends the exchange
            return await exchange
        finally:
            self._turn.release()

    def _exchange(self, call: tuple[Any, ...]) -> Any:
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [sys.executable, "-P", "-c", f"from {__name__} import main; main()"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _write(process.stdin, call)
            return _read(process.stdout)
        except (OSError, EOFError):
            self.close()
            raise Unavailable("the process that reads large JSON ended: try again") from None


def main() -> None:
    """The program of the process: one call after the other, until the input closes."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    gc.disable()  # nothing here makes cycles, and looking for them makes large texts take up to six times as long
    while True:
        try:
            function, arguments, named = _read(sys.stdin.buffer)
        except EOFError:
            return
        _write(sys.stdout.buffer, _outcome(function, arguments, named))
        del arguments


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        return function(*arguments, **named)
    except QuintaError as error:
        return error
    except MemoryError:
        return TooLarge("the JSON needs more memory than is given to one text: send large data as blobs")


def _write(stream: IO[bytes], value: Any) -> None:
    try:
        content = pickle.dumps(value, protocol=5)
    except RecursionError:  # pickle goes half as deep as the JSON decoder
        content = pickle.dumps(InvalidInput("the body is nested too deeply"), protocol=5)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def _read(stream: IO[bytes]) -> Any:
    """Raises EOFError when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return pickle.loads(content)  # noqa: S301  # both sides are this file
