"""Connectors to PostgreSQL, against the real one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from quinta.core.connectors.model import ConnectorStatus
from quinta.core.reasons import Failure, Reason
from tests.connectors.databases import PASSWORD, postgresql_url
from tests.connectors.house import House

TABLE = """
    CREATE TABLE "{0}"."Odd ""table""; --" (
        "int" integer, "double" numeric NOT NULL, "string" text, "bool" boolean, "moment" timestamptz,
        "ints" bigint[], "doubles" double precision[], "strings" text[], "as-json" jsonb, "id" uuid,
        "made" integer GENERATED ALWAYS AS IDENTITY, "kept" integer NOT NULL DEFAULT 7
    )
"""
FIELDS = {
    "int": "int", "double": "double", "string": "string", "bool": "bool", "moment": "timestamp", "ints": "array_int",
    "doubles": "array_double", "strings": "array_string", "as-json": "array_string", "id": "string",
}  # fmt: skip
ROW: dict[str, Any] = {
    "int": -5, "double": 1.25, "string": "'; DROP TABLE x; --\\ \" é\U0001f40d", "bool": False,
    "moment": "2026-03-29T03:30:00.5+02:00", "ints": [1, 2**60], "doubles": [1.5, 2], "strings": ["a,b", "{}", '"'],
    "as-json": ["x"], "id": "018f0000-0000-7000-8000-000000000000",
}  # fmt: skip


@pytest_asyncio.fixture
async def admin(postgresql_port: int) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(postgresql_url(postgresql_port))
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def schema(admin: asyncpg.Connection[asyncpg.Record]) -> str:
    """A schema with the table, into which the user ``writer`` may insert."""
    name = f"s{uuid4().hex}"
    await admin.execute(f"CREATE SCHEMA {name}; GRANT USAGE ON SCHEMA {name} TO writer")
    await admin.execute(TABLE.format(name))
    await admin.execute(f"GRANT INSERT ON ALL TABLES IN SCHEMA {name} TO writer")
    return name


def sign_in(port: int, **changes: str) -> dict[str, object]:
    return {"username": "writer", "password": PASSWORD, "host": "127.0.0.1", "port": str(port), **changes}


def place(schema: str) -> dict[str, object]:
    return {"database": "postgres", "schema": schema, "table": 'Odd "table"; --'}


async def test_a_row_of_every_type(
    house: House, postgresql_port: int, schema: str, admin: asyncpg.Connection[asyncpg.Record]
) -> None:
    credentials = await house.sign_in("postgresql", sign_in(postgresql_port))
    assert (credentials.credentials.status, credentials.credentials.error_message) == (ConnectorStatus.AVAILABLE, "")
    connector = await house.connect("postgresql", place(schema), FIELDS)
    assert (connector.connector.status, connector.connector.error_message) == (ConnectorStatus.AVAILABLE, "")
    assert await house.deliver(connector, ROW) is None
    row = dict((await admin.fetch(f'SELECT * FROM {schema}."Odd ""table""; --"'))[0])
    assert row == {
        **ROW,
        "double": Decimal("1.25"),
        "moment": datetime(2026, 3, 29, 1, 30, 0, 500_000, tzinfo=UTC),
        "as-json": '["x"]',
        "id": UUID(ROW["id"]),
        "made": 1,
        "kept": 7,
    }
    assert await house.metrics() == {"requests": 1, "volume": len(json.dumps(ROW))}
    assert await house.logs() == []


BAD_SIGN_IN = [
    ({"password": "wrong-password"}, 'password authentication failed for user "writer"', Reason.CREDENTIALS_REFUSED),
    ({"username": "nobody"}, 'password authentication failed for user "nobody"', Reason.CREDENTIALS_REFUSED),
    ({"host": "no-such-host.invalid"}, "the host 'no-such-host.invalid' cannot be found", Reason.UNREACHABLE),
    ({"host": "10.1.2.3"}, "QUINTA_CONNECTOR_NETWORKS", Reason.DESTINATION_REFUSED),
    ({"port": "1"}, "the server at 127.0.0.1 port 1", Reason.UNREACHABLE),
]


@pytest.mark.parametrize(("change", "text", "reason"), BAD_SIGN_IN, ids=[text for _, text, _ in BAD_SIGN_IN])
async def test_credentials_that_fail(
    house: House, postgresql_port: int, change: dict[str, str], text: str, reason: Reason
) -> None:
    made = await house.sign_in("postgresql", {**sign_in(postgresql_port), **change})
    assert (made.credentials.status, made.credentials.reason) == (ConnectorStatus.FAILED_VERIFICATION, reason)
    assert text in made.credentials.error_message
    assert PASSWORD not in made.credentials.error_message
    assert "wrong-password" not in made.credentials.error_message
    await house.change_credentials(sign_in(postgresql_port))
    await house.until_verified(made.credentials.id, 2)
    good = await house.keeper.get(house.actor, house.project.name, "credentials")
    assert (good.credentials.status, good.credentials.error_message) == (ConnectorStatus.AVAILABLE, "")
    assert good.credentials.reason is None


BAD_PLACES: list[tuple[dict[str, str], dict[str, str], str, Reason]] = [
    ({"table": "none"}, {}, "there is no table 'none' in the schema", Reason.PLACE_MISSING),
    ({"schema": "none"}, {}, "in the schema 'none'", Reason.PLACE_MISSING),
    ({"database": "none"}, {}, 'database "none" does not exist', Reason.PLACE_MISSING),
    ({}, {"unknown": "int"}, "has no column 'unknown'", Reason.PLACE_UNFIT),
    ({}, {"made": "int"}, "generated by the database", Reason.PLACE_UNFIT),
    ({}, {"int": "string"}, "the column 'int' is of type int4, which takes no string", Reason.PLACE_UNFIT),
    ({}, {"ints": "array_string"}, "is of type int8[], which takes no array_string", Reason.PLACE_UNFIT),
]


@pytest.mark.parametrize(
    ("configuration", "fields", "text", "reason"), BAD_PLACES, ids=[text for _, _, text, _ in BAD_PLACES]
)
async def test_places_that_fail(
    house: House,
    postgresql_port: int,
    schema: str,
    configuration: dict[str, str],
    fields: dict[str, str],
    text: str,
    reason: Reason,
) -> None:
    await house.sign_in("postgresql", sign_in(postgresql_port))
    made = await house.connect("postgresql", place(schema) | configuration, FIELDS | fields)
    assert (made.connector.status, made.connector.reason) == (ConnectorStatus.FAILED_VERIFICATION, reason)
    assert text in made.connector.error_message
    (line,) = await house.logs()
    assert (line.connector_name, line.text.endswith(f" [{reason}]")) == ("connector", True)
    refusal = "the connector 'connector' is not available: failed_verification"
    assert await house.deliver(made, ROW) == Failure(Reason.CONNECTOR_NOT_AVAILABLE, refusal)
    assert await house.metrics() == {}


async def test_a_column_that_nobody_fills_and_one_that_is_closed(
    house: House, postgresql_port: int, schema: str, admin: asyncpg.Connection[asyncpg.Record]
) -> None:
    await house.sign_in("postgresql", sign_in(postgresql_port))
    made = await house.connect("postgresql", place(schema), {"int": "int"})
    assert "the column 'double' needs a value" in made.connector.error_message
    assert made.connector.reason == Reason.PLACE_UNFIT
    await admin.execute(f"REVOKE INSERT ON ALL TABLES IN SCHEMA {schema} FROM writer")
    closed = await house.change(configuration={"schema": schema})  # the same again: another look after a failure
    assert "may not insert into the column 'int'" in closed.connector.error_message
    assert closed.connector.reason == Reason.PERMISSION_MISSING
    await admin.execute(f'GRANT INSERT ON ALL TABLES IN SCHEMA {schema} TO writer; '
                        f'ALTER TABLE {schema}."Odd ""table""; --" ALTER "double" DROP NOT NULL')  # fmt: skip
    good = await house.change(configuration={"schema": schema})
    assert good.connector.status is ConnectorStatus.AVAILABLE
    assert await house.deliver(good, {"int": 3}) is None


async def test_a_message_that_the_database_refuses_is_tried_once(
    house: House, postgresql_port: int, schema: str
) -> None:
    await house.sign_in("postgresql", sign_in(postgresql_port))
    made = await house.connect("postgresql", place(schema), FIELDS)
    for values, text in (
        (ROW | {"int": 2**40}, "value of 'int'"),
        (ROW | {"moment": "yesterday"}, "moment"),
        (ROW | {"id": "no uuid"}, "value of 'id'"),
        ({"int": 1}, "the message"),
        (ROW | {"string": "NUL \0"}, "invalid byte sequence"),
    ):
        reason = await house.deliver(made, values)
        assert reason is not None
        assert text in reason.message
        assert reason.reason is (Reason.MESSAGE_INVALID if text in ("moment", "the message") else Reason.VALUE_REJECTED)
        line = (await house.logs())[-1]
        assert line.text == f"the message was not written: {reason}"
        assert (line.connector_name, line.pipeline_name, line.pipeline_object_name) == (
            "connector",
            "pipeline-1",
            "object-1",
        )
        assert line.system
    assert len(await house.logs()) == 5
    assert await house.metrics() == {}
