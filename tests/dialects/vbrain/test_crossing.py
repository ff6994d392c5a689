"""One house, two doors: what VBrain does in a client is seen by UbiOps' owner of its project, and the other way."""

from __future__ import annotations

from datetime import UTC, datetime
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
    job = door.new_job(door.new_repository(), {"do": "fail"})
    door.ended(job)
    with house.server.client() as owner:
        names = [item["name"] for item in owner.get("/v2.1/projects").json()]
        assert project in names

        def lines() -> list[str]:
            body: dict[str, Any] = {"filters": {}, "limit": 500}
            return [line["log"] for line in owner.post(f"/v2.1/projects/{project}/logs", json=body).json()]

        found = wait_for(lines, lambda logs: any("told to fail" in log for log in logs))
        assert any("the bench was told to fail" in log for log in found)
        month = datetime.now(UTC).strftime("%Y-%m")
        path = f"/v2.1/projects/{project}/usage?start_month={month}&end_month={month}"
        usage = wait_for(lambda: owner.get(path).json(), lambda answer: "1" in str(answer))
        assert "1" in str(usage)


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
