"""Runs on datasets: from the row to the row, with what they read, log, leave and say."""

from __future__ import annotations

import json

import pytest

from quinta.core.commits.job_views import CANCELLED
from quinta.core.commits.private_training import PrivateTraining, private_training
from quinta.core.datasets.model import NANO
from quinta.core.errors import InvalidInput, LimitReached
from quinta.core.jobs.model import JobStatus
from quinta.core.reasons import Reason
from quinta.core.tracking.model import RunStatus, Source
from tests.engine.projects.scene import Scene

LOG = """
import json, os, sys, urllib.request

def call(name, **body):
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + name
    body.setdefault("run_id", os.environ["MLFLOW_RUN_ID"])
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))
"""


async def test_a_run_from_the_row_to_the_row(scene: Scene) -> None:
    dataset = await scene.dataset("age,job\n41,baker\n", level=0)
    job = await scene.run(
        LOG
        + """
(data,) = json.loads(os.environ["DQ0_DATA"])
rows = open(data["path"]).read().splitlines()
print(data["name"], data["uuid"], len(rows), "metadata" in data, "uri" in open(data["metadata"]).read())
call("runs/log-batch", metrics=[{"key": "loss", "value": v, "step": s, "timestamp": 7} for s, v in ((0, 2.5), (1, 1))],
     params=[{"key": "depth", "value": "3"}], tags=[{"key": "note", "value": "first"}])
call("runs/log-metric", key="odd", value="NaN")
os.makedirs(os.environ["DQ0_OUTPUT_DIR"] + "/pyfunc_model")
open(os.environ["DQ0_OUTPUT_DIR"] + "/pyfunc_model/MLmodel", "w").write("flavors: {}")
print("[__KEYWORD_PROGRESS_040__]", sys.argv[1:], os.getcwd() != os.environ["DQ0_OUTPUT_DIR"])
""",
        mode="loud",
        extra="1; touch x",
    )
    assert (await scene.the_run(job)).status is RunStatus.SCHEDULED
    async with scene.server():
        done = await scene.ended(job)
    view = await scene.seen(scene.user, job)
    log = await scene.jobs.log(scene.user, job.number)
    assert (done.status, done.error_message, done.progress, view.state) == (
        JobStatus.FINISHED,
        None,
        100,
        "finished",
    ), log
    run = await scene.the_run(job)
    assert (run.status, run.withheld, view.withheld) == (RunStatus.FINISHED, False, False)
    assert run.ended_at is not None
    metrics, params, tags, artifacts = await scene.logged(job)
    assert sorted((m.key, m.value, m.step, m.source) for m in metrics) == [
        ("loss", "1.0", 1, Source.USER),
        ("loss", "2.5", 0, Source.USER),
        ("odd", "nan", 0, Source.USER),
    ]
    assert [(p.key, p.value, p.source) for p in params] == [
        ("depth", "3", Source.USER),
        ("extra", "1; touch x", Source.USER),
        ("mode", "loud", Source.USER),
    ]
    assert [(t.key, t.value) for t in tags] == [("mlflow.project.entryPoint", "main"), ("note", "first")]
    (artifact,) = artifacts
    assert (artifact.path, await scene.content(artifact.key)) == ("pyfunc_model/MLmodel", b"flavors: {}")
    assert f"census {dataset.id} 2 True True" in log
    assert "['loud', '--extra', '1; touch x'] True" in log
    assert await scene.lines() == []


async def test_a_command_that_fails_is_a_run_that_failed(scene: Scene) -> None:
    await scene.dataset("age\n41\n", level=0)
    job = await scene.run("import sys; print('about to fail'); sys.exit(3)")
    async with scene.server():
        done = await scene.ended(job)
    assert (done.status, done.reason) == (JobStatus.FAILED, Reason.MODEL_ERROR)
    assert done.error_message == "the command ended with exit code 3"
    assert (await scene.the_run(job)).status is RunStatus.FAILED
    assert (await scene.seen(scene.user, job)).state == "error"


