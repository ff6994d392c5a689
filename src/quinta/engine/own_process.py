"""A process beside the server that calls our own functions, so that neither their work nor what they need of memory is
the server's.

It gets a pickled call and answers with a pickled outcome, each behind its length. It runs our own code only; what is
hostile is in the arguments. It ends with the server, however that ends: its input closes.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import pickle
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Any, ParamSpec, TypeVar

from quinta.core.errors import InvalidInput, QuintaError, StateConflict, TooLarge, Unavailable

_LENGTH = struct.Struct(">Q")
_NICENESS = 5

P = ParamSpec("P")
R = TypeVar("R")


class OwnFunction:
    """A function of ours by its name, with its first arguments: the server never loads what only the process needs.

    Where packages that it needs are not installed, StateConflict says ``missing``.
    """

    def __init__(self, module: str, name: str, *arguments: Any, missing: str) -> None:
        self._module = module
        self._name = name
        self._arguments = arguments
        self._missing = missing

    def __call__(self, *arguments: Any) -> Any:
        try:
            module = importlib.import_module(self._module)
        except ImportError as error:
            raise StateConflict(self._missing) from error
        return getattr(module, self._name)(*self._arguments, *arguments)


class OwnProcess:
    """Starts with the first call, and again after it has ended. Calls are made one after the other.

    ``memory_bytes`` is its address space, ``limit_seconds`` the longest that one call may take: a process that is
    stopped takes for ever. ``what`` names it to callers that lose it, ``too_large`` is said where the memory is too
    little for a call, ``too_long``, if there is one, where the time is: such a call is not worth another try.
    """

    def __init__(
        self, what: str, too_large: str, memory_bytes: int, limit_seconds: float, too_long: str | None = None
    ) -> None:
        self.limit_seconds = limit_seconds
        self._what = what
        self._too_large = too_large
        self._too_long = too_long
        self._memory_bytes = memory_bytes
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_unwanted = False  # what is under way, also where its process only starts as yet

    @property
    def is_busy(self) -> bool:
        return self._turn.locked()

    async def call(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """What ``function`` returns; what it raises of our family is raised. TooLarge when it needs too much memory,
        Unavailable when the process is lost meanwhile or takes too long."""
        await self._turn.acquire()  # a call that is given up while it waits costs the others nothing
        return await self.in_turn(function, *arguments, **named)

    async def call_or_end(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """``call``, for what must not go on when nobody waits for it: who gives up this call ends the process, but not
        while another call has the turn."""
        await self._turn.acquire()
        try:
            return await self.in_turn(function, *arguments, **named)
        except asyncio.CancelledError:
            self._end()
            raise

    async def in_turn(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """``call``, for who has taken the turn, which this gives up."""
        self._is_unwanted = False
        # Shielded, or the next call would find the answer to one that was given up.
        outcome = await asyncio.shield(self._ended((function, arguments, named)))
        if isinstance(outcome, QuintaError):
            raise outcome
        result: R = outcome
        return result

    def close(self) -> None:
        """Ends the process, and what it is doing; a later call would start it again."""
        self._end()
        if not self._turn.locked():  # or else the exchange, which reads of it, clears it away
            self._clear()

    def _end(self) -> None:
        self._is_unwanted = True
        if self._process is not None:
            self._process.kill()

    def _clear(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    async def _ended(self, call: tuple[Any, ...]) -> Any:
        try:
            exchange = asyncio.create_task(asyncio.to_thread(self._exchange, call))
            await asyncio.wait({exchange}, timeout=self.limit_seconds)
            if exchange.done():
                return await exchange
            self._end()  # which ends the exchange
            try:
                return await exchange
            except Unavailable:
                if self._too_long is None:
                    raise
                raise TooLarge(self._too_long) from None
        finally:
            self._turn.release()

    def _exchange(self, call: tuple[Any, ...]) -> Any:
        if self._process is None or self._process.poll() is not None:
            self._clear()
            program = f"from {__name__} import main; main({self._memory_bytes}, {self._too_large!r})"
            command = [sys.executable, "-P", "-c", program]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process = self._process
        if self._is_unwanted:
            process.kill()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _write(process.stdin, call)
            return _read(process.stdout)
        except (OSError, EOFError):
            self._clear()
            raise Unavailable(f"the process that {self._what} ended: try again") from None


def main(memory_bytes: int, too_large: str) -> None:
    """The program of the process: one call after the other, until the input closes."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # Libraries print, DuckDB a bar of progress after two seconds: that must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    gc.disable()  # looking for cycles makes large texts take up to six times as long
    while True:
        try:
            function, arguments, named = _read(sys.stdin.buffer)
        except EOFError:
            return
        try:
            outcome: Any = function(*arguments, **named)
        except QuintaError as error:
            outcome = error
        except MemoryError:
            outcome = TooLarge(too_large)
        _write(answers, outcome)
        del arguments, outcome
        gc.collect(0)  # a statement is a tree whose branches know their parents; older objects are not looked at


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
