"""MLflow's own client, unmodified, against a real server."""

from __future__ import annotations

from pathlib import Path

from tests.dialects.mlflow.house import STORY, Tracker, new_tracker
from tests.dialects.versiontwo.house import House

REGISTRY = {
    "last": ["forest", "3", True, "None", "READY", {"kind": "test"}],
    "again": "4",
    "champion": ["2", ["champion"], {"kind": "test", "checked": "yes"}, "the second", "Production"],
    "model": ["trees", {"team": "red"}, {"champion": "2"}],
    "latest": [["1", "Archived"], ["2", "Production"], ["4", "None"]],
    "in production": ["2"],
    "fetched": ["MLmodel", "registered_model_meta", "weights ü.bin"],
    "place": True,
    "versions": ["4", "2", "1"],
    "page": ["4"],
    "of the run": 3,
    "names": ["empty", "forest"],
    "like": ["forest"],
    "renamed": ["wood", {}, {"kind": "test"}],
    "refusals": [
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_ALREADY_EXISTS",
        "RESOURCE_DOES_NOT_EXIST",
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_DOES_NOT_EXIST",
        "INVALID_PARAMETER_VALUE",
    ],
    "left": [],
}


def test_a_day_with_mlflow(laboratory: House, tmp_path: Path) -> None:
    tracker = new_tracker(laboratory)
    words = (str(STORY), tracker.project, str(tmp_path))
    seen = tracker.story(tmp_path, {"MLFLOW_TRACKING_TOKEN": tracker.key}, *words)
    assert seen["default"] == "Default"
    assert seen["own"] == ["mine", True]
    assert seen["shared"] == [f"{tracker.project}/shared", True]
    assert seen["none"] is None
    assert seen["run"] == {
        "status": "FINISHED",
        "name": "by hand",
        "ended": True,
        "params": {"lr": "0.01", "layers": "[1, 2]"},
        "metrics": {"loss": str(1 / 3), "accuracy": "0.9", "wild": "nan", "huge": "-inf"},
        "tags": {"team": "red", "note": "a tag"},
        "history": [[0, 1.0], [1, 0.5], [2, 1 / 3]],
        "root": [["a.json", False], ["notes", True], ["pyfunc_model", True]],
        "folder": [["pyfunc_model/MLmodel", 12], ["pyfunc_model/weights ü.bin", 256]],
        "of a file": [],
        "fetched": ["MLmodel", "weights ü.bin"],
        "same": True,
        "text": "some words",
    }
    assert seen["registry"] == REGISTRY
    assert seen["work"] == {
        "search": ["run 3", "run 2"],
        "all": ["run 0", "run 1", "run 2", "run 3"],
        "deleted": ["run 1"],
        "page": 2,
        "next": True,
        "history": 250,
        "as a list": 1,
        "renamed": "renamed",
        "refusals": [
            "INVALID_PARAMETER_VALUE",
            "RESOURCE_DOES_NOT_EXIST",
            "RESOURCE_DOES_NOT_EXIST",
            "INVALID_PARAMETER_VALUE",
            "RESOURCE_ALREADY_EXISTS",
            "RESOURCE_DOES_NOT_EXIST",
        ],
    }
    assert seen["experiments"] == ["Default", f"{tracker.project}/shared"]
    assert seen["filtered"] == [f"{tracker.project}/shared"]
    assert seen["deleted"] == ["also mine"]


def test_user_name_and_password(tracker: Tracker, tmp_path: Path) -> None:
    """The password is a key; the user name is its owner's."""
    credentials = {"MLFLOW_TRACKING_USERNAME": tracker.email, "MLFLOW_TRACKING_PASSWORD": tracker.key}
    program = tmp_path / "program.py"
    program.write_text(
        "import json, mlflow\n"
        "mlflow.set_experiment('by password')\n"
        "with mlflow.start_run() as run:\n"
        "    mlflow.log_metric('m', 1)\n"
        "print(json.dumps(mlflow.get_run(run.info.run_id).data.metrics))\n"
    )
    assert tracker.story(tmp_path, credentials, str(program)) == {"m": 1.0}
