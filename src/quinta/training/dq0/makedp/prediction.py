"""The platform's entry point ``predict``: answers of a trained model to rows that a caller sends (contract dq0 7.3)."""

from __future__ import annotations

import csv
import json
import os
import re
from typing import Any, Dict, List

import numpy as np

from dq0.makedp.errors import TrainingError
from dq0.makedp.randomness import Array
from dq0.makedp.saving import Saved, load
from dq0.makedp.training import predicted

PREDICTIONS_FILE = "predictions.csv"
RESULT_FILE = "predictions.json"
MOST_ROWS = 1_000_000
_LARGEST = 1e6
"""Of a number that a project prepared: with more, a gradient has no length."""
_WHOLE = re.compile(r"-?[0-9]{1,15}")


def predict(model_folder: str, input_path: str, output_folder: str, probabilities: bool) -> None:
    """Writes ``predictions.csv`` and ``predictions.json`` (an object with the list ``predictions``, and
    ``probabilities`` with ``classes`` where they are asked for).

    Values belong to the columns by their position, as callers send no names. TrainingError for rows that do not fit.
    """
    model = load(model_folder)
    rows = _rows(input_path)
    answers = predicted(model.trained, _inputs(model, rows))
    target = model.target
    predictions: List[Any]
    if target.classes:
        named: List[Any] = list(target.classes)
        if all(_WHOLE.fullmatch(name) for name in named):
            named = [int(name) for name in named]
        predictions = [named[place] for place in answers.argmax(axis=1)]
    else:
        predictions = [float(value) for value in target.lower + answers[:, 0] * (target.upper - target.lower)]
    result: Dict[str, Any] = {"predictions": predictions}
    if probabilities and target.classes:
        result.update(classes=target.classes, probabilities=answers.round(9).tolist())
    _write(output_folder, result)


def _write(folder: str, result: Dict[str, Any]) -> None:
    with open(os.path.join(folder, RESULT_FILE), "w", encoding="utf-8") as file:
        json.dump(result, file)
    with open(os.path.join(folder, PREDICTIONS_FILE), "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["prediction"] + ["probability_%s" % name for name in result.get("classes", ())])
        chances = result.get("probabilities") or [[]] * len(result["predictions"])
        for prediction, own in zip(result["predictions"], chances):
            lines.writerow([prediction, *own])


def _rows(path: str) -> List[List[Any]]:
    """Lists of values: of JSON, which begins with a bracket, a list of lists, or of the values of one row; of CSV the
    lines, without a header."""
    with open(path, newline="", encoding="utf-8") as file:
        is_json = file.read(64).lstrip()[:1] == "["
        file.seek(0)
        try:
            rows = json.load(file) if is_json else [line for line in csv.reader(file) if line]
        except (ValueError, RecursionError, csv.Error) as error:
            raise TrainingError("the input is neither a JSON list of rows nor CSV: %s" % error) from None
    if not isinstance(rows, list) or not rows or len(rows) > MOST_ROWS:
        raise TrainingError("the input must be a list of 1 to %d rows" % MOST_ROWS)
    if not any(isinstance(row, list) for row in rows):
        rows = [rows]
    return rows


def _inputs(model: Saved, rows: List[Any]) -> Array:
    width = len(model.encoder.features) if model.encoder is not None else model.trained.layout.sizes[0]
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != width:
            raise TrainingError("row %d must have %d values%s" % (number, width, _names(model)))
    if model.encoder is not None:
        return model.encoder.inputs(list(zip(*rows)), len(rows))
    try:
        numbers = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        raise TrainingError("every value must be a number: the project prepares its rows itself") from None
    return prepared_inputs(model.definition.family, numbers)


def prepared_inputs(family: str, numbers: Array) -> Array:
    """Numbers that a project prepared, as its model takes them: naive Bayes from 0 to 1, which -5 to 5 become."""
    numbers = np.clip(np.where(np.isfinite(numbers), numbers, 0.0), -_LARGEST, _LARGEST)
    return (np.clip(numbers, -5.0, 5.0) + 5.0) / 10.0 if family == "naive_bayes" else numbers


def _names(model: Saved) -> str:
    if model.encoder is None:
        return ""
    return ": " + ", ".join(feature.name for feature in model.encoder.features)
