"""Google Cloud Storage by Google's own client, in threads: one object a message, under the name of the file.

Not obstore, which speaks another interface of the service (XML) that no test server at hand has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import CONNECT_SECONDS, WRITE_SECONDS, Message, Place, needed
from quinta.engine.connectors.google import check_key, connected
from quinta.engine.connectors.objects import PROBE_NAME, PROBE_TEXT, object_path
from quinta.engine.connectors.threads import in_connector_thread

EXTRA = "gcs"
_TIMES = (CONNECT_SECONDS, WRITE_SECONDS)


class CloudStorageDriver:
    """See engine.connectors.driver.Driver."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    async def check_credentials(self, credentials: Mapping[str, str]) -> None:
        await check_key(credentials, self._destinations, EXTRA)

    async def check(self, place: Place) -> None:
        """Writes a small object and removes it again; that it may not be removed is no failure."""

        def probe(bucket: Any, error_type: type[Exception]) -> None:
            blob = bucket.blob(object_path(place.configuration["path_prefix"], PROBE_NAME))
            blob.upload_from_string(PROBE_TEXT, timeout=_TIMES, retry=None)
            with suppress(error_type):
                blob.delete(timeout=_TIMES, retry=None)

        await in_connector_thread(self._call, place, probe)

    async def write(self, place: Place, message: Message) -> None:
        def upload(bucket: Any, _: type[Exception]) -> None:
            blob = bucket.blob(object_path(place.configuration["path_prefix"], message.file_name))
            blob.upload_from_filename(str(message.path), timeout=_TIMES, retry=None)

        await in_connector_thread(self._call, place, upload)

    def _call(self, place: Place, call: Callable[[Any, type[Exception]], None]) -> None:
        with connected("Cloud Storage", "google.cloud.storage", place, self._destinations, EXTRA) as (client, _):
            error_type = needed("google.api_core.exceptions", EXTRA).GoogleAPIError
            call(client.bucket(place.configuration["bucket"]), error_type)
