"""Numbers for a model from rows, by what the metadata declares and by nothing that is read from the rows.

Each row is encoded by itself, so that one person's rows never change another's: that is what makes training on the
result private for the dataset, and not only for the numbers.
"""

from __future__ import annotations

import hashlib
import math
import re
from datetime import datetime, timezone
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dq0.makedp.errors import TrainingError
from dq0.makedp.metadata import Column, Dataset
from dq0.makedp.randomness import Array

MOST_CLASSES = 100
_WHOLE = re.compile(r"-?[0-9]+\.0+")
_BUCKETS = 32
"""For texts whose values are not declared: this many, or the declared cardinality where that is less."""


class Feature(NamedTuple):
    """How a column becomes numbers from 0 to 1: by its bounds, or one of ``values`` each, or one of ``buckets``."""

    name: str
    lower: float = 0.0
    upper: float = 1.0
    values: Optional[Tuple[str, ...]] = None
    buckets: int = 0

    @property
    def width(self) -> int:
        return len(self.values) if self.values is not None else self.buckets or 1


class Target(NamedTuple):
    """What is predicted: one of ``classes``, or a number within bounds where there are none."""

    name: str
    classes: Tuple[str, ...] = ()
    lower: float = 0.0
    upper: float = 1.0


class Encoder(NamedTuple):
    features: Tuple[Feature, ...]
    target: Target

    @property
    def width(self) -> int:
        return sum(feature.width for feature in self.features)

    def inputs(self, columns: Sequence[Sequence[Any]], count: int) -> Array:
        """A row of numbers from 0 to 1 for each of ``count`` rows, given by columns in the features' order."""
        parts = [_encoded(feature, values) for feature, values in zip(self.features, columns)]
        return np.concatenate(parts, axis=1) if parts else np.zeros((count, 0))

    def targets(self, values: Sequence[Any]) -> Tuple[Array, Array]:
        """The number of each row's class, or its number scaled to 0 to 1; and which rows have one at all."""
        if self.target.classes:
            places = {name: place for place, name in enumerate(self.target.classes)}
            found = np.array([places.get(_word(value), -1) for value in values], dtype=np.int64)
            return np.maximum(found, 0), found >= 0
        numbers = np.array([_number(value) for value in values], dtype=np.float64)
        known = np.isfinite(numbers)
        return _scaled(numbers, self.target.lower, self.target.upper), known

    def to_json(self) -> Dict[str, Any]:
        return {"features": [each._asdict() for each in self.features], "target": self.target._asdict()}


def encoder_from(members: Dict[str, Any]) -> Encoder:
    """Back from ``to_json``."""
    features = [
        Feature(**{**each, "values": None if each["values"] is None else tuple(each["values"])})
        for each in members["features"]
    ]
    return Encoder(tuple(features), target_from(members["target"]))


def target_from(members: Dict[str, Any]) -> Target:
    return Target(**{**members, "classes": tuple(members["classes"])})


def declared_encoder(
    dataset: Dataset, task: str, features: Optional[Sequence[str]] = None, target: Optional[str] = None
) -> Encoder:
    """How the dataset's rows are encoded: by the columns marked as features and target, or those named.

    TrainingError where the metadata does not say what is needed of a column, naming it.
    """
    marked = [column.name for column in dataset.columns if column.is_target]
    goal = target or (marked[0] if len(marked) == 1 else None)
    if goal is None:
        raise TrainingError(
            "the metadata of '%s' must mark one column as is_target; or set self.target_column in setup_data"
            % dataset.name
        )
    names = [column.name for column in dataset.columns if column.is_feature] if features is None else list(features)
    names = [name for name in names if name != goal]
    if not names:
        raise TrainingError(
            "the metadata of '%s' must mark columns as is_feature; or set self.feature_columns in setup_data"
            % dataset.name
        )
    identifying = [name for name in names if _identifies(dataset, name)]
    if identifying:
        raise TrainingError("'%s' says who a row is about: it cannot be a feature" % identifying[0])
    return Encoder(tuple(_feature(dataset.column(name)) for name in names), declared_target(dataset.column(goal), task))


