"""The command-line client puts pipelines together, changes, calls and deletes them (contract ubiops 8.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.command_line import CommandLine
from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.waiting import wait_for
from tests.models import new_model
from tests.serving import RunningServer

PIPELINE = """
pipeline_name: twice
pipeline_description: Doubles twice.
input_type: structured
input_fields:
  - {name: start, data_type: double}
objects:
  - {name: first, reference_type: model, reference_name: doubler, reference_version: v1}
  - {name: second, reference_type: model, reference_name: doubler, reference_version: v1}
attachments:
  - source_name: pipeline_start
    destination_name: first
    mapping: [{source_field_name: start, destination_field_name: number}]
  - source_name: first
    destination_name: second
    mapping: [{source_field_name: result, destination_field_name: number}]
"""
# The second object goes, the connector comes, and the field has another name.
CHANGED = """
pipeline_name: once
input_type: structured
input_fields:
  - {name: begin, data_type: double}
objects:
  - {name: first, reference_type: model, reference_name: doubler, reference_version: v1}
  - {name: kept, reference_type: connector, reference_name: table, reference_version: null}
attachments:
  - source_name: pipeline_start
    destination_name: first
    mapping: [{source_field_name: begin, destination_field_name: number}]
  - source_name: first
    destination_name: kept
    mapping: [{source_field_name: result, destination_field_name: number}]
