"""People on the server that all tests of one worker process share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.dq0.house import Door, House
from tests.serving import RunningServer


@pytest.fixture(scope="session")
def house(server: RunningServer) -> Iterator[House]:
    house = House(server)
    yield house
    house.close()


@pytest.fixture(scope="session")
def owner(house: House) -> Door:
    """Someone who brings data."""
    return house.person("owner")


@pytest.fixture(scope="session")
def scientist(house: House) -> Door:
    """Someone who works with others' data."""
    return house.person("user")
