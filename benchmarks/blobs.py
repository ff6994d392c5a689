"""Memory and speed of a large blob through a real server: ``python -m benchmarks.blobs``.

Sends ``--megabytes`` (1,024 by default) in one upload, reads them back, and tells how much more memory the server's
process held at its peak than after a small blob. Data goes to a temporary folder, which is removed; it needs twice the
blob's size of disk for a moment.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.models import new_project
from script.local_server import HOST, Api, LocalServer, remove_tree

PIECE = bytes(range(256)) * 4096
PATH = "/v2.1/projects/benchmark/blobs"
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
TAIL = b"\r\n--x--\r\n"
MOST_EXTRA_MEGABYTES = 64


def memory(server: LocalServer, name: str) -> int:
    """A number of /proc/PID/status in MiB."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def forget_peak(server: LocalServer) -> None:
    """Starts VmHWM anew, at what the process holds now (proc(5), clear_refs)."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")


def body(megabytes: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(megabytes):
        yield PIECE
    yield TAIL


def upload(server: LocalServer, megabytes: int) -> tuple[str, float]:
    """The new blob's id, and MiB a second."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=600)
    headers = {
        "Authorization": f"Token {server.token}",
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(len(HEAD) + megabytes * len(PIECE) + len(TAIL)),
    }
    begun = time.perf_counter()
    connection.request("POST", PATH, body(megabytes), headers)
    answer = connection.getresponse()
    blob = json.loads(answer.read())
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 201:
        raise SystemExit(f"the upload was refused: {blob}")
    return blob["id"], megabytes / seconds


def download(server: LocalServer, blob: str, megabytes: int) -> float:
    """MiB a second."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=600)
    begun = time.perf_counter()
    connection.request("GET", f"{PATH}/{blob}", headers={"Authorization": f"Token {server.token}"})
    answer = connection.getresponse()
    size = 0
    while piece := answer.read(len(PIECE)):
        if piece != PIECE[: len(piece)]:
            raise SystemExit(f"other bytes came back, from {size} on")
        size += len(piece)
    seconds = time.perf_counter() - begun
    connection.close()
    if size != megabytes * len(PIECE):
        raise SystemExit(f"{size} bytes came back of {megabytes} MiB")
    return megabytes / seconds


def measure(server: LocalServer, megabytes: int) -> bool:
    """Prints what it found; whether the memory stayed within its bound."""
    with Api(server) as api:
        new_project(api)
    download(server, upload(server, 1)[0], 1)
    before = memory(server, "VmRSS")
    forget_peak(server)
    blob, up = upload(server, megabytes)
    after_upload = memory(server, "VmHWM")
    down = download(server, blob, megabytes)
    after = memory(server, "VmHWM")
    print(f"{megabytes} MiB: upload {up:.0f} MiB/s, download {down:.0f} MiB/s")
    print(f"server: {before} MiB before; at its peak {after_upload} in the upload, {after} in all")
    print(f"extra memory: {after - before} MiB (goal: under {MOST_EXTRA_MEGABYTES})")
    return after - before < MOST_EXTRA_MEGABYTES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1_024)
    megabytes = parser.parse_args().megabytes
    server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-benchmark-")))
    try:
        server.start()
        within = measure(server, megabytes)
    finally:
        server.stop()
        remove_tree(server.folder)
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
