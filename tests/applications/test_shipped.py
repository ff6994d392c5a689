"""What holds for every package that ships, and for those in the examples: each runs by itself, on old Pythons too."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.applications.loading import EXAMPLES, ROOT, SHIPPED

SHIPPED_PACKAGES = sorted(file.parent for file in SHIPPED.glob("*/application.toml"))
PACKAGES = [*SHIPPED_PACKAGES, *sorted(file.parent for file in EXAMPLES.glob("*/model_package/application.py"))]
NAMES = [str(package.relative_to(ROOT)) for package in PACKAGES]
PINNED = re.compile(r"[a-z0-9-]+==[0-9][0-9.]*")


def test_each_package_is_looked_at() -> None:
    assert [package.name for package in SHIPPED_PACKAGES] == ["palavras_mais_citadas", "tutorial"]
    assert len(PACKAGES) == 4


@pytest.mark.parametrize("package", SHIPPED_PACKAGES, ids=lambda package: package.name)
def test_a_shipped_package_says_its_name_and_limits(package: Path) -> None:
    values = tomllib.loads((package / "application.toml").read_text(encoding="utf-8"))
    assert {name: type(value) for name, value in values.items()} == {
        "name": str,
        "memory_megabytes": int,
        "time_limit_seconds": int,
    }


def test_a_built_wheel_has_every_file_of_the_shipped_packages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("quinta/applications/")}
    there = {
        f"quinta/applications/{file.relative_to(SHIPPED).as_posix()}"
        for package in SHIPPED_PACKAGES
        for file in package.iterdir()
        if file.is_file()
    }
    assert there <= packed


@pytest.mark.parametrize("package", PACKAGES, ids=NAMES)
def test_a_package_is_written_in_the_oldest_python_of_workers(package: Path) -> None:
    for file in package.glob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"), filename=str(file), feature_version=(3, 8))


@pytest.mark.parametrize("package", PACKAGES, ids=NAMES)
def test_a_package_pins_what_it_imports(package: Path) -> None:
    tree = ast.parse((package / "application.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name.split(".")[0] for name in imported} - sys.stdlib_module_names
    requirements = package / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").split() if requirements.exists() else []
    assert [line for line in lines if not PINNED.fullmatch(line)] == []
    assert foreign <= {line.split("==")[0] for line in lines}


def test_the_lines_in_the_document_run_an_application(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "applications.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    (lines,) = (block for block in blocks if "application.run(" in block)
    package = shutil.copytree(SHIPPED / "tutorial", tmp_path / "package")
    run = subprocess.run(
        [sys.executable, "-c", lines], cwd=package, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "200"
