"""What a project may say of its model, and how it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dq0.makedp import LinearRegression, LogisticRegression, NaiveBayes, Network
from dq0.makedp.definition import read_definition
from dq0.makedp.errors import TrainingError
from dq0.makedp.models import Definition, describe


def model_of(library: str, name: str, **members: Any) -> Any:
    """An object of a class by that name in that library, with these members."""
    kind = type(name, (), {"__module__": library, **members})
    return kind()


def layers_of(library: str, *layers: tuple[str, dict[str, Any]]) -> list[Any]:
    return [model_of(library, name, **members) for name, members in layers]


def dense(units: int, activation: str) -> tuple[str, dict[str, Any]]:
    return "Dense", {"units": units, "get_config": lambda self: {"activation": activation}}


def test_models_of_our_own_are_described() -> None:
    assert describe(LogisticRegression()) == Definition("network", "classification")
    assert describe(LinearRegression(weight_decay=0.1)) == Definition("network", "regression", weight_decay=0.1)
    assert describe(NaiveBayes()) == Definition("naive_bayes", "classification")
    assert describe(Network((8, 4), "tanh")) == Definition("network", "classification", (8, 4), "tanh")


def test_models_of_scikit_learn_are_described() -> None:
    module = "sklearn.some"
    assert describe(model_of(module, "LogisticRegression")).task == "classification"
    assert describe(model_of(module, "Ridge")).task == "regression"
    assert describe(model_of(module, "GaussianNB")).family == "naive_bayes"
    network = model_of(module, "MLPClassifier", hidden_layer_sizes=(10,), activation="logistic")
    assert describe(network) == Definition("network", "classification", (10,), "sigmoid")


def test_sequential_models_of_dense_layers_are_described() -> None:
    linear, relu = ("Linear", {"out_features": 2}), ("ReLU", {})
    layers = layers_of("torch.nn", ("Linear", {"out_features": 8}), relu, linear)
    torch = model_of("torch.nn", "Sequential", __iter__=lambda self: iter(layers))
    assert describe(torch) == Definition("network", "classification", (8,), "relu")
    keras = model_of("keras.src", "Sequential", layers=layers_of("keras", dense(6, "tanh"), dense(1, "linear")))
    assert describe(keras) == Definition("network", "regression", (6,), "tanh")


@pytest.mark.parametrize(
    "model",
    [
        None,
        object(),
        model_of("sklearn.ensemble", "RandomForestClassifier"),
        model_of("torch.nn", "Transformer"),
        model_of("keras", "Sequential", layers=layers_of("keras", ("Conv2D", {}))),
        model_of("keras", "Sequential", layers=layers_of("keras", dense(3, "gelu"), dense(2, "softmax"))),
        model_of("sklearn.x", "MLPClassifier", hidden_layer_sizes=(10,), activation="identity"),
    ],
)
def test_other_models_are_refused(model: Any) -> None:
    with pytest.raises(TrainingError):
        describe(model)


@pytest.mark.parametrize(
    "changed",
    [
        {
            "model": {
                "family": "forest",
                "task": "classification",
                "hidden": [],
                "activation": "relu",
                "weight_decay": 0,
            }
        },
        {"model": {"family": "network"}},
        {"model": []},
        {"features": [1]},
        {"features": ["x"] * 10_001},
        {"target": {"a": 1}},
        {
            "model": {
                "family": "network",
                "task": "regression",
                "hidden": [1.5],
                "activation": "relu",
                "weight_decay": 0,
            }
        },
        {"model": {"family": "network", "task": "regression", "hidden": [], "activation": "relu", "weight_decay": "1"}},
    ],
    ids=str,
)
def test_a_definition_is_believed_nothing(tmp_path: Path, changed: dict[str, Any]) -> None:
    good: dict[str, Any] = {"model": describe(Network())._asdict(), "features": ["a"], "target": None}
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(good), encoding="utf-8")
    assert read_definition(str(tmp_path)).model == describe(Network())
    file.write_text(json.dumps({**good, **changed}), encoding="utf-8")
    with pytest.raises(TrainingError):
        read_definition(str(tmp_path))


def test_a_definition_is_no_link_and_not_large(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("{}", encoding="utf-8")
    (tmp_path / "definition.json").symlink_to(secret)
    with pytest.raises(TrainingError, match="no file"):
        read_definition(str(tmp_path))
    (tmp_path / "definition.json").unlink()
    (tmp_path / "definition.json").write_text(" " * (1 << 21), encoding="utf-8")
    with pytest.raises(TrainingError, match="no file"):
        read_definition(str(tmp_path))
