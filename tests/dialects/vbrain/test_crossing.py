"""One house, two doors: what VBrain does in a client is seen by UbiOps' owner of its project, and the other way."""

from __future__ import annotations

from typing import Any

from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.vbrain.house import House

MODEL = """
class Model:
    def __init__(self, base_directory, context):
        pass

    def request(self, data):
        print("multiplying")
        return {"product": data["a"] * data["b"]}
"""


def test_a_ubiops_model_runs_as_an_application(house: House) -> None:
    files = {"model.py": MODEL}
    fields = {"a": "double", "b": "double"}
    house.model_application("Multiplication", files, inputs=fields, outputs={"product": "double"})
    door = house.client("Multiplication")
    assert door.run(door.new_repository(), {"a": 10, "b": 20}) == {"product": 200}


def test_the_owner_sees_lines_and_usage_of_jobs(house: House) -> None:
    leader = house.person()
    door = house.client(leader=leader)
    project = house.project_of(door)
    repository = door.new_repository()
    for params in ({"do": "fail"}, {"do": "return", "value": 1}):
        door.ended(door.new_job(repository, params))
    with house.server.client() as owner:
        assert project in [item["name"] for item in owner.get("/v2.1/projects").json()]

        def lines() -> list[str]:
            body: dict[str, Any] = {"filters": {}, "limit": 500}
            return [line["log"] for line in owner.post(f"/v2.1/projects/{project}/logs", json=body).json()]

        def usage() -> dict[str, float]:
            series = owner.get(f"/v2.1/projects/{project}/usage").json()
            return {item["metric"]: item["usage"][-1]["value"] for item in series}

        found = wait_for(lines, lambda logs: any("ValueError: told to fail" in log for log in logs))
        assert any("the bench was told to fail" in log for log in found)
        used = wait_for(usage, lambda used: used.get("requests") == 2 and "gb_seconds" in used)
        assert used["gb_seconds"] > 0


def test_one_key_opens_both(house: House) -> None:
    leader = house.person()
    door = house.client(leader=leader)
    with house.server.client(leader.key) as ubiops:
        assert ubiops.get("/v2.1/user").json()["email"] == leader.email
        assert house.project_of(door) in [item["name"] for item in ubiops.get("/v2.1/projects").json()]
    session = {"email": leader.email, "password": "long enough"}
    with house.server.client() as client:
        token = client.post("/v2.1/authorize", json=session).json()["access"]
    assert door.call("GET", "/repository", {"x-api-key": token}).json() == []


def test_a_key_that_is_revoked_opens_neither(house: House) -> None:
    leader = house.person()
    door = house.client(leader=leader)
    assert door.call("GET", "/repository").status_code == 200
    with house.server.client(leader.key) as ubiops:
        deleted = ubiops.delete("/v2.1/user")
        assert deleted.status_code == 204, deleted.text
    assert door.call("GET", "/repository").status_code == 401
