"""The worker by itself, spoken to over its socket as the supervisor does, in every interpreter that is here."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import quinta
from quinta.wire.messages import Decoder, Done, Failed, Message, Ready, Run, Start, StartFailed, Stop, encode

SOURCES = Path(quinta.__file__).parents[1]
PROGRAM = "import sys; sys.path.insert(0, sys.argv[2]); from quinta.worker.main import main; del sys.path[0]; main()"
MODEL = """
import sys
class Model:
    def __init__(self, base_directory):
        assert sys.path[0] == base_directory, sys.path
        import inner
        self.inner = inner.VALUE
    def request(self, data):
        print("request", data)
        return {"y": [data, self.inner, sys.version_info[:2]]}
    def stop(self):
        print("stopped")
"""


def interpreters() -> list[str]:
    """Interpreters from 3.8 on: the running one, and what is on the PATH or under pyenv."""
    names = [f"python3.{minor}" for minor in range(8, 15)]
    found = {shutil.which(name) for name in names}
    found |= {str(path) for name in names for path in Path.home().glob(f".pyenv/versions/*/bin/{name}")}
    real = {os.path.realpath(path): path for path in found if path and "shims" not in path}
    return [*sorted(set(real.values()) - {sys.executable}), sys.executable]


@dataclass
class Worker:
    """A worker process and our end of its socket."""

    process: subprocess.Popen[bytes]
    end: socket.socket
    decoder: Decoder = field(default_factory=Decoder)

    def send(self, message: Message, payload: bytes = b"") -> None:
        self.end.sendall(encode(message, payload))

    def receive(self) -> tuple[Message, bytes]:
        while data := self.end.recv(65536):
            for message in self.decoder.feed(data):
                return message
        raise EOFError


@pytest.fixture(params=interpreters())
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    (tmp_path / "work" / "libraries").mkdir(parents=True)
    (tmp_path / "exchange").mkdir()
    (tmp_path / "work" / "model.py").write_text(MODEL)
    (tmp_path / "work" / "libraries" / "inner.py").write_text("VALUE = 'inner'\n")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        process = subprocess.Popen(
            [request.param, "-I", "-B", "-c", PROGRAM, str(theirs.fileno()), str(SOURCES)],
            pass_fds=[theirs.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=tmp_path / "work",
        )
        theirs.close()
        with process:
            yield Worker(process, ours)
            ours.close()


def start(tmp_path: Path, model_file: str = "model") -> Start:
    return Start(model_file, str(tmp_path / "work"), str(tmp_path / "exchange"), {}, {"A": "b"}, [], 0, {}, {})


def test_a_worker_answers_and_stops(worker: Worker, tmp_path: Path) -> None:
    worker.send(start(tmp_path))
    assert worker.receive() == (Ready(), b"")
    worker.send(Run(1, "", {}), b'"\\u00fc"')
    message, payload = worker.receive()
    assert isinstance(message, Done)
    assert (message.id, message.result_file, message.files) == (1, "", {})
    assert json.loads(payload)["y"][:2] == ["\u00fc", "inner"]
    assert json.loads(payload)["y"][2] >= [3, 8]
    worker.send(Stop())
    assert worker.process.wait(30) == 0
    assert worker.process.stdout is not None
    assert worker.process.stdout.read().decode() == "request \u00fc\nstopped\n"


def test_a_worker_says_why_it_cannot_start(worker: Worker, tmp_path: Path) -> None:
    worker.send(start(tmp_path, "other"))
    assert worker.receive() == (StartFailed("start_no_model_file", "the package has no file other.py"), b"")
    assert worker.process.wait(30) == 1


def test_a_worker_ends_when_the_supervisor_is_gone(worker: Worker, tmp_path: Path) -> None:
    worker.send(start(tmp_path))
    assert worker.receive() == (Ready(), b"")
    worker.end.close()
    assert worker.process.wait(30) == 0


def test_a_failure_is_answered_and_the_next_request_works(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "work" / "model.py").write_text("class Model:\n    def request(self, data):\n        return 1 / data\n")
    worker.send(start(tmp_path))
    assert worker.receive() == (Ready(), b"")
    worker.send(Run(1, "", {}), b"0")
    message, _ = worker.receive()
    assert isinstance(message, Failed)
    assert (message.id, message.code, message.message) == (1, "model_error", "division by zero")
    worker.send(Run(2, "", {}), b"2")
    assert worker.receive()[1] == b"0.5"
