"""A scene for each test; what its environments are made of is shared, since they are the same for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quinta.engine.sandbox.sandbox import Sandbox
from quinta.storage.database import Database
from tests.engine.projects.scene import Scene, open_scene
from tests.engine.supervisor.conftest import sandbox

__all__ = ["sandbox"]  # fixtures


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with packages and environments."""
    root = tmp_path_factory.mktemp("store")
    for name in ("packages", "environments"):
        (root / name).mkdir()
    return root


@pytest.fixture
async def scene(database: Database, tmp_path: Path, store: Path, sandbox: Sandbox) -> AsyncIterator[Scene]:
    async with open_scene(database, tmp_path, store, sandbox) as opened:
        yield opened
