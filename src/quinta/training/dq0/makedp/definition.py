"""The project's part of a training: its code says what is to be trained, and nothing more.

``define`` runs it where there are no rows. What it leaves is a JSON file of names and numbers that depends on nobody's
rows, so that whatever is trained by it is as private as the training. Only a project that reads rows itself needs
``prepare``, which runs its code beside the rows: what comes of that is private for the rows as the project prepared
them, and for the dataset only as far as the project's code does not carry one row's contents into another.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from dq0.makedp.errors import TrainingError
from dq0.makedp.metadata import Dataset
from dq0.makedp.models import Definition, checked, describe
from dq0.makedp.randomness import Array
from dq0.makedp.sources import Source
from dq0.makedp.standins import install

USER_CLASS = "UserModel"
DEFINITION_FILE = "definition.json"
ARRAYS_FILE = "arrays.npz"
LARGEST_DEFINITION = 1 << 20
_MOST_NAMES = 10_000


class Wanted(NamedTuple):
    """What the project asks for. ``model`` None: its code needs rows to say it."""

    model: Optional[Definition]
    features: Optional[List[str]] = None
    target: Optional[str] = None


def define(module_path: str, folder: str) -> Wanted:
    """Runs the project's setup_data and setup_model without rows, and writes the definition into ``folder``."""
    user, source = _user_model(module_path, Source())
    try:
        user.setup_data()
        if not source.asked:
            user.setup_model()
    except Exception:
        if not source.asked:
            raise
    if source.asked:
        return _written(Wanted(None), folder)
    wanted = Wanted(describe(_model_of(user)), _names(user), getattr(user, "target_column", None))
    return _written(wanted, folder)


def prepare(module_path: str, folder: str, dataset: Dataset) -> Wanted:
    """Runs the project's code on the rows, and writes into ``folder`` the definition and what it made of them: X_train,
    y_train and, where the project splits, X_test and y_test."""
    user, _ = _user_model(module_path, Source(dataset))
    user.setup_data()
    user.setup_model()
    arrays = {}
    for name in ("X_train", "y_train", "X_test", "y_test"):
        value = getattr(user, name, None)
        if value is not None:
            arrays[name] = _plain(name, value)
    if not {"X_train", "y_train"} <= set(arrays):
        raise TrainingError("setup_data read rows, so it must set self.X_train and self.y_train")
    np.savez(os.path.join(folder, ARRAYS_FILE), **arrays)
    return _written(Wanted(describe(_model_of(user)), target=getattr(user, "target_column", None)), folder)


def read_definition(folder: str) -> Wanted:
    """What ``define`` or ``prepare`` wrote. It is the project's, and believed nothing: TrainingError for what is no
    definition."""
    path = os.path.join(folder, DEFINITION_FILE)
    if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > LARGEST_DEFINITION:
        raise TrainingError(
            "the definition is no file of up to %d bytes: make it by --action define" % LARGEST_DEFINITION
        )
    with open(path, encoding="utf-8") as file:
        try:
            members = json.load(file)
            model, features, target = members["model"], members["features"], members["target"]
            names = [] if features is None else list(features)
            if len(names) > _MOST_NAMES or not all(isinstance(name, str) for name in [*names, target or ""]):
                raise ValueError("names of columns are texts, up to %d of them" % _MOST_NAMES)
            return Wanted(None if model is None else checked(model), None if features is None else names, target)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise TrainingError("the definition cannot be read: %s" % error) from None


def read_arrays(folder: str) -> Dict[str, Array]:
    """What ``prepare`` wrote. Nothing is unpickled."""
    with np.load(os.path.join(folder, ARRAYS_FILE), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _user_model(module_path: str, source: Source) -> Tuple[Any, Source]:
    """The project's model with the source attached, and the source."""
    install()
    folder = os.path.dirname(os.path.abspath(module_path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    specification = importlib.util.spec_from_file_location("my_model", module_path)
    if specification is None or specification.loader is None or not os.path.isfile(module_path):
        raise TrainingError("there is no Python file '%s' in the project" % os.path.basename(module_path))
    module = importlib.util.module_from_spec(specification)
    sys.modules["my_model"] = module
    specification.loader.exec_module(module)
    kind = getattr(module, USER_CLASS, None)
    if not isinstance(kind, type):
        raise TrainingError("%s has no class %s" % (os.path.basename(module_path), USER_CLASS))
    user: Any = kind()
    if callable(getattr(user, "attach_data_source", None)):
        user.attach_data_source(source)
    else:
        user.data_source = source
    return user, source


def _model_of(user: Any) -> Any:
    """Its attribute ``model``; the SDK's own classes may call it otherwise, plain ones need not have it."""
    return getattr(user, "model", None)


def _names(user: Any) -> Optional[List[str]]:
    names = getattr(user, "feature_columns", None)
    return None if names is None else [str(name) for name in names]


def _plain(name: str, value: Any) -> Array:
    """As an array of numbers or, for the y, of texts."""
    array = np.asarray(value)
    if name.startswith("y") and array.dtype.kind in "OUS":
        return array.reshape(-1).astype(str)
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingError("self.%s must hold numbers: %s" % (name, error)) from error
    return numbers.reshape(-1) if name.startswith("y") else numbers.reshape(len(numbers), -1)


def _written(wanted: Wanted, folder: str) -> Wanted:
    members = {
        "model": None if wanted.model is None else wanted.model._asdict(),
        "features": wanted.features,
        "target": wanted.target,
    }
    with open(os.path.join(folder, DEFINITION_FILE), "w", encoding="utf-8") as file:
        json.dump(members, file)
    return wanted
