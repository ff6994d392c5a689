"""Thousands of tiny trainings with and without one person lose no more than they are charged, and a training with a
mistake in it is found by the same judge (``audit.py``). About 15 s of a core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dq0.makedp import training
from dq0.makedp.models import Definition
from dq0.makedp.randomness import normals, with_noise
from dq0.makedp.training import Rows, Settings, train
from tests.training.audit import FALSE_ALARM, seen_epsilon

TRAININGS = 2_000
SETTINGS = Settings(epsilon=1.0, delta=1e-5, epochs=2, sampling=1.0)
LOGISTIC, BAYES = Definition("network", "classification"), Definition("naive_bayes", "classification")


def rows_of(inputs: list[list[float]], targets: list[int], persons: list[int]) -> Rows:
    return Rows(np.array(inputs).reshape(-1, 2), np.array(targets, dtype=int), np.array(persons, dtype=int), 2)


def crowd(own: int, size: float = 1.0, *, apart: bool = False) -> tuple[Rows, Rows]:
    """Four persons, with and without a fifth, who has ``own`` rows of that size; ``apart``: each as if it were
    another's."""
    inputs, targets = [[0.0, 1.0], [1.0, 0.0], [0.2, 0.4], [0.5, 0.5]], [0, 0, 1, 0]
    without = rows_of(inputs, targets, [0, 1, 2, 3])
    persons = [4 + place if apart else 4 for place in range(own)]
    return rows_of([*inputs, *[[size, size]] * own], [*targets, *[1] * own], [0, 1, 2, 3, *persons]), without


def outcomes(definition: Definition, rows: Rows, most_rows_each: int, settings: Settings = SETTINGS) -> Any:
    """Of each training, what the fifth person adds to: its class's sums, or what the model says of its features."""
    found = []
    for _ in range(TRAININGS):
        weights = train(definition, rows, 2, most_rows_each, settings, lambda share: None).weights
        found.append(float(weights[1].sum() if definition.family == "naive_bayes" else weights.sum()))
    return np.array(found)


def lost(definition: Definition, neighbours: tuple[Rows, Rows], most_rows_each: int, **changed: float) -> float:
    with_one, without = (
        outcomes(definition, rows, most_rows_each, SETTINGS._replace(**changed)) for rows in neighbours
    )
    return seen_epsilon(with_one, without, SETTINGS.delta)


@pytest.mark.parametrize(
    ("definition", "neighbours", "most_rows_each", "sampling"),
    [
        (LOGISTIC, crowd(1, size=1e5), 1, 1.0),
        (LOGISTIC, crowd(40, size=1e5), 40, 1.0),
        (LOGISTIC, crowd(1, size=1e5), 1, 0.2),
        (BAYES, crowd(1), 1, 1.0),
        (BAYES, crowd(3), 3, 1.0),
    ],
    ids=["a large row", "many large rows", "a large row that is drawn sometimes", "sums", "sums of several rows"],
)
def test_no_more_is_lost_than_is_charged(
    definition: Definition, neighbours: tuple[Rows, Rows], most_rows_each: int, sampling: float
) -> None:
    assert lost(definition, neighbours, most_rows_each, sampling=sampling, epochs=2 * sampling) <= SETTINGS.epsilon


def test_a_training_without_clipping_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "clipped", lambda vectors, longest: vectors)
    assert lost(LOGISTIC, crowd(1, size=1e5), 1) > SETTINGS.epsilon
    assert lost(BAYES, crowd(1, size=10.0), 1) > SETTINGS.epsilon


def test_a_training_with_too_little_noise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "with_noise", lambda values, deviation: with_noise(values, deviation / 10))
    assert lost(LOGISTIC, crowd(1, size=1e5), 1) > SETTINGS.epsilon
    assert lost(BAYES, crowd(1), 1) > SETTINGS.epsilon


def test_rows_of_a_person_that_are_clipped_apart_are_found() -> None:
    assert lost(LOGISTIC, crowd(40, size=1e5, apart=True), 40) > SETTINGS.epsilon


def test_what_costs_more_is_seen_to() -> None:
    """The judge sees a good part of what there is: a tenth of it at least."""
    assert lost(BAYES, crowd(1), 1, epsilon=20.0) > 2


def test_the_judge_knows_gaussian_noise() -> None:
    """The mean moved by one deviation is (epsilon, 1e-5)-private for 4.4 and no less; alike outcomes show nothing."""
    draws = normals(40_000)
    assert 1.0 < seen_epsilon(draws[:20_000] + 1.0, draws[20_000:], SETTINGS.delta) <= 4.4
    assert seen_epsilon(draws[:20_000], draws[20_000:], SETTINGS.delta) < 0.5
    assert FALSE_ALARM < 1e-8
