"""A real server, and people with a group each on it, shared by the tests of one worker process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.brainstem.house import Door, House
from tests.serving import RunningServer, server

__all__ = ["server"]


@pytest.fixture(autouse=True, scope="session")
def no_faults(server: RunningServer) -> Iterator[None]:
    """Whatever the tests sent, the server answered no call with a fault of its own."""
    yield
    assert [line for line in server.output if "request_failed" in line] == []


@pytest.fixture(scope="session")
def house(server: RunningServer) -> Iterator[House]:
    house = House(server)
    yield house
    house.close()


@pytest.fixture(scope="session")
def door(house: House) -> Door:
    """Someone who owns ``group``."""
    return house.person()


@pytest.fixture(scope="session")
def group(door: Door) -> int:
    return door.new_group()


@pytest.fixture(scope="session")
def stranger(house: House) -> Door:
    """Someone in no group of anybody else's."""
    return house.person()
