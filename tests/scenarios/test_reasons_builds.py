"""Builds that fail, each in another way, by a whole server: the version's code and phase, and the log's last line."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from quinta.core.reasons import Reason
from tests.models import ModelDoor, new_project
from tests.serving import RunningServer, serving, start_server

SHELF = Path(__file__).parents[1] / "naughty"
GOOD = "class Model:\n    def request(self, data):\n        return data\n"
SETTINGS = {
    "QUINTA_START_TIMEOUT_SECONDS": "15",
    "UV_HTTP_RETRIES": "0",
    "UV_NO_INDEX": "1",  # no test may depend on what an index has
}
Members = list[tuple[str | zipfile.ZipInfo, str]]


def shelf(name: str) -> Members:
    return [(f"model_package/{file.name}", file.read_text()) for file in (SHELF / name).iterdir() if file.is_file()]


def requiring(text: str, **files: str) -> Members:
    named = [(f"model_package/{name}", content) for name, content in files.items()]
    return [("model_package/model.py", GOOD), ("model_package/requirements.txt", text), *named]


def code(text: str) -> Members:
    return [("model_package/model.py", text)]


def linked() -> Members:
    link = zipfile.ZipInfo("model_package/link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    return [("model_package/model.py", GOOD), (link, "/etc/passwd")]


def packed(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return buffer.getvalue()


def damaged() -> bytes:
    """An archive whose member's content is not what its checksum says."""
    content = packed([("model_package/model.py", GOOD)], zipfile.ZIP_STORED)
    return content.replace(GOOD.encode(), GOOD.upper().encode())


@dataclass(frozen=True)
class Case:
    """What is uploaded, and the code that comes of it. ``starts``: it is the first instance that fails."""

    reason: Reason
    archive: Callable[[], bytes]
    starts: bool = False
    variables: dict[str, str] = field(default_factory=dict)


def starting(reason: Reason, members: Members) -> Case:
    return Case(reason, lambda: packed(members), starts=True)


def building(reason: Reason, members: Members, **variables: str) -> Case:
    return Case(reason, lambda: packed(members), variables=variables)


