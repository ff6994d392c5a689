"""The words of ``dq0`` (design 4; contract dq0 2.1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.dq0.conftest import Command
from tests.gateway.conftest import EMAIL
from tests.gateway.quarantine import DATA_UUID, PASSWORD
from tests.gateway.test_projects import meta_of


def sent(command: Command, path: str) -> Any:
    """The body of the last call to ``path``."""
    return json.loads([call for call in command.server.calls if call.path == path][-1].body)


@pytest.fixture
def project(command: Command, tmp_path: Path) -> Command:
    """In the folder of a new project."""
    command.log_in()
    assert "created new project: shop" in command.told("project", "create", "shop")
    command.patch.chdir(tmp_path / "shop")
    return command


def test_proxies(command: Command) -> None:
    told = command.told("proxy", "add", "--hostname", "127.0.0.1", "--port", str(command.port))
    assert command.server.keys.public.fingerprint in told
    assert "127.0.0.1" in command.told("proxy", "list")
    assert json.loads(command.told("proxy", "list", "--output", "json"))["items"][0]["active"] is True
    command.told("proxy", "activate", "1")
    command.told("proxy", "remove", "1")
    assert "no proxy '1'" in command.refused(1, "proxy", "activate", "1")


def test_credentials_are_read_where_they_are_not_given(command: Command) -> None:
    command.told("proxy", "add", "--hostname", "127.0.0.1", "--port", str(command.port))
    command.told("user", "register", given=f"{EMAIL}\n{PASSWORD}\n")
    assert "waits for an administrator" in command.refused(1, "user", "login", given=f"{EMAIL}\n{PASSWORD}\n")
    command.server.confirm(EMAIL)
    assert EMAIL in command.told("user", "login", "--email", EMAIL, given=f"{PASSWORD}\n")
    assert "no password" in command.refused(1, "user", "login", "--email", EMAIL)
    command.told("user", "logout")
    assert "not logged in" in command.refused(1, "data", "list")


def test_datasets(project: Command, tmp_path: Path) -> None:
    assert "census" in project.told("data", "list")
    assert project.told("data", "info", "--data-source-uuid", DATA_UUID)
    project.told("data", "attach", "--data-source-uuid", DATA_UUID)
    assert meta_of(Path())["datasets"] == {"census": DATA_UUID}
    project.told("data", "detach", "--data-source-uuid", DATA_UUID)
    assert meta_of(Path())["datasets"] == {}
    (tmp_path / "meta.yaml").write_text("name: x\n")
    project.server.failing = (200, b'{"data_name": "x"}')
    assert "data_name  x" in project.told("data", "create", "--meta", str(tmp_path / "meta.yaml"))
    assert sent(project, "/data") == {"meta": "name: x\n"}
    assert "no file" in project.refused(2, "data", "create", "--meta", str(tmp_path / "gone.yaml"))


def test_training_registering_and_predicting(project: Command, tmp_path: Path) -> None:
    assert DATA_UUID in project.told("model", "train", "--arg", "epochs=3", "--arg", "x=a=b")
    run = sent(project, "/runs")
    assert run["args"] == {"epochs": "3", "x": "a=b"}
    assert run["ml_project_entry_point"] == "train_use_dq0_makedp"
    assert meta_of(Path())["commit_uuid"] == run["commit_uuid"]
    assert "finished" in project.told("model", "state")
    assert "finished" in project.told("model", "state", "--wait")
    assert DATA_UUID in project.told("model", "register")
    assert sent(project, "/models/register") == {"run_uuid": DATA_UUID, "model_path": "pyfunc_model"}
    (tmp_path / "rows.json").write_text("[[1, 2]]")
    project.told("model", "predict", "--input-path", "../rows.json")
    assert sent(project, f"/models/{DATA_UUID}/predict") == {"input_data": "[[1, 2]]", "input_type": "json"}
    assert "KEY=VALUE" in project.refused(2, "model", "train", "--arg", "epochs")


def test_what_is_not_known_yet_is_asked_for(project: Command) -> None:
    Path("rows.json").write_text("[]")
    assert "which job?" in project.refused(1, "model", "state")
    assert "which model?" in project.refused(1, "model", "predict", "--input-path", "rows.json")
    assert "finished" in project.told("model", "state", "--job-uuid", DATA_UUID)


def test_queries_print_their_result(project: Command) -> None:
    words = ("query", "SELECT COUNT(*) AS n FROM a.b", "--datasets", "census", "--epsilon", "0.5")
    assert project.told(*words) == "n\n12\n"
    asked = sent(project, "/queries")
    assert (asked["epsilon"], asked["datasets"], asked["tau"]) == (0.5, "census", 0.0)
    assert DATA_UUID in project.told(*words, "--no-wait")
    project.server.failing = (403, b'{"error": "the budget is spent"}')
    assert "the budget is spent" in project.refused(1, *words)


def test_a_project_is_shown_and_deployed_where_its_folder_is(project: Command, tmp_path: Path) -> None:
    project.server.failing = (200, b'{"project_name": "shop"}')
    assert "shop" in project.told("project", "info")
    project.server.failing = None
    (tmp_path / "shop").rename(tmp_path / "moved")
    project.patch.chdir(tmp_path / "moved")
    assert "commit uuid" in project.told("project", "deploy")
    project.patch.chdir(tmp_path)
    assert "no project's folder" in project.refused(1, "project", "deploy")


@pytest.mark.parametrize("words", [(), ("model",)])
def test_without_a_command_there_is_only_help(command: Command, words: tuple[str, ...]) -> None:
    code, out, err = command.run(*words)
    assert (code, err) == (2, "")
    assert "Usage: dq0" in out


def test_a_new_password_is_typed_twice_at_a_terminal(command: Command) -> None:
    command.told("proxy", "add", "--hostname", "127.0.0.1", "--port", str(command.port))
    asked = [("E-mail: ", EMAIL), ("Password: ", "one"), ("Password again: ", "two"), ("do not match", None)]
    asked += [("Password: ", PASSWORD), ("Password again: ", PASSWORD), ("successfully registered", None)]
    shown = at_a_terminal(("user", "register"), asked)
    assert PASSWORD not in shown
    assert command.server.people == {EMAIL: False}


def at_a_terminal(words: Sequence[str], asked: Iterable[tuple[str, str | None]]) -> str:
    """Waits for each text, and types what belongs to it; all that was shown."""
    ours, theirs = os.openpty()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src")}
    command = [sys.executable, "-m", "quinta.cli.dq0", *words]
    with (
        open(ours, "r+b", buffering=0) as screen,
        subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        ) as program,
    ):
        os.close(theirs)
        watch = threading.Timer(120, program.kill)  # a program that asks nothing would keep the test for ever
        watch.start()
        shown, told = "", ""
        try:
            for question, typed in asked:
                while question not in told:
                    told += screen.read(1024).decode()
                shown, told = shown + told, told.partition(question)[2]
                if typed is not None:
                    screen.write(typed.encode() + b"\n")
        finally:
            watch.cancel()
        assert program.wait(timeout=60) == 0
        return shown


def test_an_answer_of_another_form_is_no_traceback(command: Command) -> None:
    command.log_in()
    command.server.failing = (200, b'{"message": 3}')
    assert "no answer as the interface gives them" in command.refused(1, "data", "list")


@pytest.mark.parametrize("words", [("nonsense",), ("proxy", "add"), ("model", "train", "--nonsense")])
def test_wrong_usage_ends_with_2(command: Command, words: tuple[str, ...]) -> None:
    assert "--help" in command.refused(2, *words)


@pytest.mark.parametrize("hostname", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
def test_the_gateway_listens_on_this_computer_only(command: Command, hostname: str) -> None:
    assert "this computer only" in command.refused(1, "server", "start", "--hostname", hostname, "--port", "0")


def test_the_gateway_and_the_command_work_with_the_same_session(command: Command) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "quinta.cli.dq0", "server", "start", "--port", "0"],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src")},
        text=True,
    ) as gateway:
        watch = threading.Timer(120, gateway.kill)  # a gateway that says nothing would keep the test for ever
        watch.start()
        try:
            assert gateway.stdout is not None
            url = gateway.stdout.readline().split()[-1]
            assert httpx2.get(f"{url}data/", trust_env=False).status_code == 401
            command.log_in()
            answer = httpx2.get(f"{url}data/", trust_env=False)
            assert answer.json()["items"][0]["data_uuid"] == DATA_UUID
            command.told("user", "logout")
            assert "not logged in" in httpx2.get(f"{url}data/", trust_env=False).json()["error"]
            port = url.rpartition(":")[2].partition("/")[0]
            assert "cannot listen" in command.refused(1, "server", "start", "--port", port)
        finally:
            gateway.terminate()
            watch.cancel()
        assert gateway.wait(timeout=60) == 0
