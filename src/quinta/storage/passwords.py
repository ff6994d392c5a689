"""Passwords hashed with argon2id at the library's defaults (64 MiB, about 0.1 s), two at a time, off the loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 2


class Argon2Passwords:
    """core.ports.Passwords with argon2."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None  # compared with where there is no account, so that both take as long

    async def hash(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        if password_hash is None:
            if self._nobody is None:
                self._nobody = await self.hash("nobody has this password")
            await self._verified(self._nobody, password)
            return False
        return await self._verified(password_hash, password)

    async def _verified(self, password_hash: str, password: str) -> bool:
        async with self._places:
            try:
                return await asyncio.to_thread(self._hasher.verify, password_hash, password)
            except (VerificationError, InvalidHashError):
                return False
