"""Direct and batch requests to pipelines, by the real client and raw HTTP (contract ubiops 5.5, 5.6, 7.2, 10.15)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ubiops import ApiException, CoreApi

from tests.dialects.ubiops.bodies import check_last
from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.pipelines import PipelineDoor, new_pipeline

NUMBERS = {"number": "double"}
DOUBLE = """
import time


class Model:
    def request(self, data):
        print("working on", data["number"])
        if data["number"] == 13:
            raise ValueError("thirteen brings no luck")
        while data["number"] >= 1000:
            time.sleep(3600)
        return {"number": data["number"] * 2}
"""
COPY = """
class Model:
    def request(self, data):
        with open(data["file"], "rb") as given, open("copy.txt", "wb") as kept:
            kept.write(given.read() + b" and more")
        return {"file": "copy.txt", "size": 1}
"""


@pytest.fixture(scope="module")
def double(door: httpx2.Client) -> ModelDoor:
    """number -> 2 * number; fails on 13, hangs from 1000 on. Its project is the scene of all tests here."""
    return new_model(door, {"model.py": DOUBLE}, inputs=NUMBERS, outputs=NUMBERS, model="double", maximum_instances=4)


@pytest.fixture(scope="module")
def echo_of_text(double: ModelDoor) -> ModelDoor:
    """Plain, in the same project."""
    return new_model(double.client, package("echo"), project=double.project, model="echo")


@pytest.fixture
def pipeline(double: ModelDoor) -> Iterator[PipelineDoor]:
    made = new_pipeline(double.client, double.project, NUMBERS)
    yield made
    double.client.delete(made.path)


def chain(pipeline: PipelineDoor, *links: tuple[str, str]) -> None:
    """Adds the objects that the links name, all of the doubling model, and attaches them."""
    for name in dict.fromkeys(name for link in links for name in link if name != "pipeline_start"):
        pipeline.add(name, "double")
    for source, destination in links:
        pipeline.attach(source, destination, {"number": "number"})


def ended(pipeline: PipelineDoor, request_id: str) -> dict[str, Any]:
    """A batch request once it has ended."""
    return wait_for(lambda: pipeline.get(request_id), lambda found: found["status"] in ("completed", "failed"))


def results(runs: list[dict[str, Any]]) -> list[tuple[str, float | None]]:
    """Objects with the numbers they gave, in a fixed order."""
    return sorted((run["pipeline_object"], run["result"] and run["result"]["number"]) for run in runs)


def test_a_request_by_the_client(api: CoreApi, pipeline: PipelineDoor) -> None:
    chain(pipeline, ("pipeline_start", "a"), ("a", "b"))
    at = {"project_name": pipeline.project, "pipeline_name": pipeline.name}
    answer = api.pipelines_request(**at, data={"number": 1.5}, pipeline_timeout=60, model_timeout=30)
    check_last(api, "PipelineRequestList")
    assert [(run.pipeline_object, run.success, run.result) for run in answer.model_requests] == [
        ("a", True, {"number": 3.0}),
        ("b", True, {"number": 6.0}),
    ]
    (made,) = api.batch_pipeline_requests_create(**at, data=[{"number": 2.5}])
    check_last(api, "BatchPipelineRequestCreateResponse")
    assert made.status == "pending"
    done = wait_for(
        lambda: api.batch_pipeline_request_get(**at, pipeline_request_id=made.id),
        lambda found: found.status in ("completed", "failed"),
    )
    check_last(api, "BatchPipelineRequestResultList")
    assert (done.status, done.success, done.error_message) == ("completed", True, None)
    assert [(run.pipeline_object, run.result) for run in done.model_requests] == [
        ("a", {"number": 5.0}),
        ("b", {"number": 10.0}),
    ]
    (collected,) = api.batch_pipeline_requests_batch_collect(**at, data=[made.id, made.id])
    check_last(api, "BatchPipelineRequestResultList")
    assert collected.id == made.id
    (listed,) = api.batch_pipeline_requests_list(**at, success=True, status="completed", limit=5, offset=0, sort="asc")
    check_last(api, "BatchPipelineRequestListResponse")
    assert listed.id == made.id
    assert api.batch_pipeline_requests_list(**at, success=False) == []
    api.batch_pipeline_requests_batch_delete(**at, data=[made.id])
    with pytest.raises(ApiException) as gone:
        api.batch_pipeline_request_delete(**at, pipeline_request_id=made.id)
    assert gone.value.status == 404


def test_runs_are_no_batch_requests_of_the_version(double: ModelDoor, pipeline: PipelineDoor) -> None:
    chain(pipeline, ("pipeline_start", "a"))
    (waiting,) = pipeline.batch([{"number": 1000.0}])
    wait_for(lambda: pipeline.get(waiting)["status"], lambda status: status == "processing")
    assert double.client.get(f"{double.path}/request-batch").json() == []
    run = double.wait_for_log("working on 1000", pipeline_request_id=waiting)["request_id"]
    assert double.client.get(f"{double.path}/request-batch/{run}").status_code == 404
    assert double.client.post(f"{double.path}/request-batch-delete", json=[run]).status_code == 404
    assert pipeline.get(waiting)["model_requests"] == []  # until all have ended
    assert double.client.delete(f"{pipeline.path}/request-batch/{waiting}").status_code == 204


def test_an_object_runs_once_for_each_message(pipeline: PipelineDoor) -> None:
    """Two ways lead to ``end``; a failing object stops only what hangs on it."""
    chain(
        pipeline,
        ("pipeline_start", "a"),
        ("pipeline_start", "b"),
        ("a", "c"),
        ("c", "end"),
        ("b", "end"),
    )
    wanted = [("a", 2.0), ("b", 2.0), ("c", 4.0), ("end", 4.0), ("end", 8.0)]
    assert results(pipeline.request({"number": 1})) == wanted
    (made,) = pipeline.batch([{"number": 1}])
    assert results(ended(pipeline, made)["model_requests"]) == wanted
    stopped = [("a", 13.0), ("b", 13.0), ("c", None), ("end", None)]
    runs = pipeline.request({"number": 6.5})
    assert results(runs) == stopped
    assert {run["error_message"] for run in runs if not run["success"]} == {"thirteen brings no luck"}
    (made,) = pipeline.batch([{"number": 6.5}])
    found = ended(pipeline, made)
    assert (found["status"], found["success"]) == ("failed", False)
    assert "failed: thirteen brings no luck" in found["error_message"]
    assert results(found["model_requests"]) == stopped


def test_a_failing_branch_leaves_the_other_alone(pipeline: PipelineDoor) -> None:
    chain(pipeline, ("pipeline_start", "a"), ("a", "b"), ("b", "after"), ("pipeline_start", "other"), ("other", "far"))
    runs = pipeline.request({"number": 6.5})
    assert results(runs) == [("a", 13.0), ("b", None), ("far", None), ("other", 13.0)]
    assert "after" not in {run["pipeline_object"] for run in runs}


def test_branches_run_side_by_side(double: ModelDoor, pipeline: PipelineDoor) -> None:
    """Both hang until their time is over: so one has begun before the other ended, or the second would begin only after
    the first was stopped. The order of the log's lines shows which."""
    chain(pipeline, ("pipeline_start", "left"), ("pipeline_start", "right"), ("left", "never"))
    answers: list[list[dict[str, Any]]] = []
    caller = threading.Thread(
        target=lambda: answers.append(pipeline.request({"number": 1000}, model_timeout=10, pipeline_timeout=60))
    )
    caller.start()
    for name in ("left", "right"):
        line = double.wait_for_log("working on 1000", pipeline_name=pipeline.name, pipeline_object_name=name)
        assert line["pipeline_object_name"] == name
    assert not answers
    caller.join(timeout=60)
    (runs,) = answers
    assert sorted(run["pipeline_object"] for run in runs) == ["left", "right"]
    assert all("timed out after 10 s" in run["error_message"] for run in runs), runs
    lines = double.logs(pipeline_name=pipeline.name)
    begun = [number for number, line in enumerate(lines) if "working on" in line["log"]]
    stopped = [number for number, line in enumerate(lines) if line["system"]]
    assert len(begun) == 2
    assert not stopped or max(begun) < min(stopped), lines


