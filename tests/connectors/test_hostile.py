"""Stores whose servers want to lead elsewhere, to fill the memory, or to hold a thread."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from quinta.engine.connectors.cloud_storage import CloudStorageDriver
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import Message, Place, StoreFailure
from quinta.engine.connectors.mysql import MysqlDriver
from quinta.engine.connectors.objects import AzureDriver, S3Driver
from tests.connectors.google_exchange import TOKEN, Google

HOUSE = Destinations([ip_network("127.0.0.1/32")])
"""127.0.0.2, where the inner service listens, is inside and not allowed."""


@dataclass
class Hostile:
    """``answer`` is what every request gets: status, headers, body. ``heard`` is what came."""

    port: int = 0
    answer: tuple[int, dict[str, str], bytes] = (404, {}, b"")
    puts: tuple[int, dict[str, str], bytes] | None = None
    heard: list[str] = field(default_factory=list)


@contextmanager
def listening(address: str, context: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    hostile = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hostile.heard.append(f"{self.command} {self.path}")
            status, headers, body = hostile.puts if self.command == "PUT" and hostile.puts else hostile.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((address, 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    hostile.port = server.server_port
    try:
        yield hostile
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def inside() -> Iterator[Hostile]:
    with listening("127.0.0.2") as hostile:
        yield hostile


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """A store with TLS that the server's machine trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "store.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with listening("127.0.0.1", context) as hostile:
        yield hostile


@pytest.mark.parametrize("status", [302, 307])
async def test_no_redirect_leads_from_an_object_store_inside(
    trusted: Hostile, inside: Hostile, tmp_path: Path, status: int
) -> None:
    trusted.answer = (status, {"Location": f"http://127.0.0.2:{inside.port}/meta-data"}, b"")
    trusted.puts = (200, {"ETag": '"1"'}, b"")
    url = f"https://127.0.0.1:{trusted.port}"
    s3 = {"access_key": "AKIA", "secret_key": "s" * 20, "region": "us-east-1", "endpoint_url": url}
    azure = {"connection_string": f"AccountName=a;AccountKey=a2V5;BlobEndpoint={url}/a"}
    place = Place(s3, {"bucket": "bucket", "path_prefix": ""}, ())
    large = tmp_path / "large"
    large.write_bytes(bytes(12_000_000))  # sent in parts, which a POST begins

    with pytest.raises(StoreFailure, match="redirect"):
        await S3Driver(HOUSE).check_credentials(s3)
    with pytest.raises(StoreFailure, match="redirect"):
        await AzureDriver(HOUSE).check_credentials(azure)
    with pytest.raises(StoreFailure, match="redirect"):
        await S3Driver(HOUSE).write(place, Message("1", {}, large, "large"))
    await S3Driver(HOUSE).check(place)  # the probe was written; removing it again led inside

    assert inside.heard == []
    assert len(trusted.heard) >= 5


async def test_what_cannot_be_removed_is_no_failure(trusted: Hostile) -> None:
    trusted.puts = (200, {"ETag": '"1"'}, b"")
    url = f"https://127.0.0.1:{trusted.port}"
    s3 = {"access_key": "AKIA", "secret_key": "s" * 20, "region": "us-east-1", "endpoint_url": url}

    await S3Driver(HOUSE).check(Place(s3, {"bucket": "bucket", "path_prefix": ""}, ()))

    trusted.puts = None
    with pytest.raises(StoreFailure, match="answers 404"):
        await S3Driver(HOUSE).check(Place(s3, {"bucket": "bucket", "path_prefix": ""}, ()))


async def test_an_answer_without_an_end_is_not_kept(google: Google) -> None:
    token = json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode()
    with listening("127.0.0.1") as hostile:
        driver = CloudStorageDriver(HOUSE)
        credentials = {"json_key_file": google.key_file(token_uri=f"http://127.0.0.1:{hostile.port}/token")}
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

        hostile.answer = (200, headers, gzip.compress(token))
        await driver.check_credentials(credentials)

        hostile.answer = (200, headers, gzip.compress(bytes(64_000_000)))
        with pytest.raises(StoreFailure, match="no end"):
            await driver.check_credentials(credentials)


async def test_an_answer_that_breaks_off_may_pass(google: Google) -> None:
    with listening("127.0.0.1") as hostile:
        hostile.answer = (200, {"Content-Encoding": "gzip"}, b"this is no gzip")
        key = google.key_file(token_uri=f"http://127.0.0.1:{hostile.port}/token")

        with pytest.raises(StoreFailure, match="breaks off") as caught:
            await CloudStorageDriver(HOUSE).check_credentials({"json_key_file": key})

        assert caught.value.passing


async def test_a_database_that_never_comes_to_an_end_holds_no_thread() -> None:
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"\xff\xff\x00\x00")  # a greeting of 65,535 bytes
            while not over.wait(0.05):
                try:
                    connection.sendall(b"\x0a")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            port = str(listener.getsockname()[1])
            credentials = {"host": "127.0.0.1", "port": port, "username": "user", "password": "password"}
            with pytest.raises(StoreFailure, match="port") as caught:
                await MysqlDriver(HOUSE, seconds=0.5).check_credentials(credentials)
            assert caught.value.passing
        finally:
            over.set()
            thread.join()
