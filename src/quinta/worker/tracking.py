"""A tracking server for one run, inside its sandbox: the part of MLflow's REST interface that logs to a run.

What it takes becomes lines of JSON, which the server reads when the run has ended; artifacts are written by the client
itself, into the output folder. It answers on loopback only, which in a sandbox without network is the sandbox's own.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

MOST_BYTES = 64 << 20
"""Of lines that a run may leave."""
_MOST_BODY_BYTES = 16 << 20
_PREFIXES = ("/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/")


class Refused(Exception):
    """A call that is answered with an error in MLflow's form."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RunLog:
    """One run: what was logged to it, for those who ask, and as lines in a file.

    ``run`` has ``run_id``, ``experiment_id``, ``experiment_name``, ``user``, ``start_time`` (milliseconds), ``params``
    and ``tags``.
    """

    def __init__(self, run: Dict[str, Any], artifacts: str, path: str) -> None:
        self._run = run
        self._artifacts = artifacts
        self._params: Dict[str, str] = dict(run["params"])
        self._tags: Dict[str, str] = dict(run["tags"])
        self._metrics: Dict[str, List[Tuple[str, int, int]]] = {}
        self._status = "RUNNING"
        self._lock = threading.Lock()
        self._file = open(path, "x", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self._written = 0

    def close(self) -> None:
        """Nothing is taken any more."""
        with self._lock:
            self._file.close()

    def call(self, name: str, sent: Dict[str, Any]) -> Dict[str, Any]:
        """The answer to one operation, such as ``runs/log-metric``; raises Refused."""
        handle = _OPERATIONS.get(name)
        if handle is None:
            raise Refused("ENDPOINT_NOT_FOUND", "%s is not there for code in a run: log to the run it is in" % name)
        with self._lock:
            if self._file.closed:
                raise Refused("INVALID_STATE", "the run has ended")
            return handle(self, sent)

    def get_run(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        self._check(sent)
        return {"run": self._shown()}

    def update_run(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        """The server itself decides how the run ended: the status is shown to this run alone."""
        self._check(sent)
        self._status = str(sent.get("status", self._status))
        return {"run_info": self._shown()["info"]}

    def log_batch(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        self._check(sent)
        for metric in _list(sent, "metrics"):
            self._metric(metric)
        for param in _list(sent, "params"):
            self._param(param)
        for tag in _list(sent, "tags"):
            self._tag(tag)
        return {}

    def log_metric(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        self._check(sent)
        self._metric(sent)
        return {}

    def log_param(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        self._check(sent)
        self._param(sent)
        return {}

    def set_tag(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        self._check(sent)
        self._tag(sent)
        return {}

    def history(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        self._check(sent)
        key = str(sent.get("metric_key"))
        return {"metrics": [_shown_metric(key, point) for point in self._metrics.get(key, [])]}

    def experiment(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        """Whatever name is asked for: the experiment of a run was chosen before it began."""
        return {"experiment": self._experiment()}

    def create_experiment(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        return {"experiment_id": self._run["experiment_id"]}

    def search_experiments(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        return {"experiments": [self._experiment()]}

    def search_runs(self, sent: Dict[str, Any]) -> Dict[str, Any]:
        return {"runs": [self._shown()]}

    def _check(self, sent: Dict[str, Any]) -> None:
        if sent.get("run_id", sent.get("run_uuid")) != self._run["run_id"]:
            raise Refused("RESOURCE_DOES_NOT_EXIST", "code in a run can log to that run alone")

    def _metric(self, sent: Any) -> None:
        key, value = str(sent["key"]), repr(float(sent["value"]))
        step, moment = int(sent.get("step") or 0), int(sent.get("timestamp") or time.time() * 1000)
        self._write({"metric": [key, value, step, moment]})
        self._metrics.setdefault(key, []).append((value, step, moment))

    def _param(self, sent: Any) -> None:
        key, value = str(sent["key"]), str(sent["value"])
        if self._params.get(key, value) != value:
            raise Refused(
                "INVALID_PARAMETER_VALUE",
                "Changing param values is not allowed: %r was logged before with another value" % key,
            )
        if key not in self._params:
            self._write({"param": [key, value]})
            self._params[key] = value

    def _tag(self, sent: Any) -> None:
        key, value = str(sent["key"]), str(sent["value"])
        self._write({"tag": [key, value]})
        self._tags[key] = value

    def _write(self, line: Dict[str, Any]) -> None:
        text = json.dumps(line) + "\n"
        self._written += len(text)
        if self._written > MOST_BYTES:
            raise Refused("INVALID_PARAMETER_VALUE", "a run may log %d MiB" % (MOST_BYTES >> 20))
        self._file.write(text)
        self._file.flush()

    def _experiment(self) -> Dict[str, Any]:
        return {
            "experiment_id": self._run["experiment_id"],
            "name": self._run["experiment_name"],
            "artifact_location": self._artifacts,
            "lifecycle_stage": "active",
        }

    def _shown(self) -> Dict[str, Any]:
        latest = {key: max(points, key=lambda point: (point[1], point[2])) for key, points in self._metrics.items()}
        return {
            "info": {
                "run_id": self._run["run_id"],
                "run_uuid": self._run["run_id"],
                "run_name": self._run["run_name"],
                "experiment_id": self._run["experiment_id"],
                "user_id": self._run["user"],
                "status": self._status,
                "start_time": self._run["start_time"],
                "artifact_uri": self._artifacts,
                "lifecycle_stage": "active",
            },
            "data": {
                "metrics": [_shown_metric(key, point) for key, point in latest.items()],
                "params": [{"key": key, "value": value} for key, value in self._params.items()],
                "tags": [{"key": key, "value": value} for key, value in self._tags.items()],
            },
            "inputs": {},
        }


_OPERATIONS: Dict[str, Callable[[RunLog, Dict[str, Any]], Dict[str, Any]]] = {
    "experiments/create": RunLog.create_experiment,
    "experiments/get": RunLog.experiment,
    "experiments/get-by-name": RunLog.experiment,
    "experiments/search": RunLog.search_experiments,
    "metrics/get-history": RunLog.history,
    "runs/get": RunLog.get_run,
    "runs/log-batch": RunLog.log_batch,
    "runs/log-metric": RunLog.log_metric,
    "runs/log-parameter": RunLog.log_param,
    "runs/search": RunLog.search_runs,
    "runs/set-tag": RunLog.set_tag,
    "runs/update": RunLog.update_run,
}


def serve(log: RunLog) -> Optional[str]:
    """Answers calls in threads until the process ends; the address, or None where nothing may listen."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > _MOST_BODY_BYTES:
                self.close_connection = True
                self._send(413, {"error_code": "INVALID_PARAMETER_VALUE", "message": "the call is too large"})
                return
            body = self.rfile.read(length)
            try:
                sent = json.loads(body or b"{}")
            except (ValueError, RecursionError):
                sent = None
            self._answer(urlsplit(self.path).path, sent)

        def _answer(self, path: str, sent: Any) -> None:
            name = next((path[len(prefix) :] for prefix in _PREFIXES if path.startswith(prefix)), path)
            try:
                if not isinstance(sent, dict):
                    raise Refused("BAD_REQUEST", "the body must be a JSON object")
                status, answer = 200, log.call(name, sent)
            except Refused as refused:
                missing = refused.code in ("RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND")
                status, answer = 404 if missing else 400, {"error_code": refused.code, "message": str(refused)}
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                status, answer = 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "cannot be read: %r" % error}
            self._send(status, answer)

        def _send(self, status: int, answer: Dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing: the pipe is for what the command says."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    except OSError:
        return None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % server.server_address[1]


def _list(sent: Dict[str, Any], name: str) -> List[Any]:
    found = sent.get(name) or []
    if not isinstance(found, list):
        raise Refused("INVALID_PARAMETER_VALUE", "%s must be a list" % name)
    return found


def _shown_metric(key: str, point: Tuple[str, int, int]) -> Dict[str, Any]:
    return {"key": key, "value": float(point[0]), "step": point[1], "timestamp": point[2]}
