"""Making functions of the typed tree: their types, bounds, and constants folded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements import intervals
from quinta.privacy.queries.statements.intervals import fits
from quinta.privacy.queries.statements.literals import literal_of
from quinta.privacy.queries.statements.refusals import refused, text_of
from quinta.privacy.queries.tree import Case, Expression, Function, Interval, Literal

DATE_PARTS = {
    "year": None,
    "month": Interval(1, 12),
    "day": Interval(1, 31),
    "hour": Interval(0, 23),
    "weekday": Interval(0, 6),
}
"""Of moments in UTC, with the numbers there are; weekdays from 0, a Sunday. Years have the bounds of the column."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TWO = {
    "add": intervals.added,
    "subtract": intervals.subtracted,
    "multiply": intervals.multiplied,
    "divide": intervals.divided,
}
_ONE = {
    "neg": intervals.negated,
    "absolute": intervals.absolute,
    "floor": intervals.floored,
    "ceiling": intervals.ceiled,
    "round": intervals.rounded,
}
_WHOLE = frozenset({"floor", "ceiling", "round"})


def years(bounds: Interval) -> Interval:
    """Those of moments between two."""
    first, last = (_EPOCH + timedelta(seconds=end) for end in (bounds.lower, bounds.upper))
    return Interval(first.year, last.year)


def arithmetic(name: str, operands: Sequence[Expression], node: exp.Expr, *, bounded: bool) -> Expression:
    """A function of numbers. ``bounded``: about rows, so that all operands have bounds and the result must have some,
    up to 1e15; a divisor that may be 0 is refused."""
    type_ = _type_of(name, operands)
    known = [operand.bounds for operand in operands if operand.bounds is not None]
    divisor = operands[1].bounds if name == "divide" else None
    if divisor is not None and intervals.holds_zero(divisor):
        if bounded or isinstance(operands[1], Literal):
            raise refused(
                f"{text_of(node)} divides by what may be 0: divide aggregates instead, as in SUM(a) / SUM(b), or by "
                "what never is 0",
                node,
            )
        return Function(name, tuple(operands), type_)
    if len(known) < len(operands):
        return Function(name, tuple(operands), type_)
    bounds = _bounds(name, operands, known)
    if not fits(bounds):
        raise refused(f"{text_of(node)} may become larger than 1e15: scale it down first", node)
    if all(isinstance(operand, Literal) for operand in operands):
        return literal_of(int(bounds.lower) if type_ is ColumnType.INT else float(bounds.lower))
    return Function(name, tuple(operands), type_, bounds)


def _type_of(name: str, operands: Sequence[Expression]) -> ColumnType:
    if name in _WHOLE:
        return ColumnType.INT
    if name == "divide":
        return ColumnType.FLOAT
    return widest([operand.type for operand in operands])


def _bounds(name: str, operands: Sequence[Expression], known: Sequence[Interval]) -> Interval:
    if name in _TWO:
        return _TWO[name](known[0], known[1])
    if name in _ONE:
        return _ONE[name](known[0])
    return intervals.least(operands, known) if name == "least" else intervals.greatest(operands, known)


def widest(types: Sequence[ColumnType]) -> ColumnType:
    """Of types that are alike: whole numbers beside others count as others."""
    return ColumnType.FLOAT if ColumnType.FLOAT in types else types[0]


def case(branches: Sequence[tuple[Expression, Expression]], otherwise: Expression) -> Expression:
    """All values are of types that are alike, and NULL of any of them. Conditions that never hold are left out."""
    kept: list[tuple[Expression, Expression]] = []
    for condition, value in branches:
        if isinstance(condition, Literal):
            if condition.value is True:
                otherwise = value
                break
            continue
        kept.append((condition, value))
    if not kept:
        return otherwise
    values = [*(value for _, value in kept), otherwise]
    type_ = widest([value.type for value in values])
    return Case(tuple(kept), otherwise, type_, hull(values))


def hull(values: Sequence[Expression]) -> Interval | None:
    """Bounds of what is one of ``values``; None where one of them has none. NULL needs none."""
    present = [value for value in values if not (isinstance(value, Literal) and value.value is None)]
    known = [value.bounds for value in present if value.bounds is not None]
    return intervals.around(known) if known and len(known) == len(present) else None
