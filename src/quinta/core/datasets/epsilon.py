"""Epsilon as callers write it, and as it is counted: in integers of 1e-9, which never drift (contract dq0 5.4)."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from quinta.core.datasets.model import NANO
from quinta.core.errors import InvalidInput

MOST_EPSILON: Final = 1_000_000_000
"""In 1e-9 of it this is a ninth of the largest number that databases keep, so that sums of a few fit too."""


def cost_of(epsilon: float, field: str = "epsilon") -> int:
    """What using ``epsilon`` takes of a budget, in 1e-9: rounded up. InvalidInput unless it is from 0 to 1e9."""
    return _nano(epsilon, field, ROUND_CEILING)


def budget_of(epsilon: float, field: str = "current") -> int:
    """A budget of ``epsilon``, in 1e-9: rounded down. InvalidInput unless it is from 0 to 1e9."""
    return _nano(epsilon, field, ROUND_FLOOR)


def epsilon_of(nano: int) -> float:
    """Epsilon, from 1e-9 of it."""
    return nano / NANO


def _nano(epsilon: float, field: str, rounding: str) -> int:
    if not math.isfinite(epsilon) or not 0 <= epsilon <= MOST_EPSILON:
        raise InvalidInput(f"epsilon must be a number from 0 to {MOST_EPSILON}", field=field)
    # By its shortest text: 0.1 is a tenth, not the nearest double, which would cost one more of 1e-9.
    return int((Decimal(repr(float(epsilon))) * NANO).to_integral_value(rounding))
