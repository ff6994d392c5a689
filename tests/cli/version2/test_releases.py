"""The command and a real server: what is rolled out, seen and rolled back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.version2.command import Command
from tests.cli.version2.house import ask, signed_in, two_releases, until
from tests.serving import RunningServer, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Without a rate limit: all tests share the administrator's key."""
    with serving(tmp_path_factory.mktemp("server") / "data", {"QUINTA_RATE_LIMIT": "0"}) as running:
        yield running


@pytest.fixture
def command(server: RunningServer, tmp_path: Path) -> Command:
    return signed_in(server, tmp_path)


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Iterator[str]:
    with server.client() as client:
        yield two_releases(client)


def test_a_release_is_rolled_out_and_back(server: RunningServer, command: Command, project: str) -> None:
    at = ("--project", project)
    first = command.data("deploy", "--version", "v1", "--env", "prod", "--wait", *at)
    assert (first["status"], first["config"]["environment"]) == ("completed", "production")
    second = command.data("deploy", "--version", "v2", "--wait", *at)
    with server.client() as client:
        assert ask(client, project, "a") == "two"
        assert command.data("status", *at)["live"]["version"] == "v2"
        back = command.data("rollback", "--wait", *at)
        assert (back["version"], back["status"]) == ("v1", "completed")
        assert ask(client, project, "b") == "one"
        assert command.data("rollback", "--version", "v2", "--wait", *at)["version"] == "v2"
        assert ask(client, project, "c") == "two"
        assert command.data("rollback", first["id"], "--wait", *at)["rollback_of"] == first["id"]
        assert ask(client, project, "d") == "one"
    listed = command.data("history", *at)["deployments"]
    assert [each["version"] for each in listed] == ["v1", "v2", "v1", "v2", "v1"]
    assert listed[-2]["id"] == second["id"]
    assert "is live already" in command.refused(1, "rollback", "--version", "v1", *at)
    assert "no completed deployment" in command.refused(1, "rollback", "--version", "v9", *at)
    table = command.told("history", "--limit", "2", "--status", "completed", *at)
    assert table.splitlines()[0].split() == ["ID", "VERSION", "ENVIRONMENT", "STATUS", "CREATED", "AT"]


def test_a_release_that_no_model_has_fails_with_1_and_its_reason(command: Command, project: str) -> None:
    line = command.refused(1, "deploy", "--version", "v404", "--wait", "--project", project)
    assert "v404" in line
    newest = command.data("history", "--limit", "1", "--project", project)["deployments"][0]
    if newest["version"] == "v404":
        assert newest["status"] == "failed"
        assert "failed" in command.told("status", "--project", project)


def test_a_folder_is_deployed_and_its_project_made_once(command: Command) -> None:
    command.told("init", "Loja de águas")
    written = command.project_file.read_text()
    made = command.data("deploy", "--wait")
    assert (made["version"], made["status"]) == ("1.0.0", "completed")
    assert made["config"]["environment"] == "development"
    assert command.project_file.read_text() == f"{written}project_id: {made['project_id']}\n"
    again = command.data("deploy", "--version", "1.1", "--env", "prod", "--wait")
    assert again["project_id"] == made["project_id"]
    shown = command.data("status")
    assert shown["project"]["name"] == "Loja de águas"
    assert shown["project"]["config"]["scaling"] == {"min_instances": 1, "max_instances": 2}
    assert "Loja de águas" in command.told("doctor")
    command.project_file.write_text(written)  # without the id it is found by its name
    assert command.data("deploy")["project_id"] == made["project_id"]


def test_a_configuration_file_goes_before_the_folders_own(command: Command) -> None:
    command.told("init", "Estoque")
    assert "'version2 deploy' makes it" in command.refused(1, "status")
    file = command.folder / "prod.yaml"
    file.write_text("environment: prod\nscaling: {max_instances: 5}\nlimits: [1, 2]\n")
    made = command.data("deploy", "--config-file", "prod.yaml", "--wait")
    assert made["environment"] == "production"
    assert made["config"]["scaling"] == {"min_instances": 1, "max_instances": 5}
    assert made["config"]["limits"] == [1, 2]
    assert (
        command.data("deploy", "--config-file", "prod.yaml", "--env", "dev", "--wait")["environment"] == "development"
    )
    command.told("project", "delete", made["project_id"], "--yes")
    assert "config unset project_id" in command.refused(1, "deploy")
    command.told("config", "unset", "project_id")
    assert command.data("deploy", "--wait")["status"] == "completed"


def test_projects_and_workspaces_from_making_to_removing(command: Command) -> None:
    team = command.data("workspace", "create", "Equipe", "--environment", "dev")
    assert team["config"] == {"environment": "development"}
    command.told("workspace", "switch", "Equipe")
    made = command.data("project", "create", "Vendas", "--region", "eu")
    assert made["config"] == {"region": "eu"}
    assert [each["id"] for each in command.data("project", "list")["projects"]] == [made["id"]]
    assert "Vendas" in command.told("project", "list")
    command.refused(1, "project", "create", "Vendas")
    assert command.data("project", "update", "Vendas", "--name", "Compras", "--environment", "staging")["config"] == {
        "environment": "staging",
        "region": "eu",
    }
    assert command.data("project", "get", "Compras")["id"] == made["id"]
    command.refused(1, "workspace", "delete", team["id"], "--yes")
    command.told("project", "delete", "Compras", "--yes")
    assert "no project named 'Compras'" in command.refused(1, "project", "get", "Compras")
    command.told("workspace", "delete", "Equipe", "--yes")
    command.refused(1, "project", "get", made["id"])


