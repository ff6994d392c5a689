"""Google BigQuery by Google's own client, in threads: one streamed row a message, known again by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from quinta.core.models.model import DataType
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import CONNECT_SECONDS, WRITE_SECONDS, Message, Place, StoreFailure, needed
from quinta.engine.connectors.google import GoogleAccount, failure_of
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
        def sign_in() -> None:
            GoogleAccount(credentials["json_key_file"], self._destinations, EXTRA).sign_in()

        await in_connector_thread(sign_in)

    async def check(self, place: Place) -> None:
        """Table and columns are there, take the fields' types, and rows may be added."""

        def look(client: Any, table_id: str) -> None:
            table = client.get_table(table_id, timeout=WRITE_SECONDS, retry=None)
            _check_columns(place, {column.name.lower(): column for column in table.schema})
            granted = client.test_iam_permissions(table, [_RIGHT], timeout=WRITE_SECONDS, retry=None)
            if _RIGHT not in granted.get("permissions", []):
                raise StoreFailure(f"the service account lacks the permission {_RIGHT} on the table")

        await in_connector_thread(self._call, place, look)

    async def write(self, place: Place, message: Message) -> None:
        def insert(client: Any, table_id: str) -> None:
            row = {field.name: message.values[field.name] for field in place.fields}
            refused = client.insert_rows_json(table_id, [row], row_ids=[message.id], timeout=_TIMES, retry=None)
            for entry in refused:
                for error in entry.get("errors", []):
                    where = f" ({error['location']})" if error.get("location") else ""
                    raise StoreFailure(
                        f"BigQuery refuses the row: {error.get('message') or error.get('reason')}{where}"
                    )

        await in_connector_thread(self._call, place, insert)

    def _call(self, place: Place, call: Callable[[Any, str], None]) -> None:
        bigquery, core = needed("google.cloud.bigquery", EXTRA), needed("google.api_core.exceptions", EXTRA)
        auth, requests = needed("google.auth.exceptions", EXTRA), needed("requests", EXTRA)
        account = GoogleAccount(place.credentials["json_key_file"], self._destinations, EXTRA)
        endpoint = place.credentials["endpoint_url"].rstrip("/")
        client = bigquery.Client(
            project=account.project,
            credentials=account.credentials,
            _http=account.session,
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )
        table = f"{account.project}.{place.configuration['dataset']}.{place.configuration['table']}"
        try:
            call(client, table)
        except requests.RequestException as error:
            raise StoreFailure(f"BigQuery cannot be reached: {error}", passing=True) from error
        except (core.GoogleAPIError, auth.GoogleAuthError) as error:
            raise failure_of(error) from error
        finally:
            account.close()


def _check_columns(place: Place, columns: Mapping[str, Any]) -> None:
    """Names of columns are the same in any case."""
    for field in place.fields:
        column = columns.get(field.name.lower())
        if column is None:
            raise StoreFailure(f"the table has no column '{field.name}'")
        types, repeated = _TAKES[field.data_type]
        if column.field_type not in types or (column.mode == "REPEATED") != repeated:
            kind = f"{column.mode.lower()} {column.field_type}"
            raise StoreFailure(f"the column '{field.name}' is {kind}, which takes no {field.data_type}")
    given = {field.name.lower() for field in place.fields}
    missing = sorted(name for name, column in columns.items() if column.mode == "REQUIRED" and name not in given)
    if missing:
        raise StoreFailure(f"the column '{missing[0]}' needs a value, and no field of the connector gives it")
