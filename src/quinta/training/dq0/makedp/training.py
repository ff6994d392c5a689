"""Private training: a model's weights from rows, at a stated cost.

What one person can change is bounded first (rows per person, then the length of the person's gradient), then Gaussian
noise is added that hides a change of that size: DP-SGD (Abadi et al., "Deep Learning with Differential Privacy", 2016)
with persons in place of rows and Poisson sampling; naive Bayes is one noisy sum.
"""

from __future__ import annotations

import math
from typing import Callable, Dict, Iterator, NamedTuple, Tuple

import numpy as np

from dq0.makedp import accountant
from dq0.makedp.errors import TrainingError
from dq0.makedp.models import Definition
from dq0.makedp.network import Layout, initial, layout, losses, outputs, row_gradients
from dq0.makedp.randomness import Array, halves, shuffled, uniforms, with_noise

MOST_STEPS = 20_000
_FIRST_MOMENT, _SECOND_MOMENT, _STABILITY = 0.9, 0.999, 1e-8
_LEAST_VARIANCE = 1e-3
"""Of features from 0 to 1: a spread of 3 %, below which noise is all there is."""
_LONGEST_LOSS = 10.0
_LEAST_CLIP = 1e-6
"""Doubles that are as small as gradients of much less have no room for noise between them."""
_MOST_NUMBERS = 4_000_000
"""Of gradients at once: 32 MB, and as much again for what is made of them."""
Progress = Callable[[float], None]


class Settings(NamedTuple):
    """``epsilon`` and ``delta``: what training and measuring may cost. ``sampling``: the share of persons in a step;
    ``epochs``: how often each is seen on average; ``clip``: the longest gradient of a person."""

    epsilon: float
    delta: float
    epochs: float = 10.0
    sampling: float = 0.05
    clip: float = 1.0
    learning_rate: float = 0.05
    test_share: float = 0.2

    @property
    def steps(self) -> int:
        return max(1, math.ceil(self.epochs / self.sampling))


class Rows(NamedTuple):
    """``persons``: whom each row is about, counted from 0. ``reach``: the most columns of a row that are not 0."""

    inputs: Array
    targets: Array
    persons: Array
    reach: int


class Trained(NamedTuple):
    """A model's weights and what they cost. ``weights`` of a network; ``sums`` of naive Bayes: by class the number of
    rows, the sums and the sums of squares."""

    layout: Layout
    family: str
    weights: Array
    noise_multiplier: float
    epsilon: float


def check(settings: Settings) -> None:
    """TrainingError for settings that cannot be trained with."""
    if not (math.isfinite(settings.epsilon) and settings.epsilon > 0):
        raise TrainingError("target-epsilon must be a number above 0")
    if not 0 < settings.delta < 1e-2:
        raise TrainingError("delta must be above 0 and below 0.01")
    if not 0 < settings.sampling <= 1:
        raise TrainingError("sampling must be above 0 and up to 1")
    if not (settings.epochs > 0 and settings.steps <= MOST_STEPS):
        raise TrainingError("epochs divided by sampling gives the steps: 1 to %d of them" % MOST_STEPS)
    if not _LEAST_CLIP <= settings.clip <= 1 / _LEAST_CLIP:
        raise TrainingError("l2-norm-clip must be a number from %g to %g" % (_LEAST_CLIP, 1 / _LEAST_CLIP))
    if not 0 < settings.learning_rate <= 10:
        raise TrainingError("learning-rate must be above 0 and up to 10")
    if not 0 < settings.test_share < 1:
        raise TrainingError("test-share must be above 0 and below 1")


def bounded(rows: Rows, most_rows_each: int) -> Rows:
    """At most that many rows of each person, chosen at random."""
    order = shuffled(len(rows.persons))
    arranged = order[np.argsort(rows.persons[order], kind="stable")]
    persons = rows.persons[arranged]
    starts = np.flatnonzero(np.concatenate([[True], persons[1:] != persons[:-1]])) if len(persons) else persons
    lengths = np.diff(np.concatenate([starts, [len(persons)]]))
    place = np.arange(len(persons)) - np.repeat(starts, lengths) if len(persons) else persons
    return taken(rows, np.sort(arranged[place < most_rows_each]))