BROKEN_BACKEND = "def build_wheel(*arguments, **named):\n    raise SystemExit('the compiler is missing')\n"
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
LIBRARY = {"lib/pyproject.toml": PROJECT, "lib/backend.py": BROKEN_BACKEND}
CASES = {
    "hangs_at_import": starting(Reason.START_TOOK_TOO_LONG, shelf("hangs_at_import")),
    "exits_at_import": starting(Reason.START_EXITED, shelf("exits_at_import")),
    "exits_in_init": starting(Reason.START_EXITED, shelf("exits_in_init")),
    "ends_process_at_import": starting(Reason.START_EXITED, shelf("ends_process_at_import")),
    "raises_in_init": starting(Reason.START_CONSTRUCTOR_ERROR, shelf("raises_in_init")),
    "wants_more_arguments": starting(Reason.START_CONSTRUCTOR_ERROR, shelf("wants_more_arguments")),
    "has_no_class": starting(Reason.START_NO_MODEL_CLASS, shelf("has_no_class")),
    "has_no_request": starting(Reason.START_NO_REQUEST_METHOD, shelf("has_no_request")),
    "has_no_run": starting(Reason.START_NO_RUN_FUNCTION, [("model_package/application.py", "RUN = None\n")]),
    "imports_nothing": starting(Reason.START_IMPORT_ERROR, code("import nothing_of_this_name\n")),
    "no_python": starting(Reason.START_IMPORT_ERROR, code("class Model\n")),
    "crashes_at_import": starting(
        Reason.START_KILLED_BY_SIGNAL,
        code("import os, signal, time\nos.kill(os.getpid(), signal.SIGSEGV)\ntime.sleep(3600)\n"),
    ),
    "leaks_at_import": starting(
        Reason.START_MEMORY, code("kept = []\nwhile True:\n    kept.append(bytearray(8 << 20))\n")
    ),
    "damaged": Case(Reason.ARCHIVE_DAMAGED, damaged),
    "link": building(Reason.ARCHIVE_UNSAFE, linked()),
    "outside": building(Reason.ARCHIVE_UNSAFE, [*code(GOOD), ("model_package/../../outside", "")]),
    "long_name": building(Reason.ARCHIVE_TOO_LARGE, [*code(GOOD), ("model_package/" + "n" * 256, "")]),
    "unusual": Case(Reason.ARCHIVE_UNSUPPORTED, lambda: packed(code(GOOD), zipfile.ZIP_LZMA)),
    "no_model_file": building(Reason.NO_MODEL_FILE, [("model_package/other.py", GOOD)]),
    "strange_model_file": building(Reason.MODEL_FILE_INVALID, code(GOOD), ML_MODEL_FILE_NAME="a/b.py"),
    "unreadable": building(Reason.REQUIREMENTS_UNREADABLE, requiring("numpy ===== 1\n")),
    "missing_include": building(Reason.REQUIREMENTS_UNREADABLE, requiring("-r nothing.txt\n")),
    "editable": building(Reason.REQUIREMENT_REFUSED, requiring("-e .\n")),
    "not_found": building(Reason.REQUIREMENT_NOT_FOUND, requiring("nothing-of-this-name\n")),
    "conflict": building(Reason.REQUIREMENT_CONFLICT, requiring("numpy==1\nnumpy==2\n")),
    "unreachable": building(Reason.INDEX_UNREACHABLE, requiring("n @ http://127.0.0.1:9/n-1-py3-none-any.whl\n")),
    "misnamed": building(Reason.INSTALL_FAILED, requiring("m @ http://127.0.0.1:9/n-1-py3-none-any.whl\n")),
    "unbuildable": building(Reason.REQUIREMENT_UNBUILDABLE, requiring("./lib\n", **LIBRARY)),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("builds") / "data", SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


def uploaded(client: httpx2.Client, project: str, name: str, case: Case) -> ModelDoor:
    """A version of its own, whose build is under way."""
    door = ModelDoor(client, project, "model", name.replace("_", "-"))
    version = {"version": door.version, "memory_allocation": 256}
    answer = client.post(f"/v2.1/projects/{project}/models/model/versions", json=version)
    assert answer.status_code == 201, answer.text
    for variable, value in case.variables.items():
        body = {"name": variable, "value": value, "secret": False}
        assert client.post(f"{door.path}/environment-variables", json=body).status_code == 201
    answer = client.put(f"{door.path}/upload", files={"file": ("package.zip", case.archive())})
    assert answer.status_code == 200, answer.text
    return door


def project_with_model(client: httpx2.Client) -> str:
    project = new_project(client)
    model = {"name": "model", "input_type": "plain", "output_type": "plain"}
    assert client.post(f"/v2.1/projects/{project}/models", json=model).status_code == 201
    return project


def check(version: dict[str, Any], reason: Reason) -> None:
    assert (version.get("error_code"), version.get("error_phase")) == (reason, reason.phase), version
    assert version["error_message"]


def test_each_failure_of_a_build_has_its_code(client: httpx2.Client) -> None:
    project = project_with_model(client)
    doors = {name: uploaded(client, project, name, case) for name, case in CASES.items()}
    repaired = uploaded(client, project, "good", building(Reason.COMPLETED, code(GOOD)))
    found, wanted = {}, {}
    for name, case in CASES.items():
        version = doors[name].wait("deploying_failed" if case.starts else "building_failed")
        found[name] = (version.get("error_code"), version.get("error_phase"))
        wanted[name] = (case.reason, case.reason.phase)
        assert version["error_message"], name
    assert found == wanted
    for name, case in CASES.items():
        said = "the first instance did not start: " if case.starts else "the build failed: "
        line = doors[name].wait_for_log(said, model_name="model", model_version=doors[name].version, system=True)
        assert line["log"].endswith(f" [{case.reason}]"), line
    page = client.get("/metrics").text
    for case in CASES.values():
        labels = f'{{code="{case.reason}",phase="{case.reason.phase}",subject="build"}}'
        assert f"quinta_failures_total{labels}" in page, case
    version = repaired.wait()
    assert not {"error_code", "error_phase"} & version.keys()
    a_repaired_build_has_no_code(doors["no_model_file"])


def a_repaired_build_has_no_code(door: ModelDoor) -> None:
    door.upload({"model.py": GOOD})
    assert not {"error_code", "error_phase"} & door.wait().keys()
    door.upload({"other.py": GOOD})
    failed = door.wait("available_building_failed")
    assert failed["error_code"] == Reason.NO_MODEL_FILE
    assert door.request("still served")["result"] == "still served"


def archives(server: RunningServer) -> set[Path]:
    return {path for path in (server.data / "objects").rglob("packages/*.zip") if path.is_file()}


def test_archives_that_the_store_damages_or_loses(server: RunningServer, client: httpx2.Client) -> None:
    """What is no archive is refused at its upload, so it has to become none while it waits for its turn."""
    project = project_with_model(client)
    good = building(Reason.COMPLETED, code(GOOD))
    for name in ("first", "second"):  # as many as are built at a time
        uploaded(client, project, name, CASES["hangs_at_import"]).wait_for_log(
            "starting the first instance", model_name="model", model_version=name
        )
    doors, kept = {}, {}
    for name in ("damaged", "lost", "good"):
        before = archives(server)
        doors[name] = uploaded(client, project, name, good)
        (kept[name],) = archives(server) - before
    refused = client.put(f"{doors['good'].path}/upload", files={"file": ("package.zip", b"no archive")})
    assert (refused.status_code, "not a zip archive" in refused.text) == (400, True)
    kept["damaged"].write_bytes(b"no archive")
    kept["lost"].unlink()
    for name in ("first", "second"):
        assert client.delete(ModelDoor(client, project, "model", name).path).status_code == 204
    check(doors["damaged"].wait("building_failed"), Reason.NOT_AN_ARCHIVE)
    check(doors["lost"].wait("building_failed"), Reason.BUILD_GIVEN_UP)
    doors["lost"].wait_for_log(f"[{Reason.BUILD_GIVEN_UP}]", system=True)
    doors["good"].wait()


def test_a_build_that_takes_too_long_and_a_key_that_is_lost(tmp_path: Path) -> None:
    hanging = {**LIBRARY, "lib/backend.py": "import time\ntime.sleep(3_600)\n"}
    settings = SETTINGS | {"QUINTA_BUILD_TIMEOUT_SECONDS": "5"}
    secret = {"name": "WORD", "value": "of a secret", "secret": True}
    with serving(tmp_path / "data", settings | {"QUINTA_SECRETS_KEY": "ab" * 32}) as first, first.client() as client:
        project = project_with_model(client)
        door = uploaded(client, project, "good", building(Reason.COMPLETED, code(GOOD)))
        door.wait()
        late = uploaded(client, project, "late", building(Reason.INSTALL_TIMEOUT, requiring("./lib\n", **hanging)))
        check(late.wait("building_failed"), Reason.INSTALL_TIMEOUT)
        assert client.post(f"{door.path}/environment-variables", json=secret).status_code == 201
        door.upload({"model.py": GOOD + "# again\n"})
        door.wait()
        token = first.token
    second = start_server(tmp_path / "data", settings | {"QUINTA_SECRETS_KEY": "cd" * 32}, token=token)
    try:
        with second.client() as client:
            lost = ModelDoor(client, project, "model", "good")
            lost.upload({"model.py": GOOD + "# and again\n"})
            check(lost.wait("available_building_failed"), Reason.SECRET_UNREADABLE)
            lost.wait_for_log(f"[{Reason.SECRET_UNREADABLE}]", model_name="model", model_version="good", system=True)
    finally:
        second.stop()
