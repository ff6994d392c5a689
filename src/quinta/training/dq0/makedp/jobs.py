"""The actions of ``python -m dq0.makedp`` that the platform runs: train, predict (prediction.py) and check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from dq0.makedp.checker import Limits, attacked
from dq0.makedp.definition import ARRAYS_FILE, Wanted, read_arrays, read_definition
from dq0.makedp.encoding import MOST_CLASSES, Encoder, Target, declared_encoder, declared_target, numbered
from dq0.makedp.errors import TrainingError
from dq0.makedp.metadata import Dataset, chosen
from dq0.makedp.models import Definition
from dq0.makedp.prediction import prepared_inputs
from dq0.makedp.randomness import Array
from dq0.makedp.saving import ENCODER_FILE, MODEL_FOLDER, Saved, load, save
from dq0.makedp.table import read_columns
from dq0.makedp.tracking import REPORT_FILE, Progress, report, started
from dq0.makedp.training import Rows, Settings, bounded, check, measured, split, train

CHECK_FILE = "check.json"
_DELTA = 1e-6
"""The most where the metadata says none. A delta of the caller's own choosing could be so large that epsilon means
nothing."""


class Material(NamedTuple):
    """Rows to train and to measure on, and how they came to be. ``encoder`` None: the project prepared them."""

    training: Rows
    testing: Optional[Rows]
    target: Target
    encoder: Optional[Encoder]
    most_rows_each: int


def run_training(
    module_path: str,
    definition_folder: Optional[str],
    output_folder: str,
    dataset_name: str,
    settings: Settings,
    environment: Dict[str, str],
) -> None:
    """Trains, and writes ``pyfunc_model`` and ``training.json`` into ``output_folder``.

    With ``definition_folder`` nothing of the project is run; else its code is asked in processes of its own first.
    ``settings.delta`` 0: the most that is allowed, which is the metadata's, else a millionth.
    """
    dataset = chosen(environment, dataset_name)
    most = dataset.delta or _DELTA
    settings = settings._replace(delta=settings.delta or most)
    check(settings)
    if settings.delta > most:
        raise TrainingError("delta may be %g at most: what the owner declared as budget_delta, else 1e-6" % most)
    started()
    with tempfile.TemporaryDirectory() as scratch:
        folder = definition_folder or _asked(module_path, scratch, dataset_name)
        wanted = read_definition(folder)
        if wanted.model is None:
            raise TrainingError("setup_data reads rows: let the project prepare them first, by --action prepare")
        material = _material(wanted, wanted.model, folder, dataset, settings.test_share)
    classes, each = len(material.target.classes), material.most_rows_each
    trained = train(wanted.model, material.training, classes, each, settings, Progress())
    metrics: Dict[str, float] = {}
    if material.testing is not None:
        metrics.update(measured(trained, material.testing, each, settings))
    saved = Saved(wanted.model, trained, material.target, material.encoder, settings, dataset.name)
    save(saved, os.path.join(output_folder, MODEL_FOLDER))
    _report(saved, metrics, output_folder, environment)


def run_check(
    model_folder: str,
    definition_folder: Optional[str],
    output_folder: str,
    dataset_name: str,
    limits: Limits,
    environment: Dict[str, str],
) -> None:
    """Attacks the way in which the model was trained, and writes ``check.json`` into ``output_folder``: for the
    dataset's owners alone, since it is measured on rows without noise."""
    saved = load(model_folder)
    dataset = chosen(environment, dataset_name or saved.dataset)
    if saved.encoder is not None:
        rows = bounded(encoded(saved.encoder, dataset), dataset.most_rows_each)
        each = dataset.most_rows_each
    elif definition_folder is None:
        raise TrainingError("the model's rows were prepared by its project: let it prepare them, by --action prepare")
    else:
        rows, each = _together(_prepared(saved.definition, read_arrays(definition_folder), saved.target)), 1
    started()
    result = attacked(saved, rows, each, limits, Progress())
    with open(os.path.join(output_folder, CHECK_FILE), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)


def _asked(module_path: str, folder: str, dataset_name: str) -> str:
    """Lets the project's code say what it wants, first without rows; the folder."""
    _ask("define", module_path, folder, dataset_name)
    if read_definition(folder).model is None:
        _ask("prepare", module_path, folder, dataset_name)
    return folder


def _ask(action: str, module_path: str, folder: str, dataset_name: str) -> None:
    words = [sys.executable, "-m", "dq0.makedp", "--action", action, "--module-path", module_path]
    words += ["--output-path", folder, "--dataset", dataset_name]
    if subprocess.run(words, check=False).returncode != 0:
        raise TrainingError("%s failed while the model was being set up: see above" % os.path.basename(module_path))


