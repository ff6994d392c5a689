"""A house for each test, and the servers of the session."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.connectors.clouds import prepare_azurite, prepare_gcs, prepare_moto, prepare_swift
from tests.connectors.databases import finish_mariadb, finish_postgresql, prepare_mariadb, prepare_postgresql
from tests.connectors.google_exchange import Google, running_google
from tests.connectors.house import House, open_house
from tests.connectors.servers import shared_server


@pytest_asyncio.fixture
async def house(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[House]:
    """A house on SQLite: what drivers do does not hang on the store behind."""
    path = tmp_path / "quinta.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}", SystemClock())
    await database.start()
    async with open_house(database, tmp_path) as house:
        yield house
    await database.close()


@pytest.fixture(scope="session")
def postgresql_port(tmp_path_factory: pytest.TempPathFactory) -> int:
    """A PostgreSQL that asks for passwords."""
    return int(shared_server(tmp_path_factory, "postgresql", prepare_postgresql, finish_postgresql)["port"])


@pytest.fixture(scope="session")
def mariadb_port(tmp_path_factory: pytest.TempPathFactory) -> int:
    return int(shared_server(tmp_path_factory, "mariadb", prepare_mariadb, finish_mariadb)["port"])


def _nothing_more(facts: dict[str, Any]) -> None:
    """For servers that are ready as soon as they listen."""


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(shared_server(tmp_path_factory, "moto", prepare_moto, _nothing_more)["url"])


@pytest.fixture(scope="session")
def swift_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """OpenStack Swift's S3 interface."""
    return str(shared_server(tmp_path_factory, "swift", prepare_swift, _nothing_more)["url"])


@pytest.fixture(scope="session")
def azurite_port(tmp_path_factory: pytest.TempPathFactory) -> int:
    return int(shared_server(tmp_path_factory, "azurite", prepare_azurite, _nothing_more)["port"])


@pytest.fixture(scope="session")
def gcs_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(shared_server(tmp_path_factory, "gcs", prepare_gcs, _nothing_more)["url"])


@pytest.fixture
def google() -> Iterator[Google]:
    """Google's token service, and what a test makes of BigQuery."""
    with running_google() as google:
        yield google
