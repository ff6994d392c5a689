"""What a worker takes away from itself, in every interpreter that is here, and what it does where it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quinta.engine.sandbox.confinement import confinement
from quinta.engine.sandbox.detection import detect
from quinta.wire.messages import Done, Ready, Run
from tests.worker.test_worker import SOURCES, Worker, start, worker

__all__ = ["worker"]  # a fixture

MODEL = """
import os
class Model:
    def request(self, data):
        try:
            open(data).close()
            return "opened"
        except OSError as error:
            return type(error).__name__
"""
# The program of a worker that was built without libffi.
NO_CTYPES = """
import json, sys
sys.modules["ctypes"] = None
sys.path.insert(0, sys.argv[1])
from quinta.worker.confinement import ConfinementError, confine
try:
    print(confine(json.loads(sys.argv[2])))
except ConfinementError as error:
    print("refused:", error)
"""


def test_files_are_out_of_reach_in_every_interpreter(worker: Worker, tmp_path: Path) -> None:
    sandbox = detect(use_bwrap=False, use_cgroups=False)
    if not sandbox.landlock:
        pytest.skip("needs Landlock")
    (tmp_path / "work" / "model.py").write_text(MODEL)
    (tmp_path / "secret").write_text("secret")
    program = Path(os.readlink(f"/proc/{worker.process.pid}/exe"))
    wanted = confinement(
        sandbox,
        read_only=[str(program.parents[1]), sys.prefix],
        writable=[str(tmp_path / "work"), str(tmp_path / "exchange")],
        network=False,
    )
    worker.send(start(tmp_path)._replace(confinement=wanted))
    assert worker.receive() == (Ready(), b"")
    answers = {}
    for number, path in enumerate((tmp_path / "secret", tmp_path / "work" / "model.py", Path("/etc/shadow")), 1):
        worker.send(Run(number, "", {}), json.dumps(str(path)).encode())
        message, payload = worker.receive()
        assert isinstance(message, Done)
        answers[path.name] = json.loads(payload)
    assert answers == {"secret": "PermissionError", "model.py": "opened", "shadow": "PermissionError"}


@pytest.mark.parametrize(
    ("alone", "said"),
    [
        (True, "refused: this interpreter has no module ctypes: nothing would confine the code"),
        (False, "this interpreter has no module ctypes: the code's file accesses are confined by mounts alone"),
    ],
)
def test_without_ctypes_it_refuses_or_warns(alone: bool, said: str) -> None:
    assert _confine(NO_CTYPES, {"alone": alone, "filter": "", "tcp": False}) == said


def test_what_the_kernel_refuses_is_said() -> None:
    program = NO_CTYPES.replace('sys.modules["ctypes"] = None', "")
    said = _confine(program, {"alone": True, "filter": "AAAA", "tcp": False})
    assert said == "refused: the code cannot be confined: prctl: Invalid argument"
    assert _confine(program, {}) == ""


def test_nothing_is_asked_for_where_nothing_works() -> None:
    bare = detect(use_bwrap=False, use_cgroups=False, use_seccomp=False, use_landlock=False)
    assert confinement(bare, read_only=[], writable=[], network=False) == {}
    inside = confinement(
        replace(bare, bwrap=Path("/usr/bin/bwrap"), seccomp=True), read_only=[], writable=[], network=False
    )
    assert inside == {}


def _confine(program: str, wanted: dict[str, Any]) -> str:
    command = [sys.executable, "-I", "-c", program, str(SOURCES), json.dumps(wanted)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
