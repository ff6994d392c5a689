"""What the parts of the expression builder need of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements import functions
from quinta.privacy.queries.statements.literals import NOTHING, alike, literal_of
from quinta.privacy.queries.statements.logic import negation
from quinta.privacy.queries.statements.refusals import refused, text_of
from quinta.privacy.queries.tree import Column, Expression, Literal


class Building(Protocol):
    """The builder, to those that build one kind of node. ``bounded``: about people's rows (``relations.Scope``)."""

    @property
    def bounded(self) -> bool: ...

    def build(self, node: exp.Expr) -> Expression: ...

    def condition(self, node: exp.Expr) -> Expression: ...

    def number(self, node: exp.Expr) -> Expression: ...

    def held(self, found: Expression, node: exp.Expr) -> Expression:
        """A number within its bounds, which it must have where it is about rows."""
        ...

    def compared(self, operator: str, left: tuple[Expression, exp.Expr], right: exp.Expr) -> Expression:
        """A comparison; the left side is built already."""
        ...

    def apply(self, name: str, node: exp.Expr, *operands: Expression) -> Expression:
        """A function of numbers."""
        ...

    def again(self, expression: Expression, node: exp.Expr) -> Expression:
        """The same expression a second time in one tree, which counts its nodes a second time: statements that double
        what they nest would else grow beyond all bounds."""
        ...


def clamped(expression: Expression) -> Expression:
    """A numeric column that has bounds, held within them; anything else as it is."""
    if isinstance(expression, Column) and expression.bounds is not None:
        return replace(expression, clamped=True)
    return expression


def chosen(builder: Building, nodes: Sequence[exp.Expr]) -> list[Expression]:
    """Values of which one is chosen: of one kind, NULL of any; numbers within their bounds, if they have some."""
    found = [clamped(builder.build(node)) if builder.bounded else builder.build(node) for node in nodes]
    types = [value.type for value in found if value != NOTHING]
    wanted = functions.widest(types) if types else ColumnType.BOOLEAN
    for value, node in zip(found, nodes, strict=True):
        if value != NOTHING and not alike(value.type, types[0]):
            raise refused(f"{text_of(node)} is a {value.type.value}, beside a {types[0].value}: use one kind", node)
    return [Literal(None, wanted) if value == NOTHING else value for value in found]


def as_number(builder: Building, condition: Expression, node: exp.Expr) -> Expression:
    """1 where it is true, 0 where it is false, else NULL."""
    untrue = negation(builder.again(condition, node))
    return functions.case([(condition, literal_of(1)), (untrue, literal_of(0))], Literal(None, ColumnType.INT))
