"""S3 and Azure Blob Storage by obstore: one object a message, under the name of the file.

Addresses, keys and everything else are given; what the server's own environment says of AWS or Azure has no part in it.
"""

from __future__ import annotations

import html
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, S3Store

from quinta.core.reasons import Reason
from quinta.engine.connectors.destinations import Destinations, Endpoint
from quinta.engine.connectors.driver import (
    CONNECT_SECONDS,
    WRITE_SECONDS,
    Message,
    Place,
    StoreFailure,
    reason_of_status,
)

PROBE_NAME = "quinta-verification"
PROBE_TEXT = b"Quinta wrote this to see whether it may. It can be deleted.\n"
_REFUSALS = (BaseError, FileNotFoundError, PermissionError)
"""What obstore raises: for some answers it takes the exceptions of Python."""
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,80})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})", re.DOTALL)
_UNKNOWN_KEYS = frozenset(
    {"AuthenticationFailed", "AuthorizationFailure", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}
)


class ObjectDriver:
    """What both have in common; see engine.connectors.driver.Driver."""

    def __init__(self, destinations: Destinations) -> None:
        self.destinations = destinations

    @abstractmethod
    async def open(self, credentials: Mapping[str, str], bucket: str, seconds: float) -> Any:
        """The bucket or container as obstore knows it."""

    @abstractmethod
    def bucket(self, place: Place) -> tuple[str, float]:
        """Its name, and the seconds that one request may take."""

    async def check_credentials(self, credentials: Mapping[str, str]) -> None:
        """Asks what is in a bucket that does not exist: who signs rightly hears that, or that it may not know."""
        store = await self.open(credentials, f"quinta-{uuid4()}", CONNECT_SECONDS)
        try:
            await obstore.list_with_delimiter_async(store, PROBE_NAME)
        except _REFUSALS as error:
            status, code = _answer(error)
            known = status in (403, 404) and code != "" and code not in _UNKNOWN_KEYS
            if not known:
                raise _failure(error) from error

    async def check(self, place: Place) -> None:
        """Writes a small object and removes it again; that it may not be removed is no failure."""
        store = await self.open(place.credentials, *self.bucket(place))
        path = object_path(place.configuration["path_prefix"], PROBE_NAME)
        try:
            await obstore.put_async(store, path, PROBE_TEXT)
        except _REFUSALS as error:
            raise _failure(error) from error
        try:
            await obstore.delete_async(store, path)
        except _REFUSALS:
            return

    async def write(self, place: Place, message: Message) -> None:
        store = await self.open(place.credentials, *self.bucket(place))
        if message.path is None:
            raise ValueError("a message for a connector that takes files needs one")
        try:
            path = object_path(place.configuration["path_prefix"], message.file_name)
            await obstore.put_async(store, path, message.path)
        except _REFUSALS as error:
            raise _failure(error) from error


class S3Driver(ObjectDriver):
    """AWS S3, and servers that speak its interface (``endpoint_url``)."""

    def bucket(self, place: Place) -> tuple[str, float]:
        return place.configuration["bucket"], WRITE_SECONDS

    async def open(self, credentials: Mapping[str, str], bucket: str, seconds: float) -> Any:
        region = credentials["region"]
        url = credentials["endpoint_url"] or f"https://s3.{region}.{aws_domain(region)}"
        endpoint = await self.destinations.endpoint(url.rstrip("/"))
        keys = {
            "access_key_id": credentials["access_key"],
            "secret_access_key": credentials["secret_key"],
            "token": None,
            "expires_at": None,
        }
        return S3Store(
            bucket,
            config={
                "region": region,
                "endpoint": endpoint.url,
                "virtual_hosted_style_request": False,
                "skip_signature": False,
            },
            client_options=_client(endpoint, seconds),
            retry_config=_ONE_TRY,
            credential_provider=_giving(keys),
        )


class AzureDriver(ObjectDriver):
    """Azure Blob Storage, by a connection string with the account's key or a shared access signature."""

    def bucket(self, place: Place) -> tuple[str, float]:
        return place.configuration["container"], float(place.configuration["timeout"])

    async def open(self, credentials: Mapping[str, str], bucket: str, seconds: float) -> Any:
        parts = _connection_string(credentials["connection_string"])
        account, key, signature = (
            parts.get(name, "") for name in ("accountname", "accountkey", "sharedaccesssignature")
        )
        scheme, suffix = parts.get("defaultendpointsprotocol", "https"), parts.get("endpointsuffix", "core.windows.net")
        url = parts.get("blobendpoint") or f"{scheme}://{account}.blob.{suffix}"
        if not account:
            account = url.split("://")[-1].split(".")[0]
        if not key and not signature:
            raise StoreFailure(
                Reason.CREDENTIALS_INVALID, "the connection string has neither AccountKey nor SharedAccessSignature"
            )
        endpoint = await self.destinations.endpoint(url.rstrip("/"))
        given = {"access_key": key} if key else {"sas_token": signature.removeprefix("?")}
        try:
            return AzureStore(
                bucket,
                config={
                    "account_name": account,
                    "endpoint": endpoint.url,
                    "skip_signature": False,
                    "use_emulator": False,
                },
                client_options=_client(endpoint, seconds),
                retry_config=_ONE_TRY,
                credential_provider=_giving({**given, "expires_at": None}),
            )
        except BaseError as error:
            raise StoreFailure(Reason.CREDENTIALS_INVALID, "the connection string cannot be used") from error


def object_path(prefix: str, file_name: str) -> str:
    """The prefix joined with the file's name (contract ubiops 9.1)."""
    name = PurePosixPath(file_name).name or "_"
    return "/".join([*(part for part in prefix.split("/") if part), name])


def aws_domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


_ONE_TRY: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=WRITE_SECONDS)}


def _client(endpoint: Endpoint, seconds: float) -> Any:
    """obstore follows redirects and cannot be told not to. Without ``allow_http`` it refuses those that leave TLS, and
    so all that lead to what answers inside without a certificate: the metadata of clouds, and most services."""
    return {
        "timeout": f"{seconds:g}s",
        "connect_timeout": f"{CONNECT_SECONDS:g}s",
        "allow_http": endpoint.url.startswith("http:"),
    }


def _giving(keys: Any) -> Callable[[], Any]:
    return lambda: keys


def _connection_string(text: str) -> dict[str, str]:
    """Its parts by their names in lower case."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _answer(error: Exception) -> tuple[int, str]:
    """HTTP status and the store's own code, 0 and empty where there was no answer."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    return int(status[1]) if status else 0, code[1] if code else ""


def _failure(error: Exception) -> StoreFailure:
    status, code = _answer(error)
    if not status:
        text = str(error).split("\n")[0]
        slow = "timed out" in text
        return StoreFailure(
            Reason.STORE_TIMEOUT if slow else Reason.UNREACHABLE,
            f"the store cannot be reached: {text.rpartition(' - ')[2]}",
            passing=True,
        )
    message = _MESSAGE.search(str(error))
    words = " ".join(html.unescape(message[1]).split()) if message else ""
    said = ": ".join(part for part in (code, words) if part)
    text = f"the store answers {status}" + (f", {said}" if said else "")
    reason = Reason.CREDENTIALS_REFUSED if code in _UNKNOWN_KEYS else reason_of_status(status)
    return StoreFailure(reason, text, passing=status in _PASSING)
