"""GROUP BY: what rows may be grouped by, and which groups there are beforehand (decisions 4 and 6 of issue 9)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType
from quinta.privacy.queries.statements import intervals
from quinta.privacy.queries.statements.functions import DATE_PARTS
from quinta.privacy.queries.statements.refusals import refused, shown, text_of
from quinta.privacy.queries.statements.relations import RowScope
from quinta.privacy.queries.tree import Case, Column, Expression, Function, Interval, Key, Literal, Value

MOST_GROUPS = 10_000
"""More groups than that are not enumerated, but found in the rows and told above tau."""
MOST_WHOLE_NUMBERS = 100
"""A column of whole numbers with bounds is enumerated up to so many: with more, most groups would be empty ones."""

_BINS = frozenset({"floor", "ceiling", "round", *DATE_PARTS})
_FINITE: dict[str, Callable[..., Interval]] = {
    "neg": intervals.negated,
    "add": intervals.added,
    "subtract": intervals.subtracted,
    "multiply": intervals.multiplied,
    "divide": intervals.divided,
    "absolute": intervals.absolute,
    "floor": intervals.floored,
    "ceiling": intervals.ceiled,
    "round": intervals.rounded,
}
_OF_TEXT: dict[str, Callable[[str], Value]] = {
    "lower": str.lower,
    "upper": str.upper,
    "length": len,
    "trim": lambda text: text.strip(" "),
}


def keys_of(expressions: Sequence[Expression], nodes: Sequence[exp.Expr], scope: RowScope) -> tuple[Key, ...]:
    """The keys, with their values where there are few enough groups. InvalidInput for what may not be told apart."""
    keys = [_key(expression, node, scope) for expression, node in zip(expressions, nodes, strict=True)]
    while math.prod(len(key.values) for key in keys if key.values is not None) > MOST_GROUPS:
        sizes = [len(key.values or ()) for key in keys]
        largest = sizes.index(max(sizes))
        keys[largest] = replace(keys[largest], values=None)
    return tuple(keys)


def _key(expression: Expression, node: exp.Expr, scope: RowScope) -> Key:
    if isinstance(expression, Literal):
        raise refused(f"{text_of(node)} is a constant: GROUP BY takes columns and expressions", node)
    mask = None
    for column in _told(expression):
        table, facts = scope.facts(column)
        if not table.may_group(facts):
            raise refused(_ungroupable(facts), node)
        if facts.mask is not None and expression is not column:
            raise refused(f"{shown(facts.name)!r} is partly masked: group by the column itself", node)
        mask = facts.mask
    values = _values(expression, scope)
    return Key(expression, None if values is None else tuple(values), mask)


def _ungroupable(facts: ColumnMetadata) -> str:
    """The sentence says nothing of the metadata but that they do not allow it."""
    sentence = f"the column {shown(facts.name)!r} cannot be grouped by, since its values may not be told apart"
    if facts.type in (ColumnType.INT, ColumnType.FLOAT):
        return f"{sentence}: use bins such as FLOOR({facts.name} / 10) * 10, if it has bounds"
    if facts.type is ColumnType.DATETIME:
        return f"{sentence}: use parts such as EXTRACT(MONTH FROM {facts.name}), if it has bounds"
    return f"{sentence}: the owner can declare allowed_values or make it selectable"


def _told(expression: Expression) -> list[Column]:
    """The columns whose own values the expression tells, and not only a bin of them or a condition."""
    match expression:
        case Column():
            return [expression]
        case Function(name=name) if name in _BINS:
            return []
        case Function(operands=operands):
            return [column for operand in operands for column in _told(operand)]
        case Case(branches=branches, otherwise=otherwise):
            values = [*(value for _, value in branches), otherwise]
            return [column for value in values for column in _told(value)]
        case _:
            return []


def _values(expression: Expression, scope: RowScope) -> list[Value] | None:
    """All values but NULL that the expression can have, in order; None where they are not known or too many."""
    match expression:
        case Literal(value=value):
            return [] if value is None else [value]
        case Column():
            return _of_column(expression, scope)
        case Case(branches=branches, otherwise=otherwise):
            values = (*(value for _, value in branches), otherwise)
            return _union([_values(value, scope) for value in values], expression.type)
        case Function(name="coalesce", operands=operands):
            return _union([_values(operand, scope) for operand in operands], expression.type)
        case Function():
            return _of_function(expression, scope)
        case _:
            return [False, True]


def _of_column(column: Column, scope: RowScope) -> list[Value] | None:
    _, facts = scope.facts(column)
    if column.type is ColumnType.BOOLEAN:
        return [False, True]
    if facts.allowed_values is not None:
        return _distinct(_clamped(value, column) for value in facts.allowed_values)
    if column.type is ColumnType.INT and column.bounds is not None:
        return _whole(column.bounds, MOST_GROUPS if column.clamped else MOST_WHOLE_NUMBERS)
    return None


def _clamped(value: Value, column: Column) -> Value:
    if column.type is ColumnType.FLOAT and isinstance(value, int | float):
        value = float(value)
    if column.clamped and column.bounds is not None and isinstance(value, int | float):
        held = min(max(value, column.bounds.lower), column.bounds.upper)
        return int(held) if column.type is ColumnType.INT else float(held)
    return value


def _of_function(expression: Function, scope: RowScope) -> list[Value] | None:
    found = [_values(operand, scope) for operand in expression.operands]
    known = [values for values in found if values is not None]
    if len(known) < len(found) or math.prod(len(values) for values in known) > MOST_GROUPS:
        whole = expression.name in _BINS and expression.bounds is not None
        return _whole(expression.bounds, MOST_GROUPS) if whole and expression.bounds else None
    if expression.name in ("least", "greatest"):
        # NULL operands are passed over, so that the result is any of the values that constants leave.
        choose: Callable[..., Value] = min if expression.name == "least" else max
        constants = [item.value for item in expression.operands if isinstance(item, Literal)]
        left = (choose([value, *constants]) for value in itertools.chain.from_iterable(known))
        return _sorted(_typed(value, expression.type) for value in left)
    if expression.name in _OF_TEXT:
        texts = [value for value in known[0] if isinstance(value, str)]
        # Beyond ASCII the sources may turn letters over in another way than Python does.
        return _distinct(_OF_TEXT[expression.name](text) for text in texts) if all(map(str.isascii, texts)) else None
    if expression.name in _FINITE:
        return _sorted(itertools.chain.from_iterable(_applied(expression, row) for row in itertools.product(*known)))
    return _whole(expression.bounds, MOST_GROUPS) if expression.bounds is not None else None


def _applied(expression: Function, row: tuple[Value, ...]) -> list[Value]:
    """One value; of what is rounded both, where sources may differ."""
    numbers = [intervals.exactly(value) for value in row if isinstance(value, int | float)]
    if len(numbers) < len(row):
        return []
    result = _FINITE[expression.name](*numbers)
    return [_typed(result.lower, expression.type), _typed(result.upper, expression.type)]


def _typed(value: Value, type_: ColumnType) -> Value:
    if isinstance(value, int | float) and type_ in (ColumnType.INT, ColumnType.FLOAT):
        return int(value) if type_ is ColumnType.INT else float(value)
    return value


def _whole(bounds: Interval, most: int) -> list[Value] | None:
    first, last = math.ceil(bounds.lower), math.floor(bounds.upper)
    return list(range(first, last + 1)) if last - first < most else None


def _union(found: Sequence[list[Value] | None], type_: ColumnType) -> list[Value] | None:
    known = [values for values in found if values is not None]
    if len(known) < len(found):
        return None
    return _distinct(_typed(value, type_) for value in itertools.chain.from_iterable(known))


def _distinct(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(values))


def _sorted(values: Iterable[Value]) -> list[Value]:
    return sorted(set(values))  # type: ignore[type-var]  # numbers all
