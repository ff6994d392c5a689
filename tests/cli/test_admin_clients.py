"""``quinta admin client`` and ``application``, on a data folder and beside a server.

Most words are said in this process: a command of its own takes seconds to start."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quinta.cli.quinta import app
from tests.cli.test_admin import quinta
from tests.models import ModelDoor, new_model, zipped
from tests.serving import RunningServer

DOUBLE = {"model.py": "class Model:\n    def __init__(self, *_): ...\n    def request(self, data): return {'y': 2}"}


def say(*words: str) -> Result:
    return CliRunner().invoke(app, ["admin", *words])


class Operator:
    """Says words on one data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, *words: str) -> Any:
        """The answer, which must be no refusal."""
        said = say(*words, "--data", str(self._data), "--output", "json")
        assert said.exit_code == 0, said.output
        return json.loads(said.stdout)

    def shows(self, *words: str) -> list[str]:
        """The lines of a table."""
        said = say(*words, "--data", str(self._data))
        assert said.exit_code == 0, said.output
        return said.stdout.splitlines()

    def is_refused(self, *words: str) -> str:
        """The one line of the refusal."""
        said = say(*words, "--data", str(self._data))
        assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1), said.output
        return said.stderr.removeprefix("quinta: ").rstrip("\n")

    def person(self, name: str) -> tuple[str, str]:
        """A new account: its e-mail and a key."""
        email = f"{name}-{uuid.uuid4().hex[:8]}@example.com"
        self("user", "create", email, "--password", "long enough")
        return email, self("key", "create", "--user", email)["key"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """On a data folder without a server: an organization ``acme`` of ada's."""
    operator = Operator(tmp_path_factory.mktemp("alone") / "data")
    operator("user", "create", "ada@example.com", "--password", "long enough")
    operator("organization", "create", "acme", "--admin", "ada@example.com")
    return operator


def names_of_projects(server: RunningServer, token: str) -> set[str]:
    with server.client(token) as client:
        return {project["name"] for project in client.get("/v2.1/projects").json()}


def test_a_client_of_what_ships_with_a_running_server(server: RunningServer) -> None:
    operator = Operator(server.data)
    leader, leaders_key = operator.person("leader")
    member, members_key = operator.person("member")
    organization = f"o-{uuid.uuid4().hex[:12]}"
    operator("organization", "create", organization)
    words = ("client", "create", organization, "Tutorial", "Vendas 2020", "--leader", leader)
    said = quinta("admin", *words, "--data", str(server.data), "--output", "json")
    assert (said.returncode, said.stderr) == (0, ""), said.stderr
    made = json.loads(said.stdout)
    assert made["client"] == "Vendas 2020"
    assert made["members"] == {leader: "lider"}
    project = made["project"]
    assert names_of_projects(server, leaders_key) == {project, f"{organization}-applications"}
    added = operator("client", "add", organization, "Tutorial", "Vendas 2020", member, "--group", "stakeholder")
    assert added["members"] == {leader: "lider", member: "stakeholder"}
    with server.client(members_key) as client:
        assert client.get(f"/v2.1/projects/{project}").status_code == 200
        assert client.get(f"/v2.1/projects/{project}/models").status_code == 403
        operator("client", "add", organization, "Tutorial", "Vendas 2020", member, "--group", "desenvolvedor")
        assert client.get(f"/v2.1/projects/{project}/models").status_code == 200
        operator("client", "remove", organization, "Tutorial", "Vendas 2020", member)
        assert client.get(f"/v2.1/projects/{project}/models").status_code == 403
    (listed,) = operator("client", "list", organization)
    assert listed == made
    again = quinta("admin", *words, "--data", str(server.data))
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.endswith("has a client named 'Vendas 2020' already\n")
    operator("client", "delete", organization, "Tutorial", "Vendas 2020")
    assert operator("client", "list", organization) == []
    with server.client(leaders_key) as client:
        assert client.get(f"/v2.1/projects/{project}").status_code == 404


def test_a_package_is_built_by_the_running_server(server: RunningServer, tmp_path: Path) -> None:
    operator = Operator(server.data)
    organization = f"o-{uuid.uuid4().hex[:12]}"
    operator("organization", "create", organization)
    (tmp_path / "double.zip").write_bytes(zipped(DOUBLE))
    words = ("application", "add", organization, "Double It", "--zip", str(tmp_path / "double.zip"))
    made = operator(*words, "--memory", "256", "--time-limit", "90")
    assert made["runs"] == f"{organization}-applications/double-it/v1"
    assert (made["status"], made["time_limit_seconds"], made["clients"]) == ("building", 90, 0)
    with server.client() as client:
        ModelDoor(client, f"{organization}-applications", "double-it").wait()
    rows = {row["application"]: row for row in operator("application", "list", organization)}
    assert rows["Double It"]["status"] == "available"
    assert rows["Tutorial"]["status"] == "available to add"
    operator("application", "remove", organization, "Double It")
    assert "Double It" not in {row["application"] for row in operator("application", "list", organization)}


def test_any_model_is_an_application(server: RunningServer) -> None:
    operator = Operator(server.data)
    organization = f"o-{uuid.uuid4().hex[:12]}"
    operator("organization", "create", organization)
    with server.client() as client:
        door = new_model(client, DOUBLE, wait=False)
    words = ("application", "add", organization, "Double", "--model", f"{door.project}/{door.model}")
    assert operator(*words)["runs"] == f"{door.project}/model"
    assert operator(*words, "--version", "v1")["runs"] == f"{door.project}/model/v1"
    with server.client() as client:
        refused = client.delete(door.path)
        assert refused.status_code == 400
        assert "an operator must remove the application first" in refused.json()["error"]
    assert "no version named 'v2'" in operator.is_refused(*words, "--version", "v2")


def test_ranks_are_groups_of_the_organization(alone: Operator) -> None:
    alone("user", "create", "bob@example.com", "--password", "long enough")
    alone("user", "create", "eve@example.com", "--password", "long enough")
    create = ("client", "create", "acme", "Tutorial", "Ranked", "--leader", "eve@example.com")
    assert "no organization named 'acme'" in alone.is_refused(*create, "--as", "bob@example.com")
    assert alone("client", "rank", "acme", "bob@example.com", "--group", "desenvolvedor")["group"] == "desenvolvedor"
    assert "lacks the right create_client" in alone.is_refused(*create, "--as", "bob@example.com")
    alone("client", "rank", "acme", "bob@example.com", "--group", "desenvolvedor_senior")
    assert "lacks the right invite_user" in alone.is_refused(*create, "--as", "bob@example.com")
    alone("client", "rank", "acme", "bob@example.com", "--group", "gerente")
    assert alone(*create, "--as", "bob@example.com")["members"] == {"eve@example.com": "lider"}
    last = alone.is_refused("client", "rank", "acme", "ada@example.com", "--group", "gerente")
    assert "the last administrator" in last
    alone("client", "rank", "acme", "bob@example.com", "--group", "administrador")
    alone("client", "rank", "acme", "ada@example.com", "--group", "gerente")
    alone("client", "rank", "acme", "ada@example.com", "--group", "administrador")


def test_lists_are_tables(alone: Operator) -> None:
    alone("organization", "create", "empty", "--admin", "ada@example.com")
    assert alone.shows("client", "list", "empty") == ["organization  application  client  project  members"]
    alone("client", "create", "acme", "Palavras Mais Citadas", "Norte e Sul", "--leader", "ada@example.com")
    (line,) = [line for line in alone.shows("client", "list", "acme") if "Norte e Sul" in line]
    assert line.split("  ")[0] == "acme"
    assert line.endswith("palavras-mais-citadas-norte-e-sul  ada@example.com (lider)")
    headers, *rows = alone.shows("application", "list", "empty")
    assert headers.startswith("organization  application")
    assert [" ".join(row.split()) for row in rows] == [
        "- Palavras Mais Citadas - available to add 600 0",
        "- Tutorial - available to add 60 0",
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("client", "create", "acme", "None", "New", "--leader", "ada@example.com"), "there is no application named"),
        (("client", "create", "acme", "Tutorial", "New", "--leader", "no@x.org"), "there is no account with the email"),
        (("client", "create", "acme", "Tutorial", " ", "--leader", "ada@example.com"), "' ' cannot be the name of"),
        (("client", "create", "no", "Tutorial", "New", "--leader", "ada@example.com"), "no organization named 'no'"),
        (("client", "delete", "acme", "Tutorial", "New"), "there is no"),
        (("client", "list", "no"), "there is no organization named 'no'"),
        (("application", "add", "acme", "New", "--zip", "/nowhere.zip"), "[Errno 2] No such file or directory"),
        (("application", "add", "acme", "New", "--model", "model"), "'model' names no model: write PROJECT/MODEL"),
        (("application", "remove", "acme", "New"), "there is no application named 'New' in organization 'acme'"),
    ],
)
def test_a_mistake_is_one_clear_line(alone: Operator, words: Sequence[str], line: str) -> None:
    assert line in alone.is_refused(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("application", "add", "acme", "New"),
        ("application", "add", "acme", "New", "--zip", "a.zip", "--model", "a/b"),
        ("application", "add", "acme", "New", "--zip", "a.zip", "--version", "v1"),
        ("client", "add", "acme", "Tutorial", "New", "ada@example.com", "--group", "lider,stakeholder"),
        ("client", "rank", "acme", "ada@example.com", "--group", "lider"),
    ],
)
def test_words_that_do_not_go_together_are_refused_before_anything_is_opened(
    tmp_path: Path, words: Sequence[str]
) -> None:
    said = say(*words, "--data", str(tmp_path / "data"))
    assert (said.exit_code, said.stdout) == (2, "")
    assert not (tmp_path / "data").exists()
