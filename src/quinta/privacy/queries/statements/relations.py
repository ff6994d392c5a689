"""What FROM yields, and which names it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnMetadata
from quinta.privacy.queries.statements.catalogue import Table, matching
from quinta.privacy.queries.statements.refusals import refused, shown, text_of
from quinta.privacy.queries.tree import (
    Aggregate,
    Among,
    Case,
    Column,
    Comparison,
    Expression,
    Function,
    IsNull,
    Join,
    Key,
    Like,
    Logic,
)

MOST_NODES = 5_000
"""Of all expressions of a statement together, after names of subqueries were replaced by what they stand for."""
DEEPEST_EXPRESSION = 120


@dataclass(frozen=True, slots=True)
class Named:
    """A column of FROM: ``expression`` is what the name stands for, ``size`` how many nodes that has."""

    name: str
    expression: Expression
    size: int = 1


@dataclass(frozen=True, slots=True)
class Names:
    """The columns of one item of FROM. ``qualifier``: what may stand before the column's name, outermost first;
    ``merged`` are columns that USING gave to another item, and that are meant only with the qualifier."""

    qualifier: tuple[str, ...]
    columns: tuple[Named, ...]
    merged: frozenset[str] = frozenset()


@dataclass(slots=True)
class Effort:
    """How many nodes a statement may still have."""

    left: int = MOST_NODES

    def spend(self, nodes: int, node: exp.Expr) -> None:
        self.left -= nodes
        if self.left < 0:
            raise refused(f"the statement is too large: its expressions have more than {MOST_NODES} parts", node)


class Scope(Protocol):
    """Where an expression's names are looked up. ``bounded``: its columns are of people's rows, so that what is
    computed needs bounds; else they are noisy already."""

    @property
    def bounded(self) -> bool: ...

    @property
    def effort(self) -> Effort: ...

    def column(self, node: exp.Column) -> Expression:
        """What the name stands for, checked for being compared and computed with."""
        ...


def look_up(node: exp.Column, items: Sequence[Names]) -> Named:
    """The column of that name; InvalidInput where there is none or more than one."""
    if not isinstance(node.this, exp.Identifier):
        raise refused("* stands alone, or in COUNT(*): name the columns", node)
    parts = [part for part in node.parts[:-1] if isinstance(part, exp.Identifier)]
    found: list[Named] = []
    for item in items:
        if not _qualifies(parts, item.qualifier):
            continue
        found += [
            column
            for column in matching(node.this, item.columns, lambda column: column.name)
            if parts or column.name not in item.merged
        ]
    name = shown(".".join(part.name for part in node.parts))
    if not found:
        raise refused(f"there is no column {name!r}", node)
    if len(found) > 1:
        exact = [column for column in found if column.name == node.name]
        if len(exact) != 1:
            raise refused(f"{name!r} may mean more than one column: write the table before it", node)
        found = exact
    return found[0]


def _qualifies(parts: Sequence[exp.Identifier], qualifier: tuple[str, ...]) -> bool:
    if not parts:
        return True
    ends = qualifier[-len(parts) :]
    return len(ends) == len(parts) and all(matching(part, [end], str) for part, end in zip(parts, ends, strict=True))


@dataclass(frozen=True, slots=True)
class RowRelation:
    """Rows of people: scans and how they are joined, conditions that all must hold, and names."""

    scans: tuple[Table, ...]
    joins: tuple[Join, ...]
    conditions: tuple[Expression, ...]
    items: tuple[Names, ...]


@dataclass(frozen=True, slots=True)
class RowScope:
    """Names of rows of people. ``first`` is the number of the first of the scans."""

    relation: RowRelation
    effort: Effort
    first: int = 0
    bounded: bool = field(default=True, init=False)

    def bare(self, node: exp.Column) -> Expression:
        """What the name stands for, unchecked: for counting it, and for giving it another name."""
        named = look_up(node, self.relation.items)
        self.effort.spend(named.size, node)
        return named.expression

    def column(self, node: exp.Column) -> Expression:
        expression = self.bare(node)
        if isinstance(expression, Column):
            self._check(expression, node)
        return expression

    def facts(self, column: Column) -> tuple[Table, ColumnMetadata]:
        table = self.relation.scans[column.scan - self.first]
        return table, table.column(column.name)

    def _check(self, column: Column, node: exp.Column) -> None:
        table, facts = self.facts(column)
        if table.identifies(facts):
            raise refused(
                f"{text_of(node)} says whom a row is about: it may be counted, COUNT(DISTINCT "
                f"{shown(node.name)}), and tables be joined on it, nothing else",
                node,
            )
        if not table.may_compare(facts):
            raise refused(undeclared(node), node)


class Told(StrEnum):
    """What ``accuracy`` says of a column of a noisy table: the same value, its half width, or nothing."""

    VALUE = "value"
    WIDTH = "width"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Noisy:
    """Rows of a noisy table: ``sql`` puts them out, with a column ``order`` that numbers them. ``titles`` are what the
    statement calls the columns, ``told`` what accuracy says by the SQL name of each. ``never``: there are none."""

    core: Core
    sql: str
    level: int
    names: Names
    titles: tuple[str, ...]
    told: Mapping[str, tuple[Told, str]]
    never: bool

    @property
    def order(self) -> str:
        return f"o{self.level}"


@dataclass(frozen=True, slots=True)
class Core:
    """The one SELECT of a statement that is about people's rows. ``is_empty``: no row can meet its conditions."""

    relation: RowRelation
    where: Expression | None
    keys: tuple[Key, ...]
    aggregates: tuple[Aggregate, ...]
    is_empty: bool


@dataclass(frozen=True, slots=True)
class NoisyScope:
    """Names of rows of a noisy table."""

    items: tuple[Names, ...]
    effort: Effort
    bounded: bool = field(default=False, init=False)

    def column(self, node: exp.Column) -> Expression:
        named = look_up(node, self.items)
        self.effort.spend(named.size, node)
        return named.expression


def undeclared(node: exp.Expr) -> str:
    """The sentence about a column of which nothing is known."""
    return (
        f"nothing is declared about the values of {text_of(node)}, so it may only be counted: the owner can "
        "declare bounds (lower and upper), allowed_values or a cardinality"
    )


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """What an expression is made of."""
    match expression:
        case Function(operands=operands) | Logic(operands=operands):
            return operands
        case Comparison(left=left, right=right):
            return (left, right)
        case IsNull(operand=operand) | Among(operand=operand) | Like(operand=operand):
            return (operand,)
        case Case(branches=branches, otherwise=otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
        case _:
            return ()


def columns_of(expression: Expression) -> list[Column]:
    """All columns in it."""
    found, waiting = [], [expression]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Column):
            found.append(part)
        waiting += parts_of(part)
    return found


def size_of(expression: Expression, node: exp.Expr) -> int:
    """The number of its nodes. InvalidInput where they are too many or too deep within each other."""
    size, waiting = 0, [(expression, 0)]
    while waiting:
        part, depth = waiting.pop()
        size += 1
        if size > MOST_NODES or depth > DEEPEST_EXPRESSION:
            raise refused("the statement is too large: subqueries build on each other's expressions", node)
        waiting += [(inner, depth + 1) for inner in parts_of(part)]
    return size
