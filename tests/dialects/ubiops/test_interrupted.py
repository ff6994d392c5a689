"""Callers that go away, are slow, or come at the same moment; files too large for memory."""

from __future__ import annotations

import json
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor
from tests.serving import RunningServer

MEBIBYTE = 2**20


def connection(server: RunningServer) -> socket.socket:
    address = urlsplit(server.url)
    assert address.hostname is not None
    return socket.create_connection((address.hostname, address.port or 80), timeout=30)


def head(server: RunningServer, method: str, path: str, *lines: str) -> bytes:
    start = [f"{method} {path} HTTP/1.1", "Host: test", f"Authorization: Token {server.token}", *lines]
    return "\r\n".join([*start, "", ""]).encode()


def uploads(server: RunningServer) -> list[Path]:
    return list((server.data / "uploads").iterdir())


def test_an_upload_that_breaks_off_leaves_nothing(server: RunningServer, door: httpx2.Client, project: str) -> None:
    kind = "Content-Type: multipart/form-data; boundary=b"
    with connection(server) as caller:
        caller.sendall(head(server, "POST", f"/v2.1/projects/{project}/blobs", kind, "Content-Length: 10000000"))
        caller.sendall(b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * MEBIBYTE)
        wait_for(lambda: uploads(server), lambda found: len(found) == 1)
    wait_for(lambda: uploads(server), lambda found: not found)
    assert door.get(f"/v2.1/projects/{project}/blobs").json() == []


def test_a_request_whose_caller_hangs_up_harms_no_other(server: RunningServer, plain: ModelDoor) -> None:
    body = json.dumps("text").encode()
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    for cut in (0, 3, len(body)):
        with connection(server) as caller:
            caller.sendall(head(server, "POST", f"{plain.path}/request", *lines) + body[:cut])
    assert plain.request("text")["result"] == "text"


def test_a_body_announced_too_large_is_refused_unread(server: RunningServer, plain: ModelDoor) -> None:
    """Without the 100 that would ask for it, and before any of it was sent."""
    lines = ("Content-Type: application/json", "Content-Length: 100000000000", "Expect: 100-continue")
    for path in (f"{plain.path}/request", f"{plain.path}/request-batch", f"/v2.1/projects/{plain.project}/models"):
        with connection(server) as caller:
            caller.sendall(head(server, "POST", path, *lines))
            assert caller.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_small_pieces(server: RunningServer, plain: ModelDoor) -> None:
    body = json.dumps("text").encode()
    lines = ("Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close")
    with connection(server) as caller:
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        caller.sendall(head(server, "POST", f"{plain.path}/request", *lines))
        for byte in body:
            caller.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
        caller.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: caller.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["result"] == "text"


def resident_bytes(server: RunningServer) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def test_a_large_blob_does_not_pass_through_memory(server: RunningServer, project: str, tmp_path: Path) -> None:
    size = 192 * MEBIBYTE
    file = tmp_path / "large.bin"
    with file.open("wb") as target:
        target.truncate(size)
    before = resident_bytes(server)
    with server.client() as door, file.open("rb") as source:
        path = f"/v2.1/projects/{project}/blobs"
        blob = door.post(path, files={"file": ("large.bin", source)}).json()
        assert blob["size"] == size
        with door.stream("GET", f"{path}/{blob['id']}") as answer:
            assert sum(map(len, answer.iter_bytes())) == size
        assert door.delete(f"{path}/{blob['id']}").status_code == 204
    assert resident_bytes(server) - before < size // 2


def test_one_of_many_callers_gets_a_name(server: RunningServer, door: httpx2.Client, project: str) -> None:
    """The look-up before the insert finds nothing for all of them: the database's own rule decides."""
    name = f"p-{uuid.uuid4().hex[:12]}"

    def create(_: int) -> tuple[int, str]:
        with server.client() as client:
            answer = client.post("/v2.1/projects", json={"name": name, "organization_name": f"o-{project}"})
            return answer.status_code, answer.text

    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(create, range(6)))
    assert sorted(status for status, _ in answers) == [201, 400, 400, 400, 400, 400]
    assert all("already exists" in text or "exists already" in text for status, text in answers if status == 400)
    assert [item["name"] for item in door.get("/v2.1/projects").json()].count(name) == 1


@pytest.mark.parametrize(
    ("method", "known", "unknown"),
    [
        ("POST", "/v2.1/projects/{project}/blobs", "/v2.1/projects/nobodys/blobs"),
        ("PUT", "{version}/upload", "{version}x/upload"),
    ],
)
def test_a_file_that_would_be_refused_is_not_received(
    server: RunningServer, plain: ModelDoor, method: str, known: str, unknown: str
) -> None:
    kind = "Content-Type: multipart/form-data; boundary=b"
    for path, begin in ((known, b"HTTP/1.1 100 "), (unknown, b"HTTP/1.1 404 ")):
        target = path.format(project=plain.project, version=plain.path)
        with connection(server) as caller:
            caller.sendall(head(server, method, target, kind, "Content-Length: 10000000", "Expect: 100-continue"))
            assert caller.recv(len(begin), socket.MSG_WAITALL) == begin
