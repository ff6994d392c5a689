"""A package on a real server, built and asked through the API, tries for what that server keeps."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from quinta.engine.sandbox.detection import detect
from tests.models import ModelDoor, new_model
from tests.serving import serving

PACKAGE = Path(__file__).parents[1] / "naughty" / "looks_around" / "model.py"
# The fields of this model are text.
MODEL = """
import looks
class Model(looks.Model):
    def request(self, data):
        return {"y": str(super().request(data)["y"])}
"""
CONNECT = "run python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 10)\""


def _model(client: httpx2.Client) -> ModelDoor:
    files = {"model.py": MODEL, "looks.py": PACKAGE.read_text()}
    return new_model(client, files, inputs={"x": "string"}, outputs={"y": "string"})


def _ask(door: ModelDoor, attempt: str) -> str:
    """The answer, or the error's text."""
    answer = door.request({"x": attempt})
    return str(answer["result"]["y"]) if answer["success"] else f"refused: {answer['error_message']}"


@pytest.mark.parametrize("network", ["none", "host"])
def test_a_package_reaches_nothing_of_its_server(tmp_path: Path, network: str) -> None:
    sandbox = detect()
    if sandbox.bwrap is None or not sandbox.landlock:
        pytest.skip("needs bubblewrap and Landlock")
    with (
        serving(tmp_path / "data", {"QUINTA_INSTANCE_NETWORK": network}, fresh=True) as server,
        server.client() as client,
    ):
        door = _model(client)
        for name in ("secrets.key", "quinta.db", "lock"):
            assert (server.data / name).exists(), name
            assert _ask(door, f"read {server.data / name}").startswith("refused: "), name
        # On the way to its environment it passes folders of these names, which are its own and hold nothing else.
        assert _ask(door, f"list {server.data}").startswith(("refused: ", "['environments']"))
        for name in ("instances", "objects", "packages"):
            assert _ask(door, f"list {server.data / name}").startswith("refused: "), name
        for process in (server.process.pid, 1):
            assert _ask(door, f"read /proc/{process}/environ").startswith("refused: ")
        assert "QUINTA" not in _ask(door, "run env | grep QUINTA") + _ask(door, "read /proc/self/environ")
        reached = _ask(door, CONNECT.format(port=server.url.rpartition(":")[2]))
        assert (reached == "0") is (network == "host"), reached
        assert _ask(door, "write own") == "written"
        assert _ask(door, "write /tmp/own") == "written"