def test_the_time_of_the_whole_ends_what_runs(pipeline: PipelineDoor) -> None:
    chain(pipeline, ("pipeline_start", "a"), ("a", "b"), ("b", "c"))
    runs = pipeline.request({"number": 500}, pipeline_timeout=10)
    assert results(runs) == [("a", 1000.0), ("b", None)]
    assert runs[1]["error_message"].startswith("the pipeline's time-out of 10 s passed")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"pipeline_timeout": 9}, "pipeline_timeout must be from 10 to 7200 seconds"),
        ({"pipeline_timeout": 7201}, "pipeline_timeout must be from 10 to 7200 seconds"),
        ({"model_timeout": 3601}, "model_timeout must be from 10 to 3600 seconds"),
        ({"model_timeout": "x"}, "must be an integer"),
    ],
)
def test_time_limits(pipeline: PipelineDoor, limits: dict[str, Any], said: str) -> None:
    chain(pipeline, ("pipeline_start", "a"))
    answer = pipeline.client.post(f"{pipeline.path}/request", json={"number": 1}, params=limits)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    good = {"pipeline_timeout": 7200, "model_timeout": 3600}
    assert pipeline.client.post(f"{pipeline.path}/request", json={"number": 1}, params=good).status_code == 200


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "lacks the field 'number'"),
        ({"number": None}, "must be a finite number"),
        ({"number": 1, "more": 2}, "unknown fields: more"),
        ("text", "must be an object"),
        ([1], "must be an object"),
    ],
)
def test_wrong_data(pipeline: PipelineDoor, value: object, said: str) -> None:
    chain(pipeline, ("pipeline_start", "a"))
    answer = pipeline.client.post(f"{pipeline.path}/request", json=value)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    answer = pipeline.client.post(f"{pipeline.path}/request-batch", json=[{"number": 1}, value])
    assert answer.status_code == 400
    assert f"item 2 of the batch {said}" in answer.json()["error"] or said in answer.json()["error"]
    assert pipeline.client.get(f"{pipeline.path}/request-batch").json() == []


