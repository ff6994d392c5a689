"""Projects' folders and their ``.meta`` (contract dq0 1.14, 1.15, 2.3, 3.5, 3.6)."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.conftest import House
from tests.gateway.quarantine import DATA_UUID

DATA = {"data_uuid": DATA_UUID, "data_name": "census"}


def meta_of(folder: Path) -> dict[str, Any]:
    """As the SDK reads it."""
    with open(folder / ".meta") as file:
        meta: dict[str, Any] = yaml.load(file, Loader=yaml.FullLoader)
    return meta


def test_a_new_project_has_its_folder_before_the_answer(inside: House) -> None:
    made = inside.told(inside.post("projects", {"name": "My project", "working_dir": str(inside.work)}))
    assert made["message"] == "successfully created new project: My project"
    folder = inside.work / "My project"
    assert meta_of(folder) == {
        "project_uuid": made["project_uuid"],
        "project_name": "My project",
        "commit_uuid": "",
        "experiment_name": "Default",
        "datasets": {},
    }
    assert {"MLproject", "my_model.py", "requirements.txt", "README.md"} <= set(os.listdir(folder))
    assert os.listdir(inside.work) == ["My project"]
    sent = json.loads(inside.server.calls[-1].body)
    assert sent == {"name": "My project"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "a/b"}, 400),
        ({"name": ".."}, 400),
        ({"name": ""}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": 3}, 400),
        ({"name": "a\nb"}, 400),
        ({"name": "taken"}, 409),
        ({"name": "link"}, 409),
        ({"working_dir": "relative"}, 400),
        ({"working_dir": "/no/such/folder"}, 400),
        ({"working_dir": None}, 400),
    ],
)
def test_what_cannot_be_made_is_refused_before_the_server_hears_of_it(
    inside: House, change: dict[str, object], status: int
) -> None:
    (inside.work / "taken").mkdir()
    (inside.work / "link").symlink_to("nowhere")
    right = {"name": "fine", "working_dir": str(inside.work)}
    inside.refused(inside.post("projects", {**right, **change}), status)
    assert all(call.path != "/projects" for call in inside.server.calls)
    assert sorted(os.listdir(inside.work)) == ["link", "taken"]
    inside.told(inside.post("projects", right))


def test_a_project_that_the_server_refuses_leaves_nothing(inside: House) -> None:
    inside.server.failing = (409, b'{"error": "there is a project of that name"}')
    refusal = inside.post("projects", {"name": "shop", "working_dir": str(inside.work)})
    assert inside.refused(refusal, 409) == "there is a project of that name"
    assert os.listdir(inside.work) == []


def test_without_a_session_there_is_no_project(house: House) -> None:
    house.add_proxy()
    values = {"name": "shop", "working_dir": str(house.work)}
    assert "not logged in" in house.refused(house.post("projects", values), 401)
    assert os.listdir(house.work) == []


@pytest.mark.parametrize("named", [DATA, {"data_uuid": DATA_UUID}, {"data_name": "census"}, {"data_id": 7}])
def test_attaching_and_detaching_are_written_down(inside: House, named: dict[str, object]) -> None:
    uuid = inside.new_project()
    inside.told(inside.post(f"projects/{uuid}/attach", named))
    assert meta_of(inside.work / "shop")["datasets"] == {"census": DATA_UUID}
    inside.told(inside.post(f"projects/{uuid}/detach", named))
    assert meta_of(inside.work / "shop")["datasets"] == {}


def test_what_the_server_refuses_is_not_written_down(inside: House) -> None:
    uuid = inside.new_project()
    inside.server.failing = (403, b'{"error": "not yours"}')
    for verb, values in (("attach", DATA), ("set-experiment-name", {"experiment_name": "x"}), ("deploy", None)):
        inside.refused(inside.post(f"projects/{uuid}/{verb}", values), 403)
    meta = meta_of(inside.work / "shop")
    assert (meta["datasets"], meta["experiment_name"], meta["commit_uuid"]) == ({}, "Default", "")


@pytest.mark.parametrize(
    "name", ["one", "yes", "12:30", "1_0", "null", "2026-01-01", "é 😀 \u200b\x85\x7f", '"', "#", "- a"]
)
def test_the_experiment_is_written_down(inside: House, name: str) -> None:
    """Also where the SDK's YAML takes the bare word for something else than a text."""
    uuid = inside.new_project()
    inside.told(inside.post(f"projects/{uuid}/set-experiment-name", {"experiment_name": name}))
    assert meta_of(inside.work / "shop")["experiment_name"] == name
    inside.told(inside.post(f"projects/{uuid}/attach", DATA))
    assert meta_of(inside.work / "shop")["experiment_name"] == name
    inside.refused(inside.post(f"projects/{uuid}/set-experiment-name", {}), 400)