async def test_there_is_no_network_and_nothing_of_the_machine(scene: Scene) -> None:
    await scene.dataset("age\n41\n", level=0)
    job = await scene.run(f"""
import os, socket
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as error:
    print("network:", type(error).__name__)
try:
    open(__import__("json").loads(os.environ["DQ0_DATA"])[0]["path"], "a")
except OSError as error:
    print("data:", type(error).__name__)
print("root:", os.path.exists({str(scene.root)!r}), sorted(os.environ))
""")
    async with scene.server():
        done = await scene.ended(job)
    log = await scene.jobs.log(scene.user, job.number)
    assert done.status is JobStatus.FINISHED, log
    assert "network: " in log
    assert "data: OSError" in log or "data: PermissionError" in log
    assert "root: False" in log


async def test_two_runs_of_one_commit_and_unchanged_code_is_one_commit(scene: Scene) -> None:
    first = await scene.run("print(1)")
    second = await scene.run("print(1)")
    assert first.commit_id == second.commit_id
    async with scene.server():
        assert [(await scene.ended(job)).status for job in (first, second)] == [JobStatus.FINISHED] * 2


async def test_an_environment_that_cannot_be_made_is_told(scene: Scene) -> None:
    """It is made before there is any data: what is wrong with it is told on every level."""
    await scene.dataset("age\n41\n", level=2)
    commit = await scene.deploy("", **{"requirements.txt": "-r ../outside.txt\n"})
    job = await scene.jobs.run(scene.user, scene.project.id, commit.id, "main", {})
    async with scene.server():
        await scene.ended(job)
    view = await scene.seen(scene.user, job)
    assert (view.state, view.job.reason, view.withheld) == ("error", Reason.REQUIREMENT_REFUSED, True)
    assert view.job.error_message is not None
    assert "outside.txt" in view.job.error_message
    assert "the job failed" in await scene.jobs.log(scene.user, job.number)


WAITS = """
import signal, sys, time
def stop(*_):
    print("stopping"); open(__import__("os").environ["DQ0_OUTPUT_DIR"] + "/kept", "w").write("x"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("[__KEYWORD_PROGRESS_030__]")
time.sleep(300)
"""


async def test_a_run_is_asked_to_stop(scene: Scene) -> None:
    job = await scene.run(WAITS)
    async with scene.server():
        await scene.when(job, lambda now: now.progress == 30)
        assert (await scene.seen(scene.user, job)).state == "running"
        assert await scene.jobs.cancel(scene.user, job.number)
        assert not await scene.jobs.cancel(scene.user, job.number)
        done = await scene.ended(job)
    assert (done.status, done.error_message, done.reason) == (JobStatus.FAILED, CANCELLED, Reason.CANCELLED)
    assert (await scene.the_run(job)).status is RunStatus.KILLED
    assert [each.path for each in (await scene.logged(job))[3]] == ["kept"]
    assert "stopping" in await scene.jobs.log(scene.user, job.number)


async def test_a_run_that_does_not_stop_is_killed(scene: Scene) -> None:
    job = await scene.run(WAITS.replace("sys.exit(0)", "time.sleep(300)"))
    async with scene.server():
        await scene.when(job, lambda now: now.progress == 30)
        assert await scene.jobs.cancel(scene.user, job.number, force=True)
        done = await scene.ended(job)
    assert (done.status, done.error_message) == (JobStatus.FAILED, CANCELLED)
    assert not await scene.jobs.cancel(scene.user, job.number)


async def test_a_run_that_waits_is_cancelled_at_once(scene: Scene) -> None:
    job = await scene.run("print(1)")
    assert await scene.jobs.cancel(scene.user, job.number)
    done = await scene.get(job)
    assert (done.status, done.error_message, done.started_at) == (JobStatus.FAILED, CANCELLED, None)
    assert (await scene.the_run(job)).status is RunStatus.KILLED