def _material(wanted: Wanted, model: Definition, folder: str, dataset: Dataset, test_share: float) -> Material:
    if os.path.exists(os.path.join(folder, ARRAYS_FILE)):
        target = None if wanted.target is None else declared_target(dataset.column(wanted.target), model.task)
        return _prepared(model, read_arrays(folder), target)
    encoder = declared_encoder(dataset, model.task, wanted.features, wanted.target)
    training, testing = split(bounded(encoded(encoder, dataset), dataset.most_rows_each), test_share)
    return Material(training, testing, encoder.target, encoder, dataset.most_rows_each)


def encoded(encoder: Encoder, dataset: Dataset) -> Rows:
    """All rows that have a target, and say whom they are about, encoded by the metadata. Rows without the latter are
    left out: taken for rows of one person, they would change when a person comes in, and that is not accounted for."""
    names = [feature.name for feature in encoder.features]
    extra = [] if dataset.privacy_column is None else [dataset.privacy_column]
    table = read_columns(dataset, list(dict.fromkeys([*names, encoder.target.name, *extra])))
    targets, known = encoder.targets(table[encoder.target.name])
    inputs = encoder.inputs([table[name] for name in names], len(targets))
    persons = np.arange(len(targets))
    if dataset.privacy_column is not None:
        persons = numbered(table[dataset.privacy_column])
        known = known & (persons >= 0)
    return Rows(inputs[known], targets[known], persons[known], len(names))


def _prepared(model: Definition, arrays: Dict[str, Array], target: Optional[Target]) -> Material:
    """What the project made. Each row is a person of its own: whose it was nobody can tell any more. Without a declared
    target the classes, or the range, are those that the project's y_train has, and the model tells them."""
    inputs, answers = arrays["X_train"], arrays["y_train"]
    if len(inputs) != len(answers) or not len(inputs):
        raise TrainingError("X_train and y_train must have as many rows, and at least one")
    target = target or _found_target(model, answers)
    testing = None
    if {"X_test", "y_test"} <= set(arrays) and len(arrays["X_test"]):
        testing = _rows(model, arrays["X_test"], arrays["y_test"], target)
    return Material(_rows(model, inputs, answers, target), testing, target, None, 1)


def _found_target(model: Definition, answers: Array) -> Target:
    if model.task == "regression":
        if answers.dtype.kind != "f":
            raise TrainingError("y_train must hold numbers for a regression")
        low, high = float(answers.min()), float(answers.max())
        return Target("y", (), low, high if high > low else low + 1.0)
    classes = tuple(_class(value) for value in np.unique(answers))
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise TrainingError("y_train must have 2 to %d classes" % MOST_CLASSES)
    return Target("y", classes)


def _rows(model: Definition, inputs: Array, answers: Array, target: Target) -> Rows:
    inputs = prepared_inputs(model.family, inputs)
    plain: List[Any] = [_class(value) for value in answers] if target.classes else list(answers)
    targets, known = Encoder((), target).targets(plain)
    persons = np.arange(len(targets))
    return Rows(inputs[known], targets[known], persons[: int(known.sum())], inputs.shape[1])


def _class(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _together(material: Material) -> Rows:
    """All rows of both parts."""
    if material.testing is None:
        return material.training
    first, second = material.training, material.testing
    inputs, targets = (
        np.concatenate(pair) for pair in ((first.inputs, second.inputs), (first.targets, second.targets))
    )
    return Rows(inputs, targets, np.arange(len(targets)), first.reach)


def _report(saved: Saved, metrics: Dict[str, float], folder: str, environment: Dict[str, str]) -> None:
    """``artifacts`` says who may see each: what is private by construction anybody whom the run is shown, the encoder's
    declared bounds and values the dataset's owners."""
    settings = saved.settings
    epsilon = max(saved.trained.epsilon, metrics.get("epsilon", 0.0))  # nobody is both trained and measured on
    metrics = {**metrics, "epsilon": epsilon, "delta": settings.delta}
    params: Dict[str, Any] = {
        "guarantee": saved.guarantee,
        "model_family": saved.definition.family,
        "model_task": saved.definition.task,
        "noise_multiplier": round(saved.trained.noise_multiplier, 4),
    }
    if saved.definition.family == "network":
        params.update(sampling=settings.sampling, steps=settings.steps, l2_norm_clip=settings.clip)
    model_files = sorted(os.listdir(os.path.join(folder, MODEL_FOLDER)))
    artifacts = {
        "%s/%s" % (MODEL_FOLDER, name): "owners" if name == ENCODER_FILE else "platform" for name in model_files
    }
    artifacts[REPORT_FILE] = "platform"
    members = {"guarantee": saved.guarantee, "metrics": metrics, "params": params, "artifacts": artifacts}
    report(folder, members, environment)
    for key, value in metrics.items():
        print("%s: %.6g" % (key, value), flush=True)
