"""A large blob passes through the server without staying in its memory, on the way in and on the way out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.models import new_project
from tests.serving import RunningServer, serving

MEGABYTES = 256
EXTRA_MEGABYTES = 64
PIECE = bytes(range(256)) * 4096


def memory(server: RunningServer, name: str) -> int:
    """A number of the process's status, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


def forget_peak(server: RunningServer) -> None:
    """Starts VmHWM, the most memory held so far, anew (proc(5), clear_refs): the start of a server takes more."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def form(megabytes: int) -> tuple[dict[str, str], Iterator[bytes]]:
    """Headers and body of an upload, piece by piece, each a little different."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
    tail = b"\r\n--x--\r\n"
    length = len(head) + megabytes * len(PIECE) + len(tail)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(length)}
    return headers, chain([head], pieces(megabytes), [tail])


def pieces(megabytes: int) -> Iterator[bytes]:
    """The content: the same bytes in another order each time, so that what is mixed up would show."""
    for number in range(megabytes):
        yield PIECE[number:] + PIECE[:number]


def upload(server: RunningServer, project: str, megabytes: int) -> str:
    headers, body = form(megabytes)
    with server.client() as client:
        answer = client.post(f"/v2.1/projects/{project}/blobs", headers=headers, content=body)
    assert (answer.status_code, answer.json()["size"]) == (201, megabytes * len(PIECE)), answer.text
    return str(answer.json()["id"])


def digest_of(server: RunningServer, project: str, blob: str) -> str:
    digest = hashlib.sha256()
    path = f"/v2.1/projects/{project}/blobs/{blob}"
    with server.client() as client, client.stream("GET", path) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_bytes():
            digest.update(piece)
    return digest.hexdigest()


def test_a_large_blob_in_constant_memory(tmp_path: Path) -> None:
    with serving(tmp_path / "data", fresh=True) as server:
        with server.client() as client:
            project = new_project(client)
        digest_of(server, project, upload(server, project, 1))
        before = memory(server, "VmRSS")
        forget_peak(server)
        blob = upload(server, project, MEGABYTES)
        expected = hashlib.sha256()
        for piece in pieces(MEGABYTES):
            expected.update(piece)
        assert digest_of(server, project, blob) == expected.hexdigest()
        assert memory(server, "VmHWM") - before < EXTRA_MEGABYTES
