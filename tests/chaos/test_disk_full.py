"""A full disk: what cannot be kept is refused clearly, nothing half-written stays, and space lets all go on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx2
import pytest

from tests.chaos.disks import can_mount, full, read_only, small_disk
from tests.cli.test_serve import serve
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model, zipped
from tests.serving import RunningServer, start_server

ECHO = {"model.py": "class Model:\n    def request(self, data):\n        return data\n"}
ITEM_BYTES = 2_000
MOST_CALLS = 400


def accept(door: ModelDoor, word: str) -> tuple[list[str], str]:
    """Sends batches until one is refused: the ids accepted, and the refusal."""
    ids: list[str] = []
    for number in range(MOST_CALLS):
        answer = door.client.post(f"{door.path}/request-batch", json=[f"{word} {number} " + "x" * ITEM_BYTES] * 100)
        if answer.status_code != 200:
            assert answer.status_code == 503, answer.text
            return ids, answer.json()["error"]
        ids += [item["id"] for item in answer.json()]
    raise AssertionError("the disk does not get full")


def files(server: RunningServer) -> set[Path]:
    """Uploads and stored objects."""
    folders = (server.data / "uploads", server.data / "objects")
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def check_refusals(server: RunningServer, door: ModelDoor, *, mounted: bool) -> list[str]:
    """While there is no space: the ids of what was still accepted."""
    before = files(server)
    with full(server, mounted=mounted):
        ids, refusal = accept(door, "full")
        assert "disk" in refusal
        blob = door.client.post(f"/v2.1/projects/{door.project}/blobs", files={"file": ("a", bytes(1 << 20))})
        package = door.client.put(f"{door.path}/upload", files={"file": ("p.zip", zipped(ECHO | {"a": "b" * 99}))})
        for answer in (blob, *([package] if mounted else [])):
            assert answer.status_code == 503, answer.text
            assert "disk" in answer.json()["error"]
        assert files(server) == before
        assert door.client.get("/health").status_code == 200
        assert door.client.get(door.path).json()["status"] == "available"
        assert door.request("still here")["result"] == "still here"  # a warm instance needs no disk
    return ids


def ended(door: ModelDoor) -> Counter[str]:
    return Counter(item["status"] for item in listed(door))


def listed(door: ModelDoor) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while True:
        query: dict[str, str | int] = {"limit": 500, "offset": len(found)}
        page = door.client.get(f"{door.path}/request-batch", params=query).json()
        found += page
        if len(page) < 500:
            return found


def check_recovery(door: ModelDoor, ids: list[str]) -> None:
    after = [item["id"] for item in door.client.post(f"{door.path}/request-batch", json=["after"] * 50).json()]
    ids = ids + after
    states = wait_for(lambda: ended(door), lambda found: not found["pending"] + found["processing"], 180)
    assert states == {"completed": len(ids)}
    assert {item["id"] for item in listed(door)} == set(ids)  # of what was refused, nothing
    for start in range(0, len(ids), 200):
        answer = door.client.post(f"{door.path}/request-batch-collect", json=ids[start : start + 200]).json()
        assert all(item["result"] == item["request_data"] for item in answer)
    blob = door.client.post(f"/v2.1/projects/{door.project}/blobs", files={"file": ("a", bytes(1 << 20))})
    assert blob.status_code == 201, blob.text
    door.upload(ECHO)
    door.wait()


def story(client: httpx2.Client, server: RunningServer, *, mounted: bool) -> None:
    door = new_model(client, ECHO, minimum_instances=1)
    wait_for(lambda: door.request("warm")["success"], bool)
    check_recovery(door, check_refusals(server, door, mounted=mounted))


def test_a_full_disk(tmp_path: Path) -> None:
    """On a disk of its own; where none can be had, with a limit that makes every write beyond it fail."""
    if not can_mount(tmp_path / "try"):
        server = start_server(tmp_path / "data")
        try:
            with server.client() as client:
                story(client, server, mounted=False)
        finally:
            assert server.stop() == 0
        return
    with small_disk(tmp_path / "disk") as disk:
        server = start_server(disk / "data")
        try:
            with server.client() as client:
                story(client, server, mounted=True)
        finally:
            assert server.stop() == 0


@pytest.mark.parametrize("fresh", [True, False])
def test_a_data_folder_that_cannot_be_written_refuses_the_start(tmp_path: Path, fresh: bool) -> None:
    if not can_mount(tmp_path / "try"):
        folder = tmp_path / "data"
        folder.mkdir(mode=0o500)
        refused = serve("--port", "0", "--data", str(folder))
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "cannot be used: Permission denied" in refused.stderr
        return
    with small_disk(tmp_path / "disk") as disk:
        if not fresh:
            start_server(disk).stop()
        with read_only(disk):
            refused = serve("--port", "0", "--data", str(disk))
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "cannot be used: Read-only file system" in refused.stderr
        again = start_server(disk)
        assert again.stop() == 0
