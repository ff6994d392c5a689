"""A newer upload ends the build that it overtakes, and deleting a version ends its build: at once and whole."""

from __future__ import annotations

import time

from quinta.core.reasons import Reason
from tests.models import ModelDoor, new_model
from tests.scenarios.test_kill import is_alive, processes_below
from tests.serving import RunningServer

HANGS = """
import time
print("hanging", flush=True)
time.sleep(3_600)
"""
GOOD = """
class Model:
    def request(self, data):
        return {"y": 2 * data["x"]}
"""
FIELDS = {"x": "int"}


def hanging(server: RunningServer, door: ModelDoor) -> dict[int, str]:
    """The processes of the build's first instance, once it hangs."""
    before = processes_below(server.process.pid)
    door.upload({"model.py": HANGS})
    door.wait_for_log("hanging")
    return {pid: started for pid, started in processes_below(server.process.pid).items() if before.get(pid) != started}


def wait_until_gone(processes: dict[int, str]) -> None:
    deadline = time.monotonic() + 30  # a start that hangs is ended after 120
    while any(is_alive(pid, started) for pid, started in processes.items()):
        assert time.monotonic() < deadline, processes
        time.sleep(0.02)


def test_a_newer_upload_ends_the_build_that_it_overtakes(server: RunningServer) -> None:
    with server.client() as client:
        door = new_model(client, {"model.py": GOOD}, inputs=FIELDS, outputs={"y": "int"}, maximum_idle_time=300)
        assert door.request({"x": 1})["result"] == {"y": 2}
        processes = hanging(server, door)
        assert processes
        door.upload({"model.py": GOOD.replace("2 *", "3 *")})
        wait_until_gone(processes)
        door.wait_for_log(f"its build was superseded [{Reason.INSTANCE_STOPPED}]", system=True)
        assert f'quinta_instance_ends_total{{code="{Reason.INSTANCE_STOPPED}"}}' in client.get("/metrics").text
        door.wait()
        assert door.request({"x": 1})["result"] == {"y": 3}


def test_a_deleted_version_ends_its_build(server: RunningServer) -> None:
    with server.client() as client:
        door = new_model(client, {"model.py": GOOD}, inputs=FIELDS, outputs={"y": "int"})
        processes = hanging(server, door)
        assert processes
        assert client.delete(door.path).status_code == 204
        wait_until_gone(processes)
