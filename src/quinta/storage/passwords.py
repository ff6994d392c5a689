"""Passwords hashed with argon2id at the library's defaults (64 MiB, about 0.1 s), two at a time, off the loop.

Anybody may ask for a hash, by signing in or opening an account: what waits is bounded, so that whoever asks for
thousands takes two threads' time and delays others by seconds, not by minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from quinta.core.errors import Unavailable

_AT_ONCE = 2
MOST_WAITING = 50
"""About five seconds of both places on a slow core."""

P = ParamSpec("P")
R = TypeVar("R")


class Argon2Passwords:
    """core.ports.Passwords with argon2."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobody: str | None = None  # compared with where there is no account, so that both take as long

    async def hash(self, password: str) -> str:
        return await self._in_turn(self._hasher.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        if password_hash is None:
            if self._nobody is None:
                self._nobody = await self.hash("nobody has this password")
            await self._verified(self._nobody, password)
            return False
        return await self._verified(password_hash, password)

    async def _verified(self, password_hash: str, password: str) -> bool:
        try:
            return await self._in_turn(self._hasher.verify, password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, step: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Unavailable when too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many passwords wait to be checked: try again in a moment")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            return await asyncio.to_thread(step, *arguments, **named)
        finally:
            self._places.release()