def taken(rows: Rows, places: Array) -> Rows:
    return Rows(rows.inputs[places], rows.targets[places], rows.persons[places], rows.reach)


def split(rows: Rows, test_share: float) -> Tuple[Rows, Rows]:
    """(to train on, to measure on), by a coin for each person: no person is in both, so that training and measuring
    cost together what the dearer of them costs."""
    persons = int(rows.persons.max()) + 1 if len(rows.persons) else 0
    tested = np.zeros(persons, dtype=bool)
    tested[halves(persons, test_share)[0]] = True
    measured = tested[rows.persons] if persons else np.zeros(0, dtype=bool)
    return taken(rows, np.flatnonzero(~measured)), taken(rows, np.flatnonzero(measured))


def train(
    definition: Definition, rows: Rows, classes: int, most_rows_each: int, settings: Settings, progress: Progress
) -> Trained:
    """Trains on ``rows``. TrainingError where the cost cannot be kept to, or the weights would grow without end."""
    if settings.learning_rate * definition.weight_decay >= 1:
        raise TrainingError("learning-rate times weight_decay must be below 1")
    shape = layout(rows.inputs.shape[1], definition.hidden, definition.activation, classes)
    one_sum = definition.family == "naive_bayes"
    sampling, steps = (1.0, 1) if one_sum else (settings.sampling, settings.steps)
    try:
        multiplier = accountant.noise_multiplier(sampling, steps, settings.epsilon, settings.delta)
    except ValueError as error:
        raise TrainingError("%s: raise target-epsilon, or lower epochs" % error) from error
    if one_sum:
        weights = _noisy_sums(shape, rows, most_rows_each, multiplier)
    else:
        weights = _descend(shape, definition, rows, settings, multiplier, progress)
    cost = accountant.epsilon(sampling, multiplier, steps, settings.delta)
    return Trained(shape, definition.family, weights, multiplier, cost)


def predicted(trained: Trained, inputs: Array) -> Array:
    """Probabilities of the classes, a column each; or one column of numbers from 0 to 1."""
    if trained.family == "network":
        return outputs(trained.layout, trained.weights, inputs)
    return _bayes(trained.weights, inputs)


def measured(trained: Trained, rows: Rows, most_rows_each: int, settings: Settings) -> Dict[str, float]:
    """Noisy measures of the model on rows it has not seen, for at most ``settings.epsilon``, which is in them:
    accuracy and loss, or the root of the mean squared error (of numbers scaled to 0 to 1)."""
    multiplier = accountant.noise_multiplier(1.0, 1, settings.epsilon, settings.delta)
    answers = predicted(trained, rows.inputs)
    loss = losses(trained.layout, answers, rows.targets) / (_LONGEST_LOSS if trained.layout.classes else 1.0)
    each = [np.ones(len(loss)), np.clip(np.where(np.isfinite(loss), loss, 1.0), 0.0, 1.0)]
    if trained.layout.classes:
        each.append((answers.argmax(axis=1) == rows.targets).astype(np.float64))
    sensitivity = math.sqrt(len(each)) * most_rows_each
    noisy = with_noise(np.array([part.sum() for part in each]), multiplier * sensitivity)
    count = max(1.0, float(noisy[0]))
    shares = [float(min(max(value / count, 0.0), 1.0)) for value in noisy[1:]]
    cost = {"epsilon": accountant.epsilon(1.0, multiplier, 1, settings.delta)}
    if not trained.layout.classes:
        return {"root_mean_squared_error": math.sqrt(shares[0]), **cost}
    return {"accuracy": shares[1], "loss": shares[0] * _LONGEST_LOSS, **cost}


