"""Finding interpreters and choosing the nearest one."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from quinta.core.reasons import Reason
from quinta.engine.builds.errors import BuildFailed
from quinta.engine.builds.interpreters import Interpreter, Interpreters, discover


def python(minor: int, micro: int = 0, folder: str = "/opt") -> Interpreter:
    return Interpreter(Path(f"{folder}/python3.{minor}"), (3, minor, micro), (Path(folder),))


@pytest.mark.parametrize(
    ("here", "language", "expected"),
    [
        ([8, 11], "python3.5", 8),
        ([8, 11], "python3.7", 8),
        ([8, 11], "python3.8", 8),
        ([11, 8], "python3.9", 8),
        ([8, 12], "python3.10", 12),  # equally far: the newer
        ([12, 8], "python3.10", 12),
        ([11], "python3.5", 11),
        ([9, 13], "python3.20", 13),
    ],
)
def test_the_nearest_interpreter(here: list[int], language: str, expected: int) -> None:
    assert Interpreters(tuple(python(minor) for minor in here)).nearest(language).version == (3, expected, 0)


def test_of_two_of_the_same_kind_the_preferred_one() -> None:
    found = Interpreters((python(11, 2, "/first"), python(11, 7, "/second")))

    assert found.nearest("python3.8").path == Path("/first/python3.11")


@pytest.mark.parametrize("language", ["python2.7", "python3", "r3.6", "", "python3.7.1", "python3.7\n"])
def test_a_language_that_is_no_python_3(language: str) -> None:
    with pytest.raises(BuildFailed, match="not a version of Python 3") as caught:
        Interpreters((python(11),)).nearest(language)
    assert caught.value.reason is Reason.LANGUAGE_UNKNOWN


def test_no_interpreter_at_all_is_the_operators_to_mend() -> None:
    with pytest.raises(BuildFailed, match="its operator has to install") as caught:
        Interpreters(()).nearest("python3.8")
    assert caught.value.reason is Reason.NO_INTERPRETER


def test_the_interpreter_that_runs_the_server_is_always_found() -> None:
    found = discover([], "", None).found

    assert found[0].version == sys.version_info[:3]
    assert found[0].version_text == platform.python_version()
    assert found[0].path == Path(sys.executable).resolve()
    assert found[0].prefixes[0] == Path(sys.base_prefix).resolve()
    assert len({each.path for each in found}) == len(found)


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def answering(path: Path, version: str, implementation: str = "CPython") -> Path:
    """A program that answers as an interpreter would that is installed at ``path``."""
    answer = (
        f'{{"path": "{path}", "version": [{version}], "prefixes": ["{path.parent}"],'
        f' "implementation": "{implementation}"}}'
    )
    return program(path, f"echo '{answer}'")


def test_every_place_is_searched_in_order_of_preference(tmp_path: Path) -> None:
    configured = answering(tmp_path / "configured" / "python", "3, 15, 1")
    on_path = answering(tmp_path / "path" / "python3.15", "3, 15, 2")
    of_pyenv = answering(tmp_path / "home" / ".pyenv" / "versions" / "3.15.3" / "bin" / "python3", "3, 15, 3")

    found = discover([configured], f"relative:{tmp_path / 'path'}:/nowhere", tmp_path / "home").found

    paths = [each.path for each in found]
    assert paths[:2] == [configured, Path(sys.executable).resolve()]
    assert paths.index(on_path) < paths.index(of_pyenv)


def test_what_does_not_answer_as_a_new_enough_cpython_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    good = answering(folder / "python3.14", "3, 14, 0")
    answering(folder / "python3.7", "3, 7, 9")
    answering(folder / "python3.9", "3, 9, 9", "PyPy")
    answering(folder / "python3.14-config", "3, 14, 0")
    program(folder / "python3.10", "exit 127")
    program(folder / "python3.11", "echo no answer")
    program(folder / "python3.12", "echo '[1, 2]'")
    program(folder / "python3.13", "exec /nonexistent")
    (folder / "python3.15").symlink_to("nowhere")
    (folder / "python3").write_text("not a program")

    assert [each.path for each in discover([], str(folder), None).found if each.path.parent == folder] == [good]


def test_links_and_shims_are_followed_to_the_installation(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    program(tmp_path / "python3.11", f'exec "{sys.executable}" "$@"')

    assert discover([], str(tmp_path), None) == discover([], "", None)


def test_each_program_is_asked_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    asked = answering(tmp_path / "bin" / "python3.14", "3, 14, 0")
    asked.write_text(f"{asked.read_text()}echo asked >> {count}\n")

    for _ in range(2):
        assert discover([asked], os.fspath(tmp_path / "bin"), None).found[0].path == asked
    assert count.read_text() == "asked\n"
