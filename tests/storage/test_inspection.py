"""Looking at a database without changing it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from quinta.storage.engines import parse_url
from quinta.storage.inspection import SchemaState, inspect
from quinta.storage.migrate import DatabaseRefused, downgrade


async def write(url: str, statement: str) -> None:
    engine = create_async_engine(parse_url(url))
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def test_the_state_of_the_schema_is_told(database_url: str) -> None:
    found = await inspect(database_url)
    assert (found.state, found.revision) == (SchemaState.CURRENT, found.newest)
    assert found.version
    assert abs(found.clock_seconds) < 5
    await downgrade(parse_url(database_url), "0006")
    found = await inspect(database_url)
    assert (found.state, found.revision) == (SchemaState.OLDER, "0006")
    await write(database_url, "UPDATE alembic_version SET version_num = '9999'")
    assert (await inspect(database_url)).state is SchemaState.NEWER
    await write(database_url, "DROP TABLE alembic_version")
    assert (await inspect(database_url)).state is SchemaState.ABSENT


async def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert (await inspect(f"sqlite:///{tmp_path / 'quinta.db'}")).state is SchemaState.ABSENT
    assert list(tmp_path.iterdir()) == []


async def test_what_cannot_be_used_is_refused_in_one_line(tmp_path: Path, unused_tcp_port: int) -> None:
    (tmp_path / "quinta.db").write_bytes(b"no database at all" * 100)
    for url in (f"sqlite:///{tmp_path / 'quinta.db'}", f"postgresql://someone:secret@127.0.0.1:{unused_tcp_port}/none"):
        with pytest.raises(DatabaseRefused, match="cannot be used") as refused:
            await inspect(url)
        assert "secret" not in str(refused.value)
        assert "\n" not in str(refused.value)
