"""Fixtures and markers that every test may use."""

from __future__ import annotations

import pytest

from tests.serving import server
from tests.storage.databases import database, database_url, postgres_template, sqlite_template

__all__ = ["database", "database_url", "postgres_template", "server", "sqlite_template"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "postgres: needs PostgreSQL at QUINTA_TEST_POSTGRES_URL (script/test starts one)"
    )
