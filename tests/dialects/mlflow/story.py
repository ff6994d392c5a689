"""A day of somebody who tracks experiments with MLflow's own client: run as a program, it writes what it saw as JSON.

The tracking address and the key are in the environment, as MLflow's documentation has it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException


def refusal(call: Any, *arguments: Any, **named: Any) -> str:
    """The code of the error that a call ends with."""
    try:
        call(*arguments, **named)
    except MlflowException as error:
        return str(error.error_code)
    return "none"


def log_a_run(folder: Path) -> str:
    """By the functions that people use."""
    (folder / "model").mkdir()
    (folder / "model" / "MLmodel").write_text("flavors: {}\n")
    (folder / "model" / "weights ü.bin").write_bytes(bytes(range(256)))
    with mlflow.start_run(run_name="by hand", tags={"team": "red"}) as active:
        mlflow.log_params({"lr": 0.01, "layers": [1, 2]})
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"accuracy": 0.9, "wild": float("nan"), "huge": float("-inf")})
        mlflow.set_tag("note", "a tag")
        mlflow.log_artifacts(str(folder / "model"), "pyfunc_model")
        mlflow.log_text("some words", "notes/words.txt")
        mlflow.log_dict({"a": 1}, "a.json")
    return str(active.info.run_id)


def look_at(run_id: str, folder: Path) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    fetched = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="pyfunc_model", dst_path=str(folder))
    return {
        "status": run.info.status,
        "name": run.info.run_name,
        "ended": run.info.end_time is not None,
        "params": run.data.params,
        "metrics": {key: str(value) for key, value in run.data.metrics.items()},
        "tags": {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")},
        "history": [(point.step, point.value) for point in client.get_metric_history(run_id, "loss")],
        "root": [(item.path, item.is_dir) for item in client.list_artifacts(run_id)],
        "folder": [(item.path, item.file_size) for item in client.list_artifacts(run_id, "pyfunc_model")],
        "of a file": [item.path for item in client.list_artifacts(run_id, "a.json")],
        "fetched": sorted(path.name for path in Path(fetched).iterdir()),
        "same": (Path(fetched) / "weights ü.bin").read_bytes() == bytes(range(256)),
        "text": mlflow.artifacts.load_text(f"runs:/{run_id}/notes/words.txt"),
    }


def work_with(experiment_id: str) -> dict[str, Any]:
    """By the client's own methods: batches, searches, deleting and restoring."""
    client = mlflow.MlflowClient()
    ids = []
    for n in range(4):
        run = client.create_run(experiment_id, run_name=f"run {n}")
        metrics = [Metric("score", n * step, 1_000 + step, step) for step in range(250)]
        client.log_batch(run.info.run_id, metrics, [Param("n", str(n))], [RunTag("odd", str(n % 2))])
        client.set_terminated(run.info.run_id, "FINISHED" if n else "FAILED")
        ids.append(run.info.run_id)

    def found(text: str, order: list[str], view: int = ViewType.ACTIVE_ONLY) -> list[str]:
        runs = client.search_runs([experiment_id], text, view, order_by=order)
        return [run.info.run_name for run in runs if run.info.run_name.startswith("run ")]

    client.delete_run(ids[1])
    seen = {
        "search": found("metrics.score > 200 AND status = 'FINISHED'", ["metrics.score DESC"]),
        "all": sorted(found("params.n != '9'", [], ViewType.ALL)),
        "deleted": found("", [], ViewType.DELETED_ONLY),
        "page": len(client.search_runs([experiment_id], max_results=2)),
        "next": bool(client.search_runs([experiment_id], max_results=2).token),
        "history": len(client.get_metric_history(ids[3], "score")),
        "as a list": len(mlflow.search_runs([experiment_id], "params.n = '2'", output_format="list")),
    }
    client.restore_run(ids[1])
    client.update_run(ids[1], name="renamed")
    client.set_tag(ids[1], "odd", "very")
    client.delete_tag(ids[1], "odd")
    seen["renamed"] = client.get_run(ids[1]).info.run_name
    seen["refusals"] = [
        refusal(client.log_param, ids[1], "n", "7"),
        refusal(client.delete_tag, ids[1], "odd"),
        refusal(client.get_run, "0" * 32),
        refusal(client.search_runs, [experiment_id], "metrics.score >"),
        refusal(client.create_experiment, client.get_experiment(experiment_id).name),
        refusal(client.create_experiment, "no-such-project/x"),
    ]
    return seen


