"""Where all noise comes from: OpenDP's samplers, exact in integers, never a floating-point or database generator.

Only what OpenDP has proofs for is used: ``make_laplace`` over i64 (a discrete Laplace distribution) and
``make_noisy_max`` (permute-and-flip; McKenna and Sheldon 2020). Its own privacy maps say which scale a share of
epsilon needs, and are asked again about the scale that was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final, Protocol

import opendp.prelude as dp
from opendp.mod import Measurement

from quinta.core.datasets.model import NANO

dp.enable_features("contrib")  # OpenDP's word for all that it has; "floating-point" and the like stay off

MOST_SCALE: Final = 2.0**57
"""Noise is drawn as i64 and only then added to the exact number. Where it did not fit it would be cut, which pure
epsilon does not allow; with this scale the chance of that is below e^-64 = 2e-28 a draw. Grids are chosen by it."""

_INTEGERS: Final = dp.vector_domain(dp.atom_domain(T="i64"))
_SUMMED: Final = dp.l1_distance(T="i64")
_LARGEST: Final = dp.linf_distance(T="i64")


class Noise(Protocol):
    """A source of randomness. The program has one, ``OpenDPNoise``; there is no setting for another."""

    def laplace(self, scale: float, count: int) -> Sequence[int]:
        """So many independent draws of the discrete Laplace distribution: P(k) is proportional to e^(-|k|/scale)."""
        ...

    def best(self, scores: Sequence[int], scale: float) -> int:
        """The index of a score, better ones likelier: e^(score/scale) to one."""
        ...


class OpenDPNoise:
    """One call draws a whole vector: a draw takes 7 to 11 microseconds of processor, whatever its scale and type, since
    it asks OpenSSL's generator ten times; a call takes 160 more. Not from several threads at once: OpenDP says nothing
    about that."""

    def laplace(self, scale: float, count: int) -> Sequence[int]:
        if count == 0:
            return ()
        drawn: list[int] = _laplace(scale)([0] * count)
        return drawn

    def best(self, scores: Sequence[int], scale: float) -> int:
        index: int = _noisy_max(scale)(list(scores))
        return index


@lru_cache(maxsize=4096)
def laplace_scale(sensitivity: int, epsilon: int) -> float:
    """The least scale at which integers that one unit changes by ``sensitivity`` at most, in sum, may be told for
    ``epsilon`` (1e-9). ValueError: there is none below MOST_SCALE."""
    return _least_scale(_laplace, sensitivity, sensitivity, epsilon)


@lru_cache(maxsize=4096)
def choice_scale(sensitivity: int, epsilon: int) -> float:
    """The least scale at which ``best`` costs ``epsilon`` (1e-9): one unit changes no score by more than
    ``sensitivity``. It changes some up and others down, hence the 2 of the exponential mechanism."""
    return _least_scale(_noisy_max, sensitivity, 2 * sensitivity, epsilon)


@lru_cache(maxsize=256)
def _laplace(scale: float) -> Measurement:
    return dp.m.make_laplace(_INTEGERS, _SUMMED, scale=scale)


@lru_cache(maxsize=256)
def _noisy_max(scale: float) -> Measurement:
    return dp.m.make_noisy_max(_INTEGERS, _LARGEST, dp.max_divergence(), scale=scale)


def _least_scale(make: _Maker, sensitivity: int, numerator: int, epsilon: int) -> float:
    if epsilon < 1 or sensitivity < 1:
        raise ValueError(f"no noise for sensitivity {sensitivity}, epsilon {epsilon}")
    share = Fraction(epsilon, NANO)
    # A little more than needed, 2^-40, so that maps of parts of the sensitivity, each rounded up by OpenDP, sum up to
    # no more than the share either (a unit's rows in several groups, each with a choice of its own).
    scale = math.nextafter(float(numerator / share * (1 + Fraction(1, 2**40))), math.inf)
    if scale > MOST_SCALE:
        raise ValueError(f"scale {scale} does not fit into the integers that noise is drawn as")
    loss: float = make(scale).map(sensitivity)  # type: ignore[no-untyped-call]
    if Fraction(loss) > share:
        raise AssertionError(f"OpenDP's map says {loss} for a share of {epsilon}e-9")
    return scale


class _Maker(Protocol):
    def __call__(self, scale: float) -> Measurement: ...
