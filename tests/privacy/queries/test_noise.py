"""Scales are the least that OpenDP's maps allow; draws have the distribution that tails are computed for."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.core.datasets.model import NANO
from quinta.privacy.queries.accuracy import half_width
from quinta.privacy.queries.noise import OpenDPNoise, choice_scale, laplace_scale


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2**30), st.integers(10, 10**12))
def test_scales_are_no_larger_than_needed(sensitivity: int, epsilon: int) -> None:
    if sensitivity * NANO / epsilon > 2**56:
        return
    exact = Fraction(sensitivity * NANO, epsilon)
    assert exact <= Fraction(laplace_scale(sensitivity, epsilon)) <= exact * (1 + Fraction(1, 10**9))
    assert 2 * exact <= Fraction(choice_scale(sensitivity, epsilon)) <= 2 * exact * (1 + Fraction(1, 10**9))


def test_noise_that_would_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        laplace_scale(2**30, 1)
    with pytest.raises(ValueError, match="no noise"):
        laplace_scale(1, 0)
    assert laplace_scale(2**26, 1) < 2**57


def test_draws_are_symmetric_and_as_wide_as_said() -> None:
    drawn = OpenDPNoise().laplace(5.0, 20_000)
    width = half_width(5.0)
    # 20,000 draws: five standard deviations of a share of 5 % are 0.8 %, of the mean 0.25.
    assert abs(sum(abs(number) > width for number in drawn) / len(drawn) - 0.045) < 0.02
    assert abs(sum(drawn) / len(drawn)) < 0.3
    assert len(Counter(drawn)) > 40


def test_draws_are_new_ones_each_time() -> None:
    noise = OpenDPNoise()
    assert noise.laplace(1e9, 20) != noise.laplace(1e9, 20)
    assert noise.laplace(1.0, 0) == ()


FORKS = """
import os
from quinta.privacy.queries.noise import OpenDPNoise
noise = OpenDPNoise()
noise.laplace(1e9, 5)
children = [os.fork() for _ in range(2)]
if 0 not in children:
    [os.waitpid(child, 0) for child in children]
os.write(1, (str(list(noise.laplace(1e9, 5))) + chr(10)).encode())
"""


def test_processes_do_not_share_their_draws() -> None:
    """Two forks of a process that has drawn already, and a fork of the first fork: none repeats another."""
    ended = subprocess.run([sys.executable, "-c", FORKS], check=True, capture_output=True, text=True, timeout=60)
    lines = ended.stdout.split("\n")[:-1]
    assert len(lines) == len(set(lines)) == 4


def test_choices_take_the_best_where_it_is_far_ahead() -> None:
    assert OpenDPNoise().best([-500, -400, 0, -300], 2.0) == 2
