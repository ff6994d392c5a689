"""Applications in a worker by itself, in every interpreter that is here: as jobs, and as models that serve requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quinta.wire.messages import Done, Failed, Ready, Run, Start, StartFailed, Stop
from tests.worker.test_worker import Worker, start, worker

__all__ = ["worker"]  # a fixture

APPLICATION = """
import os, sys

def run(inputs, outputs, params, logger):
    logger.info("at work")
    logger.warning("with %s", params["name"])
    (outputs / params["name"]).write_text(inputs.name + "/" + outputs.name)
    (type(outputs)(os.environ["QUINTA_LOG_FOLDER"]) / "own.log").write_text("x")
    return {"files": sorted(p.name for p in inputs.iterdir()), "left": sorted(p.name for p in outputs.iterdir())}
"""
ANSWERS = """
def run(inputs, outputs, params, logger):
    return eval(params["answer"])
"""
MODEL_WITH_FILES = """
class Model:
    def request(self, data):
        with open(data["table"]) as file:
            text = file.read()
        with open("upper.txt", "w") as file:
            file.write(text.upper())
        return {"letters": len(text), "upper": "upper.txt"}
    def stop(self):
        print("stopped")
"""


def job(tmp_path: Path, **context: object) -> Start:
    """The start of a job with one input file; all packages here have a model.py of their own until it is removed."""
    folders = {name: tmp_path / name for name in ("inputs", "outputs", "logs")}
    for folder in folders.values():
        folder.mkdir()
    (folders["inputs"] / "table.csv").write_text("a,b")
    return start(tmp_path)._replace(job={name: str(path) for name, path in folders.items()}, context=dict(context))


def package(tmp_path: Path, *, application: str | None = None, model: str | None = None) -> None:
    (tmp_path / "work" / "model.py").unlink()
    for name, text in (("application.py", application), ("model.py", model)):
        if text is not None:
            (tmp_path / "work" / name).write_text(text)


def ask(worker: Worker, params: object, number: int = 1) -> object:
    """What is answered: the value of a result, or the failure."""
    worker.send(Run(number, "", {}), json.dumps(params).encode())
    message, payload = worker.receive()
    return json.loads(payload) if isinstance(message, Done) else message


def test_a_job_gets_folders_params_and_a_logger(worker: Worker, tmp_path: Path) -> None:
    package(tmp_path, application=APPLICATION, model="raise SystemExit('jobs do not load it')")
    worker.send(job(tmp_path))
    assert worker.receive() == (Ready(), b"")
    assert ask(worker, {"name": "ü.txt"}) == {"files": ["table.csv"], "left": ["ü.txt"]}
    worker.send(Stop())
    assert worker.process.wait(30) == 0
    assert (tmp_path / "outputs" / "ü.txt").read_text() == "inputs/outputs"
    assert (tmp_path / "logs" / "own.log").exists()
    assert worker.process.stdout is not None
    lines = worker.process.stdout.read().decode().splitlines()
    assert lines == ["INFO application: at work", "WARNING application: with ü.txt"]


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("None", None),
        ("0", 0),
        ("6 * 7.5", 45.0),
        ("'text'", "text"),
        ("[1, {'a': None}]", [1, {"a": None}]),
        ("{}", {}),
    ],
)
def test_any_json_value_is_a_result(worker: Worker, tmp_path: Path, answer: str, value: object) -> None:
    package(tmp_path, application=ANSWERS)
    worker.send(job(tmp_path))
    assert worker.receive() == (Ready(), b"")
    assert ask(worker, {"answer": answer}) == value


def test_what_is_no_json_value_is_refused(worker: Worker, tmp_path: Path) -> None:
    package(tmp_path, application=ANSWERS)
    worker.send(job(tmp_path))
    assert worker.receive() == (Ready(), b"")
    for number, answer in enumerate(("float('nan')", "outputs", "1 / 0"), 1):
        message = ask(worker, {"answer": answer}, number)
        assert isinstance(message, Failed)
        assert message.code == ("model_error" if answer == "1 / 0" else "result_not_json")
    worker.send(Stop())
    assert worker.process.wait(30) == 0
    assert worker.process.stdout is not None
    text = worker.process.stdout.read().decode()
    assert "ZeroDivisionError: division by zero" in text
    assert "quinta/worker" not in text  # the author's frames alone


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("value = 1", "start_no_run_function", "application.py has no function run"),
        (None, "start_no_model_file", "the package has neither application.py nor model.py"),
        ("import nothing_of_this_name", "start_import_error", "ModuleNotFoundError: "),
    ],
)
def test_a_job_without_an_application_says_so(
    worker: Worker, tmp_path: Path, text: str | None, code: str, message: str
) -> None:
    package(tmp_path, application=text)
    worker.send(job(tmp_path))
    failed, _ = worker.receive()
    assert isinstance(failed, StartFailed)
    assert (failed.code, failed.message[: len(message)]) == (code, message)


def test_a_model_runs_as_a_job_with_files_in_the_folders(worker: Worker, tmp_path: Path) -> None:
    package(tmp_path, application="helper = 1", model=MODEL_WITH_FILES)
    fields = [{"name": "table", "data_type": "blob"}], [{"name": "upper", "data_type": "blob"}]
    worker.send(job(tmp_path, input_type="structured", input_fields=fields[0], output_fields=fields[1]))
    assert worker.receive() == (Ready(), b"")
    assert ask(worker, {"table": "table.csv"}) == {"letters": 3, "upper": "upper.txt"}
    assert (tmp_path / "outputs" / "upper.txt").read_text() == "A,B"
    worker.send(Stop())
    assert worker.process.wait(30) == 0
    assert worker.process.stdout is not None
    assert worker.process.stdout.read() == b"stopped\n"


def test_a_plain_model_gets_the_text_of_the_params(worker: Worker, tmp_path: Path) -> None:
    package(tmp_path, model="class Model:\n    def request(self, data):\n        return [type(data).__name__, data]\n")
    worker.send(job(tmp_path, input_type="plain", input_fields=[], output_fields=[]))
    assert worker.receive() == (Ready(), b"")
    assert ask(worker, {"ü": 1}) == ["str", '{"ü": 1}']


def test_an_application_alone_answers_requests_each_with_empty_folders(worker: Worker, tmp_path: Path) -> None:
    package(tmp_path, application=APPLICATION)
    worker.send(start(tmp_path))
    assert worker.receive() == (Ready(), b"")
    assert ask(worker, {"name": "one"}, 1) == {"files": [], "left": ["one"]}
    assert ask(worker, '{"name": "two"}', 2) == {"files": [], "left": ["two"]}
    failed = ask(worker, "[1]", 3)
    assert isinstance(failed, Failed)
    assert failed.message == "params must be a JSON object, not list"


def test_requests_go_to_the_model_where_there_is_one(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "work" / "application.py").write_text("raise SystemExit('requests do not load it')")
    worker.send(start(tmp_path))
    assert worker.receive() == (Ready(), b"")
    answer = ask(worker, 1)
    assert isinstance(answer, dict)
    assert answer["y"][:2] == [1, "inner"]
