"""The worker's byte code is there before the first instance of an interpreter starts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import quinta
from quinta.engine.supervisor.bytecode import WorkerBytecode

SOURCE = Path(quinta.__file__).parent


def test_each_interpreter_finds_byte_code_of_its_own(
    tmp_path: Path, environments: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package = tmp_path / "quinta"
    package.mkdir()
    shutil.copy(SOURCE / "__init__.py", package)
    for room in ("wire", "worker"):
        shutil.copytree(SOURCE / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    bytecode = WorkerBytecode(package)
    bytecode.prepare(environments / "environment")
    assert (package / "worker" / "__pycache__" / f"main.{sys.implementation.cache_tag}.pyc").exists()
    assert (package / "wire" / "__pycache__" / f"messages.{sys.implementation.cache_tag}.pyc").exists()
    assert caplog.text == ""


def test_where_it_cannot_be_kept_instances_start_all_the_same(
    tmp_path: Path, environments: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "__init__.py").write_text("this is no code\n")
    bytecode = WorkerBytecode(tmp_path)
    bytecode.prepare(environments / "environment")
    assert "could not be kept, so each start compiles" in caplog.text
    bytecode.prepare(environments / "environment")
    assert caplog.text.count("could not be kept") == 1
