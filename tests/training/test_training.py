"""What bounds one person's part in a model, and the noise that hides it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dq0.makedp.errors import TrainingError
from dq0.makedp.models import Definition
from dq0.makedp.network import Layout, initial, layout, outputs, row_gradients
from dq0.makedp.randomness import normals, shuffled, uniforms, with_noise
from dq0.makedp.training import (
    Rows,
    Settings,
    _noisy_gradient,
    _parts,
    bounded,
    check,
    clipped,
    measured,
    predicted,
    split,
    train,
)

LOGISTIC = Definition("network", "classification")
LINEAR = Definition("network", "regression")
BAYES = Definition("naive_bayes", "classification")
PLENTY = Settings(epsilon=50.0, delta=1e-6, epochs=20, sampling=0.1)


def rows_of(inputs: Any, targets: Any, persons: Any = None) -> Rows:
    inputs = np.asarray(inputs, dtype=float)
    persons = np.arange(len(inputs)) if persons is None else np.asarray(persons)
    return Rows(inputs, np.asarray(targets), persons, inputs.shape[1])


def silent(share: float) -> None:
    assert 0 < share <= 1


def two_clouds(count: int = 600) -> Rows:
    """Two classes that a line tells apart, in the square from 0 to 1."""
    targets = (uniforms(count) > 0.5).astype(int)
    inputs = np.clip(0.3 + 0.4 * targets[:, None] + 0.08 * normals(2 * count).reshape(count, 2), 0, 1)
    return rows_of(inputs, targets)


@pytest.mark.parametrize(
    ("shape", "targets"),
    [
        (layout(3, (), "relu", 2), np.array([0, 1, 1, 0])),
        (layout(3, (), "relu", 4), np.array([0, 3, 1, 2])),
        (layout(3, (5,), "tanh", 3), np.array([0, 1, 2, 2])),
        (layout(3, (4, 3), "sigmoid", 2), np.array([1, 1, 0, 0])),
        (layout(3, (6,), "relu", 0), np.array([0.1, 0.9, 0.5, 0.0])),
    ],
)
def test_each_rows_gradient_is_the_slope_of_its_loss(shape: Layout, targets: Any) -> None:
    inputs = uniforms(12).reshape(4, 3)
    weights = initial(shape) + 0.3 * normals(shape.parameters)
    gradients = row_gradients(shape, weights, inputs, targets)
    assert gradients.shape == (4, shape.parameters)
    for place in range(shape.parameters):
        step = np.zeros(shape.parameters)
        step[place] = 1e-6
        slope = (loss(shape, weights + step, inputs, targets) - loss(shape, weights - step, inputs, targets)) / 2e-6
        assert gradients[:, place] == pytest.approx(slope, abs=1e-5)


def loss(shape: Layout, weights: Any, inputs: Any, targets: Any) -> Any:
    """Cross entropy, or half the squared error of a number that is not clipped."""
    if shape.classes == 0:
        hidden = np.maximum(inputs @ weights[:18].reshape(3, 6) + weights[18:24], 0)
        return 0.5 * (hidden @ weights[24:30] + weights[30] - targets) ** 2
    return -np.log(outputs(shape, weights, inputs)[np.arange(len(targets)), targets])


def test_no_vector_is_longer_than_the_clip() -> None:
    vectors = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [math.nan, 1.0], [math.inf, 0.0]])
    short = clipped(vectors, 1.0)
    assert short[0] == pytest.approx([0.6, 0.8])
    assert short[1] == pytest.approx([0.3, 0.4])
    assert not short[2:].any()


def test_a_person_has_no_more_rows_than_declared() -> None:
    rows = rows_of(np.arange(12).reshape(12, 1), np.zeros(12, dtype=int), [0, 1, 0, 0, 2, 0, 1, 1, 1, 0, 3, 3])
    for most in (1, 2, 3, 12):
        kept = bounded(rows, most)
        assert list(np.bincount(kept.persons)) == [min(most, each) for each in np.bincount(rows.persons)]
        assert {int(value) for value in kept.inputs[:, 0]} <= set(range(12))
    assert len(bounded(rows_of(np.zeros((0, 1)), np.zeros(0, dtype=int)), 1).persons) == 0


def test_nobody_is_both_trained_and_measured_on() -> None:
    rows = rows_of(np.zeros((900, 1)), np.zeros(900, dtype=int), np.repeat(np.arange(300), 3))
    training, testing = split(rows, 0.3)
    assert not set(training.persons) & set(testing.persons)
    assert len(training.persons) + len(testing.persons) == 900
    # Of 300 coins 90 are expected; 8 standard deviations from it are not seen in 10**14 runs.
    assert abs(len(set(testing.persons)) - 90) < 8 * math.sqrt(300 * 0.3 * 0.7)


def test_noise_has_the_deviation_that_it_should_and_hides_the_last_bits() -> None:
    draws = with_noise(np.full(40_000, 0.1), 2.0)
    assert abs(draws.mean() - 0.1) < 7 * 2.0 / 200
    assert abs(draws.std() / 2.0 - 1) < 7 / math.sqrt(2 * 40_000)
    lines = draws / (2.0 / 1024)
    assert np.array_equal(lines, np.round(lines))
    assert sorted(shuffled(50)) == list(range(50))


def test_one_person_more_is_hidden_by_the_noise() -> None:
    """The sum of naive Bayes at epsilon 1, with and without a person: the share of results on either side of a line may
    differ by e times at most. With 20,000 draws each, 0.02 on top is 5 standard deviations."""
    settings, line = Settings(epsilon=1.0, delta=1e-6), 2.0
    without = rows_of(np.zeros((0, 1)), np.zeros(0, dtype=int))
    with_one = rows_of([[1.0]], [1])
    shares = []
    for rows in (without, with_one):
        multiplier = train(BAYES, rows, 2, 1, settings, silent).noise_multiplier
        draws = with_noise(np.full(20_000, float(len(rows.targets))), multiplier * math.sqrt(3))
        shares.append(float((draws > line).mean()))
    assert shares[1] <= math.e * shares[0] + 0.02
    assert 1 - shares[0] <= math.e * (1 - shares[1]) + 0.02


def test_a_persons_rows_count_as_one() -> None:
    """A thousand rows of one person move the weights no further than a row does: both are lost in the noise."""
    settings = Settings(epsilon=0.5, delta=1e-6, epochs=1, sampling=0.5, learning_rate=0.01)
    inputs, targets = np.ones((1_000, 2)), np.ones(1_000, dtype=int)
    crowd = train(LOGISTIC, rows_of(inputs, targets), 2, 1, settings, silent)
    loner = train(LOGISTIC, rows_of(inputs, targets, np.zeros(1_000, dtype=int)), 2, 1_000, settings, silent)
    assert predicted(crowd, np.ones((1, 2)))[0, 1] > 0.5
    assert loner.noise_multiplier == crowd.noise_multiplier
    assert np.abs(loner.weights).max() <= 0.021  # two steps of Adam, each as long as the learning rate at most


@pytest.mark.parametrize(
    "definition", [LOGISTIC, BAYES, Definition("network", "classification", (8,), "tanh")], ids=str
)
def test_classes_are_learnt_at_the_stated_cost(definition: Definition) -> None:
    rows = two_clouds()
    trained = train(definition, rows, 2, 1, PLENTY, silent)
    assert trained.epsilon <= 50
    answers = predicted(trained, two_clouds().inputs)
    assert answers.sum(axis=1) == pytest.approx(1.0)
    measures = measured(trained, two_clouds(), 1, PLENTY)
    assert measures["accuracy"] > 0.9
    assert 0 <= measures["loss"] < 1


def test_three_classes_and_a_number_are_learnt() -> None:
    inputs = uniforms(1_200).reshape(600, 2)
    thirds = np.minimum((inputs[:, 0] * 3).astype(int), 2)
    settings = PLENTY._replace(epochs=60, learning_rate=0.2)
    trained = train(LOGISTIC, rows_of(inputs, thirds), 3, 1, settings, silent)
    assert (predicted(trained, inputs).argmax(axis=1) == thirds).mean() > 0.75
    numbers = rows_of(inputs, 0.2 + 0.5 * inputs[:, 1])
    line = train(LINEAR, numbers, 0, 1, PLENTY, silent)
    assert measured(line, numbers, 1, PLENTY)["root_mean_squared_error"] < 0.1


def test_nobodys_rows_are_clipped_apart() -> None:
    """More gradients than fit at once (100,000 rows with 67 weights): each person's are together all the same."""
    persons = np.repeat(np.arange(1_000), 100)
    rows = rows_of(np.ones((100_000, 66)), np.ones(100_000, dtype=int), shuffled(100_000) % 1_000)
    parts = list(_parts(np.arange(100_000), persons, 67))
    assert len(parts) > 1
    assert np.array_equal(np.concatenate(parts), np.arange(100_000))
    ends = [int(persons[part[-1]]) for part in parts]
    starts = [int(persons[part[0]]) for part in parts]
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))
    shape = layout(66, (), "relu", 2)
    settings = Settings(epsilon=1.0, delta=1e-6, sampling=1.0)
    total = _noisy_gradient(shape, np.zeros(67), rows, 1_000, settings, 1e-9)
    assert np.sqrt((total**2).sum()) == pytest.approx(1_000, rel=1e-6)  # a thousand persons, each clipped to 1


