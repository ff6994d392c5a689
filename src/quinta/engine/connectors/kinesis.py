"""AWS Kinesis by boto3, in threads: one JSON record a message, under a random partition key (contract ubiops 9.1).

boto3 rather than an asyncio wrapper of it: those pin its inner part, botocore, to a narrow range of versions and add an
HTTP client of their own, for a call that a thread makes as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from quinta.core.reasons import Reason
from quinta.engine.connectors.columns import as_json
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import (
    CONNECT_SECONDS,
    WRITE_SECONDS,
    Message,
    Place,
    StoreFailure,
    needed,
    reason_of_status,
)
from quinta.engine.connectors.objects import aws_domain
from quinta.engine.connectors.threads import in_connector_thread

EXTRA = "kinesis"
_NOT_ALLOWED = frozenset({"AccessDeniedException", "AccessDenied"})
_BY_CODE = {
    **dict.fromkeys(_NOT_ALLOWED, Reason.PERMISSION_MISSING),
    **dict.fromkeys(
        (
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "UnrecognizedClientException",
        ),
        Reason.CREDENTIALS_REFUSED,
    ),
    "InvalidArgumentException": Reason.VALUE_REJECTED,
    "LimitExceededException": Reason.STORE_BUSY,
    "KMSThrottlingException": Reason.STORE_BUSY,
    "ProvisionedThroughputExceededException": Reason.STORE_BUSY,
    "RequestTimeout": Reason.STORE_TIMEOUT,
    "ResourceNotFoundException": Reason.PLACE_MISSING,
    "ThrottlingException": Reason.STORE_BUSY,
    "ValidationException": Reason.VALUE_REJECTED,
}
_PASSING = frozenset(
    {
        "InternalFailure",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestTimeout",
        "ServiceUnavailable",
        "ThrottlingException",
    }
)


class KinesisDriver:
    """See engine.connectors.driver.Driver."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    async def check_credentials(self, credentials: Mapping[str, str]) -> None:
        """Lists streams; that the user may not is said only to those who have proved who they are."""

        def look(client: Any) -> None:
            client.list_streams(Limit=1)

        try:
            await in_connector_thread(self._call, credentials, look)
        except StoreFailure as failure:
            if _code(failure.__cause__) not in _NOT_ALLOWED:
                raise

    async def check(self, place: Place) -> None:
        """The stream is there (it needs the right kinesis:DescribeStreamSummary) and is not being deleted."""
        stream = place.configuration["stream"]

        def look(client: Any) -> None:
            summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
            if summary["StreamStatus"] not in ("ACTIVE", "UPDATING"):
                raise StoreFailure(Reason.PLACE_MISSING, f"the stream '{stream}' is {summary['StreamStatus'].lower()}")

        await in_connector_thread(self._call, place.credentials, look)

    async def write(self, place: Place, message: Message) -> None:
        data = as_json(message.values).encode()

        def put(client: Any) -> None:
            client.put_record(StreamName=place.configuration["stream"], Data=data, PartitionKey=str(uuid4()))

        await in_connector_thread(self._call, place.credentials, put)

    def _call(self, credentials: Mapping[str, str], call: Callable[[Any], None]) -> None:
        boto3, config, exceptions = (
            needed(name, EXTRA) for name in ("boto3", "botocore.config", "botocore.exceptions")
        )
        region = credentials["region"]
        url = credentials["endpoint_url"] or f"https://kinesis.{region}.{aws_domain(region)}"
        client = boto3.session.Session().client(
            "kinesis",
            region_name=region,
            endpoint_url=self._destinations.endpoint_now(url).url,
            aws_access_key_id=credentials["access_key"],
            aws_secret_access_key=credentials["secret_key"],
            config=config.Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=WRITE_SECONDS,
                retries={"total_max_attempts": 1},
                ignore_configured_endpoint_urls=True,
            ),
        )
        try:
            call(client)
        except exceptions.ClientError as error:
            said = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            text = f"Kinesis refuses: {said.get('Code', status)}: {said.get('Message', '')}"
            raise StoreFailure(
                _reason(_code(error), status), text, passing=_code(error) in _PASSING or status >= 500
            ) from error
        except exceptions.BotoCoreError as error:
            slow = isinstance(error, exceptions.ReadTimeoutError)
            reason = Reason.STORE_TIMEOUT if slow else Reason.UNREACHABLE
            raise StoreFailure(reason, f"Kinesis cannot be reached: {error}", passing=True) from error
        finally:
            client.close()


def _reason(code: str, status: int) -> Reason:
    return _BY_CODE.get(code) or reason_of_status(status)


def _code(error: BaseException | None) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
