"""A real server without a limit of calls, and people with a key each on it, shared by the tests of one worker
process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.versiontwo.house import Door, House
from tests.serving import RunningServer, serving

SETTINGS = {
    "QUINTA_RATE_LIMIT": "0",
    "QUINTA_WEBHOOK_ALLOW_PRIVATE": "true",
    "QUINTA_WEBHOOK_RETRY_SECONDS": "1",
}


@pytest.fixture(scope="session")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("server") / "data", SETTINGS) as running:
        yield running
        assert [line for line in running.output if "request_failed" in line] == []


@pytest.fixture(scope="session")
def house(unlimited: RunningServer) -> Iterator[House]:
    house = House(unlimited)
    yield house
    house.close()


@pytest.fixture
def door(house: House) -> Door:
    """Someone with nothing yet."""
    return house.person()


@pytest.fixture(scope="session")
def stranger(house: House) -> Door:
    """Someone else."""
    return house.person()
