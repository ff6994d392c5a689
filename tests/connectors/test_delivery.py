"""What holds for every type: tries and pauses, missing drivers, secrets, changes while a look is under way."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import select

from quinta.core.connectors.catalogue import KINDS
from quinta.core.connectors.keys import seal_credentials_again
from quinta.core.connectors.model import Connector, ConnectorStatus, ConnectorType, Credentials, Verification
from quinta.core.errors import StateConflict
from quinta.core.models.model import DataType, Field
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.projects import Projects
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import StoreFailure
from quinta.engine.connectors.redaction import redacted
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.secrets import SealedSecrets
from quinta.storage.tables import credentials as credentials_table
from tests.connectors.databases import PASSWORD, postgresql_url
from tests.connectors.house import CONTEXT, LOOPBACK, House, open_house
from tests.connectors.network import way_to

FIELDS = {"number": "int"}
GONE = Failure(Reason.CONNECTOR_GONE, "the connector does not exist any more")


def sign_in(port: int) -> dict[str, object]:
    return {"username": "admin", "password": PASSWORD, "host": "127.0.0.1", "port": port}


async def new_table(port: int) -> str:
    name = f"t{uuid4().hex}"
    connection = await asyncpg.connect(postgresql_url(port))
    await connection.execute(f"CREATE TABLE {name} (number integer)")
    await connection.close()
    return name


async def numbers(port: int, table: str) -> list[int]:
    connection = await asyncpg.connect(postgresql_url(port))
    found = await connection.fetch(f"SELECT number FROM {table} ORDER BY number")
    await connection.close()
    return [row[0] for row in found]


async def test_trouble_that_passes_is_tried_three_times(house: House, postgresql_port: int) -> None:
    table = await new_table(postgresql_port)
    async with way_to(postgresql_port) as way:
        await house.sign_in("postgresql", sign_in(way.port))
        made = await house.connect("postgresql", {"database": "postgres", "table": table}, FIELDS)
        way.cuts = 2
        assert await house.deliver(made, {"number": 1}) is None
        texts = [line.text for line in await house.logs()]
        assert [text[:19] for text in texts] == ["try 1 of 3 failed: ", "try 2 of 3 failed: "]
        assert [text.rsplit("; ", 1)[1] for text in texts] == [
            "trying again in 0.01 seconds",
            "trying again in 0.02 seconds",
        ]
        way.cuts = 100
        reason = await house.deliver(made, {"number": 2})
        assert reason is not None
        assert reason.message.endswith("(after 3 tries)")
        assert reason.reason is Reason.UNREACHABLE
        assert (await house.logs())[-1].text == f"the message was not written: {reason}"
    assert await numbers(postgresql_port, table) == [1]
    assert (await house.metrics())["requests"] == 1


async def test_a_change_overtakes_the_look_that_is_under_way(house: House, postgresql_port: int) -> None:
    async with way_to(None) as silent:
        new = {"username": "admin", "password": PASSWORD, "host": "127.0.0.1", "port": silent.port}
        making = asyncio.create_task(house.sign_in("postgresql", new))
        await asyncio.wait_for(silent.heard.wait(), 30)
        await house.change_credentials({"port": postgresql_port})
        made = await making
        assert made.credentials.status is ConnectorStatus.AVAILABLE
    await house.verifications.loop.close()
    later = await house.keeper.get(house.actor, house.project.name, "credentials")
    assert later.credentials.status is ConnectorStatus.AVAILABLE
    async with house.database.read() as work:
        assert await work.of(Verification, EVERYTHING).find() == []


@pytest.mark.parametrize(
    ("type_", "module", "extra"),
    [
        ("mysql", "pymysql", "mysql"),
        ("postgresql", "asyncpg", "postgres"),
        ("aws_kinesis", "boto3", "kinesis"),
        ("gcp_bigquery", "google.oauth2.service_account", "bigquery"),
        ("gcp_cloud_storage", "google.oauth2.service_account", "gcs"),
    ],
)
async def test_a_missing_driver_says_how_to_install_it(
    house: House, monkeypatch: pytest.MonkeyPatch, type_: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # what an import finds of a package that is not installed
    key = dict.fromkeys(("client_email", "private_key", "project_id", "token_uri"), "x")
    values = {
        "username": "u", "password": "p", "host": "127.0.0.1", "access_key": "a", "secret_key": "s", "region": "r",
        "json_key_file": json.dumps({"type": "service_account", **key}),
    }  # fmt: skip
    wanted = {rule.name for rule in KINDS[ConnectorType(type_)].credentials}
    made = await house.sign_in(type_, {name: value for name, value in values.items() if name in wanted})
    assert made.credentials.status is ConnectorStatus.FAILED_VERIFICATION
    assert f"pip install 'quinta[{extra}]'" in made.credentials.error_message
    assert made.credentials.reason == Reason.DRIVER_MISSING


async def test_secrets_are_sealed_and_follow_the_keys(house: House, postgresql_port: int) -> None:
    made = await house.sign_in("postgresql", sign_in(postgresql_port))
    async with house.database._reader.connect() as connection:
        (stored,) = (await connection.execute(select(credentials_table.c.configuration))).scalars()
    assert PASSWORD not in stored
    assert '"admin"' in stored
    old = house.secrets._path.read_text().strip()
    both, new = SealedSecrets(house.secrets._path, f"{old} {'ab' * 32}"), SealedSecrets(house.secrets._path, "ab" * 32)
    for secrets in (both, new):
        secrets.load()
    assert await seal_credentials_again(house.database, new) == 1  # before: the new key alone opens nothing
    assert await seal_credentials_again(house.database, both) == 0
    assert await seal_credentials_again(house.database, new) == 0
    async with house.database.read() as work:
        item = await work.of(Credentials, EVERYTHING).get(id=made.credentials.id)
    assert item is not None
    values = {each.name: each.value for each in item.configuration}
    assert house.secrets.open(values["password"], item.id) is None
    with pytest.raises(StateConflict, match="cannot be opened"):
        await house.change_credentials({"port": postgresql_port})
    changed = await house.change_credentials({"password": PASSWORD})  # a lost key is made good by setting it again
    assert changed.credentials.status is ConnectorStatus.PENDING_VERIFICATION


async def test_a_life_on_each_database(database: Database, tmp_path: Path, postgresql_port: int) -> None:
    """Rows, leases and locks of connectors, on SQLite and on PostgreSQL."""
    table = await new_table(postgresql_port)
    async with open_house(database, tmp_path) as house:
        await house.sign_in("postgresql", sign_in(postgresql_port))
        made = await house.connect("postgresql", {"database": "postgres", "table": table}, FIELDS)
        assert await house.deliver(made, {"number": 1}) is None
        broken = await house.change(input_fields=(Field("none", DataType.INT),))
        assert broken.connector.status is ConnectorStatus.FAILED_VERIFICATION
        assert await house.deliver(made, {"number": 2}) is not None
        whole = await house.change(input_fields=made.connector.input_fields)
        assert await house.deliver(whole, {"number": 3}) is None
        with pytest.raises(StateConflict, match="used by 1 connectors"):
            await house.keeper.delete(house.actor, house.project.name, "credentials")
        await house.connectors.delete(house.actor, house.project.name, "connector")
        await house.keeper.delete(house.actor, house.project.name, "credentials")
        assert await house.deliver(whole, {"number": 4}) == GONE
        await house.sign_in("postgresql", sign_in(postgresql_port))
        made = await house.connect("postgresql", {"database": "postgres", "table": table}, FIELDS)
        await Projects(database, SystemClock()).delete(house.actor, house.project.name)
        assert await house.deliver(made, {"number": 5}) == GONE
        async with database.read() as work:
            for kind in (Connector, Credentials, Verification):
                assert await work.of(kind, EVERYTHING).find() == []
    assert await numbers(postgresql_port, table) == [1, 3]


async def test_a_connector_that_is_gone(house: House) -> None:
    reason = await house.deliveries.deliver(new_id(), "{}", context=CONTEXT)
    assert reason == GONE


INSIDE = ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1", "0.0.0.0",
          "100.64.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "fec0::1", "::7f00:1",
          "168.63.129.16", "192.0.0.192", "192.88.99.1", "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1", "3fff::1",
          "5f00::1"]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
async def test_the_inside_of_the_network_is_closed(host: str) -> None:
    with pytest.raises(StoreFailure, match="QUINTA_CONNECTOR_NETWORKS"):
        await Destinations().addresses(host, 443)
    literal = f"[{host}]" if ":" in host else host
    with pytest.raises(StoreFailure, match="QUINTA_CONNECTOR_NETWORKS"):
        await Destinations().endpoint(f"https://{literal}/x")


async def test_public_addresses_and_those_that_are_allowed_are_open() -> None:
    for host in ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"):
        assert await Destinations().addresses(host, 443) == [host]
    assert (await Destinations().endpoint("https://8.8.8.8/x")).url == "https://8.8.8.8/x"
    with pytest.raises(StoreFailure, match="use https"):
        await Destinations().endpoint("http://8.8.8.8/x")
    allowed = Destinations(LOOPBACK)
    assert (await allowed.addresses("127.0.0.1", 1))[0] == "127.0.0.1"
    endpoint = await allowed.endpoint("http://127.0.0.1:81/x")
    assert (endpoint.url, endpoint.host) == ("http://127.0.0.1:81/x", "127.0.0.1:81")
    with pytest.raises(StoreFailure, match="may not reach"):
        await allowed.addresses("10.0.0.1", 443)
    for bad in ("ftp://8.8.8.8/", "https:///x", "https://user:word@8.8.8.8/", "https://8.8.8.8:99999/"):
        with pytest.raises(StoreFailure):
            await allowed.endpoint(bad)


def test_what_drivers_say_loses_its_secrets() -> None:
    azure = KINDS[ConnectorType.AZURE_BLOB_STORAGE].credentials
    values = {"connection_string": "AccountName=quinta;AccountKey=a+key/of=;SharedAccessSignature=sv=1&sig=abc%2F"}
    text = "quinta: a+key/of= a%2Bkey%2Fof%3D ?sv=1&sig=abc%2F and sig=other&x"
    assert redacted(text, azure, values) == "quinta: *** *** ?*** and sig=***&x"
    key = {"type": "service_account", "client_email": "a@b.c", "private_key": "-----BEGIN\nxyz"}
    google = KINDS[ConnectorType.GCP_BIGQUERY].credentials
    values = {"json_key_file": json.dumps(key)}
    assert redacted(f"a@b.c {key['private_key']!r} {json.dumps(key)}", google, values) == "a@b.c '***' ***"
    long = redacted("x" * 1000, google, values)
    assert (len(long), long[-1]) == (400, "…")
