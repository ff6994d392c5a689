"""A job that runs a command of a project: its environment, its wait, its end (contract dq0 7.3).

The command is a process of its own, so that what it does to its interpreter is not done to this one; what it prints
goes to the same pipe. Nothing that it says of itself is believed: the server takes all of it as what user code said.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any, Dict, List

from quinta.wire.messages import MOUNT, STOP_FILE, TRACKING_FILE, Start
from quinta.worker.main import main as run
from quinta.worker.tracking import RunLog, serve

_LOOK_SECONDS = 0.2
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV", "OMP_NUM_THREADS")


def main() -> None:
    """The program of the instance of such a job. Its own, since its imports would cost the start of a model 20 ms."""
    run(ProjectRun)


class ProjectRun:
    """Answers ``request`` with how the command ended."""

    def __init__(self, start: Start) -> None:
        self._package = start.package
        self._folders = start.job

    def request(self, task: Dict[str, Any]) -> Dict[str, Any]:
        """Runs the command of the task until it ends; its exit code, below 0 the signal that ended it.

        ``task`` has ``command`` (words, the first stands for the interpreter; an object ``{"input": NAME}`` is the path
        of that file or folder among the inputs), ``run`` (for worker.tracking), ``data``
        (the datasets, each with the name of its mount and of its files among the inputs), ``libraries`` (names of
        mounts on the import path).
        """
        log = RunLog(task["run"], self._folders["outputs"], os.path.join(self._folders["logs"], TRACKING_FILE))
        address = serve(log)
        if address is None:
            sys.stderr.write("WARNING the run's tracking server has no network here: what is logged to it is lost\n")
        process = subprocess.Popen(
            [sys.executable, *map(self._word, task["command"][1:])],
            cwd=self._package,
            env=self._environment(task, address),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        code = self._wait(process)
        log.close()
        return {"exit_code": code}

    def _word(self, word: Any) -> str:
        return os.path.join(self._folders["inputs"], word["input"]) if isinstance(word, dict) else word

    def _environment(self, task: Dict[str, Any], address: Any) -> Dict[str, str]:
        described = task["run"]
        libraries = [self._folders[MOUNT + name] for name in task["libraries"]]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment.update(
            {
                "PYTHONPATH": os.pathsep.join(libraries),
                "PYTHONUNBUFFERED": "1",
                "DQ0_DATA": json.dumps(self._data(task["data"])),
                "DQ0_RUN_UUID": described["run_id"],
                "DQ0_INPUT_DIR": self._folders["inputs"],
                "DQ0_OUTPUT_DIR": self._folders["outputs"],
            }
        )
        if address is not None:
            environment.update(
                {
                    "MLFLOW_TRACKING_URI": address,
                    "MLFLOW_RUN_ID": described["run_id"],
                    "MLFLOW_EXPERIMENT_ID": described["experiment_id"],
                    "MLFLOW_DISABLE_TELEMETRY": "true",
                    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
                }
            )
        return environment

    def _data(self, datasets: List[Dict[str, str]]) -> List[Dict[str, str]]:
        return [
            {
                "name": each["name"],
                "uuid": each["uuid"],
                "path": self._folders[MOUNT + each["mount"]],
                "metadata": os.path.join(self._folders["inputs"], each["metadata"]),
                "declared": os.path.join(self._folders["inputs"], each["declared"]),
            }
            for each in datasets
        ]

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        asked = False
        while True:
            try:
                return process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if not asked and os.path.exists(os.path.join(self._folders["inputs"], STOP_FILE)):
                    asked = True
                    try:
                        os.killpg(process.pid, signal.SIGTERM)
                    except ProcessLookupError:  # it ended by itself, or went to another group
                        process.terminate()