async def test_a_run_goes_on_at_the_next_server(scene: Scene) -> None:
    """What its first try logged is not there twice."""
    job = await scene.run(
        LOG
        + """
call("runs/log-metric", key="tries", value=1)
print("[__KEYWORD_PROGRESS_010__]")
"""
    )
    async with scene.server():
        await scene.when(job, lambda now: now.started_at is not None)
    async with scene.server():
        assert (await scene.ended(job)).status is JobStatus.FINISHED
    metrics, *_ = await scene.logged(job)
    assert [(metric.key, metric.value) for metric in metrics] == [("tries", "1.0")]


async def test_no_transform_without_its_entry_point(scene: Scene) -> None:
    commit = await scene.deploy("print(1)")
    found = json.loads(commit.entry_points)
    assert list(found) == ["main"]


TRAINING = """
entry_points:
  train:
    parameters: {target-epsilon: {type: float, default: 1.5}}
    command: python -m dq0.makedp --action train --module-path my_model.py --target-epsilon {target-epsilon}
"""


async def test_a_training_reserves_its_budget_and_says_to_all_why_it_never_read(scene: Scene) -> None:
    """The first of its two sandboxes has no data: its end is no secret. Nothing was read, so nothing was spent."""
    dataset = await scene.dataset("age\n41\n", level=2)
    await scene.budget(dataset, 2 * NANO)
    commit = await scene.deploy("", TRAINING, **{"my_model.py": "raise SystemExit('no model here')"})
    train, project = scene.jobs.run, scene.project.id
    job = await train(scene.user, project, commit.id, "train", {})
    assert await scene.left(dataset) == NANO // 2
    with pytest.raises(LimitReached):
        await train(scene.user, project, commit.id, "train", {"target-epsilon": "0.6"})
    other = await train(scene.user, project, commit.id, "train", {"target-epsilon": "0.5"})
    assert await scene.left(dataset) == 0
    await scene.jobs.cancel(scene.user, other.number)
    assert await scene.left(dataset) == NANO // 2
    async with scene.server():
        done = await scene.ended(job)
    view = await scene.seen(scene.user, job)
    assert (done.started_at, view.state) == (None, "error")
    assert view.job.error_message == "the command ended with exit code 1"
    assert "the job failed" in await scene.jobs.log(scene.user, job.number)
    assert await scene.left(dataset) == 2 * NANO


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("", {}),
        ("--action=train --epochs 3", {"epochs": "3"}),
        ("--target-epsilon=2 --dataset census", {"target-epsilon": "2", "dataset": "census"}),
        ("--action check", None),
        ("--definition mine", None),
        ("--output-path=mine", None),
        ("--target-eps 100", None),
        ("--target-epsilon 0.1 --target-epsilon 100", None),
        ("--dataset --target-epsilon", None),
        ("--epochs", None),
        ("more", None),
    ],
)
def test_what_is_a_private_training(command: str, options: dict[str, str] | None) -> None:
    """What could be read in another way by the training than here is none: it would spend what was not reserved."""
    found = private_training(["python", "-m", "dq0.makedp", *command.split()])
    assert (None if found is None else found.options) == options


@pytest.mark.parametrize("command", ["python -m dq0.other", "python dq0.makedp", "python -X importtime -m dq0.makedp"])
def test_what_is_no_private_training(command: str) -> None:
    assert private_training(command.split()) is None


def test_how_it_is_carried_out() -> None:
    training = PrivateTraining({"module-path": "-x.py", "target-epsilon": "0.5"})
    assert training.defining() == ["python", "-m", "dq0.makedp", "--action=define", "--module-path=-x.py"]
    assert training.training()[3:] == ["--action=train", "--module-path=-x.py", "--target-epsilon=0.5"]
    assert training.cost() == NANO // 2
    assert PrivateTraining().cost() == NANO


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "much"])
def test_what_no_training_costs(text: str) -> None:
    with pytest.raises(InvalidInput):
        PrivateTraining({"target-epsilon": text}).cost()
