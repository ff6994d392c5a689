"""What the MLflow face refuses, each beside its twin that succeeds."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from quinta.core import errors
from quinta.core.errors import QuintaError
from quinta.dialects.mlflow.errors import STATUS
from tests.dialects.mlflow.house import Tracker, new_tracker
from tests.dialects.versiontwo.house import House


def test_every_error_has_an_answer() -> None:
    family = {item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, QuintaError)}
    assert set(STATUS) == family - {QuintaError}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_who_is_let_in(tracker: Tracker, stranger: Tracker) -> None:
    good = [f"Bearer {tracker.key}", f"Token {tracker.key}", basic(f"token:{tracker.key}"), basic(f":{tracker.key}")]
    bad = ["Bearer nonsense", basic("token:"), basic("x"), "Basic !", basic(f"{stranger.email}:{tracker.key}")]
    wanted = [(value, 200) for value in [*good, basic(f"{tracker.email.upper()}:{tracker.key}")]]
    for value, status in [*wanted, *((value, 401) for value in bad)]:
        with tracker.client(Authorization=value) as client:
            answer = client.post("/mlflow/experiments/search", json={})
        assert answer.status_code == status, (value, answer.text)
    with tracker.client(Accept="*/*") as client:
        answer = client.get("/mlflow/experiments/get", params={"experiment_id": "0"})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_keys_are_good_for_what_they_may(laboratory: House) -> None:
    tracker = new_tracker(laboratory)
    reading = Tracker(tracker.server, tracker.email, laboratory.key_of(tracker.email, "read"), tracker.project)
    default = ("GET", "/mlflow/experiments/get")
    assert reading.refused(*default, params={"experiment_id": "0"}) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert tracker.run("0")["run_name"]
    assert reading.ok(*default, params={"experiment_id": "0"})["experiment"]["name"] == "Default"
    run = tracker.run()
    assert reading.ok("GET", "/mlflow/runs/get", params={"run_id": run["run_id"]})
    assert reading.ok("POST", "/mlflow/runs/search", json={"experiment_ids": [run["experiment_id"]]})["runs"]
    tag = {"run_id": run["run_id"], "key": "k", "value": "v"}
    assert reading.refused("POST", "/mlflow/runs/set-tag", json=tag) == (403, "PERMISSION_DENIED")
    assert tracker.ok("POST", "/mlflow/runs/set-tag", json=tag) == {}


def test_strangers_find_nothing(tracker: Tracker, stranger: Tracker) -> None:
    run = tracker.run()
    run_id, experiment = run["run_id"], run["experiment_id"]
    place = f"/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts"
    assert tracker.ok("PUT", f"{place}/a.txt", content=b"x") == {}
    project = f"{tracker.project}/another"
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/mlflow/experiments/get", {"params": {"experiment_id": experiment}}),
        ("POST", "/mlflow/experiments/delete", {"json": {"experiment_id": experiment}}),
        ("POST", "/mlflow/experiments/create", {"json": {"name": project}}),
        ("POST", "/mlflow/runs/create", {"json": {"experiment_id": experiment}}),
        ("GET", "/mlflow/runs/get", {"params": {"run_id": run_id}}),
        ("POST", "/mlflow/runs/update", {"json": {"run_id": run_id, "status": "KILLED"}}),
        ("POST", "/mlflow/runs/search", {"json": {"experiment_ids": [experiment]}}),
        ("POST", "/mlflow/runs/log-metric", {"json": {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}}),
        ("GET", "/mlflow/metrics/get-history", {"params": {"run_id": run_id, "metric_key": "m"}}),
        ("GET", "/mlflow/artifacts/list", {"params": {"run_id": run_id}}),
        ("GET", "/mlflow-artifacts/artifacts", {"params": {"path": f"{experiment}/{run_id}/artifacts"}}),
        ("GET", f"{place}/a.txt", {}),
        ("PUT", f"{place}/a.txt", {"content": b"y"}),
    ]
    for method, path, more in calls:
        assert stranger.refused(method, path, **more) == (404, "RESOURCE_DOES_NOT_EXIST"), path
    for method, path, more in calls:
        if not path.endswith("/delete"):
            assert tracker.call(method, path, **more).status_code == 200, path
    names = [item["name"] for item in stranger.ok("POST", "/mlflow/experiments/search", json={})["experiments"]]
    assert not any(name.startswith(tracker.project) for name in names)


@pytest.mark.parametrize(
    "body",
    [
        {"metrics": [{"key": "m", "value": "x", "timestamp": 1}]},
        {"metrics": [{"key": "m", "value": True, "timestamp": 1}]},
        {"metrics": [{"key": "m", "value": 1, "timestamp": 1.5}]},
        {"metrics": [{"key": "m", "value": 1, "timestamp": 10**19}]},
        {"metrics": [{"value": 1, "timestamp": 1}]},
        {"metrics": {"key": "m"}},
        {"metrics": ["m"]},
        {"params": [{"key": "p", "value": 1}]},
        {"params": [{"key": "p", "value": "a\0b"}]},
        {"tags": [{"key": "t", "value": "\ud800"}]},
        {"tags": [{"key": "../t", "value": "x"}]},
    ],
)
def test_bad_batches(tracker: Tracker, body: dict[str, Any]) -> None:
    run_id = tracker.run()["run_id"]
    content = json.dumps({"run_id": run_id, **body})  # a client's own encoder refuses half of a surrogate pair
    answer = (400, "INVALID_PARAMETER_VALUE")
    assert tracker.refused("POST", "/mlflow/runs/log-batch", content=content) == answer
    good = {"metrics": [{"key": "m", "value": "NaN", "timestamp": "1"}], "params": [{"key": "p", "value": "1"}]}
    assert tracker.ok("POST", "/mlflow/runs/log-batch", json={"run_id": run_id, **good}) == {}


def test_bad_calls(tracker: Tracker) -> None:
    run = tracker.run()
    place = f"/mlflow-artifacts/artifacts/{run['experiment_id']}/{run['run_id']}/artifacts"
    tracker.ok("PUT", f"{place}/folder/a.txt", content=b"x")
    invalid = (400, "INVALID_PARAMETER_VALUE")
    search = "/mlflow/runs/search"
    ids = {"experiment_ids": [run["experiment_id"]]}
    calls: list[tuple[str, str, dict[str, Any], tuple[int, str]]] = [
        ("POST", search, {"json": {**ids, "max_results": 0}}, invalid),
        ("POST", search, {"json": {**ids, "max_results": 50_001}}, invalid),
        ("POST", search, {"json": {**ids, "page_token": "-1"}}, invalid),
        ("POST", search, {"json": {**ids, "page_token": "²"}}, invalid),
        ("POST", search, {"json": {**ids, "run_view_type": "SOME"}}, invalid),
        ("POST", search, {"json": {**ids, "order_by": ["metrics.m SIDEWAYS"]}}, invalid),
        ("POST", search, {"json": {"experiment_ids": ["x"]}}, invalid),
        ("POST", search, {"content": b"[]"}, invalid),
        ("POST", search, {"content": b"{"}, invalid),
        ("POST", "/mlflow/runs/update", {"json": {"run_id": run["run_id"], "status": "DONE"}}, invalid),
        ("POST", "/mlflow/runs/create", {"json": {"start_time": -1}}, invalid),
        ("POST", "/mlflow/experiments/create", {"json": {"name": "/mine"}}, invalid),
        ("POST", "/mlflow/experiments/create", {"json": {"name": " "}}, invalid),
        ("PUT", f"{place}/folder", {"content": b"x"}, invalid),
        ("PUT", f"{place}/folder/a.txt/b", {"content": b"x"}, invalid),
        ("PUT", f"{place}/%2e%2e/x", {"content": b"x"}, invalid),
        ("GET", f"{place}/none.txt", {}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("GET", "/mlflow-artifacts/artifacts/1/2", {}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "/mlflow/logged-models", {"json": {}}, (404, "ENDPOINT_NOT_FOUND")),
        ("DELETE", "/mlflow/runs/get", {}, (405, "BAD_REQUEST")),
    ]
    for method, path, more, answer in calls:
        assert tracker.refused(method, path, **more) == answer, (path, more)
    assert len(tracker.ok("POST", search, json={**ids, "max_results": 50_000, "page_token": "0"})["runs"]) == 1


def test_artifacts_are_replaced_and_removed_with_their_project(tracker: Tracker) -> None:
    run = tracker.run()
    path = f"/mlflow-artifacts/artifacts/{run['experiment_id']}/{run['run_id']}/artifacts/a/b.bin"
    for content in (b"", b"x" * (3 << 20), b"short"):
        tracker.ok("PUT", path, content=content)
        assert tracker.call("GET", path).content == content
    stored = Path(tracker.server.data) / "objects" / "projects"
    assert len(list(stored.glob(f"*/runs/{run['run_id']}/*"))) == 1


def test_models_of_strangers_are_not_there(tracker: Tracker, stranger: Tracker) -> None:
    run = tracker.run()
    run_id, name = run["run_id"], f"{tracker.project}.forest"
    place = f"/mlflow-artifacts/artifacts/{run['experiment_id']}/{run_id}/artifacts/pyfunc_model/MLmodel"
    assert tracker.ok("PUT", place, content=b"flavors: {}") == {}
    source = {"name": name, "source": f"runs:/{run_id}/pyfunc_model"}
    version = {"name": name, "version": "1"}
    models, versions = "/mlflow/registered-models", "/mlflow/model-versions"
    assert tracker.ok("POST", f"{models}/create", json={"name": name})["registered_model"]["name"] == name
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", f"{versions}/create", {"json": source}),
        ("GET", f"{models}/get", {"params": {"name": name}}),
        ("PATCH", f"{models}/update", {"json": {"name": name, "description": "d"}}),
        ("POST", f"{models}/get-latest-versions", {"json": {"name": name}}),
        ("POST", f"{models}/set-tag", {"json": {"name": name, "key": "k", "value": "v"}}),
        ("POST", f"{models}/alias", {"json": {**version, "alias": "best"}}),
        ("GET", f"{models}/alias", {"params": {"name": name, "alias": "best"}}),
        ("GET", f"{versions}/get", {"params": version}),
        ("GET", f"{versions}/get-download-uri", {"params": version}),
        ("POST", f"{versions}/transition-stage", {"json": {**version, "stage": "staging"}}),
        ("POST", f"{versions}/set-tag", {"json": {**version, "key": "k", "value": "v"}}),
        ("DELETE", f"{versions}/delete", {"json": version}),
        ("DELETE", f"{models}/delete", {"json": {"name": name}}),
    ]
    for method, path, more in calls:
        assert stranger.refused(method, path, **more) == (404, "RESOURCE_DOES_NOT_EXIST"), path
        assert tracker.call(method, path, **more).status_code == 200, path
    found = stranger.ok("GET", f"{models}/search")["registered_models"]
    assert not [each["name"] for each in found if tracker.project in each["name"]]
    own = {"name": "forest"}
    assert stranger.ok("POST", f"{models}/create", json=own)["registered_model"]["name"] == "forest"
    assert stranger.refused("POST", f"{versions}/create", json={**source, **own}) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/mlflow/registered-models/create", {"name": "a/b"}),
        ("/mlflow/registered-models/create", {"name": " a"}),
        ("/mlflow/registered-models/create", {"name": "n" * 257}),
        ("/mlflow/registered-models/alias", {"alias": "latest"}),
        ("/mlflow/registered-models/alias", {"alias": "v7"}),
        ("/mlflow/registered-models/alias", {"alias": "a b"}),
        ("/mlflow/registered-models/alias", {"version": "one"}),
        ("/mlflow/model-versions/transition-stage", {"archive_existing_versions": "yes"}),
        ("/mlflow/model-versions/create", {"source": "s3://bucket/model", "run_id": ""}),
        ("/mlflow/model-versions/create", {"source": "runs:/1/m", "run_id": "2"}),
        ("/mlflow/model-versions/create", {"source": "models:/m-1"}),
    ],
    ids=str,
)
def test_bad_models(tracker: Tracker, path: str, changed: dict[str, Any]) -> None:
    body = {"name": "m", "alias": "best", "version": "1", "stage": "Staging", "source": "runs:/1/m", **changed}
    assert tracker.refused("POST", path, json=body) == (400, "INVALID_PARAMETER_VALUE")


def test_a_name_stays_in_its_project(tracker: Tracker) -> None:
    experiment = tracker.experiment()
    body = {"experiment_id": experiment, "new_name": "mine now"}
    assert tracker.refused("POST", "/mlflow/experiments/update", json=body) == (400, "INVALID_PARAMETER_VALUE")
    assert tracker.ok("POST", "/mlflow/experiments/update", json={**body, "new_name": f"{tracker.project}/new"}) == {}
    found = tracker.ok("GET", "/mlflow/experiments/get", params={"experiment_id": experiment})["experiment"]
    assert found["name"] == f"{tracker.project}/new"
