"""Fixtures and markers that every test may use."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.serving import server
from tests.storage.databases import database, database_url, postgres_template, sqlite_template

__all__ = ["database", "database_url", "postgres_template", "server", "sqlite_template"]


# A busy machine is no fault of the code. CI looks at the same examples every time; elsewhere each run tries new ones.
settings.register_profile(
    "quinta", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("quinta")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "postgres: needs PostgreSQL at QUINTA_TEST_POSTGRES_URL (script/test starts one)"
    )