def test_a_project_is_deployed(inside: House) -> None:
    uuid = inside.new_project()
    message = inside.told(inside.post(f"projects/{uuid}/deploy"))["message"]
    commit = message.split(" ")[-1]
    assert meta_of(inside.work / "shop")["commit_uuid"] == commit
    with zipfile.ZipFile(io.BytesIO(inside.server.packs[-1])) as archive:
        names = set(archive.namelist())
        assert archive.read("MLproject") == (inside.work / "shop" / "MLproject").read_bytes()
    assert ".meta" not in names
    inside.told(inside.post(f"projects/{uuid}/deploy"))
    assert inside.server.packs[-1] == inside.server.packs[-2]


def test_other_words_in_meta_stay(inside: House) -> None:
    uuid = inside.new_project()
    folder = inside.work / "shop"
    (folder / ".meta").write_text((folder / ".meta").read_text() + "note: mine\n")
    inside.told(inside.post(f"projects/{uuid}/attach", DATA))
    assert meta_of(folder)["note"] == "mine"


@pytest.mark.parametrize("broken", ["", "a: [", "project_uuid: 3", "- 1", "\x00"])
def test_a_broken_meta_is_made_anew(inside: House, broken: str) -> None:
    uuid = inside.new_project()
    (inside.work / "shop" / ".meta").write_text(broken)
    inside.told(inside.post(f"projects/{uuid}/attach", DATA))
    meta = meta_of(inside.work / "shop")
    assert (meta["project_uuid"], meta["project_name"], meta["datasets"]) == (uuid, "shop", {"census": DATA_UUID})


def test_a_project_elsewhere_is_attached_to_all_the_same(inside: House) -> None:
    uuid = "00000000-0000-4000-8000-000000000000"
    inside.told(inside.post(f"projects/{uuid}/attach", DATA))
    assert "not on this computer" in inside.refused(inside.post(f"projects/{uuid}/deploy"), 404)


def test_unlinking_forgets_the_folder_and_keeps_it(inside: House) -> None:
    uuid = inside.new_project()
    inside.told(inside.client.delete(f"/api/projects/{uuid}/"))
    assert (inside.work / "shop" / ".meta").exists()
    inside.refused(inside.client.delete(f"/api/projects/{uuid}"), 404)
    inside.refused(inside.post(f"projects/{uuid}/deploy"), 404)
    inside.told(inside.post(f"projects/{uuid}/deploy", {"working_dir": str(inside.work / "shop")}))
    inside.told(inside.post(f"projects/{uuid}/deploy"))


def test_a_folder_that_was_moved_is_found_again(inside: House) -> None:
    uuid, other = inside.new_project(), inside.new_project("other")
    shutil.move(inside.work / "shop", inside.work / "store")
    assert "is gone" in inside.refused(inside.post(f"projects/{uuid}/deploy"), 409)
    wrong = {"working_dir": str(inside.work / "other")}
    assert "not the folder of project" in inside.refused(inside.post(f"projects/{uuid}/deploy", wrong), 400)
    inside.told(inside.post(f"projects/{uuid}/deploy", {"working_dir": str(inside.work / "store")}))
    inside.told(inside.post(f"projects/{other}/deploy"))


def test_content_of_the_folder_alone(inside: House) -> None:
    uuid = inside.new_project()
    seen = len(inside.server.calls)
    told = inside.told(inside.post("commits/x/content", {"project_uuid": uuid, "local_only": True}))
    assert "my_model.py" in [node["path"] for node in told["content"]]
    assert told["project_name"] == "shop"
    assert len(inside.server.calls) == seen
    inside.server.failing = (200, b"{}")
    inside.told(inside.post("commits/x/content", {"project_uuid": uuid}))
    assert inside.server.calls[-1].path == "/commits/x/content"


def test_a_prediction_takes_a_file(inside: House, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n1,2\n")
    inside.told(inside.post("models/m/predict", {"input_data": str(rows)}))
    assert json.loads(inside.server.calls[-1].body) == {"input_data": "a,b\n1,2\n", "input_type": "csv"}
    inside.told(inside.post("models/m/predict", {"input_data": "[[1]]", "input_type": "json"}))
    assert json.loads(inside.server.calls[-1].body)["input_data"] == "[[1]]"
    for path in (tmp_path / "gone.csv", Path("/etc/passwd"), tmp_path):
        inside.refused(inside.post("models/m/predict", {"input_data": str(path)}), 400)
