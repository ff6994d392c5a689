"""The process that calls our own functions (engine/own_process.py)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from quinta.core.errors import TooLarge
from quinta.engine.own_process import OwnProcess


@pytest.fixture
def process() -> Iterator[OwnProcess]:
    process = OwnProcess("does work", "too large", memory_bytes=1 << 30, limit_seconds=60.0)
    yield process
    process.close()


async def test_calls_are_answered_one_after_the_other(process: OwnProcess) -> None:
    assert await asyncio.gather(*(process.call(pow, 2, number) for number in range(5))) == [1, 2, 4, 8, 16]


async def test_what_a_library_prints_is_no_answer(process: OwnProcess) -> None:
    assert await process.call(os.write, 1, b"80 % done") == 9
    assert await process.call(print, "done", flush=True) is None
    assert await process.call(pow, 2, 3) == 8


async def test_too_much_memory_is_said_and_the_process_goes_on(process: OwnProcess) -> None:
    with pytest.raises(TooLarge, match="too large"):
        await process.call(bytes, 1 << 40)
    assert await process.call(pow, 2, 3) == 8