def _descend(
    shape: Layout, definition: Definition, rows: Rows, settings: Settings, multiplier: float, progress: Progress
) -> Array:
    """Adam's steps along noisy sums of clipped gradients. Adam does not mind how long they are, so nothing here has to
    know how many persons there are. The mean of the second half of the steps has less noise than the last."""
    weights, steps = initial(shape), settings.steps
    mean, square, total = np.zeros_like(weights), np.zeros_like(weights), np.zeros_like(weights)
    persons = int(rows.persons.max()) + 1 if len(rows.persons) else 0
    averaged = 0
    for step in range(1, steps + 1):
        gradient = _noisy_gradient(shape, weights, rows, persons, settings, multiplier)
        mean = _FIRST_MOMENT * mean + (1 - _FIRST_MOMENT) * gradient
        square = _SECOND_MOMENT * square + (1 - _SECOND_MOMENT) * gradient**2
        direction = mean / (1 - _FIRST_MOMENT**step)
        length = np.sqrt(square / (1 - _SECOND_MOMENT**step)) + _STABILITY
        weights = weights * (1 - settings.learning_rate * definition.weight_decay)
        weights = weights - settings.learning_rate * direction / length
        if 2 * step > steps:
            total += weights
            averaged += 1
        progress(step / steps)
    return total / averaged


def _noisy_gradient(
    shape: Layout, weights: Array, rows: Rows, persons: int, settings: Settings, multiplier: float
) -> Array:
    chosen = uniforms(persons) <= settings.sampling
    places = np.flatnonzero(chosen[rows.persons]) if persons else np.zeros(0, dtype=np.int64)
    total = np.zeros_like(weights)
    for part in _parts(places[np.argsort(rows.persons[places], kind="stable")], rows.persons, len(weights)):
        gradients = row_gradients(shape, weights, rows.inputs[part], rows.targets[part])
        total += clipped(_by_person(gradients, rows.persons[part]), settings.clip).sum(axis=0)
    return with_noise(total, multiplier * settings.clip)


def _parts(places: Array, persons: Array, width: int) -> Iterator[Array]:
    """``places``, which are in the order of their persons, in parts whose gradients fit into memory; nobody's rows are
    in two parts."""
    start, most = 0, max(1, _MOST_NUMBERS // width)
    while start < len(places):
        end = min(start + most, len(places))
        while end < len(places) and persons[places[end]] == persons[places[end - 1]]:
            end += 1
        yield places[start:end]
        start = end


def _by_person(values: Array, persons: Array) -> Array:
    known, numbers = np.unique(persons, return_inverse=True)
    if len(known) == len(values):
        return values
    sums = np.zeros((len(known), values.shape[1]))
    np.add.at(sums, numbers, values)
    return sums


def clipped(vectors: Array, longest: float) -> Array:
    """Each line no longer than ``longest``; a line with a number that is none becomes 0."""
    vectors = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0.0)
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return vectors * np.minimum(1.0, longest / np.maximum(lengths, 1e-30))


def _noisy_sums(shape: Layout, rows: Rows, most_rows_each: int, multiplier: float) -> Array:
    """By class: how many rows, the sums of the features and of their squares, which are from 0 to 1. A row adds a
    vector no longer than the root of 1 + 2 ``reach``."""
    width = rows.inputs.shape[1]
    each = np.concatenate([np.ones((len(rows.inputs), 1)), rows.inputs, rows.inputs**2], axis=1)
    longest = math.sqrt(1 + 2 * rows.reach)
    sums = np.zeros((shape.classes, 1 + 2 * width))
    np.add.at(sums, rows.targets, clipped(each, longest))
    return with_noise(sums, multiplier * longest * most_rows_each)


def _bayes(sums: Array, inputs: Array) -> Array:
    width = inputs.shape[1]
    counts = np.maximum(sums[:, :1], 1.0)
    means = np.clip(sums[:, 1 : 1 + width] / counts, 0.0, 1.0)
    variances = np.clip(sums[:, 1 + width :] / counts - means**2, _LEAST_VARIANCE, 1.0)
    distances = (inputs[:, None, :] - means[None]) ** 2 / variances[None]
    scores = np.log(counts[:, 0] / counts.sum()) - 0.5 * (distances + np.log(variances)[None]).sum(axis=2)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
