"""Which model a project wants: what it can say, and how that is read from the objects of other libraries.

A definition has numbers and words alone, so that training does not need the project's code.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from dq0.makedp.errors import TrainingError

MOST_LAYERS = 4
MOST_UNITS = 512
ACTIVATIONS = ("relu", "tanh", "sigmoid")
_HOW = (
    "set self.model in setup_model to LogisticRegression, LinearRegression, NaiveBayes or Network of dq0.makedp, to "
    "such a model of scikit-learn, or to a torch or Keras Sequential of dense layers"
)


class Definition(NamedTuple):
    """A model to be trained. ``family``: network or naive_bayes; ``task``: classification or regression. A network
    without hidden layers is logistic or linear regression."""

    family: str
    task: str
    hidden: Tuple[int, ...] = ()
    activation: str = "relu"
    weight_decay: float = 0.0


class LogisticRegression:
    """Tells classes apart by a weighted sum of the features. ``weight_decay`` draws the weights to 0."""

    def __init__(self, weight_decay: float = 0.0) -> None:
        self.definition = Definition("network", "classification", weight_decay=weight_decay)


class LinearRegression:
    """Predicts a number by a weighted sum of the features."""

    def __init__(self, weight_decay: float = 0.0) -> None:
        self.definition = Definition("network", "regression", weight_decay=weight_decay)


class NaiveBayes:
    """Tells classes apart by the mean and the variance that each feature has in them."""

    def __init__(self) -> None:
        self.definition = Definition("naive_bayes", "classification")


class Network:
    """A dense network. ``hidden``: how many units its hidden layers have; ``activation``: relu, tanh or sigmoid."""

    def __init__(
        self,
        hidden: Sequence[int] = (16,),
        activation: str = "relu",
        task: str = "classification",
        weight_decay: float = 0.0,
    ) -> None:
        self.definition = Definition("network", task, tuple(hidden), activation, weight_decay)


def describe(model: Any) -> Definition:
    """What ``model`` is, whichever library it is of; TrainingError for one that cannot be trained privately here."""
    if model is None:
        raise TrainingError("setup_model left no model: " + _HOW)
    definition = getattr(model, "definition", None)
    if not isinstance(definition, Definition):
        library = type(model).__module__.split(".")[0]
        reader = _READERS.get(library)
        definition = reader(model) if reader is not None else None
    if definition is None:
        raise TrainingError("a model of the class %s cannot be trained privately: %s" % (type(model).__name__, _HOW))
    return checked(definition._asdict())


def checked(members: Dict[str, Any]) -> Definition:
    """The definition with these members; TrainingError for what no definition has."""
    if set(members) != set(Definition._fields):
        raise TrainingError("a definition of a model has the members %s" % ", ".join(Definition._fields))
    definition = Definition(**{**members, "hidden": tuple(members["hidden"])})
    if definition.family not in ("network", "naive_bayes"):
        raise TrainingError("there is no family of models '%s'" % str(definition.family)[:40])
    if definition.task not in ("classification", "regression"):
        raise TrainingError("a model's task is classification or regression, not '%s'" % str(definition.task)[:40])
    if definition.family == "naive_bayes" and (definition.task != "classification" or definition.hidden):
        raise TrainingError("naive Bayes tells classes apart, and has no hidden layers")
    units = definition.hidden
    if len(units) > MOST_LAYERS or not all(type(each) is int and 1 <= each <= MOST_UNITS for each in units):
        raise TrainingError("a network has up to %d hidden layers of 1 to %d units" % (MOST_LAYERS, MOST_UNITS))
    if definition.activation not in ACTIVATIONS:
        raise TrainingError("an activation is one of %s" % ", ".join(ACTIVATIONS))
    decay = definition.weight_decay
    if type(decay) not in (int, float) or not (math.isfinite(decay) and 0 <= decay <= 1):
        raise TrainingError("weight_decay is a number from 0 to 1")
    return definition


def _of_scikit_learn(model: Any) -> Optional[Definition]:
    name = type(model).__name__
    if name in ("LogisticRegression", "SGDClassifier", "RidgeClassifier", "Perceptron", "LinearSVC"):
        return Definition("network", "classification")
    if name in ("LinearRegression", "Ridge", "SGDRegressor", "LinearSVR"):
        return Definition("network", "regression")
    if name == "GaussianNB":
        return Definition("naive_bayes", "classification")
    if name in ("MLPClassifier", "MLPRegressor"):
        task = "classification" if name == "MLPClassifier" else "regression"
        activation = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid"}.get(model.activation, model.activation)
        sizes = model.hidden_layer_sizes
        hidden = (sizes,) if isinstance(sizes, int) else tuple(int(size) for size in sizes)
        return Definition("network", task, hidden, activation)
    return None


def _of_torch(model: Any) -> Optional[Definition]:
    if type(model).__name__ != "Sequential":
        return None
    units: List[int] = []
    activations: List[str] = []
    last = ""
    for layer in model:
        name = type(layer).__name__
        if name == "Linear":
            units.append(int(layer.out_features))
        elif name in ("ReLU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax"):
            activations.append(name.lower())
        elif name not in ("Dropout", "Flatten", "Identity"):
            return None
        last = name
    task = "regression" if last == "Linear" and units and units[-1] == 1 else "classification"
    return _dense(units, activations, task)


def _of_keras(model: Any) -> Optional[Definition]:
    if type(model).__name__ != "Sequential":
        return None
    units: List[int] = []
    activations: List[str] = []
    for layer in model.layers:
        name = type(layer).__name__
        if name == "Dense":
            units.append(int(layer.units))
            activations.append(str(layer.get_config().get("activation")))
        elif name not in ("InputLayer", "Dropout", "Flatten"):
            return None
    task = "regression" if activations and activations[-1] == "linear" and units[-1] == 1 else "classification"
    return _dense(units, activations, task)


def _dense(units: List[int], activations: List[str], task: str) -> Optional[Definition]:
    """The last layer's units follow from the data, and its activation from the task."""
    hidden, inner = units[:-1], activations[: len(units) - 1]
    if not units or len(set(inner)) > 1 or (hidden and len(inner) != len(hidden)):
        return None
    return Definition("network", task, tuple(hidden), inner[0] if inner else "relu")


_READERS: Dict[str, Callable[[Any], Optional[Definition]]] = {
    "sklearn": _of_scikit_learn,
    "torch": _of_torch,
    "keras": _of_keras,
    "tf_keras": _of_keras,
    "tensorflow": _of_keras,
}
