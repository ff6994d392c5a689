"""Two users' whole stories from an empty server, by the command-line client alone but for what it cannot do.

It can make neither accounts, organizations, roles nor service users: its users have another face for those.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.ubiops.command_line import CommandLine
from tests.dialects.ubiops.people import PASSWORD, assign, open_account, signed_in
from tests.dialects.ubiops.waiting import wait_for
from tests.serving import RunningServer, serving

EMAIL = "ada@example.com"
COUNT = """
import logging
import os


class Model:
    def __init__(self, base_directory, context):
        with open("words.txt") as words:
            self.known = set(words.read().split())

    def request(self, data):
        with open(data["text"]) as text:
            words = text.read().split()
        logging.info("counting %d words", len(words))
        with open("unknown.txt", "w") as unknown:
            unknown.write(os.environ["SEPARATOR"].join(word for word in words if word not in self.known))
        return {"count": len(words), "unknown": "unknown.txt"}
"""
GRADE = """
class Model:
    def request(self, data):
        if data["count"] == 0:
            raise ValueError("there is nothing to grade")
        return {"grade": %s}
"""
MODELS = {
    "count": "{input_type: structured, input_fields: [{name: text, data_type: blob}], output_type: structured,"
    " output_fields: [{name: count, data_type: int}, {name: unknown, data_type: blob}]}",
    "grade": "{input_type: structured, input_fields: [{name: count, data_type: int}], output_type: structured,"
    " output_fields: [{name: grade, data_type: string}]}",
}
VERSION = "{version_name: v1, memory_allocation: 256, maximum_instances: 1, language: python3.8}"
READING = """
pipeline_name: reading
input_type: structured
input_fields: [{name: text, data_type: blob}]
objects:
  - {name: counter, reference_type: model, reference_name: count, reference_version: v1}
  - {name: grader, reference_type: model, reference_name: grade, reference_version: v1}
attachments:
  - source_name: pipeline_start
    destination_name: counter
    mapping: [{source_field_name: text, destination_field_name: text}]
  - source_name: counter
    destination_name: grader
    mapping: [{source_field_name: count, destination_field_name: count}]
