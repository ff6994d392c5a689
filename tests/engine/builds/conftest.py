"""Builders with the real sandbox of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quinta.engine.builds.build import BuildSettings, PackageBuilder
from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.sandbox import Sandbox

MakeBuilder = Callable[..., PackageBuilder]


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return detect()


@pytest.fixture
def make_builder(tmp_path: Path, sandbox: Sandbox) -> MakeBuilder:
    """Builders on the same two folders, ``tmp_path/packages`` and ``tmp_path/environments``. Keyword arguments go to
    BuildSettings. The interpreter that runs the tests is the only one, so that they are the same on every machine."""

    def make(**settings: Any) -> PackageBuilder:
        chosen = BuildSettings(**{"search_path": "", "index_environment": os.environ, **settings})
        return PackageBuilder(tmp_path / "packages", tmp_path / "environments", sandbox, chosen)

    return make


@pytest.fixture
def log() -> list[str]:
    return []
