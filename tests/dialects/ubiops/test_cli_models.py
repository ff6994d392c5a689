"""The command-line client makes, deploys, calls and deletes models (contract ubiops 8.3)."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import httpx2
import pytest

from tests.dialects.ubiops.command_line import CommandLine
from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor
from tests.serving import RunningServer

STRUCTURED = """
model_name: doubler
model_description: Doubles a number.
input_type: structured
input_fields:
  - {name: number, data_type: double}
output_type: structured
output_fields:
  - {name: result, data_type: double}
"""
PLAIN = "{input_type: plain, output_type: plain}"
VERSION = """
version_name: v1
model_name: doubler
language: python3.6
memory_allocation: 256
minimum_instances: 0
maximum_instances: 1
maximum_idle_time: 300
"""


@pytest.fixture
def ubiops(server: RunningServer, project: str, tmp_path: Path) -> CommandLine:
    """Signed in, with the project chosen."""
    ubiops = CommandLine(tmp_path, f"{server.url}/v2.1")
    ubiops.sign_in(server.token)
    ubiops.run("current_project", "set", project)
    return ubiops


def write_package(ubiops: CommandLine, name: str, folder: str = "package") -> str:
    for file, text in package(name).items():
        ubiops.write(f"{folder}/{file}", text)
    return str(ubiops.folder / folder)


def test_deploy_and_request(ubiops: CommandLine, door: httpx2.Client, project: str) -> None:
    made = ubiops.json("models", "create", "-f", ubiops.write("model.yaml", STRUCTURED))
    assert (made["name"], made["description"]) == ("doubler", "Doubles a number.")
    assert "exists already" in ubiops.refused("models", "create", "-f", str(ubiops.folder / "model.yaml"))
    ubiops.run("models", "get", "doubler", "-o", "got.yaml")
    again = ubiops.json("models", "create", "twin", "-f", "got.yaml")
    kept = ("input_type", "input_fields", "output_type", "output_fields", "description")
    assert {name: again[name] for name in kept} == {name: made[name] for name in kept}
    assert [item["name"] for item in ubiops.json("models", "list")] == ["doubler", "twin"]

    folder = write_package(ubiops, "double")
    settings = ubiops.write("version.yaml", VERSION)
    told = ubiops.run("models", "deploy", "-f", settings, "-d", folder)
    assert told == "Model was successfully deployed."
    ModelDoor(door, project, "doubler").wait()
    version = ubiops.json("model_versions", "get", "v1", "-m", "doubler")
    assert (version["status"], version["language"], version["maximum_instances"]) == ("available", "python3.6", 1)

    words = ("models", "request", "doubler", "-v", "v1", "-d", '{"number": 21}')
    assert ubiops.json(*words)["result"] == {"result": 42}
    assert ubiops.run(*words, "-fmt", "oneline") == 'completed {"result": 42.0}'
    assert ubiops.run(*words).splitlines() == ["Status: completed", 'Result: {"result": 42.0}']
    assert "'number'" in ubiops.refused(*words[:-1], '{"result": 1}')

    told = ubiops.refused("models", "deploy", "-f", settings, "-d", folder)
    assert told.endswith("exists already")
    redeploy = ("models", "deploy", "-f", settings, "-d", folder, "--overwrite", "--maximum_instances", "2")
    assert ubiops.run(*redeploy) == "Model was successfully deployed."
    ModelDoor(door, project, "doubler").wait()
    assert ubiops.json("model_versions", "get", "v1", "-m", "doubler")["maximum_instances"] == 2
    assert ubiops.json(*words)["result"] == {"result": 42}


def test_batches(ubiops: CommandLine, door: httpx2.Client, project: str) -> None:
    ubiops.run("models", "create", "echo", "-f", ubiops.write("model.yaml", PLAIN))
    folder = write_package(ubiops, "echo")
    settings = ubiops.write("version.yaml", VERSION.replace("doubler", "echo"))
    ubiops.run("models", "deploy", "-f", settings, "-d", folder)
    ModelDoor(door, project, "echo").wait()
    where = ("echo", "-v", "v1")
    created = ubiops.json("models", "batch_requests", "create", *where, "-d", "one", "-d", '{"two": 2}')
    ids = [word for item in created for word in ("-id", item["id"])]
    collected = wait_for(
        lambda: ubiops.json("models", "batch_requests", "get", *where, *ids),
        lambda found: all(item["status"] == "completed" for item in found),
    )
    assert {item["request_data"]: item["result"] for item in collected} == {"one": "one", '{"two": 2}': '{"two": 2}'}
    for form in ("reference", "oneline"):
        text = ubiops.run("models", "batch_requests", "get", *where, *ids, "-fmt", form)
        assert all(item["id"] in text for item in created)
    listed = ubiops.json("models", "batch_requests", "list", *where)
    assert [item["id"] for item in listed] == [item["id"] for item in reversed(created)]
    page = ubiops.run("models", "batch_requests", "list", *where, "--limit", "1", "--offset", "1")
    assert created[0]["id"] in page
    assert page.endswith("(Use the <offset> and <limit> options to load more.)")
    assert ubiops.run("models", "request", *where, "-d", "{no json}", "-fmt", "oneline") == 'completed "{no json}"'
    unknown = ubiops.refused("models", "batch_requests", "get", *where, "-id", "018f0000-0000-7000-8000-000000000000")
    assert "no request" in unknown


def test_versions_uploads_and_downloads(ubiops: CommandLine, door: httpx2.Client, project: str) -> None:
    ubiops.run("models", "create", "echo", "-f", ubiops.write("model.yaml", PLAIN))
    settings = ubiops.write("version.yaml", VERSION.replace("doubler", "echo"))
    made = ubiops.json("model_versions", "create", "-f", settings)
    assert (made["version"], made["status"], made["memory_allocation"]) == ("v1", "initialised", 256)
    ubiops.run("model_versions", "get", "v1", "-m", "echo", "-o", "got.yaml")
    assert ubiops.json("model_versions", "create", "v2", "-f", "got.yaml")["language"] == "python3.6"
    assert sorted(item["version"] for item in ubiops.json("model_versions", "list", "-m", "echo")) == ["v1", "v2"]

    folder = write_package(ubiops, "echo")
    ubiops.run("models", "package", "-d", folder, "-o", "first.zip", "-y")
    assert zipfile.ZipFile(ubiops.folder / "first.zip").namelist() == ["model_package/model.py"]
    upload = ("models", "upload", "echo", "-v", "v1", "-z", "first.zip")
    assert ubiops.run(*upload) == "Model was successfully uploaded."
    assert ubiops.refused(*upload) == "Error: A model package already exists for this model version."
    assert ubiops.run(*upload, "--overwrite") == "Model was successfully uploaded."
    ubiops.run("models", "download", "echo", "-v", "v1", "-o", "second.zip")
    assert (ubiops.folder / "second.zip").read_bytes() == (ubiops.folder / "first.zip").read_bytes()
    assert "no file was uploaded" in ubiops.refused("models", "download", "echo", "-v", "v2", "-o", "third.zip")
    ModelDoor(door, project, "echo").wait()

    change = ("model_versions", "update", "v1", "-m", "echo", "-n", "v1.1", "-mem", "512", "-t", "60")
    assert ubiops.run(*change) == "Model version was successfully updated."
    changed = ubiops.json("model_versions", "get", "v1.1", "-m", "echo")
    assert (changed["memory_allocation"], changed["maximum_idle_time"], changed["status"]) == (512, 60, "available")
    assert "must be from 256 to 32768" in ubiops.refused(
        "model_versions", "update", "v1.1", "-m", "echo", "-mem", "65536"
    )

    assert ubiops.run("models", "update", "echo", "-n", "renamed") == "Model was successfully updated."
    assert json.loads(ubiops.run("models", "get", "renamed", "-fmt", "json"))["id"] is not None
    assert ubiops.run("model_versions", "delete", "v2", "-m", "renamed", "-y").endswith("successfully deleted.")
    assert ubiops.run("models", "delete", "renamed", "-y") == "Model was successfully deleted."
    assert "no model named 'renamed'" in ubiops.refused("models", "get", "renamed")
    assert ubiops.json("models", "list") == []
