"""Connectors to BigQuery: Google's client against an exchange as the service's documentation records it."""

from __future__ import annotations

from typing import Any

import pytest

from quinta.core.connectors.model import ConnectorStatus
from quinta.core.reasons import Failure, Reason
from tests.connectors.google_exchange import PEM, TOKEN, Google
from tests.connectors.house import House

TABLE = "/bigquery/v2/projects/project/datasets/data/tables/rows"
SCHEMA = [
    {"name": "int", "type": "INTEGER", "mode": "REQUIRED"},
    {"name": "text", "type": "STRING", "mode": "NULLABLE"},
    {"name": "doubles", "type": "FLOAT", "mode": "REPEATED"},
]
FIELDS = {"int": "int", "text": "string", "doubles": "array_double"}
ROW: dict[str, Any] = {"int": 5, "text": "ü", "doubles": [1.5, 2]}
PLACE = {"dataset": "data", "table": "rows"}


@pytest.fixture
def service(google: Google) -> Google:
    """A project with one table."""
    table = {
        "kind": "bigquery#table",
        "id": "project:data.rows",
        "tableReference": {"projectId": "project", "datasetId": "data", "tableId": "rows"},
        "schema": {"fields": SCHEMA},
        "type": "TABLE",
    }
    google.answers[f"GET {TABLE}"] = (200, table)
    google.answers[f"POST {TABLE}:testIamPermissions"] = (200, {"permissions": ["bigquery.tables.updateData"]})
    google.answers[f"POST {TABLE}/insertAll"] = (200, {"kind": "bigquery#tableDataInsertAllResponse"})
    return google


def sign_in(service: Google, **changes: str) -> dict[str, object]:
    return {"json_key_file": service.key_file(**changes), "endpoint_url": service.url}


def rows(service: Google) -> list[dict[str, Any]]:
    return [row for call, said in service.heard if call == f"POST {TABLE}/insertAll" for row in said["rows"]]


async def test_a_row(house: House, service: Google) -> None:
    signed = await house.sign_in("gcp_bigquery", sign_in(service))
    assert (signed.credentials.status, signed.credentials.error_message) == (ConnectorStatus.AVAILABLE, "")
    made = await house.connect("gcp_bigquery", PLACE, FIELDS)
    assert (made.connector.status, made.connector.error_message) == (ConnectorStatus.AVAILABLE, "")
    assert await house.deliver(made, ROW) is None
    (row,) = rows(service)
    assert row["json"] == ROW
    assert row["insertId"]


async def test_tries_of_one_message_have_one_id(house: House, service: Google) -> None:
    """BigQuery leaves out what it knows by its id: a try that was stored and not answered does no harm."""
    await house.sign_in("gcp_bigquery", sign_in(service))
    made = await house.connect("gcp_bigquery", PLACE, FIELDS)
    service.refuse(f"POST {TABLE}/insertAll", 503, "Error encountered during execution. Retrying may solve it.")
    reason = await house.deliver(made, ROW)
    assert reason is not None
    assert reason.message.startswith("Google answers 503")
    assert reason.message.endswith("(after 3 tries)")
    assert reason.reason is Reason.STORE_BUSY
    ids = [row["insertId"] for row in rows(service)]
    assert (len(ids), len(set(ids))) == (3, 1)
    assert [line.text.split(" failed")[0] for line in await house.logs()][:2] == ["try 1 of 3", "try 2 of 3"]
    assert await house.metrics() == {}


async def test_a_row_that_is_refused(house: House, service: Google) -> None:
    await house.sign_in("gcp_bigquery", sign_in(service))
    made = await house.connect("gcp_bigquery", PLACE, FIELDS)
    error = {"reason": "invalid", "location": "int", "message": "Cannot convert value to integer"}
    service.answers[f"POST {TABLE}/insertAll"] = (200, {"insertErrors": [{"index": 0, "errors": [error]}]})
    refusal = "BigQuery refuses the row: Cannot convert value to integer (int)"
    assert await house.deliver(made, ROW) == Failure(Reason.VALUE_REJECTED, refusal)
    assert len(rows(service)) == 1


BAD_KEYS = [
    ({"type": "authorized_user"}, "not that of a service account", Reason.CREDENTIALS_INVALID),
    (
        {"private_key": "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n"},
        "that can be used",
        Reason.CREDENTIALS_INVALID,
    ),
    ({"token_uri": "http://10.9.8.7/token"}, "may not reach", Reason.DESTINATION_REFUSED),
    ({"token_uri": "http://127.0.0.1:1/token"}, "Google", Reason.UNREACHABLE),
]


@pytest.mark.parametrize(("change", "text", "reason"), BAD_KEYS, ids=[text for _, text, _ in BAD_KEYS])
async def test_keys_that_fail(house: House, service: Google, change: dict[str, str], text: str, reason: Reason) -> None:
    signed = await house.sign_in("gcp_bigquery", sign_in(service, **change))
    assert signed.credentials.status is ConnectorStatus.FAILED_VERIFICATION
    assert (signed.credentials.reason, text in signed.credentials.error_message) == (reason, True)
    assert "PRIVATE" not in signed.credentials.error_message


async def test_a_key_that_google_does_not_know(house: House, service: Google) -> None:
    service.knows_the_key = False
    signed = await house.sign_in("gcp_bigquery", sign_in(service))
    assert "invalid_grant" in signed.credentials.error_message
    assert signed.credentials.reason == Reason.CREDENTIALS_REFUSED
    made = await house.connect("gcp_bigquery", PLACE, FIELDS)
    assert "invalid_grant" in made.connector.error_message
    for text in (signed.credentials.error_message, made.connector.error_message):
        assert TOKEN not in text
        assert PEM[:40] not in text


BAD_PLACES: list[tuple[dict[str, str], dict[str, str], str]] = [
    ({"table": "none"}, FIELDS, "Google answers 404: "),
    ({}, {**FIELDS, "unknown": "int"}, "the table has no column 'unknown'"),
    ({}, {**FIELDS, "text": "int"}, "the column 'text' is nullable STRING, which takes no int"),
    ({}, {**FIELDS, "doubles": "double"}, "is repeated FLOAT, which takes no double"),
    ({}, {"text": "string"}, "the column 'int' needs a value"),
]


@pytest.mark.parametrize(("configuration", "fields", "text"), BAD_PLACES, ids=[text for _, _, text in BAD_PLACES])
async def test_places_that_fail(
    house: House, service: Google, configuration: dict[str, str], fields: dict[str, str], text: str
) -> None:
    await house.sign_in("gcp_bigquery", sign_in(service))
    made = await house.connect("gcp_bigquery", PLACE | configuration, fields)
    assert made.connector.status is ConnectorStatus.FAILED_VERIFICATION
    assert text in made.connector.error_message
    assert made.connector.reason == (Reason.PLACE_MISSING if "404" in text else Reason.PLACE_UNFIT)


async def test_a_right_that_is_missing(house: House, service: Google) -> None:
    service.answers[f"POST {TABLE}:testIamPermissions"] = (200, {})
    await house.sign_in("gcp_bigquery", sign_in(service))
    made = await house.connect("gcp_bigquery", PLACE, FIELDS)
    assert "lacks the permission bigquery.tables.updateData" in made.connector.error_message
    assert made.connector.reason == Reason.PERMISSION_MISSING
