"""Google BigQuery by Google's own client, in threads: one streamed row a message, known again by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from quinta.core.models.model import DataType
from quinta.core.reasons import Reason
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import CONNECT_SECONDS, WRITE_SECONDS, Message, Place, StoreFailure
from quinta.engine.connectors.google import check_key, connected
from quinta.engine.connectors.threads import in_connector_thread

EXTRA = "bigquery"
_TIMES = (CONNECT_SECONDS, WRITE_SECONDS)
_RIGHT = "bigquery.tables.updateData"
_NUMBERS = {"NUMERIC", "BIGNUMERIC", "FLOAT", "FLOAT64"}
_TEXTS = {"STRING", "JSON", "DATE", "DATETIME", "TIME", "TIMESTAMP", "BYTES", "GEOGRAPHY"}
_TAKES: dict[DataType, tuple[set[str], bool]] = {  # the column's types, and whether it is repeated
    DataType.INT: ({"INTEGER", "INT64", *_NUMBERS}, False),
    DataType.DOUBLE: (_NUMBERS, False),
    DataType.STRING: (_TEXTS, False),
    DataType.BLOB: ({"STRING"}, False),
    DataType.BOOL: ({"BOOLEAN", "BOOL"}, False),
    DataType.TIMESTAMP: ({"TIMESTAMP", "STRING"}, False),
    DataType.ARRAY_INT: ({"INTEGER", "INT64", *_NUMBERS}, True),
    DataType.ARRAY_DOUBLE: (_NUMBERS, True),
    DataType.ARRAY_STRING: (_TEXTS, True),
}


class BigQueryDriver:
    """See engine.connectors.driver.Driver."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    async def check_credentials(self, credentials: Mapping[str, str]) -> None:
        await check_key(credentials, self._destinations, EXTRA)

    async def check(self, place: Place) -> None:
        """Table and columns are there, take the fields' types, and rows may be added."""

        def look(client: Any, table_id: str) -> None:
            table = client.get_table(table_id, timeout=WRITE_SECONDS, retry=None)
            _check_columns(place, {column.name.lower(): column for column in table.schema})
            granted = client.test_iam_permissions(table, [_RIGHT], timeout=WRITE_SECONDS, retry=None)
            if _RIGHT not in granted.get("permissions", []):
                raise StoreFailure(
                    Reason.PERMISSION_MISSING, f"the service account lacks the permission {_RIGHT} on the table"
                )

        await in_connector_thread(self._call, place, look)

    async def write(self, place: Place, message: Message) -> None:
        def insert(client: Any, table_id: str) -> None:
            row = {field.name: message.values[field.name] for field in place.fields}
            refused = client.insert_rows_json(table_id, [row], row_ids=[message.id], timeout=_TIMES, retry=None)
            for entry in refused:
                for error in entry.get("errors", []):
                    where = f" ({error['location']})" if error.get("location") else ""
                    raise StoreFailure(
                        Reason.VALUE_REJECTED,
                        f"BigQuery refuses the row: {error.get('message') or error.get('reason')}{where}",
                    )

        await in_connector_thread(self._call, place, insert)

    def _call(self, place: Place, call: Callable[[Any, str], None]) -> None:
        with connected("BigQuery", "google.cloud.bigquery", place, self._destinations, EXTRA) as (client, account):
            call(client, f"{account.project}.{place.configuration['dataset']}.{place.configuration['table']}")


def _check_columns(place: Place, columns: Mapping[str, Any]) -> None:
    """Names of columns are the same in any case."""
    for field in place.fields:
        column = columns.get(field.name.lower())
        if column is None:
            raise StoreFailure(Reason.PLACE_UNFIT, f"the table has no column '{field.name}'")
        types, repeated = _TAKES[field.data_type]
        if column.field_type not in types or (column.mode == "REPEATED") != repeated:
            kind = f"{column.mode.lower()} {column.field_type}"
            raise StoreFailure(
                Reason.PLACE_UNFIT, f"the column '{field.name}' is {kind}, which takes no {field.data_type}"
            )
    given = {field.name.lower() for field in place.fields}
    missing = sorted(name for name, column in columns.items() if column.mode == "REQUIRED" and name not in given)
    if missing:
        raise StoreFailure(
            Reason.PLACE_UNFIT, f"the column '{missing[0]}' needs a value, and no field of the connector gives it"
        )
