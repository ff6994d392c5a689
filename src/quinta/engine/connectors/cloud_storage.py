"""Google Cloud Storage by Google's own client, in threads: one object a message, under the name of the file.

Not obstore, which speaks another interface of the service (XML) that no test server at hand has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import CONNECT_SECONDS, WRITE_SECONDS, Message, Place, StoreFailure, needed
from quinta.engine.connectors.google import GoogleAccount, failure_of
from quinta.engine.connectors.objects import PROBE_NAME, PROBE_TEXT, object_path
from quinta.engine.connectors.threads import in_connector_thread

EXTRA = "gcs"
_TIMES = (CONNECT_SECONDS, WRITE_SECONDS)


class CloudStorageDriver:
    """See engine.connectors.driver.Driver."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    async def check_credentials(self, credentials: Mapping[str, str]) -> None:
        def sign_in() -> None:
            GoogleAccount(credentials["json_key_file"], self._destinations, EXTRA).sign_in()

        await in_connector_thread(sign_in)

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
        storage, core = needed("google.cloud.storage", EXTRA), needed("google.api_core.exceptions", EXTRA)
        auth, requests = needed("google.auth.exceptions", EXTRA), needed("requests", EXTRA)
        account = GoogleAccount(place.credentials["json_key_file"], self._destinations, EXTRA)
        endpoint = place.credentials["endpoint_url"].rstrip("/")
        client = storage.Client(
            project=account.project,
            credentials=account.credentials,
            _http=account.session,
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )
        try:
            call(client.bucket(place.configuration["bucket"]), core.GoogleAPIError)
        except requests.RequestException as error:
            raise StoreFailure(f"Cloud Storage cannot be reached: {error}", passing=True) from error
        except (core.GoogleAPIError, auth.GoogleAuthError) as error:
            raise failure_of(error) from error
        finally:
            account.close()
