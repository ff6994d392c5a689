"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(get: Callable[[], T], done: Callable[[T], bool], seconds: float = 90) -> T:
    """Asks ``get`` until ``done`` likes the answer, which is returned; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done(found := get()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found
