"""The audit trail through the real door: changes and refusals beside their twins that succeed (decision 0024)."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.dialects.ubiops.people import PASSWORD, People, assign, newcomer, refusal_of
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor
from tests.serving import ADMIN_EMAIL, RunningServer

MODEL = {"name": "one", "input_type": "plain", "output_type": "plain"}
MEMBERS = ["sequence", "time", "actor", "action", "subject_id", "subject", "description", "digest"]


def trail(door: httpx2.Client, project: str, **query: Any) -> list[dict[str, Any]]:
    answer = door.get(f"/v2.1/projects/{project}/audit", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def wait_for_refusal(door: httpx2.Client, project: str, text: str) -> dict[str, Any]:
    """The refusal in the project's trail whose description has the text."""
    found = wait_for(
        lambda: [item for item in trail(door, project, action="access.refused") if text in item["description"]], bool
    )
    return found[0]


def test_changes_are_in_the_trail_newest_first(door: httpx2.Client, project: str) -> None:
    path = f"/v2.1/projects/{project}/models"
    made = door.post(path, json=MODEL).json()
    assert door.patch(f"{path}/one", json={"name": "two"}).status_code == 200
    assert door.delete(f"{path}/two").status_code == 204
    found = trail(door, project)
    assert [list(item) for item in found] == [MEMBERS] * len(found)
    assert [item["description"] for item in found] == [
        f"{ADMIN_EMAIL} deleted model 'two' in project '{project}'",
        f"{ADMIN_EMAIL} changed model 'two' in project '{project}'",
        f"{ADMIN_EMAIL} created model 'one' in project '{project}'",
        f"{ADMIN_EMAIL} created project '{project}'",
    ]
    assert {item["actor"] for item in found} == {ADMIN_EMAIL}
    assert [item["subject_id"] for item in found[:3]] == [made["id"]] * 3
    numbers = [item["sequence"] for item in found]
    assert numbers == sorted(numbers, reverse=True)
    assert trail(door, project, limit=2) == found[:2]
    assert trail(door, project, before=numbers[1]) == found[2:]
    assert trail(door, project, action="model.created") == [found[2]]
    assert trail(door, project, actor="system") == []
    refused = door.get(f"/v2.1/projects/{project}/audit", params={"limit": 501})
    assert refusal_of(refused) == (400, "limit must be from 1 to 500, not 501")


def test_a_member_is_refused_until_it_has_the_role(door: httpx2.Client, project: str, people: People) -> None:
    member = people.member(project)
    path = f"/v2.1/projects/{project}/models"
    assert member.client.get(path).status_code == 403
    refused = wait_for_refusal(door, project, member.email)
    assert refused["actor"] == member.email
    said = "was refused GET /v2.1/projects/{project_name}/models (not_permitted)"
    assert refused["description"] == f"{member.email} {said}"
    assign(door, project, member.id, "project-viewer")
    newest = trail(door, project)[0]["sequence"]
    assert member.client.get(path).status_code == 200
    assert trail(door, project)[0]["sequence"] == newest


def test_what_is_hidden_from_a_stranger_tells_its_owner_only(
    door: httpx2.Client, project: str, stranger: httpx2.Client
) -> None:
    """The stranger learns nothing: the answer is the same for what is not there, of which no trail tells."""
    hidden = stranger.delete(f"/v2.1/projects/{project}/blobs/1")
    missing = stranger.delete("/v2.1/projects/never-was/blobs/1")
    assert refusal_of(hidden)[0] == refusal_of(missing)[0] == 404
    assert hidden.text.replace(project, "never-was") == missing.text
    email = stranger.get("/v2.1/user").json()["email"]
    found = wait_for_refusal(door, project, email)
    assert found["description"].endswith("DELETE /v2.1/projects/{project_name}/blobs/{blob_id} (not_found)")
    assert refusal_of(stranger.get(f"/v2.1/projects/{project}/audit"))[0] == 404


def test_a_direct_request_that_is_refused(door: httpx2.Client, plain: ModelDoor, people: People) -> None:
    member = people.member(plain.project)
    assert member.client.post(f"{plain.path}/request", json="x").status_code == 403
    found = wait_for_refusal(door, plain.project, member.email)
    path = "/v2.1/projects/{project_name}/models/{model_name}/versions/{version}/request"
    assert found["description"] == f"{member.email} was refused POST {path} (not_permitted)"
    before = len(trail(door, plain.project, limit=500))
    assert plain.request("x")["success"]
    assert len(trail(door, plain.project, limit=500)) == before


def test_a_service_user_of_the_project_is_known(door: httpx2.Client, project: str, people: People) -> None:
    service = people.service_user(project)
    assert service.client.post(f"/v2.1/projects/{project}/models", json=MODEL).status_code == 403
    assert wait_for_refusal(door, project, service.email)["actor"] == service.email
    assign(door, project, service.id, "model-admin")
    assert service.client.post(f"/v2.1/projects/{project}/models", json=MODEL).status_code == 201
    assert trail(door, project)[0]["description"].startswith(f"{service.email} created model 'one'")


def test_nothing_of_a_body_or_of_a_secret_gets_in(server: RunningServer, door: httpx2.Client, project: str) -> None:
    secret = {"name": "PASSWORD", "value": "hunter2hunter2", "secret": True}
    assert door.post(f"/v2.1/projects/{project}/environment-variables", json=secret).status_code == 201
    found = trail(door, project)
    assert "created variable 'PASSWORD'" in found[0]["description"]
    assert "hunter2" not in str(found)
    with newcomer(server) as client:
        change = {"password": "Another-long-1", "previous_password": PASSWORD}
        assert client.patch("/v2.1/user", json=change).status_code == 200