def test_the_configuration_on_the_server_is_changed_alone(command: Command) -> None:
    made = command.data("project", "create", "Ajustes", "--region", "eu")
    at = ("--project", made["id"])
    command.told("config", "set", "scaling.max_instances", "3", *at)
    assert command.data("config", "list", *at) == {"region": "eu", "scaling": {"max_instances": 3}}
    assert command.told("config", "get", "scaling.max_instances", *at) == "3\n"
    assert "scaling" in command.refused(1, "config", "set", "scaling.min_instances", "4", *at)
    command.told("config", "unset", "region", "--remote", *at)
    assert command.data("config", "list", "--remote", *at) == {"scaling": {"max_instances": 3}}
    command.told("config", "reset", "--remote", "--yes", *at)
    assert command.data("config", "list", "--remote", *at) == {}


def test_keys_open_what_they_are_for_until_they_are_revoked(command: Command) -> None:
    secret = command.told("keys", "generate", "--name", "reader", "--permissions", "read").strip()
    reader = command.having(VERSION2_API_KEY=secret)
    reader.told("project", "list")
    reader.refused(6, "project", "create", "Nada")
    made = next(each for each in command.data("keys", "list")["api_keys"] if each["name"] == "reader")
    assert secret not in command.told("keys", "list", "--output", "json")
    assert made["permissions"] == ["read"]
    command.told("keys", "revoke", made["id"])
    assert "auth login" in reader.refused(5, "project", "list")
    command.refused(1, "keys", "revoke", made["id"])


def test_login_keeps_a_key_that_the_server_takes_and_no_other(command: Command) -> None:
    bare = Command(command.home, command.folder)
    url, key = command.variables["VERSION2_API_URL"], command.variables["VERSION2_API_KEY"]
    bare.refused(5, "auth", "login", "--api-url", url, given="v2_nonsense\n")
    bare.refused(2, "auth", "login", "--api-url", url)
    assert not bare.global_file.exists()
    assert "no API key" in bare.refused(5, "auth", "status")
    bare.told("auth", "login", "--api-url", url, given=f"{key}\n")
    assert bare.global_file.stat().st_mode & 0o777 == 0o600
    shown = bare.data("auth", "status")
    assert (shown["endpoint"], shown["valid"]) == (f"{url}/v1", True)
    assert key not in str(shown)
    bare.told("project", "list")
    assert bare.run("doctor").returncode == 0
    bare.told("auth", "logout")
    bare.refused(5, "project", "list")
    assert bare.run("doctor").returncode == 5


def test_logs_are_shown_filtered_and_followed(server: RunningServer, command: Command, project: str) -> None:
    at = ("--project", project)
    command.told("deploy", "--version", "v1", "--wait", *at)
    with server.client() as client:
        ask(client, project, "apples")
        until(lambda: "asked for apples" in command.told("logs", *at))
        warned = command.data("logs", "--level", "warning", "--search", "OF APPLES", "--component", "model", *at)[
            "logs"
        ]
        assert [each["level"] for each in warned] == ["warn"]
        assert "apples" not in command.told("logs", "--type", "nothing", *at)
        assert len(command.data("logs", "--tail", "1", "--since", "1h", *at)["logs"]) == 1
        with command.running("logs", "--follow", "--tail", "1", *at) as follower:
            assert follower.stdout is not None
            assert follower.stdout.readline()
            ask(client, project, "pears")
            seen = []
            for line in iter(follower.stdout.readline, ""):
                seen.append(line)
                if "warned of pears" in line:
                    break
            follower.send_signal(signal.SIGINT)
            rest, _ = follower.communicate(timeout=60)
            assert follower.returncode == 0
    assert sum("asked for pears" in line for line in [*seen, *rest.splitlines()]) == 1
    assert not any("apples" in line for line in seen)


def test_metrics_are_shown_as_they_are_measured(command: Command, project: str) -> None:
    command.told("deploy", "--version", "v1", "--wait", "--project", project)
    found = command.data("metrics", "--project", project)["metrics"]
    assert set(found) >= {"cpu", "memory"}
    until(lambda: bool(command.data("metrics", "memory", "--project", project)["metrics"]["memory"]["values"]))
    table = command.told("metrics", "--interval", "1m", "--project", project)
    assert table.split()[:3] == ["TIMESTAMP", "CPU", "MEMORY"]
    assert "no metric 'disk'" in command.refused(1, "metrics", "disk", "--project", project)


def test_a_refusal_of_the_server_is_told_in_its_words(command: Command) -> None:
    assert "name" in command.refused(1, "project", "create", "x" * 101)
    command.refused(1, "history", "--project", "proj_nothing")
