"""People who track experiments, on the server that all tests of a worker process share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.mlflow.house import Tracker, new_tracker
from tests.dialects.versiontwo.house import House
from tests.serving import RunningServer


@pytest.fixture(scope="session")
def laboratory(server: RunningServer) -> Iterator[House]:
    house = House(server)
    yield house
    house.close()


@pytest.fixture(scope="session")
def tracker(laboratory: House) -> Tracker:
    return new_tracker(laboratory)


@pytest.fixture(scope="session")
def stranger(laboratory: House) -> Tracker:
    return new_tracker(laboratory)