def test_sizes_of_batches(pipeline: PipelineDoor) -> None:
    chain(pipeline, ("pipeline_start", "a"))
    path = f"{pipeline.path}/request-batch"
    for count in (0, 101):
        assert pipeline.client.post(path, json=[{"number": 1}] * count).status_code == 400
    made = pipeline.batch([{"number": number + 0.25} for number in range(100)])
    assert pipeline.client.post(path, json={"number": 0.5}).status_code == 200  # a single one is a batch of one
    for request_id in made:
        ended(pipeline, request_id)
    asked = pipeline.client.post(f"{path}-collect", json=made).json()
    numbers = {item["request_data"]["number"]: item["model_requests"][0]["result"]["number"] for item in asked}
    assert numbers == {number + 0.25: 2 * number + 0.5 for number in range(100)}
    unknown = str(uuid.uuid4())
    for operation in ("collect", "delete"):
        assert pipeline.client.post(f"{path}-{operation}", json=[]).status_code == 400
        assert pipeline.client.post(f"{path}-{operation}", json=[*made, made[0]]).status_code == 400  # 101
        assert pipeline.client.post(f"{path}-{operation}", json=["x"]).status_code == 400
        assert pipeline.client.post(f"{path}-{operation}", json=[made[0], unknown]).status_code == 404
    assert pipeline.client.post(f"{path}-delete", json=made).status_code == 201
    assert len(pipeline.client.get(path).json()) == 1


