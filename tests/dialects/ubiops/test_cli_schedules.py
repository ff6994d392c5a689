"""The command-line client manages schedules of models and pipelines (contract ubiops 8.5)."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.dialects.ubiops.command_line import CommandLine
from tests.pipelines import new_pipeline
from tests.serving import RunningServer

STRUCTURED = "{input_type: structured, output_type: plain, input_fields: [{name: number, data_type: double}]}"
VERSION = "{version_name: v1, model_name: m, memory_allocation: 256, maximum_instances: 1}"
YEARLY = "0 0 1 1 *"


@pytest.fixture
def ubiops(server: RunningServer, project: str, tmp_path: Path) -> CommandLine:
    """Signed in, with the project chosen and the model ``m`` made, which takes a number."""
    ubiops = CommandLine(tmp_path, f"{server.url}/v2.1")
    ubiops.sign_in(server.token)
    ubiops.run("current_project", "set", project)
    ubiops.run("models", "create", "m", "-f", ubiops.write("model.yaml", STRUCTURED))
    ubiops.run("model_versions", "create", "-f", ubiops.write("version.yaml", VERSION))
    return ubiops


def test_of_a_model(ubiops: CommandLine, door: httpx2.Client, project: str) -> None:
    new = ("schedules", "create", "nightly", "-on", "m", "-ov", "v1", "-d", '{"number": 1}', "-s", YEARLY)
    made = ubiops.json(*new)
    assert (made["name"], made["schedule"], made["enabled"]) == ("nightly", YEARLY, True)
    assert "exists already" in ubiops.refused(*new)
    assert "'number'" in ubiops.refused("schedules", "create", "bad", *new[3:8], '{"x": 1}', "-s", YEARLY)
    assert "five" in ubiops.refused("schedules", "create", "bad", *new[3:9], "-s", "* * *")
    assert "version" in ubiops.refused("schedules", "create", "bad", "-on", "m", "-d", '{"number": 1}', "-s", YEARLY)

    got = ubiops.json("schedules", "get", "nightly")
    assert (got["batch"], got["timeout"], got["request_data"]) == (True, 300, {"number": 1})
    ubiops.run("schedules", "update", "nightly", "--enabled", "False")
    assert ubiops.json("schedules", "get", "nightly") == got | {"enabled": False}
    ubiops.run("schedules", "update", "nightly", "--enabled", "True")
    assert ubiops.json("schedules", "get", "nightly") == got
    change = ("-n", "weekly", "-d", '{"number": 2}', "-s", "0 0 * * 0", "--batch", "False", "--timeout", "60")
    ubiops.run("schedules", "update", "nightly", *change)
    expected = {"name": "weekly", "request_data": {"number": 2}, "schedule": "0 0 * * 0", "batch": False, "timeout": 60}
    assert ubiops.json("schedules", "get", "weekly") == got | expected
    assert "no schedule named 'nightly'" in ubiops.refused("schedules", "get", "nightly")
    assert "schedule (in UTC)".upper() in ubiops.run("schedules", "list")
    assert ubiops.run("schedules", "delete", "weekly", "-y") == "Request schedule was successfully deleted."
    assert ubiops.json("schedules", "list") == []
    assert door.get(f"/v2.1/projects/{project}/schedules").json() == []


def test_of_a_pipeline(ubiops: CommandLine, door: httpx2.Client, project: str) -> None:
    pipeline = new_pipeline(door, project, {"number": "double"})
    about = ("-ot", "pipeline", "-on", pipeline.name)
    made = ubiops.json("schedules", "create", "s", *about, "-d", '{"number": 1}', "-s", YEARLY, "--enabled", "False")
    assert (made["object_type"], made["object_name"], made["version"]) == ("pipeline", pipeline.name, None)
    assert made["enabled"] is False
    ubiops.run("schedules", "update", "s", "-d", '{"number": 3}')
    assert ubiops.json("schedules", "get", "s") == made | {"request_data": {"number": 3}}
    with_version = ("schedules", "create", "t", *about, "-ov", "v1", "-d", '{"number": 1}', "-s", YEARLY)
    assert "version" in ubiops.refused(*with_version)
    assert "no pipeline named" in ubiops.refused(*with_version[:6], "none", "-d", "1", "-s", YEARLY)
    ubiops.run("pipelines", "delete", pipeline.name, "-y")
    assert ubiops.json("schedules", "list") == []
