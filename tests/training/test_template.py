"""A new project's files: the SDK can rewrite them, and the server can read them."""

from __future__ import annotations

import ast

from tests.training.projects import TEMPLATE

SOURCE = (TEMPLATE / "my_model.py").read_text(encoding="utf-8")


def test_the_sdk_finds_what_it_rewrites() -> None:
    """``project.set_model_code`` looks for these very lines (contract dq0 3.6)."""
    lines = SOURCE.splitlines()
    assert lines.count("class UserModel(Model):") == 1
    assert len([line for line in lines if line.startswith("from dq0.sdk.models")]) == 1
    for name in ("setup_data", "setup_model", "preprocess"):
        assert lines.count(f"    def {name}(self):") == 1
    assert "__main__" not in SOURCE


def test_a_method_follows_the_last_that_is_rewritten() -> None:
    tree = ast.parse(SOURCE)
    (model,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = [node.name for node in model.body if isinstance(node, ast.FunctionDef)]
    assert methods[:3] == ["setup_data", "setup_model", "preprocess"]
    assert len(methods) > 3


def test_every_file_that_an_entry_point_runs_is_there() -> None:
    commands = [line for line in (TEMPLATE / "MLproject").read_text(encoding="utf-8").splitlines() if "python " in line]
    scripts = [word for line in commands for word in line.split() if word.endswith(".py")]
    assert {"my_model.py", "train.py", "transform.py"} == set(scripts)
    assert [name for name in scripts if not (TEMPLATE / name).is_file()] == []
    assert (TEMPLATE / "requirements.txt").is_file()
