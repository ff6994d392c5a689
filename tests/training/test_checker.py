"""The attack finds a model that remembers, and finds nothing in one that is private."""

from __future__ import annotations

import numpy as np
import pytest

from dq0.makedp.checker import Limits, attacked
from dq0.makedp.encoding import Target
from dq0.makedp.errors import TrainingError
from dq0.makedp.models import Definition
from dq0.makedp.randomness import normals, uniforms
from dq0.makedp.saving import Saved
from dq0.makedp.training import Rows, Settings, train

WIDE = Definition("network", "classification")


def saved_with(rows: Rows, settings: Settings) -> Saved:
    trained = train(WIDE, rows, 2, 1, settings, lambda share: None)
    return Saved(WIDE, trained, Target("y", ("a", "b")), None, settings, "coins")


def coins(count: int = 120, width: int = 300) -> Rows:
    """Labels that nothing tells: a model with so many features can only learn them by heart."""
    return Rows(
        normals(count * width).reshape(count, width), (uniforms(count) > 0.5).astype(int), np.arange(count), width
    )


def test_a_model_that_remembers_is_found() -> None:
    rows = coins()
    settings = Settings(epsilon=5_000.0, delta=1e-6, epochs=60, sampling=0.5, clip=5.0)
    report = attacked(saved_with(rows, settings), rows, 1, Limits(0.1, 3), lambda share: None)
    assert report["passed"] is False
    assert report["permissions"] == []
    assert report["label_advantage"] > 0.3


def test_a_private_model_of_the_same_rows_passes() -> None:
    """60 rows in each half: by chance an advantage has a standard deviation of 0.09 in each of three shadows, so that
    0.35 are more than six of their mean."""
    rows = coins()
    settings = Settings(epsilon=0.1, delta=1e-6, epochs=4, sampling=0.5)
    report = attacked(saved_with(rows, settings), rows, 1, Limits(0.35, 3), lambda share: None)
    assert report["passed"] is True
    assert report["most_advantage_by_epsilon"] == pytest.approx(0.05, abs=0.01)


def test_too_few_persons_cannot_be_checked() -> None:
    rows = coins(19, 2)
    saved = saved_with(rows, Settings(epsilon=1.0, delta=1e-6))
    with pytest.raises(TrainingError, match="20 persons"):
        attacked(saved, rows, 1, Limits(), lambda share: None)