"""
SIGN_IN = {"username": "ann", "password": "secret-word", "host": "127.0.0.1", "port": "1"}
NUMBER = [{"name": "number", "data_type": "double"}]


@pytest.fixture(scope="module")
def workshop(door: httpx2.Client) -> str:
    """A project with the models ``doubler`` and ``echo`` (plain), and the connector ``table``, which reaches nobody."""
    built = new_model(
        door, package("double"), inputs={"number": "double"}, outputs={"result": "double"}, model="doubler"
    )
    new_model(door, package("echo"), project=built.project, model="echo")
    base = f"/v2.1/projects/{built.project}"
    keys = {"name": "keys", "type": "postgresql", "configuration": SIGN_IN}
    assert door.post(f"{base}/credentials", json=keys).status_code == 201
    table = keys | {"name": "table", "credentials": "keys", "configuration": {"database": "d", "table": "t"}}
    assert door.post(f"{base}/connectors", json=table | {"input_fields": NUMBER}).status_code == 201
    return built.project


@pytest.fixture
def ubiops(server: RunningServer, workshop: str, tmp_path: Path) -> CommandLine:
    """Signed in, with the project chosen."""
    ubiops = CommandLine(tmp_path, f"{server.url}/v2.1")
    ubiops.sign_in(server.token)
    ubiops.run("current_project", "set", workshop)
    return ubiops


def shown(door: httpx2.Client, project: str, name: str) -> tuple[dict[str, Any], set[str], set[tuple[str, str]]]:
    """The pipeline, the names of its objects, and what is attached to what."""
    path = f"/v2.1/projects/{project}/pipelines/{name}"
    objects = {item["name"] for item in door.get(f"{path}/objects").json()}
    links = {(item["source_name"], item["destination_name"]) for item in door.get(f"{path}/attachments").json()}
    return door.get(path).json(), objects, links


def test_a_pipeline_from_its_file(ubiops: CommandLine, door: httpx2.Client, workshop: str) -> None:
    made = ubiops.json("pipelines", "create", "-f", ubiops.write("twice.yaml", PIPELINE))
    assert (made["name"], made["description"]) == ("twice", "Doubles twice.")
    links = {("pipeline_start", "first"), ("first", "second")}
    assert shown(door, workshop, "twice")[1:] == ({"first", "second"}, links)
    assert "exists already" in ubiops.refused("pipelines", "create", "-f", "twice.yaml")
    ubiops.run("pipelines", "get", "twice", "-o", "got.yaml")
    ubiops.run("pipelines", "create", "twin", "-f", "got.yaml")
    assert shown(door, workshop, "twin")[1:] == ({"first", "second"}, links)
    assert [item["name"] for item in ubiops.json("pipelines", "list")] == ["twice", "twin"]
    assert "twin" in ubiops.run("pipelines", "list")
    assert ubiops.run("pipelines", "delete", "twin", "-y") == "Pipeline was successfully deleted."

    words = ("pipelines", "request", "twice", "-d", '{"start": 21}')
    answer = ubiops.json(*words)
    assert [(run["pipeline_object"], run["success"], run["result"]) for run in answer["model_requests"]] == [
        ("first", True, {"result": 42.0}),
        ("second", True, {"result": 84.0}),
    ]
    assert 'Result: {"result": 84.0}' in ubiops.run(*words)
    assert 'second completed {"number": 42.0} {"result": 84.0}' in ubiops.run(*words, "-fmt", "oneline")
    assert "'start'" in ubiops.refused(*words[:-1], '{"number": 21}')
    assert "JSON" in ubiops.refused(*words[:-1], "{no json}")

    created = ubiops.json("pipelines", "batch_requests", "create", "twice", "-d", '{"start": 1}', "-d", '{"start": 2}')
    ids = [word for item in created for word in ("-id", item["id"])]
    told = wait_for(
        lambda: ubiops.run("pipelines", "batch_requests", "get", "twice", *ids),
        lambda text: "pending" not in text and "processing" not in text,
    )
    assert all(item["id"] in told for item in created)
    assert [line.split(": ", 1)[1] for line in told.splitlines() if "Result" in line] == [
        '{"result": 2.0}', '{"result": 4.0}', '{"result": 4.0}', '{"result": 8.0}',
    ]  # fmt: skip
    assert "second" in ubiops.run("pipelines", "batch_requests", "get", "twice", *ids, "-fmt", "oneline")
    listed = ubiops.json("pipelines", "batch_requests", "list", "twice")
    assert [item["id"] for item in listed] == [item["id"] for item in reversed(created)]
    page = ubiops.run("pipelines", "batch_requests", "list", "twice", "--limit", "1", "--offset", "1")
    assert created[0]["id"] in page
    assert page.endswith("(Use the <offset> and <limit> options to load more.)")
    ubiops.run("pipelines", "delete", "twice", "-y")


def test_a_pipeline_is_changed(ubiops: CommandLine, door: httpx2.Client, workshop: str) -> None:
    """The client takes all attachments away, sends unchanged references again, and renames before it attaches anew."""
    ubiops.run("pipelines", "create", "change", "-f", ubiops.write("twice.yaml", PIPELINE))
    before, *_ = shown(door, workshop, "change")
    told = ubiops.run("pipelines", "update", "change", "-f", ubiops.write("once.yaml", CHANGED))
    assert told.splitlines() == [
        "Created objects: ['kept']",
        "Updated/Unchanged objects: ['first']",
        "Deleted objects: ['second']",
        "Pipeline was successfully updated.",
    ]
    after, objects, links = shown(door, workshop, "once")
    assert (after["id"], after["input_fields"]) == (before["id"], [{"name": "begin", "data_type": "double"}])
    assert (objects, links) == ({"first", "kept"}, {("pipeline_start", "first"), ("first", "kept")})
    assert "no pipeline named 'change'" in ubiops.refused("pipelines", "get", "change")
    assert ubiops.json("pipelines", "request", "once", "-d", '{"begin": 4}')["model_requests"][0]["success"] is True

    ubiops.run("pipelines", "create", "other", "-f", "twice.yaml")
    assert "already exists" in ubiops.refused("pipelines", "update", "once", "-n", "other")
    assert ubiops.run("pipelines", "update", "once", "-n", "single") == "Pipeline was successfully renamed."
    assert shown(door, workshop, "single") == ({**after, **_renamed(door, workshop)}, objects, links)
    assert ubiops.run("pipelines", "update", "other", "-n", "other", "-f", "twice.yaml").endswith(
        "successfully updated."
    )
    assert "reference_version: v1" in ubiops.run("pipelines", "get", "other")
    for name in ("single", "other"):
        ubiops.run("pipelines", "delete", name, "-y")


def _renamed(door: httpx2.Client, project: str) -> dict[str, Any]:
    """What a new name changes."""
    found = door.get(f"/v2.1/projects/{project}/pipelines/single").json()
    return {"name": "single", "last_updated": found["last_updated"]}


def test_what_cannot_be_put_together(ubiops: CommandLine, door: httpx2.Client, workshop: str) -> None:
    """A bad reference is refused; bad attachments are collected by the client, and the rest is there."""
    bad = ubiops.write(
        "bad.yaml", PIPELINE.replace("reference_version: v1}\n  - {name: s", "reference_version: v9}\n  - {name: s")
    )
    assert "no version named 'v9'" in ubiops.refused("pipelines", "create", "bad", "-f", bad)
    ubiops.run("pipelines", "delete", "bad", "-y")
    half = ubiops.write("half.yaml", PIPELINE.replace("source_field_name: result", "source_field_name: no-field"))
    told = ubiops.refused("pipelines", "create", "half", "-f", half)
    assert "Failed to create the following attachments" in told
    assert "'second'" in told
    assert shown(door, workshop, "half")[2] == {("pipeline_start", "first")}
    ubiops.run("pipelines", "delete", "half", "-y")


def test_plain(ubiops: CommandLine) -> None:
    """Text goes in and comes out; a batch answer has no object where the client would not take a text."""
    lines = [
        "{input_type: plain, pipeline_name: talk, objects: [{name: e, reference_type: model, reference_name: echo,",
        "reference_version: v1}], attachments: [{source_name: pipeline_start, destination_name: e}]}",
    ]
    ubiops.run("pipelines", "create", "-f", ubiops.write("talk.yaml", " ".join(lines)))
    answer = ubiops.json("pipelines", "request", "talk", "-d", "hello")
    assert [run["result"] for run in answer["model_requests"]] == ["hello"]
    (created,) = ubiops.json("pipelines", "batch_requests", "create", "talk", "-d", "{no json}")
    told = wait_for(
        lambda: ubiops.run("pipelines", "batch_requests", "get", "talk", "-id", created["id"]),
        lambda text: "completed" in text,
    )
    assert 'Result: "{no json}"' in told
    ubiops.run("pipelines", "delete", "talk", "-y")
    unknown = ubiops.refused("pipelines", "batch_requests", "get", "talk", "-id", created["id"])
    assert "no pipeline named 'talk'" in unknown
