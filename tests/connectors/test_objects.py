"""Connectors to S3 (Swift, which checks signatures, and moto), Azure (Azurite) and Google Cloud Storage."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import boto3
import google.auth.credentials
import httpx2
import obstore
import pytest
from botocore.config import Config
from google.cloud import storage
from obstore.store import AzureStore, S3Store

from quinta.core.connectors.model import ConnectorStatus
from quinta.core.reasons import Reason
from tests.connectors.clouds import AZURE_ACCOUNT, AZURE_KEY, SWIFT_KEY, SWIFT_SECRET, connection_string
from tests.connectors.google_exchange import PEM, Google
from tests.connectors.house import House

CONTENT = bytes(range(256)) * 48_000
"""12 MB: more than one part, where files are sent in parts."""


@dataclass
class Store:
    """A store with a bucket, and the ways into it."""

    type: str
    sign_in: dict[str, object]
    wrong: dict[str, object]
    refusal: str
    secret: str
    bucket_parameter: str
    bucket: str
    read: Callable[[str], bytes]


def s3_store(url: str, key: str, secret: str, wrong: dict[str, object], refusal: str) -> Store:
    bucket = f"b-{uuid4().hex}"
    options: Any = {"allow_http": True, "timeout": "60s"}
    config: Any = {"access_key_id": key, "secret_access_key": secret, "region": "us-east-1", "endpoint": url}
    root = S3Store(bucket, config=config, client_options=options)
    make_bucket(url, key, secret, bucket)
    sign_in: dict[str, object] = {"access_key": key, "secret_key": secret, "region": "us-east-1", "endpoint_url": url}
    return Store("aws_s3", sign_in, wrong, refusal, secret, "bucket", bucket, reader(root))


def reader(root: S3Store | AzureStore) -> Callable[[str], bytes]:
    return lambda path: bytes(obstore.get(root, path).bytes())


def make_bucket(url: str, key: str, secret: str, bucket: str) -> None:
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=bucket)
    client.close()


def make_container(port: int, container: str) -> None:
    """Signed with the account's key, as the service's documentation has it (Shared Key)."""
    version, date = "2021-12-02", format_datetime(datetime.now(UTC), usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:{version}"
    text = f"PUT\n\n\n\n\n\n\n\n\n\n\n\n{headers}\n/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{container}\nrestype:container"
    signature = base64.b64encode(hmac.digest(base64.b64decode(AZURE_KEY), text.encode(), "sha256")).decode()
    answer = httpx2.put(
        f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}/{container}?restype=container",
        headers={
            "x-ms-date": date,
            "x-ms-version": version,
            "Authorization": f"SharedKey {AZURE_ACCOUNT}:{signature}",
        },
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


@pytest.fixture
def swift(swift_url: str) -> Store:
    wrong: dict[str, object] = {"secret_key": "another-secret-of-Swift"}
    return s3_store(swift_url, SWIFT_KEY, SWIFT_SECRET, wrong, "SignatureDoesNotMatch")


@pytest.fixture
def moto(moto_url: str) -> Store:
    """It knows every key: what it refuses is a place."""
    return s3_store(moto_url, "AKIAQUINTA", "moto-looks-at-none", {"endpoint_url": "http://10.9.8.7"}, "may not reach")


@pytest.fixture
def azure(azurite_port: int) -> Store:
    container = f"c-{uuid4().hex}"
    options: Any = {"allow_http": True}
    config: Any = {
        "account_name": AZURE_ACCOUNT,
        "access_key": AZURE_KEY,
        "endpoint": f"http://127.0.0.1:{azurite_port}/{AZURE_ACCOUNT}",
    }
    root = AzureStore(container, config=config, client_options=options)
    make_container(azurite_port, container)
    wrong = connection_string(azurite_port, AccountKey="d3JvbmcgYnV0IG9mIHRoZSByaWdodCBmb3Jt")
    return Store(
        "azure_blob_storage",
        {"connection_string": connection_string(azurite_port)},
        {"connection_string": wrong},
        "403",
        AZURE_KEY,
        "container",
        container,
        reader(root),
    )


@pytest.fixture
def gcs(gcs_url: str, google: Google) -> Store:
    name = f"b-{uuid4().hex}"
    client = storage.Client(
        project="project",
        credentials=google_anonymous(),
        client_options={"api_endpoint": gcs_url},
    )
    bucket = client.create_bucket(name)
    return Store(
        "gcp_cloud_storage",
        {"json_key_file": google.key_file(), "endpoint_url": gcs_url},
        {"json_key_file": google.key_file(token_uri=f"{google.url}/no-token-here")},
        "Google",
        PEM,
        "bucket",
        name,
        lambda path: bytes(bucket.blob(path).download_as_bytes()),
    )


def google_anonymous() -> Any:
    return google.auth.credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]  # Google's own


@pytest.fixture(params=["swift", "moto", "azure", "gcs"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


async def test_a_file_in_a_folder(house: House, store: Store) -> None:
    signed = await house.sign_in(store.type, store.sign_in)
    assert (signed.credentials.status, signed.credentials.error_message) == (ConnectorStatus.AVAILABLE, "")
    place = {store.bucket_parameter: store.bucket, "path_prefix": "/some/folder/"}
    made = await house.connect(store.type, place)
    assert (made.connector.status, made.connector.error_message) == (ConnectorStatus.AVAILABLE, "")
    for name, content in (("large.bin", CONTENT), ("ümlaut & 100%#+.jpg", b"small"), ("empty", b"")):
        assert await house.deliver(made, {"blob": await house.blob(content, name)}) is None, await house.logs()
        assert store.read(f"some/folder/{name}") == content
    assert await house.metrics() == {"requests": 3, "volume": len(CONTENT) + 5}
    assert await house.logs() == []
    assert list(house.staging.iterdir()) == []


async def test_what_is_refused(house: House, store: Store) -> None:
    signed = await house.sign_in(store.type, store.sign_in | store.wrong)
    assert signed.credentials.status is ConnectorStatus.FAILED_VERIFICATION
    assert store.refusal in signed.credentials.error_message
    assert signed.credentials.reason == Reason.CREDENTIALS_REFUSED
    await house.change_credentials(store.sign_in)
    await house.until_verified(signed.credentials.id, 2)
    made = await house.connect(store.type, {store.bucket_parameter: "there-is-none"})
    assert made.connector.status is ConnectorStatus.FAILED_VERIFICATION
    assert "404" in made.connector.error_message
    assert made.connector.reason == Reason.PLACE_MISSING
    good = await house.change(configuration={store.bucket_parameter: store.bucket})
    assert good.connector.status is ConnectorStatus.AVAILABLE
    reason = await house.deliver(good, {"blob": str(uuid4())})
    assert reason is not None
    assert "does not exist any more" in reason.message
    assert reason.reason is Reason.MESSAGE_BLOB_GONE
    lines = [line.text for line in await house.logs()]
    shown = " ".join([signed.credentials.error_message, made.connector.error_message, *lines])
    assert store.secret not in shown
    assert "BEGIN" not in shown


async def test_the_servers_own_environment_has_no_part(
    house: House, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says of clouds is the operator's: neither sent to a user's store nor in the way of its keys."""
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AZURE_STORAGE_ENDPOINT", "STORAGE_EMULATOR_HOST"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"):
        monkeypatch.setenv(name, "bm90IHlvdXJz")
    for name in ("AWS_SKIP_SIGNATURE", "AZURE_SKIP_SIGNATURE", "AZURE_STORAGE_USE_EMULATOR"):
        monkeypatch.setenv(name, "true")
    signed = await house.sign_in(store.type, store.sign_in)
    assert (signed.credentials.status, signed.credentials.error_message) == (ConnectorStatus.AVAILABLE, "")
    made = await house.connect(store.type, {store.bucket_parameter: store.bucket})
    assert (made.connector.status, made.connector.error_message) == (ConnectorStatus.AVAILABLE, "")
    wrong = await house.sign_in(store.type, store.sign_in | store.wrong, "wrong")
    assert wrong.credentials.status is ConnectorStatus.FAILED_VERIFICATION
