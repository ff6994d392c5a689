"""The command-line client keeps blobs and reads logs (contract ubiops 8.5)."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.dialects.ubiops.command_line import CommandLine
from tests.models import ModelDoor, new_model
from tests.serving import RunningServer

TALKATIVE = """
class Model:
    def request(self, data):
        print("heard " + data)
        return data
"""


@pytest.fixture
def talkative(door: httpx2.Client) -> ModelDoor:
    """A plain model that logs what it hears."""
    return new_model(door, {"model.py": TALKATIVE}, model="talkative")


def signed_in(server: RunningServer, folder: Path, project: str) -> CommandLine:
    ubiops = CommandLine(folder, f"{server.url}/v2.1")
    ubiops.sign_in(server.token)
    ubiops.run("current_project", "set", project)
    return ubiops


def test_blobs(server: RunningServer, project: str, tmp_path: Path) -> None:
    ubiops = signed_in(server, tmp_path, project)
    for count, ttl in ((1, ()), (2, ("-ttl", "1000"))):
        made = ubiops.json("blobs", "create", "-f", ubiops.write("über uns.txt", "text"), *ttl)
        assert (made["filename"], made["size"]) == ("über uns.txt", 4)
        assert made["ttl"] == (int(ttl[1]) if ttl else 259_200)
        assert len(ubiops.json("blobs", "list")) == count
    (tmp_path / "out").mkdir()
    ubiops.run("blobs", "get", made["id"], "-o", "out")
    ubiops.run("blobs", "get", made["id"], "-o", "out/other.txt")
    assert ubiops.run("blobs", "delete", made["id"], "-y") == "Blob was successfully deleted."
    assert "no blob" in ubiops.refused("blobs", "get", made["id"])
    assert (tmp_path / "out" / "other.txt").read_text() == "text"


def test_a_blobs_name_survives(server: RunningServer, door: httpx2.Client, project: str, tmp_path: Path) -> None:
    """The client strips these letters from the left of the whole header, so that only quotes save the name."""
    ubiops = signed_in(server, tmp_path, project)
    (tmp_path / "out").mkdir()
    names = [f"{letter}{letter}=ment; f.bin" for letter in "atchmenilf"]
    for name in names:
        made = door.post(f"/v2.1/projects/{project}/blobs", files={"file": (name, b"text")}).json()
        assert ubiops.run("blobs", "get", made["id"], "-o", "out").endswith(f"/{name}")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(names)


def test_logs(server: RunningServer, talkative: ModelDoor, tmp_path: Path) -> None:
    request = talkative.request("this")["request_id"]
    talkative.request("that")
    talkative.wait_for_log("heard that")
    ubiops = signed_in(server, tmp_path, talkative.project)
    of_request = ("logs", "list", "-id", request)
    assert ubiops.run(*of_request, "--system", "False", "-fmt", "oneline").endswith("heard this")
    heard = ubiops.run("logs", "list", "-m", "talkative", "-v", "v1", "--system", "False", "-fmt", "oneline")
    assert [line.split()[-1] for line in heard.splitlines() if "heard" in line] == ["that", "this"]
    by_system = ubiops.run("logs", "list", "-m", "talkative", "--system", "True", "-fmt", "extended")
    assert "heard" not in by_system
    assert "model_version: v1" in by_system
    assert ubiops.run("logs", "list", "-m", "nobody").startswith("No logs found between")

    log_id = heard.splitlines()[-1].split()[0]
    got = ubiops.json("logs", "get", log_id)
    assert (got["id"], got["log"], got["request_id"], got["system"]) == (log_id, "heard this", request, False)
    assert "model_name: talkative" in ubiops.run("logs", "get", log_id)
    onwards = ubiops.run("logs", "list", "--start_log", log_id, "--date_range", "600", "--system", "False",
                         "-fmt", "oneline", "--limit", "2")  # fmt: skip
    assert [line.split()[-1] for line in onwards.splitlines()] == ["this", "that"]
    at_end = ubiops.run("logs", "list", "--start_date", "2020-01-01T00:00:00", "--date_range", "60")
    assert at_end.startswith("No logs found between <2020-01-01 00:00:00>")
