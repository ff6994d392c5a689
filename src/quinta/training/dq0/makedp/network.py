"""A dense network with the gradient of every single row, which private training clips before it adds them up."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

from dq0.makedp.randomness import Array, normals


class Layout(NamedTuple):
    """``sizes``: how many numbers go into the first layer and come out of each. ``classes``: 0 for regression; with two
    classes one number comes out."""

    sizes: Tuple[int, ...]
    activation: str
    classes: int

    @property
    def parameters(self) -> int:
        return sum((before + 1) * after for before, after in zip(self.sizes, self.sizes[1:]))


def layout(inputs: int, hidden: Sequence[int], activation: str, classes: int) -> Layout:
    outputs = classes if classes > 2 else 1
    return Layout((inputs, *hidden, outputs), activation, classes)


def initial(shape: Layout) -> Array:
    """Weights to begin with: 0 without hidden layers, which is as good as any, else random ones."""
    if len(shape.sizes) == 2:
        return np.zeros(shape.parameters)
    parts = []
    for before, after in zip(shape.sizes, shape.sizes[1:]):
        parts += [normals(before * after) * np.sqrt(2.0 / max(before, 1)), np.zeros(after)]
    return np.concatenate(parts)


def outputs(shape: Layout, weights: Array, inputs: Array) -> Array:
    """For classes their probabilities, a column each; for regression the numbers, from 0 to 1 as the targets are."""
    scores = _forward(shape, weights, inputs)[-1]
    if shape.classes == 0:
        return np.clip(scores, 0.0, 1.0)
    if shape.classes == 2:
        positive = _sigmoid(scores)
        return np.concatenate([1.0 - positive, positive], axis=1)
    return _softmax(scores)


def row_gradients(shape: Layout, weights: Array, inputs: Array, targets: Array) -> Array:
    """Of the loss (cross entropy, or half the squared error) by the weights: a line for each row."""
    values = _forward(shape, weights, inputs)
    layers = _layers(shape, weights)
    error = _error(shape, values[-1], targets)
    parts: List[Array] = []
    for level in range(len(layers) - 1, -1, -1):
        before = values[level]
        outer = before[:, :, None] * error[:, None, :]
        parts += [error, outer.reshape(len(inputs), -1)]
        if level:
            error = (error @ layers[level][0].T) * _slope(shape.activation, before)
    return np.concatenate(parts[::-1], axis=1)


def losses(shape: Layout, probabilities: Array, targets: Array) -> Array:
    """Of each row: the cross entropy, 10 at most, or the squared error."""
    if shape.classes == 0:
        return (probabilities[:, 0] - targets) ** 2
    own = probabilities[np.arange(len(targets)), targets]
    return -np.log(np.maximum(own, np.exp(-10.0)))


def _layers(shape: Layout, weights: Array) -> List[Tuple[Array, Array]]:
    layers, start = [], 0
    for before, after in zip(shape.sizes, shape.sizes[1:]):
        middle, end = start + before * after, start + (before + 1) * after
        layers.append((weights[start:middle].reshape(before, after), weights[middle:end]))
        start = end
    return layers


def _forward(shape: Layout, weights: Array, inputs: Array) -> List[Array]:
    """What goes into each layer, and what comes out of the last."""
    layers = _layers(shape, weights)
    values = [inputs]
    for level, (matrix, bias) in enumerate(layers):
        scores = values[-1] @ matrix + bias
        values.append(_activated(shape.activation, scores) if level < len(layers) - 1 else scores)
    return values


def _error(shape: Layout, scores: Array, targets: Array) -> Array:
    if shape.classes == 0:
        return scores - targets[:, None]
    if shape.classes == 2:
        return _sigmoid(scores) - targets[:, None]
    error = _softmax(scores)
    error[np.arange(len(targets)), targets] -= 1.0
    return error


def _activated(activation: str, scores: Array) -> Array:
    if activation == "relu":
        return np.maximum(scores, 0.0)
    return np.tanh(scores) if activation == "tanh" else _sigmoid(scores)


def _slope(activation: str, values: Array) -> Array:
    """Of the activation, by what came out of it."""
    if activation == "relu":
        return (values > 0).astype(np.float64)
    return 1.0 - values**2 if activation == "tanh" else values * (1.0 - values)


def _sigmoid(scores: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-np.clip(scores, -500.0, 500.0)))


def _softmax(scores: Array) -> Array:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
