"""Connectors to Kinesis, against moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest

from quinta.core.connectors.model import ConnectorStatus
from quinta.core.reasons import Reason
from tests.connectors.house import House

FIELDS = {"int": "int", "strings": "array_string"}
ROW = {"int": 5, "strings": ["ü", '"']}


@pytest.fixture
def client(moto_url: str) -> Iterator[Any]:
    made = boto3.session.Session().client(
        "kinesis",
        region_name="eu-central-1",
        endpoint_url=moto_url,
        aws_access_key_id="AKIAQUINTA",
        aws_secret_access_key="kinesis-secret",
    )
    yield made
    made.close()


@pytest.fixture
def stream(client: Any) -> str:
    name = f"s-{uuid4().hex}"
    client.create_stream(StreamName=name, ShardCount=1)
    return name


def sign_in(url: str) -> dict[str, object]:
    keys = {"access_key": "AKIAQUINTA", "secret_key": "kinesis-secret", "region": "eu-central-1"}
    return {**keys, "endpoint_url": url}


async def test_a_record(house: House, moto_url: str, stream: str, client: Any) -> None:
    signed = await house.sign_in("aws_kinesis", sign_in(moto_url))
    assert (signed.credentials.status, signed.credentials.error_message) == (ConnectorStatus.AVAILABLE, "")
    made = await house.connect("aws_kinesis", {"stream": stream}, FIELDS)
    assert (made.connector.status, made.connector.error_message) == (ConnectorStatus.AVAILABLE, "")
    for _ in range(2):
        assert await house.deliver(made, ROW) is None
    shard = client.describe_stream(StreamName=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    start = client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = client.get_records(ShardIterator=start["ShardIterator"])["Records"]
    assert [json.loads(record["Data"]) for record in records] == [ROW, ROW]
    assert len({record["PartitionKey"] for record in records}) == 2
    assert (await house.metrics())["requests"] == 2


async def test_what_is_refused(house: House, moto_url: str, stream: str, client: Any) -> None:
    signed = await house.sign_in("aws_kinesis", sign_in("http://127.0.0.1:1"))
    assert signed.credentials.status is ConnectorStatus.FAILED_VERIFICATION
    assert "Kinesis cannot be reached" in signed.credentials.error_message
    assert signed.credentials.reason == Reason.UNREACHABLE
    assert "kinesis-secret" not in signed.credentials.error_message
    await house.change_credentials(sign_in(moto_url))
    await house.until_verified(signed.credentials.id, 2)
    made = await house.connect("aws_kinesis", {"stream": "there-is-none"}, FIELDS)
    assert "ResourceNotFoundException" in made.connector.error_message
    assert made.connector.reason == Reason.PLACE_MISSING
    good = await house.change(configuration={"stream": stream})
    assert good.connector.status is ConnectorStatus.AVAILABLE
    client.delete_stream(StreamName=stream)
    reason = await house.deliver(good, ROW)
    assert reason is not None
    assert "ResourceNotFoundException" in reason.message
    assert reason.reason is Reason.PLACE_MISSING
    assert [line.text for line in await house.logs()][-1] == f"the message was not written: {reason}"
