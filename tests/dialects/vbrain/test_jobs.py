"""Executions: their states, what is shown in each, and what is left of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.vbrain.archives import HOSTILE
from tests.dialects.vbrain.house import Door, refusal_of, unzipped, zipped
from tests.processes import instances

NOT_YET = (202, {"message": "Job not yet finished"})
MEMBERS = [
    "job_id", "repository_id", "job_status", "status", "name", "created_on", "created_by",
    "started_on", "finished_on", "params", "metadata", "error",
]  # fmt: skip


@pytest.fixture(scope="module")
def repository(door: Door) -> str:
    """Has two files and common params."""
    files = {"file": ("inputs.zip", zipped({"INPUT/a.txt": b"first", "INPUT/b/c.txt": b"second"}))}
    return door.new_repository(files=files, data={"params": '{"common": 1, "over": {"x": 1, "y": 2}}'})


def test_a_job_that_is_queued(waiting: Door) -> None:
    repository = waiting.new_repository()
    body = {"params": {"a": 1}, "metadata": {"name": "Run", "n": 5}}
    job = waiting.call("POST", "/job/execute", {"repository_id": repository}, json=body).json()["job_id"]
    assert uuid.UUID(job).version == 4
    info = waiting.info(job)
    assert list(info) == MEMBERS
    assert (info["job_id"], info["repository_id"]) == (job, repository)
    assert (info["job_status"], info["status"], info["started_on"], info["finished_on"]) == (
        "queued",
        "queued",
        None,
        None,
    )
    assert (info["name"], info["metadata"], info["params"], info["error"]) == ("Run", body["metadata"], True, None)
    assert info["created_by"] == waiting.headers["username"]
    for part in ("result", "output"):
        answer = waiting.call("GET", f"/job/{job}/{part}")
        assert (answer.status_code, answer.json()) == NOT_YET
    assert waiting.call("GET", f"/job/{job}/params").json() == {"a": 1}
    assert set(waiting.zip(f"/job/{job}/logs")) <= {"execution.log"}


def test_a_job_that_finishes(door: Door, repository: str) -> None:
    params = {"own": "é", "over": {"z": 3}, "write": {"out.txt": "written", "folder/more.txt": "é"}, "log_file": "kept"}
    effective = {"common": 1, **params}
    job = door.new_job(repository, params)
    info = door.ended(job)
    answers = {part: door.call("GET", f"/job/{job}/{part}") for part in ("result", "output", "logs", "params")}
    assert [answer.status_code for answer in answers.values()] == [200] * 4
    assert (list(info), info["job_status"], info["status"], info["error"]) == (MEMBERS, "finished", "finished", None)
    assert info["created_on"] <= info["started_on"] <= info["finished_on"]
    result = answers["result"].json()
    assert list(result) == ["output"]
    assert result["output"] == {"files": {"a.txt": 5, "b/c.txt": 6}, "params": effective}
    assert answers["params"].json() == effective
    assert unzipped(answers["output"].content) == {"out.txt": b"written", "folder/more.txt": "é".encode()}
    logs = unzipped(answers["logs"].content)
    assert b"the bench was told to show" in logs["execution.log"]
    assert [content for name, content in logs.items() if name.endswith("bench.txt")] == [b"kept"]
    for part in ("output", "logs"):
        assert answers[part].headers["content-type"] == "application/zip"
        assert answers[part].headers["content-length"] == str(len(answers[part].content))
    assert answers["output"].headers["content-disposition"] == f'attachment; filename="{job}.zip"'


def test_a_job_that_fails(door: Door, repository: str) -> None:
    job = door.new_job(repository, {"do": "fail", "write": {"half.txt": "x"}})
    info = door.ended(job)
    assert (info["job_status"], "told to fail" in info["error"]) == ("failed", True)
    for part in ("result", "output"):
        assert refusal_of(door.call("GET", f"/job/{job}/{part}")) == (500, "Job failed")
    log = door.zip(f"/job/{job}/logs")["execution.log"].decode()
    assert "Traceback" in log
    assert "ValueError: told to fail" in log


@pytest.mark.parametrize("value", [200, 1.5, "text", None, True, [], {"x": [1, {"y": None}]}, "é" * 10])
def test_any_json_is_a_result(door: Door, value: object) -> None:
    assert door.run(door.new_repository(), {"do": "return", "value": value}) == value


def test_a_result_asked_for_again_and_again_is_there_once_the_info_says_so(door: Door) -> None:
    """The tutorial reads it at once, and only once (contract vbrain 5.3)."""
    repository = door.new_repository()
    jobs = [door.new_job(repository, {"do": "return", "value": number}) for number in range(5)]
    assert door.call("GET", "/job", {"repository_id": repository}).json() == jobs[::-1]
    for number, job in enumerate(jobs):
        while (info := door.call("GET", f"/job/{job}")).status_code == 202:
            early = door.call("GET", f"/job/{job}/result")
            assert early.status_code in (200, 202), early.text
        assert info.json()["job_status"] == "finished", info.text
        assert door.call("GET", f"/job/{job}/result").json() == {"output": number}
        assert door.zip(f"/job/{job}/output") == {}
    answer = door.call("GET", f"/repository/{repository}").json()
    assert answer["jobs"] == jobs[::-1]


def test_a_file_of_a_job_is_put_over_the_inputs_for_it_alone(door: Door, repository: str) -> None:
    overlay = {"file": ("more.zip", zipped({"b/c.txt": b"changed", "d.txt": b"new"}))}
    own = door.call("POST", "/job/execute", {"repository_id": repository}, files=overlay, data={"metadata": "{}"})
    assert own.status_code == 201, own.text
    job = own.json()["job_id"]
    assert door.ended(job)["job_status"] == "finished"
    assert door.call("GET", f"/job/{job}/result").json()["output"]["files"] == {"a.txt": 5, "b/c.txt": 7, "d.txt": 3}
    assert door.run(repository)["files"] == {"a.txt": 5, "b/c.txt": 6}
    assert door.call("GET", f"/repository/{repository}").json()["input"] == ["a.txt", "b/c.txt"]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"json": {"params": [1]}}, "Invalid params"),
        ({"json": {"metadata": 5}}, "Invalid metadata"),
        ({"data": {"params": {"a": 1, "b": 2}}}, "Invalid params"),
        *(({"files": {"file": file}}, "Invalid file") for file in HOSTILE.values()),
    ],
)
def test_refused_bodies_start_nothing(door: Door, sent: dict[str, Any], text: str) -> None:
    repository = door.new_repository()
    headers = {"repository_id": repository}
    assert refusal_of(door.call("POST", "/job/execute", headers, **sent)) == (400, text)
    assert door.call("GET", "/job", headers).json() == []


def test_a_repository_of_another_client_takes_no_jobs(door: Door, waiting: Door) -> None:
    other = waiting.new_repository()
    for unknown in (other, "202009231629398695", "nonsense"):
        headers = {"repository_id": unknown}
        for method, path in (("GET", "/job"), ("POST", "/job/execute")):
            assert refusal_of(door.call(method, path, headers)) == (404, "Invalid repository_id")
    assert waiting.call("GET", "/job", {"repository_id": other}).json() == []


def test_a_job_of_another_client_is_as_unknown_as_any(door: Door, waiting: Door) -> None:
    other = waiting.new_job(waiting.new_repository())
    for unknown in (other, str(uuid.uuid4()), "execute", "nonsense", "%00", "a%2Fb"):
        for part in ("", "/result", "/params", "/output", "/logs"):
            assert refusal_of(door.call("GET", f"/job/{unknown}{part}")) == (404, "Invalid job_id")
        assert refusal_of(door.call("DELETE", f"/job/{unknown}")) == (404, "Invalid job_id")
    assert waiting.info(other)["job_status"] == "queued"


def _running(door: Door, repository: str) -> tuple[str, set[int]]:
    """A job that runs and does not end by itself, and its processes."""
    before = set(instances(door.server.process.pid))
    job = door.new_job(repository, {"do": "hang"})
    wait_for(lambda: door.zip(f"/job/{job}/logs").get("execution.log", b""), lambda log: b"told to hang" in log)
    assert door.info(job)["job_status"] == "started"
    return job, set(instances(door.server.process.pid)) - before


def test_a_running_job_is_stopped_when_it_is_deleted(door: Door) -> None:
    repository = door.new_repository()
    job, processes = _running(door, repository)
    assert processes
    for part in ("result", "output"):
        answer = door.call("GET", f"/job/{job}/{part}")
        assert (answer.status_code, answer.json()) == NOT_YET
    answer = door.call("DELETE", f"/job/{job}")
    assert (answer.status_code, answer.json()) == (200, {"message": "Jobs deleted"})
    assert refusal_of(door.call("GET", f"/job/{job}")) == (404, "Invalid job_id")
    assert refusal_of(door.call("DELETE", f"/job/{job}")) == (404, "Invalid job_id")
    assert door.call("GET", f"/repository/{repository}").json()["jobs"] == []
    wait_for(lambda: processes & set(instances(door.server.process.pid)), lambda left: not left)


def test_a_repository_with_a_running_and_a_queued_job_can_be_deleted(door: Door, waiting: Door) -> None:
    repository = door.new_repository()
    job, processes = _running(door, repository)
    assert processes
    answer = door.call("DELETE", f"/repository/{repository}")
    assert (answer.status_code, answer.json()) == (200, {"message": "Repository and jobs deleted"})
    assert refusal_of(door.call("GET", f"/job/{job}")) == (404, "Invalid job_id")
    wait_for(lambda: processes & set(instances(door.server.process.pid)), lambda left: not left)
    queued = waiting.new_repository()
    job = waiting.new_job(queued)
    assert waiting.call("DELETE", f"/repository/{queued}").status_code == 200
    assert refusal_of(waiting.call("GET", f"/job/{job}")) == (404, "Invalid job_id")
