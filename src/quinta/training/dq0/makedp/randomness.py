"""Randomness that nobody can guess, which privacy stands on: all of it is from the operating system, nothing is seeded.

Gaussian noise that is made and added in floating point can be told from its last bits (Mironov, "On Significance of the
Least Significant Bits for Differential Privacy", 2012). What is released here is therefore rounded to a grid a
thousandth of the noise's standard deviation wide, which has room for 2**40 values of a double between its lines.
"""

from __future__ import annotations

import os
from typing import Any, Tuple

import numpy as np

Array = Any
"""An array of numpy; of doubles where nothing else is said. (The oldest numpy of runs has no type for it.)"""

_GRID = 1024
_DOUBLE = 2.0**-53


def uniforms(count: int) -> Array:
    """``count`` numbers above 0 and up to 1."""
    words = np.frombuffer(os.urandom(8 * count), dtype=np.uint64)
    return ((words >> np.uint64(11)).astype(np.float64) + 1.0) * _DOUBLE


def normals(count: int) -> Array:
    """``count`` draws of the standard normal distribution, by Box and Muller; none beyond 8.6, which 1 in 10**17 is."""
    half = (count + 1) // 2
    radius = np.sqrt(-2.0 * np.log(uniforms(half)))
    angle = 2.0 * np.pi * uniforms(half)
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def with_noise(values: Array, deviation: float) -> Array:
    """``values`` with Gaussian noise of that standard deviation, rounded to the grid."""
    grid = deviation / _GRID
    return np.round((values + deviation * normals(values.size).reshape(values.shape)) / grid) * grid


def shuffled(count: int) -> Array:
    """0 to ``count`` - 1 in random order."""
    return np.argsort(uniforms(count), kind="stable")


def halves(count: int, share: float) -> Tuple[Array, Array]:
    """A coin for each of ``count``: the numbers of those that came up, which ``share`` do, and of the others."""
    chosen = uniforms(count) <= share
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)