def _identifies(dataset: Dataset, name: str) -> bool:
    return name == dataset.privacy_column or dataset.column(name).private_id


def _feature(column: Column) -> Feature:
    if column.allowed_values is not None:
        return Feature(column.name, values=tuple(_word(value) for value in column.allowed_values))
    if column.type == "boolean":
        return Feature(column.name, values=("true",))
    if column.type == "string":
        return Feature(column.name, buckets=max(1, min(column.cardinality or _BUCKETS, _BUCKETS)))
    return Feature(column.name, *_bounds(column))


def declared_target(column: Column, task: str) -> Target:
    """The classes or the bounds that the column's owner declared; TrainingError where there are none."""
    if task == "regression":
        if column.type not in ("int", "float"):
            raise TrainingError("the column '%s' is no number: train a classifier on it" % column.name)
        return Target(column.name, (), *_bounds(column))
    if column.allowed_values is not None:
        classes = tuple(_word(value) for value in column.allowed_values)
    elif column.type == "boolean":
        classes = ("false", "true")
    elif column.type == "int" and column.lower is not None and column.upper is not None:
        most = int(column.lower) + MOST_CLASSES  # one more is enough to be refused
        classes = tuple(str(value) for value in range(int(column.lower), min(int(column.upper), most) + 1))
    else:
        raise TrainingError(
            "the classes of '%s' are not declared: its owner can say allowed_values in the metadata" % column.name
        )
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise TrainingError("'%s' must have 2 to %d classes" % (column.name, MOST_CLASSES))
    return Target(column.name, classes)


def _bounds(column: Column) -> Tuple[float, float]:
    if column.lower is None or column.upper is None:
        raise TrainingError(
            "the column '%s' has no declared bounds: leave it out by self.feature_columns, or ask the dataset's owner "
            "to declare lower and upper" % column.name
        )
    lower, upper = _number(column.lower), _number(column.upper)
    if not lower < upper:
        raise TrainingError("the bounds of the column '%s' enclose nothing" % column.name)
    return lower, upper


def _encoded(feature: Feature, values: Sequence[Any]) -> Array:
    if feature.values is None and not feature.buckets:
        numbers = np.array([_number(value) for value in values], dtype=np.float64)
        return _scaled(numbers, feature.lower, feature.upper)[:, None]
    places = _places(feature, values)
    encoded = np.zeros((len(places), feature.width))
    known = np.flatnonzero(places >= 0)
    encoded[known, places[known]] = 1.0
    return encoded


def _places(feature: Feature, values: Sequence[Any]) -> Array:
    known = {} if feature.values is None else {value: place for place, value in enumerate(feature.values)}
    seen: Dict[str, int] = dict(known)
    found: List[int] = []
    for value in values:
        word = _word(value)
        if word not in seen:
            seen[word] = -1 if feature.values is not None or not word else _bucket(word, feature.buckets)
        found.append(seen[word])
    return np.array(found, dtype=np.int64)


def _bucket(word: str, buckets: int) -> int:
    return int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:8], "big") % buckets


def _scaled(numbers: Array, lower: float, upper: float) -> Array:
    """Clipped to the bounds and scaled to 0 to 1; the middle where there is no number."""
    scaled = (np.clip(numbers, lower, upper) - lower) / (upper - lower)
    return np.where(np.isfinite(scaled), scaled, 0.5)


def numbered(values: Sequence[Any]) -> Array:
    """For each value a number that is the same where the value is; -1 where there is none."""
    numbers: Dict[str, int] = {"": -1}
    return np.array([numbers.setdefault(_word(value), len(numbers)) for value in values], dtype=np.int64)


def _word(value: Any) -> str:
    """A value as text, whole numbers without a point: files and metadata write one and the same value differently."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    if _WHOLE.fullmatch(text):
        return text.partition(".")[0]
    return text.lower() if text in ("True", "False", "TRUE", "FALSE") else text


def _number(value: Any) -> float:
    """nan where it is none: an error would tell what a row holds."""
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if isinstance(value, datetime):
        return _seconds(value)
    text = "" if value is None else str(value).strip()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return _seconds(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except ValueError:
        return math.nan


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
