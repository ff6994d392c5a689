"""Deploying, starting and cancelling as the SDK does it, and what it reads then (contract dq0 1.7 to 1.13, 3.2)."""

from __future__ import annotations

import uuid

import pytest

from tests.dialects.dq0.house import Door, project_zip

ZIP = {"Content-Type": "application/zip"}
NULL = {"data": b"null", "headers": {"Content-Type": "application/json"}}


@pytest.fixture(scope="module")
def project(scientist: Door) -> str:
    return scientist.new_project()


def test_the_last_word_of_a_message_is_the_uuid(scientist: Door, project: str) -> None:
    text = scientist.ok("POST", f"/projects/{project}/deploy/", headers=ZIP, data=project_zip("a = 1\n"))["message"]
    commit = text.split(" ")[-1]
    assert str(uuid.UUID(commit)) == commit
    again = scientist.ok("POST", f"/projects/{project}/deploy/", headers=ZIP, data=project_zip("a = 1\n"))["message"]
    assert again.split(" ")[-1] == commit
    assert scientist.deploy(project, "a = 2\n") != commit
    content = scientist.ok("POST", f"/commits/{commit}/content", json={"path": "main.py"})
    assert (content["commit_uuid"], content["file_string"]) == (commit, "a = 1\n")
    assert [node["label"] for node in content["content"]] == ["src", "MLproject", "main.py"]
    assert [node["path"] for node in content["content"][0]["children"]] == ["src/model.py"]


def test_a_deployment_without_files(scientist: Door, project: str) -> None:
    assert scientist.refused("POST", f"/projects/{project}/deploy", **NULL)[0] == 400
    assert scientist.refused("POST", f"/projects/{project}/deploy", headers=ZIP, data=b"no zip")[0] == 400


@pytest.mark.parametrize("args", ["", None, {"epochs": 2}, ["epochs=2"], '{"epochs": "2"}'])
def test_a_run_is_started_and_cancelled(args: object, scientist: Door, project: str) -> None:
    commit = scientist.deploy(project)
    sent = {"project_uuid": project, "commit_uuid": commit, "ml_project_entry_point": "main", "args": args}
    text = scientist.ok("POST", "/runs/", json=sent)["message"]
    job = text.split(" ")[-1]
    assert text == f"run started by job with uuid: {job}"
    scientist.ok("POST", f"/jobs/{job}/cancel", json={"force": True, "job_uuid": job})
    state = scientist.ok("GET", f"/jobs/{job}/")
    assert state["job_uuid"] == job
    assert state["job_state"] in ("created", "prepared", "running", "error")
    assert 0 <= state["job_progress"] < 1
    assert (state["job_errors"] != "") is (state["job_state"] == "error")
    run = scientist.ok("GET", f"/runs/{job}/")
    assert (run["run_uuid"], run["commit_uuid"], run["experiment_name"]) == (job, commit, "Default")
    assert {"key": "epochs", "value": "2" if args else "3"} in run["run_params"]
    assert {"key": "mlflow.project.entryPoint", "value": "main"} in run["run_tags"]


def test_the_sdk_cancels_by_another_path(scientist: Door, project: str) -> None:
    job = scientist.start(project, scientist.deploy(project))
    assert scientist.ok("POST", f"/jobs/{job}/delete/", **NULL)["message"]
    assert scientist.ok("POST", f"/jobs/{job}/delete/", **NULL)["message"]


def test_a_run_of_nothing(scientist: Door, project: str) -> None:
    commit = scientist.deploy(project)
    sent = {"project_uuid": project, "commit_uuid": commit, "ml_project_entry_point": "main", "args": ""}
    wrong = [
        ({"ml_project_entry_point": "none"}, 400),
        ({"args": {"epochs": "many"}}, 400),
        ({"args": 7}, 400),
        ({"commit_uuid": str(uuid.uuid4())}, 404),
        ({"commit_uuid": "none"}, 404),
        ({"project_uuid": str(uuid.uuid4())}, 404),
        ({"project_uuid": ""}, 400),
        ({"project_uuid": scientist.new_project()}, 400),
    ]
    for change, status in wrong:
        assert scientist.refused("POST", "/runs", json=sent | change)[0] == status, change


def test_jobs_are_chosen_by_what_they_are(scientist: Door) -> None:
    project = scientist.new_project()
    commit = scientist.deploy(project)
    job = scientist.start(project, commit)
    scientist.ok("POST", f"/jobs/{job}/cancel", json={"force": True})

    def found(**query: str) -> list[str]:
        return [item["job_uuid"] for item in scientist.ok("GET", "/jobs", params=query)["items"]]

    assert found(project_uuid=project) == [job]
    assert found(commit_uuid=commit, job_type="commit.run", job_params="epochs") == [job]
    assert found(commit_uuid=commit, job_type="model.predict") == []
    assert found(project_uuid=project, job_params="learning") == []
    assert scientist.refused("GET", "/jobs", params={"job_type": "no.such"})[0] == 400
    assert [item["run_uuid"] for item in scientist.ok("GET", "/runs", params={"project_uuid": project})["items"]] == [
        job
    ]


def test_registering_without_a_run(scientist: Door) -> None:
    sent = {"run_uuid": None, "job_uuid": None, "model_path": "pyfunc_model"}
    status, text = scientist.refused("POST", "/models/register", json=sent)
    assert status == 400
    assert text.startswith("model location does not exist")


def test_queries_need_data_and_are_no_other_jobs(scientist: Door) -> None:
    project = scientist.new_project()
    sent = {"query": "SELECT COUNT(*) FROM people", "datasets": "people", "epsilon": 1.0, "permissions": None}
    status, text = scientist.refused("POST", "/queries/", json=sent | {"project_uuid": project})
    assert (status, "no dataset is attached" in text) == (400, True)
    assert scientist.ok("GET", "/queries", params={"project_uuid": project})["items"] == []
    job = scientist.start(project, scientist.deploy(project))
    scientist.ok("POST", f"/jobs/{job}/cancel", json={"force": True})
    assert scientist.refused("GET", f"/queries/{job}")[0] == 404
    for path, method in ((f"/queries/{uuid.uuid4()}", "GET"), (f"/queries/{uuid.uuid4()}/cancel", "POST")):
        assert scientist.refused(method, path)[0] == 404
