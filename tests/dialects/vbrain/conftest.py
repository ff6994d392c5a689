"""A real server and one organization on it, shared by the tests of one worker process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.vbrain.house import NEVER_RUN, Door, House
from tests.serving import RunningServer, server, serving

__all__ = ["server"]

SMALL_LIMITS = {
    "QUINTA_MAXIMUM_UPLOAD_BYTES": "200000",
    "QUINTA_MAXIMUM_BODY_BYTES": "150000",
    "QUINTA_TIME_ZONE": "America/Sao_Paulo",
}


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
    """A client of the application that tests made, through its leader's door."""
    return house.client()


@pytest.fixture(scope="session")
def waiting(house: House) -> Door:
    """A client of an application whose jobs stay queued."""
    house.never_run()
    return house.client(NEVER_RUN)


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A client on a server with small limits in another zone."""
    with serving(tmp_path_factory.mktemp("elsewhere") / "data", SMALL_LIMITS) as server:
        house = House(server)
        yield house.client()
        house.close()
        assert [line for line in server.output if "request_failed" in line] == []
