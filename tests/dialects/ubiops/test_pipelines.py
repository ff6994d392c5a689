"""Pipelines, their objects and attachments, by the real client and raw HTTP (contract ubiops 2, 3.4, 5.6, 8.4)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import ApiException, CoreApi

from tests.dialects.ubiops.bodies import check_last
from tests.dialects.ubiops.people import People, assign
from tests.models import new_project
from tests.pipelines import PipelineDoor, new_pipeline

NUMBERS = {"number": "double"}


def fields(kinds: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "data_type": kind} for name, kind in kinds.items()]


def make_model(door: httpx2.Client, project: str, name: str, inputs: dict[str, str], outputs: dict[str, str]) -> None:
    """A model with the versions v1 and v2, which have no package: enough to put pipelines together."""
    body = {"name": name, "input_type": "structured", "output_type": "structured"}
    new = body | {"input_fields": fields(inputs), "output_fields": fields(outputs)}
    assert door.post(f"/v2.1/projects/{project}/models", json=new).status_code == 201
    for version in ("v1", "v2"):
        path = f"/v2.1/projects/{project}/models/{name}/versions"
        assert door.post(path, json={"version": version}).status_code == 201


@pytest.fixture(scope="module")
def workshop(door: httpx2.Client) -> str:
    """A project with the models ``number`` (number to number), ``text`` (plain) and ``moment`` (with a timestamp)."""
    project = new_project(door)
    make_model(door, project, "number", NUMBERS, NUMBERS)
    make_model(door, project, "moment", {"at": "timestamp"}, NUMBERS)
    plain = {"name": "text", "input_type": "plain", "output_type": "plain"}
    assert door.post(f"/v2.1/projects/{project}/models", json=plain).status_code == 201
    path = f"/v2.1/projects/{project}/models/text/versions"
    assert door.post(path, json={"version": "v1"}).status_code == 201
    return project


@pytest.fixture
def pipeline(door: httpx2.Client, workshop: str) -> Iterator[PipelineDoor]:
    """A structured pipeline with one field, without objects; deleted afterwards."""
    made = new_pipeline(door, workshop, NUMBERS)
    yield made
    door.delete(made.path)


def refused(answer: httpx2.Response, status: int, said: str) -> None:
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]


def two_in_a_row(api: CoreApi, project: str) -> dict[str, str]:
    """start -> object-1 -> object-2, each step by the client; where the pipeline is."""
    name = f"p-{uuid.uuid4().hex[:8]}"
    new = ubiops.PipelineCreate(
        name=name,
        input_type="structured",
        description="Two in a row",
        input_fields=[ubiops.PipelineInputFieldCreate(name="start", data_type="double")],
    )
    made = api.pipelines_create(project_name=project, data=new)
    check_last(api, "PipelineList")
    assert (made.name, made.project, made.description, made.input_type) == (name, project, "Two in a row", "structured")
    at = {"project_name": project, "pipeline_name": name}
    for number in (1, 2):
        item = ubiops.PipelineObjectCreate(
            name=f"object-{number}", reference_type="model", reference_name="number", version="v1"
        )
        added = api.pipeline_objects_create(**at, data=item)
        check_last(api, "PipelineObjectList")
        shown = (added.name, added.reference_type, added.reference_name, added.version)
        assert shown == (f"object-{number}", "model", "number", "v1")
    for source, destination, field in (("pipeline_start", "object-1", "start"), ("object-1", "object-2", "number")):
        link = ubiops.AttachmentFieldsCreate(source_field_name=field, destination_field_name="number")
        body = ubiops.AttachmentsCreate(source_name=source, destination_name=destination, mapping=[link])
        attached = api.pipeline_object_attachments_create(**at, data=body)
        check_last(api, "AttachmentsList")
        assert (attached.source_name, attached.destination_name) == (source, destination)
    return at


def test_all_of_a_pipeline_by_the_client(api: CoreApi, workshop: str) -> None:
    at = two_in_a_row(api, workshop)
    made = api.pipelines_get(**at)
    assert made.id in {item.id for item in api.pipelines_list(project_name=workshop)}
    assert [item.name for item in api.pipeline_objects_list(**at)] == ["object-1", "object-2"]
    assert api.pipeline_objects_get(**at, name="object-2").output_type == "structured"
    assert len(api.pipeline_object_attachments_list(**at)) == 2
    (one,) = api.pipeline_object_attachments_source_get(**at, source_name="pipeline_start")
    assert one.mapping[0].source_field_name == "start"
    got = api.pipeline_object_attachments_get(**at, source_name="object-1", destination_name="object-2")
    assert got.mapping[0].destination_field_name == "number"
    assert api.pipeline_object_environment_variables_list(**at, name="object-1") == []
    changed = api.pipeline_objects_update(**at, name="object-1", data={"name": "first", "version": "v2"})
    assert (changed.name, changed.version) == ("first", "v2")
    name = f"{made.name}-new"
    renamed = api.pipelines_update(**at, data={"name": name, "description": "Still two"})
    assert (renamed.id, renamed.name, renamed.description) == (made.id, name, "Still two")
    at["pipeline_name"] = name
    links = {(item.source_name, item.destination_name) for item in api.pipeline_object_attachments_list(**at)}
    assert links == {("pipeline_start", "first"), ("first", "object-2")}
    api.pipeline_object_attachments_delete(**at, source_name="first", destination_name="object-2")
    api.pipeline_objects_delete(**at, name="first")
    assert api.pipeline_object_attachments_list(**at) == []
    api.pipelines_delete(**at)
    with pytest.raises(ApiException) as gone:
        api.pipelines_get(**at)
    assert gone.value.status == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "Upper", "input_type": "plain"}, "cannot be the name of a pipeline"),
        ({"name": "p", "input_type": "structured"}, "needs at least one field"),
        ({"name": "p", "input_type": "plain", "input_fields": fields(NUMBERS)}, "has no fields"),
        ({"name": "p", "input_type": "structured", "input_fields": fields(NUMBERS) * 2}, "2 times"),
        ({"name": "p", "input_type": "blob"}, "must be one of"),
        ({"name": "p", "input_type": "plain", "description": "x" * 201}, "at most 200"),
        ({"name": "p"}, "'input_type' is missing"),
        ({"name": "p", "input_type": "plain", "output_type": "plain"}, "no member 'output_type'"),
    ],
)
def test_a_pipeline_that_cannot_be(door: httpx2.Client, workshop: str, body: dict[str, Any], said: str) -> None:
    refused(door.post(f"/v2.1/projects/{workshop}/pipelines", json=body), 400, said)


def test_names_are_taken_once(door: httpx2.Client, pipeline: PipelineDoor, workshop: str) -> None:
    body = {"name": pipeline.name, "input_type": "plain"}
    refused(door.post(f"/v2.1/projects/{workshop}/pipelines", json=body), 400, "exists already")
    other = new_pipeline(door, workshop, None)
    refused(door.patch(other.path, json={"name": pipeline.name}), 400, "exists already")
    assert door.patch(pipeline.path, json={"name": pipeline.name}).status_code == 200  # no change is no duplicate
    pipeline.add("one", "number")
    pipeline.add("two", "number")
    again = {"name": "one", "reference_type": "model", "reference_name": "number", "version": "v1"}
    refused(door.post(f"{pipeline.path}/objects", json=again), 400, "exists already")
    refused(door.patch(f"{pipeline.path}/objects/two", json={"name": "one"}), 400, "exists already")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "pipeline_start"}, "the pipeline's own start"),
        ({"name": "Big"}, "cannot be the name"),
        ({"reference_name": "never-was"}, "no model named 'never-was'"),
        ({"version": "v9"}, "no version named 'v9'"),
        ({"version": None}, "must not be null"),
        ({"reference_type": "pipeline"}, "must be one of"),
        ({"reference_type": "connector"}, "leave version out"),
    ],
)
def test_an_object_that_cannot_be(pipeline: PipelineDoor, change: dict[str, Any], said: str) -> None:
    good = {"name": "one", "reference_type": "model", "reference_name": "number", "version": "v1"}
    refused(pipeline.client.post(f"{pipeline.path}/objects", json=good | change), 400, said)
    assert pipeline.client.post(f"{pipeline.path}/objects", json=good).status_code == 201


def test_the_reference_of_an_object_is_fixed(pipeline: PipelineDoor) -> None:
    """The command-line client sends it again, unchanged (contract ubiops 3.4, 8.4)."""
    pipeline.add("one", "number")
    path, same = f"{pipeline.path}/objects/one", {"name": "one", "reference_type": "model", "reference_name": "number"}
    assert pipeline.client.patch(path, json=same | {"version": "v2"}).json()["version"] == "v2"
    refused(pipeline.client.patch(path, json={"reference_name": "text"}), 400, "cannot change")
    refused(pipeline.client.patch(path, json={"reference_type": "connector"}), 400, "cannot change")
    refused(pipeline.client.patch(path, json={"version": "v9"}), 400, "no version named 'v9'")
    refused(
        pipeline.client.patch(f"{pipeline.path}/objects/pipeline_start", json={"name": "x"}), 404, "no object named"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mapping": []}, "is not mapped"),
        ({"source_name": "never-was"}, "no object named 'never-was'"),
        ({"destination_name": "never-was"}, "no object named 'never-was'"),
        ({"destination_name": "pipeline_start"}, "can only be a source"),
        ({"source_name": "one"}, "circle"),
        ({"destination_name": "words"}, "cannot be attached"),
        ({"mapping": [{"source_field_name": "x", "destination_field_name": "number"}]}, "no field 'x'"),
        ({"mapping": [{"source_field_name": "number"}]}, "destination_field_name' is missing"),
    ],
)
def test_an_attachment_that_cannot_be(pipeline: PipelineDoor, change: dict[str, Any], said: str) -> None:
    pipeline.add("one", "number")
    pipeline.add("words", "text")
    mapping = [{"source_field_name": "number", "destination_field_name": "number"}]
    good = {"source_name": "pipeline_start", "destination_name": "one", "mapping": mapping}
    path = f"{pipeline.path}/attachments"
    refused(pipeline.client.post(path, json=good | change), 400, said)
    assert pipeline.client.get(path).json() == []
    assert pipeline.client.post(path, json=good).status_code == 201
    refused(pipeline.client.post(path, json=good), 400, "already")


def test_what_is_not_there(pipeline: PipelineDoor) -> None:
    pipeline.add("one", "number")
    client, objects = pipeline.client, f"{pipeline.path}/objects"
    assert client.get(f"{objects}/never-was").status_code == 404
    assert client.delete(f"{objects}/never-was").status_code == 404
    assert client.get(f"{objects}/never-was/attachments/").status_code == 404
    assert client.get(f"{objects}/pipeline_start/attachments/").json() == []
    assert client.get(f"{objects}/pipeline_start/attachments/one").status_code == 404
    assert client.delete(f"{objects}/pipeline_start/attachments/one").status_code == 404
    assert client.delete(f"{objects}/never-was/attachments/one").status_code == 404
    assert client.get(f"{objects}/never-was/environment-variables").status_code == 404


def test_the_type_and_the_fields_of_a_pipeline_change(pipeline: PipelineDoor) -> None:
    """Plain drops the fields, structured replaces them (contract ubiops 3.4)."""
    client, path = pipeline.client, pipeline.path
    assert client.patch(path, json={"input_type": "plain"}).json()["input_fields"] == []
    refused(client.patch(path, json={"input_type": "structured"}), 400, "at least one field")
    refused(client.patch(path, json={"input_fields": fields(NUMBERS)}), 400, "has no fields")
    both = fields({"number": "double", "more": "string"})
    assert client.patch(path, json={"input_type": "structured", "input_fields": both}).json()["input_fields"] == both
    assert client.patch(path, json={"input_type": "structured"}).json()["input_fields"] == both
    pipeline.add("one", "number")
    pipeline.attach("pipeline_start", "one", {"number": "number"})
    for wrong in (fields({"more": "string"}), fields({"number": "int"})):
        refused(client.patch(path, json={"input_fields": wrong}), 400, "is mapped to an object")
    refused(client.patch(path, json={"input_type": "plain"}), 400, "attached to the start")
    less = fields({"number": "double", "new": "int"})
    assert client.patch(path, json={"input_fields": less}).json()["input_fields"] == less
    assert client.delete(f"{path}/objects/pipeline_start/attachments/one").status_code == 204
    assert client.patch(path, json={"input_type": "plain"}).json()["input_type"] == "plain"


def test_what_a_pipeline_refers_to_stays(door: httpx2.Client) -> None:
    project = new_project(door)
    make_model(door, project, "number", NUMBERS, NUMBERS)
    pipeline = new_pipeline(door, project, NUMBERS)
    pipeline.add("one", "number")
    model = f"/v2.1/projects/{project}/models/number"
    refused(door.delete(f"{model}/versions/v1"), 400, f"used by the object 'one' of pipeline '{pipeline.name}'")
    refused(door.delete(model), 400, "used by the object 'one'")
    assert door.patch(f"{pipeline.path}/objects/one", json={"version": "v2"}).status_code == 200
    assert door.delete(f"{model}/versions/v1").status_code == 204
    assert door.patch(model, json={"name": "renamed"}).status_code == 200
    assert door.patch(f"{model.replace('number', 'renamed')}/versions/v2", json={"version": "v3"}).status_code == 200
    shown = door.get(f"{pipeline.path}/objects/one").json()
    assert (shown["reference_name"], shown["version"]) == ("renamed", "v3")
    assert door.get(f"/v2.1/projects/{project}/resources").json()["pipelines"] == 1
    assert door.delete(pipeline.path).status_code == 204
    assert door.delete(f"/v2.1/projects/{project}/models/renamed").status_code == 204
    assert door.get(f"/v2.1/projects/{project}/resources").json() == {
        "models": 0,
        "versions": 0,
        "connectors": 0,
        "pipelines": 0,
    }


def test_a_project_goes_with_its_pipelines(door: httpx2.Client) -> None:
    project = new_project(door)
    make_model(door, project, "number", NUMBERS, NUMBERS)
    pipeline = new_pipeline(door, project, NUMBERS)
    pipeline.add("one", "number")
    pipeline.attach("pipeline_start", "one", {"number": "number"})
    assert door.delete(f"/v2.1/projects/{project}").status_code == 204
    assert door.get(pipeline.path).status_code == 404


def test_pipelines_count_as_resources_of_the_plan(stranger: httpx2.Client) -> None:
    name = f"free-{uuid.uuid4().hex[:8]}"
    organization = {"name": name, "subscription": "free", "subscription_agreed": True}
    assert stranger.post("/v2.1/organizations", json=organization).status_code == 201
    assert stranger.post("/v2.1/projects", json={"name": name, "organization_name": name}).status_code == 201
    path = f"/v2.1/projects/{name}/pipelines"
    answers = [stranger.post(path, json={"name": f"p{number}", "input_type": "plain"}) for number in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [403]
    assert "pipelines together" in answers[-1].json()["error"]
    assert stranger.delete(f"{path}/p0").status_code == 204
    assert stranger.post(path, json={"name": "p10", "input_type": "plain"}).status_code == 201


def test_fields_with_a_timestamp_are_left_out(api: CoreApi, pipeline: PipelineDoor, workshop: str) -> None:
    """The client knows no such type in objects of pipelines and would raise (contract ubiops 10.8)."""
    pipeline.add("late", "moment")
    shown = api.pipeline_objects_get(project_name=workshop, pipeline_name=pipeline.name, name="late")
    assert shown.input_fields is None
    assert [field.name for field in shown.output_fields] == ["number"]


def test_variables_that_reach_an_object(door: httpx2.Client, api: CoreApi, pipeline: PipelineDoor) -> None:
    """Of all levels, each with what it was set on (contract ubiops 2)."""
    pipeline.add("one", "number")
    project = f"/v2.1/projects/{pipeline.project}"
    ids = []
    for below, body in (
        ("", {"name": "both", "value": "project", "secret": False}),
        ("", {"name": "hidden", "value": "x", "secret": True}),
        ("/models/number", {"name": "both", "value": "model", "secret": False}),
        ("/models/number/versions/v1", {"name": "own", "value": "", "secret": False}),
    ):
        made = door.post(f"{project}{below}/environment-variables", json=body)
        assert made.status_code == 201
        ids.append((below, made.json()["id"]))
    found = api.pipeline_object_environment_variables_list(
        project_name=pipeline.project, pipeline_name=pipeline.name, name="one"
    )
    assert [(item.name, item.value, item.inheritance_type, item.inheritance_name) for item in found] == [
        ("both", "model", "model", "number"),
        ("hidden", None, "project", pipeline.project),
        ("own", None, "model_version", "v1"),
    ]
    for below, variable in ids:
        assert door.delete(f"{project}{below}/environment-variables/{variable}").status_code == 204


def test_what_the_command_line_client_does_to_update(pipeline: PipelineDoor) -> None:
    """Contract ubiops 8.4: attachments away one by one, objects sent again, the pipeline renamed, attachments anew."""
    client = pipeline.client
    pipeline.add("one", "number")
    pipeline.add("two", "number")
    pipeline.attach("pipeline_start", "one", {"number": "number"})
    pipeline.attach("one", "two", {"number": "number"})
    for attachment in client.get(f"{pipeline.path}/attachments").json():
        where = f"objects/{attachment['source_name']}/attachments/{attachment['destination_name']}"
        assert client.delete(f"{pipeline.path}/{where}").status_code == 204
    for item in client.get(f"{pipeline.path}/objects").json():
        same = {key: item[key] for key in ("name", "reference_type", "reference_name", "version")}
        assert client.patch(f"{pipeline.path}/objects/{item['name']}", json=same).status_code == 200
    before = client.get(pipeline.path).json()
    new = PipelineDoor(client, pipeline.project, f"{pipeline.name}-x")
    assert client.get(new.path).status_code == 404
    whole = {key: before[key] for key in ("description", "input_type", "input_fields")} | {"name": new.name}
    assert client.patch(pipeline.path, json=whole).status_code == 200
    new.attach("pipeline_start", "one", {"number": "number"})
    assert len(client.get(f"{new.path}/attachments").json()) == 1
    assert client.delete(new.path).status_code == 204


def test_metrics_of_one_pipeline_need_a_role_on_it(door: httpx2.Client, workshop: str, people: People) -> None:
    """As for versions: what a caller has no role on is as if it were not there (contract ubiops 6.3, 9.3)."""
    own, other = (new_pipeline(door, workshop, None) for _ in range(2))
    person = people.member(workshop)
    assign(door, workshop, person.id, "pipeline-viewer", object_name=own.name, object_type="pipeline")
    query = {"object_type": "pipeline", "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T01:00:00Z"}

    def ask(known: str | None) -> int:
        asked = query if known is None else query | {"object_id": known}
        return person.client.get(f"/v2.1/projects/{workshop}/metrics/requests", params=asked).status_code

    ids = [door.get(pipeline.path).json()["id"] for pipeline in (own, other)]
    assert [ask(None), *map(ask, ids)] == [403, 200, 404]
    for pipeline in (own, other):
        assert door.delete(pipeline.path).status_code == 204
    assert ask(ids[0]) == 403  # the role went with its pipeline
