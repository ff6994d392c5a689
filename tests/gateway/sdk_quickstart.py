"""The SDK's Quickstart on a real server (contract dq0 3.7, 10.1, 10.4, 10.5), as a program in an empty folder:
``python -m tests.gateway.sdk_quickstart SOCKET``, where SOCKET leads to the server.

Standard input is JSON: ``email`` and ``password`` of an account, ``datasets``, the names of two that it may use, the
second of which has a column ``income`` to be foretold.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from dq0.sdk.cli import Data, Experiment, Project, Query  # type: ignore[import-not-found]

from quinta.gateway.app import create_app
from quinta.gateway.gateway import Gateway
from quinta.kit.clock import SystemClock
from tests.gateway.quarantine import listening
from tests.gateway.relays import inner_half
from tests.gateway.sdk_session import hurry, post, raise_loopback, refused

ENDLESS = """
import time
print("started", flush=True)
while True:
    time.sleep(0.1)
"""


def setup_data(self):  # type: ignore[no-untyped-def]
    self.feature_columns = ["age", "education-num"]


def setup_model(self):  # type: ignore[no-untyped-def]
    from dq0.makedp import NaiveBayes

    self.model = NaiveBayes()


def main() -> None:
    """Fails with an AssertionError, or with what the SDK raises."""
    if "--loopback" in sys.argv:
        raise_loopback()
    given = json.load(sys.stdin)
    hurry()
    gateway = Gateway(Path("state").resolve(), SystemClock())
    with listening(lambda own: create_app(gateway, own), 9000):
        with inner_half(Path(sys.argv[1])) as port:
            post(gateway, "/proxies", {"hostname": "127.0.0.1", "port": port})
            post(gateway, "/auth/login", {"email": given["email"], "password": given["password"]})
            project = _begin(*given["datasets"])
            model = _train(project, given["datasets"][1])
            _ask(project, model, given["datasets"][1])
            _cancel(project)
            _fail(project, given["datasets"])
        with refused("cannot be reached"):
            Project.load().get_available_data_sources()
        with refused("cannot be reached"):
            project.commit() and Experiment(project, "x").run()
        post(gateway, "/auth/logout", None)
        for call in (Data.get_available_data_sources, Experiment(project, "x").run):
            with refused("dq0 user login"):
                call()


def _begin(first: str, second: str) -> Any:
    """A project on both datasets."""
    start = Path.cwd()
    made = Project(name="quickstart")
    assert Path.cwd() == start / "quickstart"
    project = Project.load()
    assert (project.project_uuid, project.name, project.commit_uuid) == (made.project_uuid, "quickstart", "")
    assert project.info()["project_name"] == "quickstart"
    with refused("exists already"):
        try:
            Path.cwd().parent.joinpath("taken").mkdir()
            _in_parent(lambda: Project(name="taken"))
        finally:
            assert Path.cwd() == start / "quickstart"

    sources = {source.name: source for source in project.get_available_data_sources()}
    info = project.get_data_info(sources[first])
    assert (info["data_name"], info["data_type"]) == (first, "csv")
    assert info["data_description"]
    for name in (first, second):
        project.attach_data_source(sources[name])
    project.attach_data_source(sources[second])  # again is a message
    assert {data.name for data in Project.load().datasets} == {first, second}
    by_uuid = Data(sources[second].uuid)
    by_uuid.refresh()
    assert (by_uuid.name, by_uuid.uuid) == (second, Data(second).uuid)
    assert by_uuid.permissions
    return project


def _in_parent(call: Any) -> None:
    import os

    here = Path.cwd()
    os.chdir(here.parent)
    try:
        call()
    finally:
        os.chdir(here)


def _train(project: Any, dataset: str) -> Any:
    """What the training left, registered."""
    project.set_model_code(setup_data=setup_data, setup_model=setup_model, parent_class_name="Model")
    compile(Path("my_model.py").read_text(), "my_model.py", "exec")
    first, again = (project.commit()["message"].split(" ")[-1] for _ in range(2))
    assert first == again
    assert Project.load().commit_uuid == first

    run = Experiment(project=project, name="tries").run(args={"dataset": dataset, "epochs": 3})
    assert project.commit_uuid == first
    run.wait_for_completion(verbose=True)
    results = run.get_results()
    assert results is not None, run.state.error
    assert (results["run_status"], results["run_uuid"], results["commit_uuid"]) == ("FINISHED", run.job_uuid, first)
    metrics = {metric["key"]: metric["value"] for metric in results["run_metrics"]}
    assert 0 < metrics["epsilon"] <= 1
    assert 0.5 < metrics["accuracy"] <= 1
    assert run.get_state() == "finished"
    assert run.state.progress == 1
    model = run.get_model()
    with refused("model location does not exist"):
        model.register(model_path="nowhere")
    model.register()
    assert uuid.UUID(model.model_uuid).version == 4
    return model


def _ask(project: Any, model: Any, dataset: str) -> None:
    prediction = model.predict(np.array([[25, 9.0], [52, 16.0]]))
    prediction.wait_for_completion()
    results = prediction.get_results()
    assert results is not None, prediction.state.error
    assert len(results["predict"]) == 2
    assert set(results["predict"]) <= {"<=50K", ">50K"}
    query = Query(project).for_data(Data(dataset)).execute("SELECT COUNT(*) AS n FROM us.adults", epsilon=0.1)
    query.wait_for_completion()
    head, count = query.get_results().split()
    assert (head, int(count) > 1_000) == ("n", True)


def _cancel(project: Any) -> None:
    Path("train.py").write_text(ENDLESS)
    run = Experiment(project=project, name="tries").run(entry_point="train_use_my_model")
    while run.get_state() != "running":
        assert not run.state.finished, run.state.error
        time.sleep(1)
    run.cancel()
    run.wait_for_completion()
    assert (run.get_state(), run.state.error) == ("error", "job cancelled by user")
    assert run.get_results() is None
    run.cancel()  # again is a message


def _fail(project: Any, datasets: list[str]) -> None:
    """Every failure is the SDK's own error with a useful text, never a KeyError (contract dq0 1.5, 10.5)."""
    experiment = Experiment(project=project, name="tries")
    with refused("no such dataset"):
        Data(str(uuid.uuid4()))
    with refused("not found"):
        Data("no-such-dataset")
    with refused("budget"):
        experiment.run(args={"dataset": datasets[1], "target-epsilon": 1000})
    with refused("entry points"):
        experiment.run(entry_point="nothing")
    with refused("epochs"):
        experiment.run(args={"epochs": "many"})
    unregistered = experiment.run(args={"dataset": "neither"})
    unregistered.wait_for_completion()
    assert unregistered.get_results() is None
    assert unregistered.state.error
    with refused("no operation"):
        unregistered.get_model().predict(np.array([[1.0]]))  # its model uuid is empty
    for path in ("nothing/", "projects/nothing/"):
        assert project.client.get(path)["error"]
    project.detach_data_source(project.datasets[0])
    assert {data.name for data in Project.load().datasets} == {datasets[1]}


if __name__ == "__main__":
    main()
