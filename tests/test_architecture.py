"""Rules of the house that a machine can check (docs/decisions/0002-rooms.md). Who imports whom is in .importlinter."""

from __future__ import annotations

import ast
import configparser
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "quinta"

MAXIMUM_FILE_LINES = 500
MAXIMUM_FUNCTION_LINES = 60
MAXIMUM_PUBLIC_METHODS = 15
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}

# What runs in the user's environment may not ask for packages there; kit and core stay plain on purpose.
STANDARD_LIBRARY_ONLY = ("kit", "wire", "worker")
FRAMEWORKS = {"alembic", "fastapi", "pydantic", "pydantic_settings", "sqlalchemy", "starlette", "typer", "uvicorn"}
OLDEST_WORKER_PYTHON = (3, 8)

# These wire everything, so that no contract can hold for them.
ROOMS_WITHOUT_CONTRACT = {"cli", "server", "server_quarantine"}
# settings reads the environment for the server; the worker passes the variables of its version on to the user's code;
# training and the template's files run where user code runs.
READERS_OF_THE_ENVIRONMENT = ("settings.py", "worker/", "training/", "gateway/template/")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: Path) -> list[Path]:
    return sorted(file for folder in folders for file in folder.rglob("*.py") if "__pycache__" not in file.parts)


SOURCE_FILES = python_files(SOURCE)
# The packages that tests deploy are data here: some are broken on purpose.
DEPLOYED_BY_TESTS = (ROOT / "tests" / "naughty", ROOT / "tests" / "packages")
ALL_FILES = [
    file
    for file in python_files(SOURCE, ROOT / "tests", ROOT / "benchmarks", ROOT / "examples", ROOT / "script")
    if not any(file.is_relative_to(folder) for folder in DEPLOYED_BY_TESTS)
]


def parse(file: Path, feature_version: tuple[int, int] | None = None) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file), feature_version=feature_version)


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, module) of each absolute or relative import in ``tree``; a relative one keeps its dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def reads_of_environment(tree: ast.AST) -> Iterator[int]:
    """Lines that use ``os.environ`` or ``os.getenv``, or import them from os."""
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="os", names=aliases) if names & {alias.name for alias in aliases}:
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="os"), attr=attribute) if attribute in names:
                yield node.lineno


class Facts(NamedTuple):
    """What the rules are about, of one file; lines first."""

    functions: list[tuple[int, str, int]]
    """With their names and lengths in lines."""
    public_methods: list[tuple[int, str, int]]
    """How many each class has."""
    imports: list[tuple[int, str]]
    imports_inside: list[tuple[int, str]]
    """Those within functions."""
    environment: list[int]


@cache
def facts_of(file: Path) -> Facts:
    """All facts from one walk over the tree: five take a minute of a core for all files together."""
    tree = parse(file)
    facts = Facts([], [], list(imported_modules(tree)), [], list(reads_of_environment(tree)))
    for node in ast.walk(tree):
        if isinstance(node, Function):
            assert node.end_lineno is not None
            facts.functions.append((node.lineno, node.name, node.end_lineno - node.lineno + 1))
            facts.imports_inside.extend(imported_modules(node))
        elif isinstance(node, ast.ClassDef):
            methods = {item.name for item in node.body if isinstance(item, Function)}
            facts.public_methods.append((node.lineno, node.name, sum(not name.startswith("_") for name in methods)))
    return facts


def where(file: Path, line: int) -> str:
    return f"{file.relative_to(ROOT)}:{line}"


def test_no_file_is_too_long() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in ALL_FILES}
    too_long = [f"{where(file, length)}" for file, length in lengths.items() if length > MAXIMUM_FILE_LINES]
    assert not too_long, f"over {MAXIMUM_FILE_LINES} lines; split by verb: {too_long}"


def test_no_function_is_too_long() -> None:
    too_long = [
        f"{where(file, line)} {name}: {length} lines"
        for file in ALL_FILES
        for line, name, length in facts_of(file).functions
        if length > MAXIMUM_FUNCTION_LINES
    ]
    assert not too_long, f"over {MAXIMUM_FUNCTION_LINES} lines: {too_long}"


