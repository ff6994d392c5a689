"""Schedules by the real client: members, rules, who sees which, and real runs (contract ubiops 2, 3, 10.27, 10.28)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import check_last
from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.people import People, assign, refusal_of
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model, new_project
from tests.serving import RunningServer

YEARLY = "0 0 1 1 *"
"""Not due while a test runs, but for one second a year."""
FIELDS = [{"name": "number", "data_type": "double"}]
GOOD = {"name": "s", "object_type": "model", "object_name": "m", "version": "v1", "schedule": YEARLY}
GOOD |= {"request_data": {"number": 1.5}}


@pytest.fixture
def project(door: httpx2.Client) -> str:
    """A project with the model ``m`` (structured) and ``p`` (plain), each with a version without a package."""
    name = new_project(door)
    models = f"/v2.1/projects/{name}/models"
    structured = {"name": "m", "input_type": "structured", "input_fields": FIELDS, "output_type": "plain"}
    for model in (structured, {"name": "p", "input_type": "plain", "output_type": "plain"}):
        assert door.post(models, json=model).status_code == 201
        assert door.post(f"{models}/{model['name']}/versions", json={"version": "v1"}).status_code == 201
    return name


def test_every_operation_and_member(api: CoreApi, project: str) -> None:
    where = {"project_name": project, "schedule_name": "s"}
    api.scheduled_requests_create(project_name=project, data=ubiops.ScheduleCreate(**GOOD))
    assert api.api_client.last_response.status == 201
    created = check_last(api, "ScheduleList")
    assert {name: created[name] for name in GOOD} == GOOD
    assert (created["batch"], created["timeout"], created["enabled"]) == (True, 300, True)
    api.scheduled_requests_get(**where)
    assert check_last(api, "ScheduleList") == created
    api.scheduled_requests_list(project_name=project)
    assert check_last(api, "ScheduleList") == [created]
    change = {"name": "t", "schedule": "*/5 8-18 * * mon-fri", "request_data": {"number": 2}, "batch": False}
    change |= {"timeout": 10, "enabled": False}
    api.scheduled_requests_update(**where, data=ubiops.ScheduleUpdate(**change))
    assert check_last(api, "ScheduleList") == created | change
    where["schedule_name"] = "t"
    api.scheduled_requests_update(**where, data={})
    assert check_last(api, "ScheduleList") == created | change
    api.scheduled_requests_delete(**where)
    assert api.api_client.last_response.status == 204
    assert api.scheduled_requests_list(project_name=project) == []


def test_plain_data_may_be_left_out(door: httpx2.Client, project: str) -> None:
    path = f"/v2.1/projects/{project}/schedules"
    new = {"name": "s", "object_type": "model", "object_name": "p", "version": "v1", "schedule": "@daily"}
    made = door.post(path, json=new).json()
    assert (made["request_data"], made["schedule"]) == ("", "@daily")
    half = '{"request_data": "half a pair: \\ud800"}'
    changed = door.patch(f"{path}/s", content=half, headers={"Content-Type": "application/json"})
    assert changed.status_code == 200
    assert '"half a pair: \\ud800"' in changed.text


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": "S"}, "cannot be the name of a schedule"),
    ({"name": "x" * 65}, "cannot be the name of a schedule"),
    ({"schedule": "* * * *"}, "it has 4 fields instead of five"),
    ({"schedule": "0 0 31 2 *"}, "bad day-of-month"),
    ({"schedule": "@reboot"}, "fields instead of five"),
    ({"object_name": "other"}, "there is no model named 'other'"),
    ({"object_type": "pipeline"}, "there is no pipeline named"),
    ({"object_type": "connector"}, "'object_type' must be one of"),
    ({"version": "v2"}, "there is no version named 'v2'"),
    ({"version": None}, "must not be null"),
    ({"request_data": {"number": "1"}}, "field 'number' of request_data must be a finite number"),
    ({"request_data": {"number": 1, "more": 2}}, "unknown fields: more"),
    ({"request_data": "text"}, "request_data must be an object"),
    ({"request_data": None}, "must not be null"),
    ({"timeout": 9}, "timeout must be from 10 to 3600"),
    ({"timeout": 3601}, "timeout must be from 10 to 3600"),
    ({"timeout": "60"}, "'timeout' must be an integer"),
    ({"batch": 1}, "'batch' must be true or false"),
    ({"enabled": "yes"}, "'enabled' must be true or false"),
    ({"cron": "* * * * *"}, "there is no member 'cron'"),
]


def test_what_is_refused(door: httpx2.Client, project: str) -> None:
    """Each beside its twin that is taken; a refused call changes nothing."""
    path = f"/v2.1/projects/{project}/schedules"
    for change, reason in BAD:
        answer = door.post(path, json=GOOD | change)
        assert (answer.status_code, reason in answer.json()["error"]) == (400, True), (change, answer.text)
    for missing in ("name", "object_type", "object_name", "schedule", "version", "request_data"):
        answer = door.post(path, json={name: value for name, value in GOOD.items() if name != missing})
        assert (answer.status_code, missing in answer.json()["error"]) == (400, True), answer.text
    made = door.post(path, json=GOOD)
    assert made.status_code == 201
    again = refusal_of(door.post(path, json=GOOD))
    assert again == (400, f"a schedule named 's' exists already in project '{project}'")
    fixed = {"object_type", "object_name", "version"}
    for change, reason in BAD:
        if not change.keys() & fixed:
            answer = door.patch(f"{path}/s", json=change)
            assert (answer.status_code, reason in answer.json()["error"]) == (400, True), (change, answer.text)
    assert door.patch(f"{path}/s", json={"version": "v1"}).status_code == 400
    assert door.get(f"{path}/s").json() == made.json()
    for method in ("GET", "PATCH", "DELETE"):
        answer = door.request(method, f"{path}/never-was", json={})
        assert refusal_of(answer) == (404, f"there is no schedule named 'never-was' in project '{project}'")


def test_new_names_show_and_deletion_takes_schedules_along(door: httpx2.Client, project: str) -> None:
    base = f"/v2.1/projects/{project}"
    for name, model in (("a", "m"), ("b", "p"), ("c", "p")):
        data = {"number": 1} if model == "m" else "x"
        new = GOOD | {"name": name, "object_name": model, "request_data": data}
        assert door.post(f"{base}/schedules", json=new).status_code == 201
    assert door.patch(f"{base}/models/m", json={"name": "renamed"}).status_code == 200
    assert door.patch(f"{base}/models/renamed/versions/v1", json={"version": "v9"}).status_code == 200
    shown = door.get(f"{base}/schedules/a").json()
    assert (shown["object_name"], shown["version"]) == ("renamed", "v9")
    assert door.delete(f"{base}/models/p/versions/v1").status_code == 204
    assert [item["name"] for item in door.get(f"{base}/schedules").json()] == ["a"]
    assert door.delete(f"{base}/models/renamed").status_code == 204
    assert door.get(f"{base}/schedules").json() == []


def test_a_role_on_one_model_shows_its_schedules_alone(door: httpx2.Client, project: str, people: People) -> None:
    path = f"/v2.1/projects/{project}/schedules"
    for name, model, data in (("mine", "m", {"number": 1}), ("other", "p", "x")):
        new = GOOD | {"name": name, "object_name": model, "request_data": data}
        assert door.post(path, json=new).status_code == 201
    viewer, editor = people.member(project), people.member(project)
    assign(door, project, viewer.id, "model-viewer", object_name="m", object_type="model")
    assign(door, project, editor.id, "model-editor", object_name="m", object_type="model")
    for person in (viewer, editor):
        assert [item["name"] for item in person.client.get(path).json()] == ["mine"]
        assert person.client.get(f"{path}/mine").status_code == 200
        there = refusal_of(person.client.get(f"{path}/other"))
        assert there[0] == 403
        assert refusal_of(person.client.get(f"{path}/never-was")) == (403, there[1].replace("other", "never-was"))
        assert person.client.delete(f"{path}/mine").status_code == 403
        assert person.client.post(path, json=GOOD | {"object_name": "p"}).status_code == 403
    assert viewer.client.post(path, json=GOOD).status_code == 403
    assert viewer.client.patch(f"{path}/mine", json={"enabled": False}).status_code == 403
    assert editor.client.post(path, json=GOOD).status_code == 201
    assert editor.client.patch(f"{path}/mine", json={"enabled": False}).status_code == 200
    assert editor.client.patch(f"{path}/other", json={"enabled": False}).status_code == 403


def make_due(server: RunningServer, project: str) -> None:
    """As if the server had not run since 2020: every schedule of the project has missed years of due times."""
    with closing(sqlite3.connect(server.data / "quinta.db", timeout=30)) as database, database:
        ids = "SELECT id FROM projects WHERE name = ?"
        past = "UPDATE schedules SET next_run_at = '2020-01-01T00:00:00.000000Z' WHERE project_id IN"
        database.execute(f"{past} ({ids})", (project,))


def test_runs_batch_and_direct(server: RunningServer, door: httpx2.Client) -> None:
    """By the server itself; what was missed runs once, and the next run is the next due time."""
    built = new_model(door, package("echo"), model="plain")
    base = f"/v2.1/projects/{built.project}"
    for name, batch in (("batch", True), ("direct", False)):
        new = GOOD | {"name": name, "object_name": "plain", "request_data": name, "batch": batch}
        assert door.post(f"{base}/schedules", json=new).status_code == 201
    make_due(server, built.project)
    found = wait_for(
        lambda: door.get(f"{built.path}/request-batch").json(),
        lambda items: [i["status"] for i in items] == ["completed"],
    )
    made = door.get(f"{built.path}/request-batch/{found[0]['id']}").json()
    assert (made["request_data"], made["result"]) == ("batch", "batch")
    told = built.wait_for_log("schedule 'direct': made this direct request, with success")
    assert built.wait_for_log("echo of 6 characters", request_id=told["request_id"])["system"] is False
    assert built.wait_for_log("schedule 'batch'")["request_id"] == made["id"]
    assert len([line for line in built.logs(system=True) if line["log"].startswith("schedule ")]) == 2


def test_blobs_in_scheduled_data(server: RunningServer, door: httpx2.Client) -> None:
    """A blob is looked for when the schedule is made, and again at each run: it lives three days at most."""
    built = new_model(
        door, package("blobs"), inputs={"image": "blob"}, outputs={"report": "blob", "size": "int", "name": "string"}
    )
    base = f"/v2.1/projects/{built.project}"
    blob = door.post(f"{base}/blobs", files={"file": ("a.bin", b"123")}).json()["id"]
    new = GOOD | {"object_name": "model", "request_data": {"image": blob}, "batch": False}
    unknown = new | {"request_data": {"image": "018f0000-0000-7000-8000-000000000000"}}
    assert door.post(f"{base}/schedules", json=unknown).status_code == 400
    assert door.post(f"{base}/schedules", json=new).status_code == 201
    make_due(server, built.project)
    built.wait_for_log("made this direct request, with success")
    assert door.delete(f"{base}/blobs/{blob}").status_code == 204
    make_due(server, built.project)
    built.wait_for_log(f"schedule 's': its request failed: field 'image' names a blob that does not exist: {blob}")


def test_other_tenants_see_nothing(project: str, stranger: httpx2.Client, door: httpx2.Client) -> None:
    path = f"/v2.1/projects/{project}/schedules"
    assert door.post(path, json=GOOD).status_code == 201
    for method, where in (
        ("GET", path),
        ("POST", path),
        ("GET", f"{path}/s"),
        ("PATCH", f"{path}/s"),
        ("DELETE", f"{path}/s"),
    ):
        answer = stranger.request(method, where, json=GOOD if method == "POST" else {})
        assert refusal_of(answer) == (404, f"there is no project named '{project}'")


def test_the_command_line_clients_calls(door: httpx2.Client, plain: ModelDoor) -> None:
    """``schedules create``: it looks at the object first, and sends everything but what it has not (contract 8.5)."""
    base = f"/v2.1/projects/{plain.project}"
    assert door.get(f"{base}/models/{plain.model}").json()["input_type"] == "plain"
    new = GOOD | {"object_name": plain.model, "request_data": "x", "batch": True, "timeout": 300, "enabled": False}
    assert door.post(f"{base}/schedules", json=new).status_code == 201
    assert door.delete(f"{base}/schedules/s").status_code == 204