def test_plain_pipelines(api: CoreApi, echo_of_text: ModelDoor) -> None:
    """The client takes no string as request_data of the whole: null there, the text in the runs (contract 10.15)."""
    pipeline = new_pipeline(echo_of_text.client, echo_of_text.project, None)
    for name in ("one", "two"):
        pipeline.add(name, "echo")
    pipeline.attach("pipeline_start", "one")
    pipeline.attach("one", "two")
    at = {"project_name": pipeline.project, "pipeline_name": pipeline.name}
    answer = api.pipelines_request(**at, data="héllo")
    assert [run.result for run in answer.model_requests] == ["héllo"] * 2, answer
    (made,) = api.batch_pipeline_requests_create(**at, data=["text"])
    ended(pipeline, made.id)
    done = api.batch_pipeline_request_get(**at, pipeline_request_id=made.id)
    assert done.request_data is None
    assert [(run.request_data, run.result) for run in done.model_requests] == [("text", "text")] * 2
    raw = pipeline.client.post(f"{pipeline.path}/request", content=b"raw", headers={"Content-Type": "text/plain"})
    assert raw.json()["model_requests"][1]["result"] == "raw"
    assert pipeline.client.delete(pipeline.path).status_code == 204


def test_blobs_travel(api: CoreApi, double: ModelDoor, tmp_path: Path) -> None:
    outputs = {"file": "blob", "size": "int"}
    copier = new_model(
        double.client,
        {"model.py": COPY},
        inputs={"file": "blob"},
        outputs=outputs,
        project=double.project,
        model="copy",
    )
    pipeline = new_pipeline(double.client, double.project, {"document": "blob"})
    for name in ("one", "two"):
        pipeline.add(name, copier.model)
    pipeline.attach("pipeline_start", "one", {"file": "document"})
    pipeline.attach("one", "two", {"file": "file"})
    source = tmp_path / "given.txt"
    source.write_bytes(b"given")
    blob = api.blobs_create(project_name=double.project, file=str(source))
    direct = pipeline.request({"document": blob.id})
    (made,) = pipeline.batch([{"document": blob.id}])
    for runs in (direct, ended(pipeline, made)["model_requests"]):
        assert [run["success"] for run in runs] == [True, True], runs
        assert runs[1]["request_data"] == {"file": runs[0]["result"]["file"]}
        last = api.blobs_get(project_name=double.project, blob_id=runs[1]["result"]["file"])
        assert last.read() == b"given and more and more"
    gone = str(uuid.uuid4())
    for path, body in (("request", {"document": gone}), ("request-batch", [{"document": gone}])):
        answer = pipeline.client.post(f"{pipeline.path}/{path}", json=body)
        assert (answer.status_code, gone in answer.text) == (400, True)
    assert pipeline.client.delete(pipeline.path).status_code == 204


def test_a_pipeline_that_cannot_run(double: ModelDoor, pipeline: PipelineDoor) -> None:
    def refusal(path: str, body: object) -> str:
        answer = pipeline.client.post(f"{pipeline.path}/{path}", json=body)
        assert answer.status_code == 400
        return str(answer.json()["error"])

    for path, body in (("request", {"number": 1}), ("request-batch", [{"number": 1}])):
        assert "nothing is attached to the start" in refusal(path, body)
    versions = f"/v2.1/projects/{double.project}/models/double/versions"
    assert double.client.post(versions, json={"version": "empty"}).status_code == 201
    pipeline.add("a", "double", "empty")
    pipeline.attach("pipeline_start", "a", {"number": "number"})
    for path, body in (("request", {"number": 1}), ("request-batch", [{"number": 1}])):
        assert "'empty' is not available: no file has been uploaded" in refusal(path, body)
    assert pipeline.client.patch(f"{pipeline.path}/objects/a", json={"version": "v1"}).status_code == 200
    assert results(pipeline.request({"number": 1})) == [("a", 2.0)]
    assert double.client.delete(f"{versions}/empty").status_code == 204


