"""CASE, IF, COALESCE, NULLIF and CAST."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements import functions
from quinta.privacy.queries.statements.building import Building, as_number, chosen, clamped
from quinta.privacy.queries.statements.literals import NUMBERS, converted, moment
from quinta.privacy.queries.statements.logic import compared
from quinta.privacy.queries.statements.refusals import only, refused, sql_of, text_of
from quinta.privacy.queries.tree import Case, Expression, Function, Interval, Literal

CHOICES = (exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Cast)


def choice_of(builder: Building, node: exp.Expr) -> Expression:
    """The meaning of one of ``CHOICES``."""
    match node:
        case exp.Case():
            return _case(builder, node)
        case exp.If():
            only(node, "this", "true", "false")
            condition = builder.condition(node.this)
            value, otherwise = chosen(builder, [node.args["true"], node.args.get("false") or exp.null()])
            return functions.case([(condition, value)], otherwise)
        case exp.Coalesce():
            only(node, "this", "expressions")
            return _coalesce(builder, node)
        case exp.Nullif():
            only(node, "this", "expression")
            return _nullif(builder, node)
        case exp.Cast():
            only(node, "this", "to")
            return _cast(builder, node)
    raise AssertionError(node)


def _case(builder: Building, node: exp.Case) -> Expression:
    only(node, "this", "ifs", "default")
    subject = builder.build(node.this) if node.this is not None else None
    conditions = []
    for branch in node.args["ifs"]:
        only(branch, "this", "true")
        if subject is None:
            conditions.append(builder.condition(branch.this))
        else:
            conditions.append(builder.compared("=", (builder.again(subject, node), node.this), branch.this))
    nodes = [*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default") or exp.null()]
    values = chosen(builder, nodes)
    return functions.case(list(zip(conditions, values[:-1], strict=True)), values[-1])


def _coalesce(builder: Building, node: exp.Coalesce) -> Expression:
    found = chosen(builder, [node.this, *node.expressions])
    values = [value for value in found if not (isinstance(value, Literal) and value.value is None)]
    if not values:
        raise refused("COALESCE needs something that is not NULL", node)
    if len(values) == 1 or isinstance(values[0], Literal):
        return values[0]
    type_ = functions.widest([value.type for value in values])
    return Function("coalesce", tuple(values), type_, functions.hull(values))


def _nullif(builder: Building, node: exp.Nullif) -> Expression:
    """Of whole numbers whose bounds end at 0, NULLIF(x, 0) leaves those without 0. The comparison is about the clamped
    value: a raw one beyond the bounds would pass it, and then be 0."""
    one, other = builder.build(node.this), builder.build(node.expression)
    if builder.bounded:
        one = clamped(one)
    other = converted(other, one.type, node.expression)
    result = functions.case([(compared("=", builder.again(one, node), other), Literal(None, one.type))], one)
    is_zero = isinstance(other, Literal) and other.value == 0 and one.type is ColumnType.INT
    if not isinstance(result, Case) or one.bounds is None or not is_zero:
        return result
    held = Interval(one.bounds.lower or 1, one.bounds.upper or -1)
    return replace(result, bounds=held) if held.lower <= held.upper else result


def _cast(builder: Building, node: exp.Cast) -> Expression:
    """Between numbers, of conditions to numbers, and of constants to moments: what cannot fail for any row."""
    target, found = node.to, builder.build(node.this)
    if target.expressions:
        raise refused(f"CAST to {sql_of(target)} is not supported: use ROUND", node)
    if target.is_type(*exp.DataType.TEMPORAL_TYPES) and found.type in (ColumnType.STRING, ColumnType.DATETIME):
        if isinstance(found, Literal) and isinstance(found.value, str):
            return moment(found.value, node)
        if found.type is ColumnType.DATETIME and not target.is_type("date"):
            return found
        raise refused(f"{text_of(node)}: dates are read from constants; use EXTRACT for their parts", node)
    if target.is_type(*exp.DataType.TEXT_TYPES) and found.type is ColumnType.STRING:
        return found
    if target.is_type(*exp.DataType.INTEGER_TYPES) and found.type is ColumnType.BOOLEAN:
        return as_number(builder, found, node)
    if found.type in NUMBERS and target.is_type(*exp.DataType.INTEGER_TYPES):
        held = builder.held(found, node.this)
        return held if held.type is ColumnType.INT else builder.apply("round", node, held)
    if found.type in NUMBERS and target.is_type(*exp.DataType.NUMERIC_TYPES):
        return found
    raise refused(f"CAST from {found.type.value} to {sql_of(target)} is not supported", node)
