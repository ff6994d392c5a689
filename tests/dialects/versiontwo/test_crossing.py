"""One house, several doors: what is written here is seen through UbiOps and the other way round, with one key."""

from __future__ import annotations

from tests.dialects.versiontwo.house import Door
from tests.models import new_project


def test_a_project_is_the_same_in_ubiops(door: Door) -> None:
    project = door.new_project("Olá, Mundo")
    with door.ubiops() as client:
        name = door.ubiops_name()
        assert name == "ola-mundo"
        assert client.get(f"/v2.1/projects/{name}").json()["name"] == name
        other = new_project(client)
    listed = door.ok("GET", "/projects")["projects"]
    assert {item["name"] for item in listed} == {"Olá, Mundo", other}
    assert door.refused("POST", "/projects", json={"name": other})[:2] == (409, "conflict")
    mine = next(item for item in listed if item["name"] == other)
    assert (
        door.ok("PATCH", f"/projects/{mine['id']}", json={"name": "Renamed", "config": {"a": 1}})["name"] == "Renamed"
    )
    with door.ubiops() as client:
        assert client.get(f"/v2.1/projects/{other}").status_code == 200  # its name there stays
        assert client.delete(f"/v2.1/projects/{name}").status_code == 204
    assert door.refused("GET", f"/projects/{project['id']}")[:2] == (404, "not_found")


def test_a_key_made_here_opens_the_others_within_its_permissions(door: Door) -> None:
    door.new_project()
    reader = door.with_key("read")
    with reader.ubiops() as client:
        assert len(client.get("/v2.1/projects").json()) == 1
        refused = client.patch(f"/v2.1/projects/{door.ubiops_name()}", json={"name": "other"})
        assert refused.status_code == 403
    with door.ubiops() as client:
        assert (
            client.patch(
                f"/v2.1/projects/{door.ubiops_name()}",
                json={"name": "x" + client.get("/v2.1/projects").json()[0]["name"]},
            ).status_code
            == 200
        )


def test_a_live_version_answers_in_ubiops_and_its_lines_come_here(door: Door) -> None:
    project = door.new_project()["id"]
    door.new_model("one", "v1", "v2")
    assert door.deploy(project, "v1")["status"] == "completed"
    with door.ubiops() as client:
        path = f"/v2.1/projects/{door.ubiops_name()}"
        assert client.post(f"{path}/models/one/request", json="x").json()["result"] == "v1"
        live = client.delete(f"{path}/models/one/versions/v1")
        assert live.status_code == 400
        assert client.delete(f"{path}/models/one/versions/v2").status_code == 204
        audit = [item["action"] for item in client.get(f"{path}/audit", params={"limit": 100}).json()]
    assert {"project.created", "deployment.created", "deployment.completed"} <= set(audit)
    components = {row["component"] for row in door.ok("GET", f"/projects/{project}/logs")["logs"]}
    assert "platform" in components