def test_a_request_keeps_to_the_pipeline_it_was_accepted_by(double: ModelDoor, pipeline: PipelineDoor) -> None:
    """Whatever is changed meanwhile is for later requests; versions that it needs stay (decision 0013)."""
    second = new_model(
        double.client,
        {"model.py": DOUBLE.replace("* 2", "* 10")},
        inputs=NUMBERS,
        outputs=NUMBERS,
        project=double.project,
        model="ten",
    )
    chain(pipeline, ("pipeline_start", "slow"))
    pipeline.add("then", "ten")
    pipeline.attach("slow", "then", {"number": "number"})
    (hanging,) = pipeline.batch([{"number": 1000}])
    double.wait_for_log("working on 1000", pipeline_request_id=hanging)
    assert pipeline.client.delete(f"{pipeline.path}/objects/then").status_code == 204
    version = second.path
    answer = double.client.delete(version)
    assert (answer.status_code, "have not ended" in answer.text) == (400, True)
    (later,) = pipeline.batch([{"number": 1}])
    assert results(ended(pipeline, later)["model_requests"]) == [("slow", 2.0)]
    assert double.client.delete(f"{pipeline.path}/request-batch/{hanging}").status_code == 204
    assert double.client.delete(version).status_code == 204


@pytest.mark.parametrize("what", ["one", "many", "pipeline"])
def test_deleting_cancels(double: ModelDoor, what: str) -> None:
    """The hanging run is killed with its instance, which its log line tells."""
    pipeline = new_pipeline(double.client, double.project, NUMBERS)
    chain(pipeline, ("pipeline_start", "a"), ("a", "b"))
    (hanging,) = pipeline.batch([{"number": 1000}])
    run = double.wait_for_log("working on 1000", pipeline_request_id=hanging)["request_id"]
    path, body = {
        "one": (f"{pipeline.path}/request-batch/{hanging}", None),
        "many": (f"{pipeline.path}/request-batch-delete", [hanging]),
        "pipeline": (pipeline.path, None),
    }[what]
    answer = double.client.delete(path) if body is None else double.client.post(path, json=body)
    assert answer.status_code in (201, 204)
    double.wait_for_log("the instance", request_id=run, system=True)
    assert double.client.get(f"{pipeline.path}/request-batch/{hanging}").status_code == 404
    double.client.delete(pipeline.path)


def test_lines_of_the_log(double: ModelDoor, pipeline: PipelineDoor) -> None:
    chain(pipeline, ("pipeline_start", "a"), ("a", "b"))
    answer = pipeline.client.post(f"{pipeline.path}/request", json={"number": 4.5}).json()
    request_id, runs = answer["pipeline_request_id"], answer["model_requests"]
    double.wait_for_log("working on 9.0", pipeline_request_id=request_id)
    lines = [line for line in double.logs(pipeline_request_id=request_id) if not line["system"]]
    assert [(line["pipeline_name"], line["pipeline_object_name"], line["request_id"]) for line in lines] == [
        (pipeline.name, run["pipeline_object"], run["request_id"]) for run in runs
    ]
    (only,) = (
        line for line in double.logs(pipeline_name=pipeline.name, pipeline_object_name="b") if not line["system"]
    )
    assert only["id"] == lines[1]["id"]
    direct = double.request({"number": 4.25})["request_id"]
    line = double.wait_for_log("working on 4.25", request_id=direct)
    assert not {"pipeline_name", "pipeline_object_name", "pipeline_request_id"} & line.keys()


def test_what_is_counted(double: ModelDoor, pipeline: PipelineDoor) -> None:
    """Requests and their input as they are accepted, runs of objects as they are made (contract ubiops 9.3)."""
    chain(pipeline, ("pipeline_start", "a"), ("a", "b"))
    pipeline.request({"number": 1})
    for request_id in pipeline.batch([{"number": 2}, {"number": 3}]):
        ended(pipeline, request_id)
    known = pipeline.client.get(pipeline.path).json()["id"]
    query = {"object_type": "pipeline", "object_id": known, "interval": "month"}
    query |= {"start_time": "2026-01-01T00:00:00Z", "end_time": "2100-01-01T00:00:00Z"}

    def metric(name: str) -> float:
        path = f"/v2.1/projects/{double.project}/metrics/{name}"
        answer = double.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return float(sum(bucket["value"] for bucket in answer.json()))

    wait_for(lambda: metric("object_requests"), lambda value: value == 6)
    assert (metric("requests"), metric("input_volume")) == (3, 3 * len('{"number":1}'))