def test_each_step_draws_persons_by_coins_of_their_own() -> None:
    """As the accountant has it. Of 5,000 coins of 0.2 each 1,000 are expected; 8 standard deviations from it are not
    seen in 10**14 runs."""
    rows = rows_of(np.ones((5_000, 3)), np.ones(5_000, dtype=int))
    shape, settings = layout(3, (), "relu", 2), Settings(epsilon=1.0, delta=1e-6, sampling=0.2)
    drawn = []
    for _ in range(4):
        total = _noisy_gradient(shape, np.zeros(4), rows, 5_000, settings, 1e-9)
        drawn.append(float(np.sqrt((total**2).sum())))  # each gradient is 1 long, and all point the same way
    assert all(abs(number - 1_000) < 8 * math.sqrt(5_000 * 0.2 * 0.8) for number in drawn)
    assert len({round(number) for number in drawn}) > 1


def test_weights_that_grow_without_end_are_refused_and_tell_nothing() -> None:
    """Of a model whose weights are no numbers a measure is noise and bounds, and never "not a number" itself."""
    rows, settings = two_clouds(50), PLENTY._replace(learning_rate=10.0)
    with pytest.raises(TrainingError, match="weight_decay"):
        train(LOGISTIC._replace(weight_decay=0.5), rows, 2, 1, settings, silent)
    trained = train(LOGISTIC._replace(weight_decay=0.05), rows, 2, 1, settings, silent)
    broken = trained._replace(weights=np.full_like(trained.weights, np.nan))
    for own in (rows, rows_of(np.zeros((0, 2)), np.zeros(0, dtype=int))):
        assert all(math.isfinite(value) for value in measured(broken, own, 1, PLENTY).values())


def test_nobody_at_all_can_be_trained_on() -> None:
    """That there are no rows is as private as anything else."""
    nobody = rows_of(np.zeros((0, 2)), np.zeros(0, dtype=int))
    for definition in (LOGISTIC, BAYES):
        trained = train(definition, nobody, 2, 1, Settings(epsilon=1.0, delta=1e-6, epochs=1), silent)
        assert np.isfinite(predicted(trained, np.ones((1, 2)))).all()
        assert 0 <= measured(trained, nobody, 1, Settings(epsilon=1.0, delta=1e-6))["accuracy"] <= 1


@pytest.mark.parametrize(
    "changed",
    [
        {"epsilon": 0.0},
        {"epsilon": math.inf},
        {"delta": 0.0},
        {"delta": 0.1},
        {"sampling": 0.0},
        {"sampling": 1.1},
        {"epochs": 0.0},
        {"epochs": 1e9},
        {"clip": 0.0},
        {"clip": 1e-300},
        {"clip": math.inf},
        {"learning_rate": math.nan},
        {"test_share": 1.0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(changed: dict[str, float]) -> None:
    good = Settings(epsilon=1.0, delta=1e-6)
    check(good)
    with pytest.raises(TrainingError):
        check(good._replace(**changed))
