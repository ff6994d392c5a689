"""What a training tells while it runs and when it is done: lines that the server reads, and the run's tracking server.

In a run of its own (``train`` with a definition) the platform takes ``training.json`` as its own word, for no code of
the project is there. Where project and training share a process tree, nothing here can be told from the project's own.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict
from urllib.request import Request, urlopen

REPORT_FILE = "training.json"
_SECONDS = 30


def started() -> None:
    """Says so on standard output (contract dq0 7.1)."""
    print("[__KEYWORD_STARTED__]", flush=True)


class Progress:
    """Says on standard output how many hundredths are done, each ten of them once."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, share: float) -> None:
        """``share``: from 0 to 1; 1 is never said, since the work ends with the process."""
        percent = min(int(share * 10) * 10, 90)
        if percent > self._said:
            self._said = percent
            print("[__KEYWORD_PROGRESS_%03d__]" % percent, flush=True)


def report(folder: str, members: Dict[str, Any], environment: Dict[str, str]) -> None:
    """Writes ``training.json``, and tells the run's tracking server, where there is one, the metrics and params."""
    with open(os.path.join(folder, REPORT_FILE), "w", encoding="utf-8") as file:
        json.dump(members, file, indent=1)
    address, run = environment.get("MLFLOW_TRACKING_URI", ""), environment.get("MLFLOW_RUN_ID", "")
    if address.startswith("http://") and run:
        _log_batch(address, run, members)


def _log_batch(address: str, run: str, members: Dict[str, Any]) -> None:
    now = int(time.time() * 1000)
    body = {
        "run_id": run,
        "metrics": [
            {"key": key, "value": value, "timestamp": now, "step": 0} for key, value in members["metrics"].items()
        ],
        "params": [{"key": key, "value": str(value)} for key, value in members["params"].items()],
        "tags": [],
    }
    url = address.rstrip("/") + "/api/2.0/mlflow/runs/log-batch"
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=_SECONDS):
        pass
