"""The whole build of the packages that other tests use, and what its log tells."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from quinta.core.reasons import Reason
from quinta.engine.builds.errors import BuildError, BuildFailed, PackageRejected
from tests.engine.builds.archives import PACKAGES, archive, example, package, tree
from tests.engine.builds.conftest import MakeBuilder

HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"


async def test_a_build_tells_its_story(make_builder: MakeBuilder, tmp_path: Path, log: list[str]) -> None:
    built = await make_builder().build(example(tmp_path / "a.zip", "double"), HERE, "model", log.append)

    assert built.model_file == "model"
    assert built.interpreter_version == platform.python_version()
    assert tree(tmp_path / "packages" / built.package_digest) == {
        "model.py": (PACKAGES / "double" / "model.py").read_bytes()
    }
    assert (tmp_path / "environments" / built.environment_digest / "bin" / "python").exists()
    size = (PACKAGES / "double" / "model.py").stat().st_size
    assert log[:2] == [
        f"package: 1 files, {size} bytes, from model_package/",
        f"interpreter: CPython {platform.python_version()}",
    ]
    assert log[2].startswith("environment: made in ")


@pytest.mark.parametrize("name", sorted(folder.name for folder in PACKAGES.iterdir()))
async def test_every_example_is_built(name: str, make_builder: MakeBuilder, tmp_path: Path, log: list[str]) -> None:
    built = await make_builder().build(example(tmp_path / "a.zip", name), HERE, "model", log.append)

    code = compile((tmp_path / "packages" / built.package_digest / "model.py").read_bytes(), "model.py", "exec")
    assert "Model" in code.co_names
    installed = list((tmp_path / "environments" / built.environment_digest).glob("lib/python*/site-packages/six.py"))
    assert bool(installed) == (name == "with_requirements")


async def test_the_same_package_again_builds_nothing(make_builder: MakeBuilder, tmp_path: Path, log: list[str]) -> None:
    builder = make_builder()
    first = await builder.build(example(tmp_path / "a.zip", "echo"), HERE, "model", log.append)
    before = (tmp_path / "environments" / first.environment_digest).stat().st_mtime_ns
    log.clear()

    again = await make_builder().build(example(tmp_path / "b.zip", "echo"), HERE, "model", log.append)

    assert again == first
    assert log[-1] == "already built: a package and an environment with the same content are there"
    assert (tmp_path / "environments" / first.environment_digest).stat().st_mtime_ns == before


async def test_a_language_that_is_not_here_is_told(make_builder: MakeBuilder, tmp_path: Path, log: list[str]) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    builder = make_builder(pythons=[fake])
    nearest = (await builder.interpreters()).nearest("python3.5")
    assert nearest.version >= (3, 8)

    built = await builder.build(package(tmp_path / "a.zip", {}), "python3.5", "model", log.append)

    assert built.interpreter_version == nearest.version_text
    assert f"interpreter: requested python3.5; nearest here is {nearest.version_text}" in log


@pytest.mark.parametrize("given", ["predict", "predict.py"])
async def test_the_model_file_has_the_configured_name(
    given: str, make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    packed = archive(tmp_path / "a.zip", ("some/predict.py", "class Model: pass\n"), ("some/data", ""))

    built = await make_builder().build(packed, HERE, given, log.append)

    assert built.model_file == "predict"
    assert "from some/" in log[0]


@pytest.mark.parametrize("given", ["", ".py", "../model", "a/model", "model\n", ".hidden", "a b"])
async def test_a_model_file_that_is_no_module_in_the_root(
    given: str, make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    with pytest.raises(PackageRejected, match="must be a Python module in the root of the package"):
        await make_builder().build(package(tmp_path / "a.zip", {}), HERE, given, log.append)


async def test_refusals_and_failures_are_one_family(make_builder: MakeBuilder, tmp_path: Path, log: list[str]) -> None:
    (tmp_path / "a.zip").write_text("no archive")
    with pytest.raises(BuildError, match="not a zip archive"):
        await make_builder().build(tmp_path / "a.zip", HERE, "model", log.append)
    with pytest.raises(BuildError, match="not a version of Python 3"):
        await make_builder().build(package(tmp_path / "b.zip", {}), "r4.0", "model", log.append)


@pytest.mark.parametrize(("length", "expected"), [(499, 499), (500, 500), (501, 500), (5_000, 500)])
def test_messages_are_never_longer_than_clients_accept(length: int, expected: int) -> None:
    assert len(BuildFailed(Reason.INSTALL_FAILED, "x" * length).message) == expected
