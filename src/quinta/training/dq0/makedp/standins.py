"""Stand-ins for the classes of the DQ0 SDK that a ``my_model.py`` may derive from, where the SDK is not installed.

They keep what is set on them and do nothing else: training is not theirs. The names are those that SDK 1.2.0 writes
into a project's file (contract dq0 3.6).
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any, Dict, NoReturn


class Model:
    """What ``UserModel`` derives from: a class with setup_data, setup_model and preprocess."""

    def __init__(self) -> None:
        self.data_source: Any = None
        self.model: Any = None

    def attach_data_source(self, data_source: Any) -> None:
        self.data_source = data_source

    def setup_data(self, **kwargs: Any) -> None:
        """Nothing to set up."""

    def setup_model(self, **kwargs: Any) -> None:
        """Nothing to set up."""

    def preprocess(self) -> Any:
        return None


class NeuralNetwork(Model):
    """A network."""


class NeuralNetworkClassification(NeuralNetwork):
    """A network that tells classes apart."""


class NeuralNetworkMultiClassClassification(NeuralNetwork):
    """The same."""


class NeuralNetworkRegression(NeuralNetwork):
    """A network that predicts a number."""


class NaiveBayesianModel(Model):
    """A naive Bayes classifier."""


def fatal_error(message: str, logger: Any = None) -> NoReturn:
    """Raises RuntimeError with the text, as the SDK's function ends the run."""
    raise RuntimeError(message)


_PLACES: Dict[str, Dict[str, Any]] = {
    "dq0.sdk.models.model": {"Model": Model},
    "dq0.sdk.models.tf.neural_network": {"NeuralNetwork": NeuralNetwork},
    "dq0.sdk.models.tf.neural_network_classification": {"NeuralNetworkClassification": NeuralNetworkClassification},
    "dq0.sdk.models.tf.neural_network_multiclass_classification": {
        "NeuralNetworkMultiClassClassification": NeuralNetworkMultiClassClassification
    },
    "dq0.sdk.models.tf.neural_network_regression": {"NeuralNetworkRegression": NeuralNetworkRegression},
    "dq0.sdk.models.bayes.naive_bayesian_model": {"NaiveBayesianModel": NaiveBayesianModel},
    "dq0.sdk.errors.errors": {"fatal_error": fatal_error},
}


def install() -> None:
    """Makes them importable by the SDK's names, unless the SDK is there."""
    if "dq0.sdk" in sys.modules or importlib.util.find_spec("dq0.sdk") is not None:
        return
    for name, members in _PLACES.items():
        module = _module(name)
        for member, value in members.items():
            setattr(module, member, value)


def _module(name: str) -> ModuleType:
    """The module by that name in sys.modules, made with those above it where it is not there."""
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name, "A stand-in for the DQ0 SDK.")
    module.__path__ = []
    sys.modules[name] = module
    above, _, own = name.rpartition(".")
    setattr(_module(above), own, module)
    return module
