"""A real server, the real client, and models that echo: shared by the tests of one worker process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from ubiops import ApiClient, Configuration, CoreApi

from tests.dialects.ubiops.fields import FIELDS
from tests.dialects.ubiops.people import PASSWORD, People
from tests.models import ModelDoor, new_model, new_project
from tests.serving import RunningServer, server

__all__ = ["PASSWORD", "server"]

PACKAGES = Path(__file__).parents[2] / "packages"


def package(name: str) -> dict[str, str]:
    """The text files of one of the packages that tests deploy."""
    folder = PACKAGES / name
    files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in files}


def core_api(server: RunningServer, token: str | None = None) -> CoreApi:
    """The real client, as its own documentation sets it up."""
    configuration = Configuration(
        host=f"{server.url}/v2.1", api_key={"Authorization": f"Token {token or server.token}"}
    )
    return CoreApi(ApiClient(configuration))


@pytest.fixture(autouse=True, scope="session")
def no_faults(server: RunningServer) -> Iterator[None]:
    """Whatever the tests sent, the server answered no call with a fault of its own."""
    yield
    assert [line for line in server.output if "request_failed" in line] == []


@pytest.fixture(scope="session")
def door(server: RunningServer) -> Iterator[httpx2.Client]:
    """Raw HTTP as the administrator."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def stranger(server: RunningServer) -> Iterator[httpx2.Client]:
    """Raw HTTP as someone who belongs to no organization of the others."""
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    with server.client() as client:
        new = {"email": email, "password": PASSWORD, "terms_conditions": True}
        assert client.post("/v2.1/user", json=new).status_code == 201
        token = client.post("/v2.1/authorize", json={"email": email, "password": PASSWORD}).json()["access"]
    with server.client(token) as client:
        yield client


@pytest.fixture
def people(server: RunningServer, door: httpx2.Client) -> Iterator[People]:
    """Makes people with and without a place; they are signed off when the test ends."""
    people = People(server, door)
    yield people
    people.close()


@pytest.fixture
def api(server: RunningServer) -> Iterator[CoreApi]:
    """The real client as the administrator."""
    api = core_api(server)
    yield api
    api.api_client.close()


@pytest.fixture
def project(door: httpx2.Client) -> str:
    """A project that no other test has."""
    return new_project(door)


@pytest.fixture(scope="session")
def echo(door: httpx2.Client) -> ModelDoor:
    """A model with a field of every data type but blob, in and out; it answers what it gets."""
    return new_model(door, package("fields"), inputs=FIELDS, outputs=FIELDS, model="echo")


@pytest.fixture(scope="session")
def plain(door: httpx2.Client) -> ModelDoor:
    """A plain model that answers what it gets."""
    return new_model(door, package("echo"), model="plain")