def register(run_id: str, folder: Path) -> dict[str, Any]:
    """A model by its name, with versions, stages, aliases and tags."""
    client = mlflow.MlflowClient()
    for _ in range(3):
        last = mlflow.register_model(f"runs:/{run_id}/pyfunc_model", "forest", tags={"kind": "test"})
    client.update_registered_model("forest", description="trees")
    client.set_registered_model_tag("forest", "team", "red")
    client.set_registered_model_alias("forest", "champion", "2")
    client.set_model_version_tag("forest", "2", "checked", "yes")
    client.update_model_version("forest", "2", description="the second")
    client.transition_model_version_stage("forest", "1", "Production")
    client.transition_model_version_stage("forest", "2", "Production", archive_existing_versions=True)
    client.delete_model_version("forest", "3")
    again = mlflow.register_model(f"runs:/{run_id}/pyfunc_model", "forest")
    champion, model = client.get_model_version_by_alias("forest", "champion"), client.get_registered_model("forest")
    fetched = mlflow.artifacts.download_artifacts("models:/forest@champion", dst_path=str(folder / "champion"))
    client.create_registered_model("empty")
    seen = {
        "last": [last.name, last.version, last.run_id == run_id, last.current_stage, last.status, last.tags],
        "again": again.version,
        "champion": [
            champion.version,
            list(champion.aliases),
            champion.tags,
            champion.description,
            champion.current_stage,
        ],
        "model": [model.description, model.tags, model.aliases],
        "latest": sorted([each.version, each.current_stage] for each in model.latest_versions),
        "in production": [each.version for each in client.get_latest_versions("forest", ["Production"])],
        "fetched": sorted(path.name for path in Path(fetched).iterdir()),
        "place": client.get_model_version_download_uri("forest", "2") == champion.source,
        "versions": [each.version for each in client.search_model_versions("name = 'forest'")],
        "page": [each.version for each in client.search_model_versions("name = 'forest'", max_results=1)],
        "of the run": len(client.search_model_versions(f"run_id = '{run_id}'", order_by=["version_number ASC"])),
        "names": [each.name for each in client.search_registered_models()],
        "like": [each.name for each in client.search_registered_models("name LIKE 'for%' AND tags.team = 'red'")],
    }
    client.delete_registered_model_alias("forest", "champion")
    client.delete_model_version_tag("forest", "2", "checked")
    client.delete_registered_model_tag("forest", "team")
    client.rename_registered_model("forest", "wood")
    renamed = client.get_registered_model("wood")
    client.delete_registered_model("empty")
    seen["renamed"] = [renamed.name, renamed.tags, client.get_model_version("wood", "2").tags]
    seen["refusals"] = [
        refusal(client.get_registered_model, "forest"),
        refusal(client.create_registered_model, "wood"),
        refusal(client.get_model_version, "wood", "3"),
        refusal(client.get_model_version_by_alias, "wood", "champion"),
        refusal(client.create_model_version, "wood", f"runs:/{run_id}/nothing", run_id),
        refusal(client.transition_model_version_stage, "wood", "1", "Nowhere"),
    ]
    client.delete_registered_model("wood")
    seen["left"] = [each.name for each in client.search_registered_models()]
    return seen


def main() -> None:
    project, folder = sys.argv[1], Path(sys.argv[2])
    with mlflow.start_run() as unnamed:  # in the experiment that MLflow calls 0
        mlflow.log_metric("m", 1)
    client = mlflow.MlflowClient()
    default = client.get_experiment(unnamed.info.experiment_id)
    own = mlflow.set_experiment("mine")
    run_id = log_a_run(folder)
    shared = mlflow.set_experiment(f"{project}/shared")
    seen = {
        "default": default.name,
        "own": [own.name, mlflow.set_experiment("mine").experiment_id == own.experiment_id],
        "shared": [
            shared.name,
            client.get_experiment_by_name(f"{project}/shared").experiment_id == shared.experiment_id,
        ],
        "none": client.get_experiment_by_name("never made"),
        "run": look_at(run_id, folder),
        "run_id": run_id,
        "registry": register(run_id, folder),
        "work": work_with(shared.experiment_id),
    }
    client.rename_experiment(own.experiment_id, "also mine")
    client.delete_experiment(own.experiment_id)
    seen["experiments"] = sorted(item.name for item in client.search_experiments())
    seen["filtered"] = [item.name for item in client.search_experiments(filter_string="name LIKE '%shared'")]
    seen["deleted"] = [item.name for item in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    client.restore_experiment(own.experiment_id)
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
