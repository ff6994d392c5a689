"""MLflow's own client in the sandbox of a run, against the tracking server that is there for that run alone."""

from __future__ import annotations

from quinta.core.jobs.model import JobStatus
from tests.engine.projects.scene import Scene

CODE = """
import mlflow, os

mlflow.set_experiment("whatever")
with mlflow.start_run() as run:
    assert run.info.run_id == os.environ["DQ0_RUN_UUID"], run.info
    for step in range(3):
        mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
    mlflow.log_metrics({"a": 1, "b": 2})
    mlflow.log_param("depth", 3)
    mlflow.log_params({"width": "x" * 100})
    mlflow.set_tag("note", "first")
    mlflow.log_text("hello", "texts/hello.txt")
    mlflow.log_dict({"a": 1}, "config.json")
    try:
        mlflow.log_param("depth", 4)
    except mlflow.MlflowException as error:
        print("refused:", error)
client, run_id = mlflow.MlflowClient(), os.environ["DQ0_RUN_UUID"]
print("history", [(m.step, m.value) for m in client.get_metric_history(run_id, "loss")])
data = client.get_run(run_id).data
print("data", data.metrics["loss"], data.params["depth"])
try:
    client.create_run("0")
except mlflow.MlflowException as error:
    print("no other run:", error)
"""


async def test_mlflows_client_logs_to_its_run(scene: Scene) -> None:
    commit = await scene.deploy(CODE, **{"requirements.txt": "mlflow-skinny==3.17.2\n"})
    job = await scene.jobs.run(scene.user, scene.project.id, commit.id, "main", {})
    async with scene.server():
        done = await scene.ended(job)
    log = await scene.jobs.log(scene.user, job.number)
    assert done.status is JobStatus.FINISHED, (done.error_message, log)
    metrics, params, tags, artifacts = await scene.logged(job)
    assert sorted((m.key, m.step, round(float(m.value), 3)) for m in metrics) == [
        ("a", 0, 1.0),
        ("b", 0, 2.0),
        ("loss", 0, 1.0),
        ("loss", 1, 0.5),
        ("loss", 2, 0.333),
    ]
    assert [metric.step for metric in metrics if metric.key == "loss" and metric.latest] == [2]
    assert {param.key: param.value for param in params} == {"depth": "3", "mode": "quiet", "width": "x" * 100}
    assert {tag.key: tag.value for tag in tags}["note"] == "first"
    assert [artifact.path for artifact in artifacts] == ["config.json", "texts/hello.txt"]
    assert "refused:" in log
    assert "history [(0, 1.0), (1, 0.5), (2, 0.3333333333333333)]" in log
    assert "data 0.3333333333333333 3" in log
    assert "no other run:" in log
