"""The command-line client signs in both ways, and manages projects (contract ubiops 8.2)."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.dialects.ubiops.command_line import CommandLine
from tests.dialects.ubiops.people import PASSWORD, People, assign, new_email, open_account
from tests.models import new_project
from tests.serving import RunningServer

PLAIN = "{input_type: plain, output_type: plain}"


@pytest.fixture
def ubiops(server: RunningServer, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, f"{server.url}/v2.1")


def test_by_token(ubiops: CommandLine, door: httpx2.Client) -> None:
    """As a service user, whose only project is chosen by itself."""
    project = new_project(door)
    made = door.post(f"/v2.1/projects/{project}/service-users", json={}).json()
    assign(door, project, made["id"], "project-viewer")
    token = f"Token {made['token']}"
    assert ubiops.try_to("status").startswith("Unauthorized")
    assert ubiops.try_to("signin", "--token", "--api", ubiops.api, "-p", token + "0") == "Error: Could not authorize."
    assert ubiops.try_to("status").startswith("Unauthorized")
    welcome = ubiops.run("signin", "--token", "--api", ubiops.api + "/", "-p", token)
    assert "Welcome to UbiOps!" in welcome
    assert f"Selected project: {project}" in welcome
    expected = ["Authorized", f"email: {made['email']}", f"api: {ubiops.api}", f"project: {project}"]
    assert ubiops.run("status").splitlines() == expected
    assert ubiops.run("user", "get") == made["email"]
    assert ubiops.json("models", "list") == []
    assert "models.create" in ubiops.refused("models", "create", "m", "-f", ubiops.write("m.yaml", PLAIN))

    assert door.put(f"/v2.1/projects/{project}/service-users/{made['id']}/token", json={}).status_code == 200
    assert ubiops.try_to("status").startswith("Unauthorized")
    assert "Unauthorized" in ubiops.refused("models", "list")


def test_by_email_and_password(ubiops: CommandLine, server: RunningServer) -> None:
    email = new_email()
    open_account(server, email)
    said = ubiops.refused("signin", "--api", ubiops.api, "-e", email, "-p", PASSWORD + "?")
    assert said == "Error: no account has this email and password"
    welcome = ubiops.run("signin", "--api", ubiops.api, "-e", email, "-p", PASSWORD)
    assert "No projects found." in welcome
    assert ubiops.run("status").splitlines() == ["Authorized", f"email: {email}", f"api: {ubiops.api}"]
    ubiops.run("signout")
    assert ubiops.try_to("status").startswith("Unauthorized")


def test_an_address_with_a_slash_at_its_end(ubiops: CommandLine, server: RunningServer) -> None:
    """The client's own default has one: its calls then go to /v2.1//status (contract ubiops 1.1)."""
    ubiops.sign_in(server.token)
    ubiops.run("config", "set", "auth.api", ubiops.api + "/")
    assert ubiops.run("status").startswith("Authorized")
    assert isinstance(ubiops.json("projects", "list"), list)


def test_projects(ubiops: CommandLine, people: People, door: httpx2.Client) -> None:
    """Of someone with one organization, which is then taken unasked."""
    first = new_project(door)
    boss = people.member(first, admin=True)
    second, third = f"{first}-b", f"{first}-c"
    ubiops.run("signin", "--api", ubiops.api, "-e", boss.email, "-p", PASSWORD)
    made = ubiops.json("projects", "create", second)
    assert (made["name"], made["organization_name"]) == (second, f"o-{first}")
    assert ubiops.json("projects", "create", third, "-o", f"o-{first}")["name"] == third
    assert f"'{second}' exists already" in ubiops.refused("projects", "create", second)
    listed = ubiops.json("projects", "list")
    assert sorted(item["name"] for item in listed) == [first, second, third]
    assert ubiops.run("projects", "list").split() == [first, second, "*", third]
    assert ubiops.json("projects", "get", second) == made

    assert ubiops.json("current_project", "set", second)[0]["name"] == second
    assert "404" not in ubiops.refused("current_project", "set", f"{first}-nowhere")
    assert ubiops.json("current_project", "get")[0]["name"] == second
    told = ubiops.run("projects", "delete", second, "-y")
    assert told.splitlines()[0] == "Project was successfully deleted."
    assert f"Current project changed to: <{first}>" in told
    assert sorted(item["name"] for item in ubiops.json("projects", "list")) == [first, third]
