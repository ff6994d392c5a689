"""Bounds of expressions from the bounds of what they are made of: interval arithmetic.

Every operation here is monotone and done in the same IEEE doubles as the source does it, or on whole numbers small
enough to be exact, so that a bound holds for every row to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from quinta.privacy.queries.tree import Expression, Interval, Literal

LARGEST = 1e15
"""Beyond it (2 to the power of 53 is 9.007e15) whole numbers are no longer exact as doubles, nor far from overflow."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fits(interval: Interval) -> bool:
    """Whether numbers so large may be computed with; NaN and infinity may not."""
    return abs(interval.lower) <= LARGEST and abs(interval.upper) <= LARGEST


def seconds(moment: datetime) -> float:
    """Since 1970, UTC."""
    return (moment - _EPOCH).total_seconds()


def exactly(value: float) -> Interval:
    return Interval(value, value)


def around(intervals: Iterable[Interval]) -> Interval:
    """The least interval that holds all the others; there is at least one."""
    found = list(intervals)
    return Interval(min(item.lower for item in found), max(item.upper for item in found))


def negated(one: Interval) -> Interval:
    return Interval(-one.upper, -one.lower)


def added(one: Interval, other: Interval) -> Interval:
    return Interval(one.lower + other.lower, one.upper + other.upper)


def subtracted(one: Interval, other: Interval) -> Interval:
    return added(one, negated(other))


def multiplied(one: Interval, other: Interval) -> Interval:
    corners = [x * y for x in (one.lower, one.upper) for y in (other.lower, other.upper)]
    return Interval(min(corners), max(corners))


def holds_zero(one: Interval) -> bool:
    return one.lower <= 0 <= one.upper


def divided(one: Interval, other: Interval) -> Interval:
    """``other`` does not hold 0. Infinite where it is so near to 0 that the quotient overflows."""
    corners = [float(x) / float(y) for x in (one.lower, one.upper) for y in (other.lower, other.upper)]
    return Interval(min(corners), max(corners))


def absolute(one: Interval) -> Interval:
    largest = max(abs(one.lower), abs(one.upper))
    return Interval(0 if holds_zero(one) else min(abs(one.lower), abs(one.upper)), largest)


def floored(one: Interval) -> Interval:
    return Interval(math.floor(one.lower), math.floor(one.upper))


def ceiled(one: Interval) -> Interval:
    return Interval(math.ceil(one.lower), math.ceil(one.upper))


def rounded(one: Interval) -> Interval:
    """Whichever way halves are rounded: sources differ in that."""
    return Interval(math.ceil(one.lower - 0.5), math.floor(one.upper + 0.5))


def least(operands: Sequence[Expression], bounds: Sequence[Interval]) -> Interval:
    """NULL operands are passed over, so that only constants surely keep the result down."""
    constants = [item.lower for item, node in zip(bounds, operands, strict=True) if isinstance(node, Literal)]
    top = max(item.upper for item in bounds)
    return Interval(min(item.lower for item in bounds), min([top, *constants]))


def greatest(operands: Sequence[Expression], bounds: Sequence[Interval]) -> Interval:
    constants = [item.lower for item, node in zip(bounds, operands, strict=True) if isinstance(node, Literal)]
    bottom = min(item.lower for item in bounds)
    return Interval(max([bottom, *constants]), max(item.upper for item in bounds))