"""


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[RunningServer]:
    """Nobody has used it yet: Ada has just got an account and an organization."""
    with serving(tmp_path / "data") as running:
        open_account(running, EMAIL)
        organization = {"name": "engines", "subscription": "professional", "subscription_agreed": True}
        with signed_in(running, EMAIL) as ada:
            assert ada.post("/v2.1/organizations", json=organization).status_code == 201
        yield running


@pytest.fixture
def ada(empty_server: RunningServer, tmp_path: Path) -> CommandLine:
    """Signed in with her password, in a new project."""
    ubiops = CommandLine(tmp_path, f"{empty_server.url}/v2.1")
    assert "No projects found." in ubiops.run("signin", "--api", ubiops.api, "-e", EMAIL, "-p", PASSWORD)
    assert ubiops.json("projects", "create", "letters")["organization_name"] == "engines"
    return ubiops


def deploy(ubiops: CommandLine, model: str, files: dict[str, str], *options: str) -> None:
    """Deploys ``v1`` (or what the options say) and waits until it is available."""
    for name, text in files.items():
        ubiops.write(f"{model}/{name}", text)
    settings = ubiops.write("version.yaml", VERSION)
    words = ("models", "deploy", model, "-f", settings, "-d", str(ubiops.folder / model), *options)
    assert ubiops.run(*words) == "Model was successfully deployed."
    version = options[options.index("-v") + 1] if "-v" in options else "v1"
    ended = wait_for(
        lambda: ubiops.json("model_versions", "get", version, "-m", model),
        lambda found: found["status"] == "available" or "failed" in found["status"],
    )
    assert ended["status"] == "available", ended


def runs(ubiops: CommandLine, text: str) -> list[dict[str, Any]]:
    """The runs of a direct request for a text."""
    blob = ubiops.json("blobs", "create", "-f", ubiops.write("letter.txt", text))["id"]
    answer = ubiops.json("pipelines", "request", "reading", "-d", json.dumps({"text": blob}))
    return list(answer["model_requests"])


def put_together(ubiops: CommandLine) -> None:
    """Both models and the pipeline."""
    for name, model in MODELS.items():
        ubiops.run("models", "create", name, "-f", ubiops.write("model.yaml", model))
    ubiops.run("environment_variables", "create", "SEPARATOR", "--value", ";")
    deploy(ubiops, "count", {"model.py": COUNT, "words.txt": "dear engine"})
    deploy(ubiops, "grade", {"model.py": GRADE % "'short'"})
    ubiops.run("pipelines", "create", "-f", ubiops.write("reading.yaml", READING))


def test_from_the_first_sign_in_to_the_last_deletion(ada: CommandLine) -> None:
    """Models with a data file and a variable, a pipeline through which a file travels, logs, a schedule, and away."""
    put_together(ada)
    counted, graded = runs(ada, "dear analytical engine")
    assert (counted["result"]["count"], graded["result"]) == (3, {"grade": "short"})
    ada.run("blobs", "get", counted["result"]["unknown"], "-o", "unknown.txt")
    assert (ada.folder / "unknown.txt").read_text() == "analytical"
    lines = wait_for(
        lambda: ada.run("logs", "list", "-id", counted["request_id"], "--system", "False", "-fmt", "extended"),
        lambda text: "counting 3 words" in text,
    )
    assert "pipeline_object_name: counter" in lines

    (failed,) = [run for run in runs(ada, "") if not run["success"]]
    assert (failed["pipeline_object"], failed["error_message"]) == ("grader", "there is nothing to grade")
    deploy(ada, "grade", {"model.py": GRADE % "'long' if data['count'] > 3 else 'brief'"}, "--overwrite")
    assert runs(ada, "dear engine")[1]["result"] == {"grade": "brief"}

    letter = ada.json("blobs", "create", "-f", ada.write("letter.txt", "dear engine of the analytical kind"))["id"]
    data = json.dumps({"text": letter})
    ada.run("schedules", "create", "yearly", "-ot", "pipeline", "-on", "reading", "-d", data, "-s", "0 0 1 1 *")
    (created,) = ada.json("pipelines", "batch_requests", "create", "reading", "-d", data)
    told = wait_for(
        lambda: ada.run("pipelines", "batch_requests", "get", "reading", "-id", created["id"]),
        lambda text: "Status: completed" in text or "Status: failed" in text,
    )
    assert '"grade": "long"' in told
    assert "used by the object 'counter'" in ada.refused("models", "delete", "count", "-y")
    assert ada.json("schedules", "list")[0]["name"] == "yearly"

    ada.run("pipelines", "delete", "reading", "-y")
    assert ada.json("schedules", "list") == []
    for name in MODELS:
        assert ada.run("models", "delete", name, "-y") == "Model was successfully deleted."
    assert ada.run("projects", "delete", "letters", "-y") == "Project was successfully deleted."
    assert ada.json("projects", "list") == []


def test_a_program_that_delivers_a_new_version(ada: CommandLine, empty_server: RunningServer, tmp_path: Path) -> None:
    """By a service user with a role: what it may do works, what it may not is told, and a reset token ends it."""
    put_together(ada)
    with signed_in(empty_server, EMAIL) as door:
        made = door.post("/v2.1/projects/letters/service-users", json={"name": "deliveries"}).json()
        assign(door, "letters", made["id"], "project-editor")
        (tmp_path / "robot").mkdir()
        robot = CommandLine(tmp_path / "robot", ada.api)
        robot.sign_in(made["token"])
        assert "project: letters" in robot.run("status")

        deploy(robot, "grade", {"model.py": GRADE % "'new'"}, "-v", "v2")
        old, new = ("name: grade, reference_version: v1", "name: grade, reference_version: v2")
        changed = robot.write("reading.yaml", READING.replace(old, new))
        robot.run("environment_variables", "create", "SEPARATOR", "--value", "|", "-m", "count")
        assert "models.versions.delete" in robot.refused("model_versions", "delete", "v1", "-m", "grade", "-y")
        assert "pipelines.attachments.delete" in robot.refused("pipelines", "update", "reading", "-f", changed)
        assert [run["result"] for run in runs(ada, "a b")][1] == {"grade": "short"}
        assign(door, "letters", made["id"], "pipeline-admin", object_name="reading", object_type="pipeline")
        assert robot.run("pipelines", "update", "reading", "-f", changed).endswith("successfully updated.")
        counted, graded = runs(robot, "dear a b")
        assert graded["result"] == {"grade": "new"}
        robot.run("blobs", "get", counted["result"]["unknown"], "-o", "unknown.txt")
        assert (robot.folder / "unknown.txt").read_text() == "a|b"

        assert door.put(f"/v2.1/projects/letters/service-users/{made['id']}/token", json={}).status_code == 200
    assert robot.try_to("status").startswith("Unauthorized")
    assert ada.run("model_versions", "delete", "v1", "-m", "grade", "-y").endswith("successfully deleted.")
    assert [item["version"] for item in ada.json("model_versions", "list", "-m", "grade")] == ["v2"]