def test_no_class_has_too_many_public_methods() -> None:
    too_many = [
        f"{where(file, line)} {name}: {count}"
        for file in SOURCE_FILES
        for line, name, count in facts_of(file).public_methods
        if count > MAXIMUM_PUBLIC_METHODS
    ]
    assert not too_many, f"over {MAXIMUM_PUBLIC_METHODS} public methods; split by what callers need: {too_many}"


def test_no_room_is_a_junk_drawer() -> None:
    junk = [str(file.relative_to(ROOT)) for file in ALL_FILES if FORBIDDEN_NAMES & {file.stem, file.parent.name}]
    assert not junk, f"name it for what it is about: {junk}"


def test_imports_of_rooms_are_at_the_top_of_the_file() -> None:
    inside = sorted(
        {
            f"{where(file, line)} {module}"
            for file in SOURCE_FILES
            for line, module in facts_of(file).imports_inside
            if module.startswith(("quinta", "."))
        }
    )
    assert not inside, f"an import inside a function hides a cycle: {inside}"


def test_imports_are_absolute() -> None:
    relative = [
        where(file, line) for file in SOURCE_FILES for line, module in facts_of(file).imports if module.startswith(".")
    ]
    assert not relative, f"import by the full name, which can be searched for: {relative}"


@pytest.mark.parametrize("room", STANDARD_LIBRARY_ONLY)
def test_room_needs_only_the_standard_library(room: str) -> None:
    foreign = [
        f"{where(file, line)} {module}"
        for file in python_files(SOURCE / room)
        for line, module in facts_of(file).imports
        if module.split(".")[0] not in sys.stdlib_module_names | {"quinta"}
    ]
    assert not foreign, f"{room} may import the standard library only: {foreign}"


def test_core_knows_no_framework() -> None:
    foreign = [
        f"{where(file, line)} {module}"
        for file in python_files(SOURCE / "core")
        for line, module in facts_of(file).imports
        if module.split(".")[0] in FRAMEWORKS
    ]
    assert not foreign, f"core is plain Python: {foreign}"


@pytest.mark.parametrize("room", ["training", "wire", "worker"])
def test_room_is_written_in_the_oldest_python_of_workers(room: str) -> None:
    for file in python_files(SOURCE / room):
        parse(file, feature_version=OLDEST_WORKER_PYTHON)


def test_only_settings_reads_the_environment() -> None:
    reads = [
        where(file, line)
        for file in SOURCE_FILES
        if not str(file.relative_to(SOURCE)).startswith(READERS_OF_THE_ENVIRONMENT)
        for line in facts_of(file).environment
    ]
    assert not reads, f"take it from settings, handed down by server.py: {reads}"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import os\nos.environ['HOME']", [2]),
        ("import os\nos.getenv('HOME')", [2]),
        ("from os import environ", [1]),
        ("from os import path\npath.join('a')\nself.environ = {}", []),
    ],
)
def test_a_read_of_the_environment_is_found(source: str, lines: list[int]) -> None:
    assert list(reads_of_environment(ast.parse(source))) == lines


def test_each_room_has_an_import_contract() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    named = " ".join(contracts[section].get("source_modules", "") for section in contracts.sections()).split()
    covered = {name.removeprefix("quinta.").split(".")[0] for name in named}
    modules = {entry.stem for entry in SOURCE.iterdir() if entry.suffix == ".py"}
    packages = {entry.name for entry in SOURCE.iterdir() if (entry / "__init__.py").exists()}
    rooms = (modules | packages) - {"__init__", "__main__"} - ROOMS_WITHOUT_CONTRACT
    assert rooms == covered, "each room of src/quinta needs a contract in .importlinter, and each contract a room"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-cli.lock"])
def test_lock_pins_versions_and_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = text.replace("\\\n", " ").splitlines()
    loose = [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
    assert entries
    assert not loose, f"run script/lock: {loose}"
    assert "://" not in text
