"""The command-line client manages environment variables, also the one that names a model file (contract ubiops 8.3)."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.dialects.ubiops.command_line import CommandLine
from tests.dialects.ubiops.conftest import package
from tests.models import ModelDoor
from tests.serving import RunningServer

PLAIN = "{input_type: plain, output_type: plain}"
VERSION = "{version_name: v1, model_name: m, memory_allocation: 256, maximum_instances: 1}"
UNKNOWN = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture
def ubiops(server: RunningServer, project: str, tmp_path: Path) -> CommandLine:
    """Signed in, with the project chosen and a plain model ``m`` made."""
    ubiops = CommandLine(tmp_path, f"{server.url}/v2.1")
    ubiops.sign_in(server.token)
    ubiops.run("current_project", "set", project)
    ubiops.run("models", "create", "m", "-f", ubiops.write("model.yaml", PLAIN))
    return ubiops


def test_on_all_levels(ubiops: CommandLine) -> None:
    ubiops.run("model_versions", "create", "-f", ubiops.write("version.yaml", VERSION))
    group, levels = "environment_variables", ((), ("-m", "m"), ("-m", "m", "-v", "v1"))
    for level in levels:
        made = ubiops.json(group, "create", "COLOUR", "--value", "red", *level)
        assert (made["name"], made["value"], made["secret"]) == ("COLOUR", "red", False)
        assert ubiops.json(group, "get", made["id"], *level) == made
        assert ubiops.run(group, "update", made["id"], "--value", "blue", *level).endswith("successfully updated.")
        assert [item["value"] for item in ubiops.json(group, "list", *level)] == ["blue"]
        assert "exists already" in ubiops.refused(group, "create", "COLOUR", *level)
        told = ubiops.refused(group, "get", UNKNOWN, *level)
        assert told.startswith("Warning: Make sure you provided the right environment variable ID")
    assert ubiops.json(group, "create", "EMPTY")["value"] == ""
    inherited = {item["name"]: item for item in ubiops.json(group, "list", *levels[2])}
    assert (inherited["EMPTY"]["inheritance_type"], inherited["COLOUR"]["inheritance_type"]) == ("project", None)
    for level in reversed(levels):
        one = next(item for item in ubiops.json(group, "list", *level) if item["name"] == "COLOUR")
        assert ubiops.run(group, "delete", one["id"], "-y", *level).endswith("successfully deleted.")


def test_secrets(ubiops: CommandLine) -> None:
    """One way: the client sends ``secret: false`` with every change that does not say otherwise."""
    group = "environment_variables"
    made = ubiops.json(group, "create", "KEY", "--value", "hush", "--secret")
    assert made["secret"] is True
    assert "hush" not in ubiops.run(group, "list") + ubiops.run(group, "get", made["id"])
    assert "secret" in ubiops.refused(group, "update", made["id"], "--value", "other")
    assert ubiops.run(group, "update", made["id"], "--value", "other", "--secret").endswith("successfully updated.")


def test_a_model_file_of_another_name(ubiops: CommandLine, door: httpx2.Client, project: str) -> None:
    """Named at the deployment; the client looks at the version's list first, where an empty value must be null."""
    ubiops.run("environment_variables", "create", "EMPTY")
    folder = Path(ubiops.write("package/other.py", package("echo")["model.py"])).parent
    deploy = (
        "models",
        "deploy",
        "-f",
        ubiops.write("version.yaml", VERSION),
        "-d",
        str(folder),
        "--model_file",
        "other",
    )
    assert ubiops.run(*deploy) == "Model was successfully deployed."
    ModelDoor(door, project, "m").wait()
    assert ubiops.json("models", "request", "m", "-v", "v1", "-d", "hello")["result"] == "hello"
    listed = {
        item["name"]: item["value"] for item in ubiops.json("environment_variables", "list", "-m", "m", "-v", "v1")
    }
    assert listed == {"EMPTY": None, "ML_MODEL_FILE_NAME": "other"}
    assert ubiops.run(*deploy, "--overwrite") == "Model was successfully deployed."
