"""MLprojects, arguments and commands (contract dq0 7.2, 7.3)."""

from __future__ import annotations

import pytest

from quinta.core.commits.entry_points import (
    EntryPoint,
    Parameter,
    ParameterType,
    arguments_of,
    command_of,
    entry_points_of,
    resolved,
    text_of,
)
from quinta.core.errors import InvalidInput
from quinta.engine.projects.mlproject import read_mlproject

POINT = EntryPoint(
    "train",
    'python -m train --rate {rate} "--name=a {name}"',
    (Parameter("rate", ParameterType.FLOAT, "0.5"), Parameter("epochs", ParameterType.INT), Parameter("name")),
)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", {}),
        (None, {}),
        ({}, {}),
        ({"a": "1", "b": 2, "c": 0.5, "d": True}, {"a": "1", "b": "2", "c": "0.5", "d": "true"}),
        (["a=1", "b=x=y"], {"a": "1", "b": "x=y"}),
        ('{"a": 1}', {"a": "1"}),
        ('["a=1"]', {"a": "1"}),
        ("a=1", {"a": "1"}),
    ],
)
def test_arguments_come_in_many_forms(given: object, found: dict[str, str]) -> None:
    assert arguments_of(given) == found


@pytest.mark.parametrize(
    "given", [7, "words", ["a"], {"a": []}, {"a b": "1"}, {"": "1"}, {"a": "x" * 6_001}, {"a": "\0"}, {"-x": "1"}]
)
def test_other_arguments_are_refused(given: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        arguments_of(given)
    assert refused.value.field == "args"


def test_a_value_stays_one_word_whatever_is_in_it() -> None:
    values = resolved(POINT, {"name": "x; rm -rf / $(id) {rate}", "epochs": "3", "more": "--evil"})
    assert command_of(POINT, values) == [
        "python",
        "-m",
        "train",
        "--rate",
        "0.5",
        "--name=a x; rm -rf / $(id) {rate}",
        "--more",
        "--evil",
    ]


def test_what_is_missing_is_named_as_mlflow_names_it() -> None:
    with pytest.raises(InvalidInput, match="No value given for missing parameters: 'epochs', 'name'"):
        resolved(POINT, {})


@pytest.mark.parametrize("wrong", [{"epochs": "abc"}, {"epochs": "1.5"}, {"rate": "fast"}, {"rate": "nan"}])
def test_numbers_are_looked_at(wrong: dict[str, str]) -> None:
    good = {"epochs": "3", "rate": "1e-3", "name": "n"}
    assert resolved(POINT, good) == {"rate": "1e-3", "epochs": "3", "name": "n"}
    with pytest.raises(InvalidInput) as refused:
        resolved(POINT, good | wrong)
    assert refused.value.field == "args"


def test_entry_points_survive_being_kept() -> None:
    assert entry_points_of(text_of([POINT])) == {"train": POINT}


def test_an_mlproject_is_read() -> None:
    (point,) = read_mlproject(b"""
name: demo
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      epochs: {type: int, default: 3}
      rate: float
      flag: {default: true}
    command: >
      python train.py --epochs {epochs}
      --rate {rate}
""")
    assert point.command == "python train.py --epochs {epochs} --rate {rate}"
    assert point.parameters == (
        Parameter("epochs", ParameterType.INT, "3"),
        Parameter("rate", ParameterType.FLOAT),
        Parameter("flag", ParameterType.STRING, "true"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "it must be a mapping"),
        ("a: [", "line"),
        ("a: 1\na: 2", "twice"),
        ("entry_points: [main]", "'entry_points' must be a mapping"),
        ("entry_points: {main: {}}", "needs a text 'command'"),
        ("entry_points: {main: {command: bash x.sh}}", "must begin with 'python '"),
        ("entry_points: {main: {command: 'python x.py {a}'}}", "uses the parameter 'a'"),
        ("entry_points: {main: {command: python 'x}}", "cannot be split"),
        ("entry_points: {main: {command: python x, parameters: {a: list}}}", "has the type 'list'"),
        ("entry_points: {main: {command: python x, env: b}}", "unknown key 'env'"),
        ("a: &x 1\nb: *x", "line 2: aliases"),
        ("a: " + "[" * 20 + "]" * 20, "nested deeper"),
        ("a: !!python/object/apply:os.system [id]", "MLproject"),
    ],
)
def test_a_bad_mlproject_is_refused_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match="MLproject") as refused:
        read_mlproject(text.encode())
    assert said in refused.value.message or said == "MLproject"
    assert "/opt" not in refused.value.message
