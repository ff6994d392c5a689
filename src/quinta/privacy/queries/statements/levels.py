"""SELECT by SELECT, from the innermost out: rows of people, then the one SELECT that aggregates them, to which noise is
added, then post-processing of the noisy table, which costs nothing (decision 5 of issue 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements.aggregates import Asked, Measuring
from quinta.privacy.queries.statements.catalogue import Catalogue
from quinta.privacy.queries.statements.emptiness import never_holds
from quinta.privacy.queries.statements.expressions import Builder
from quinta.privacy.queries.statements.grouping import MOST_AGGREGATES, Grouping, alias_in
from quinta.privacy.queries.statements.joins import Queries, Query, Sources
from quinta.privacy.queries.statements.keys import keys_of
from quinta.privacy.queries.statements.logic import both
from quinta.privacy.queries.statements.outer import Level, noisy_aggregate
from quinta.privacy.queries.statements.parsing import select_in
from quinta.privacy.queries.statements.refusals import only, refused, shown
from quinta.privacy.queries.statements.relations import (
    Core,
    Effort,
    Named,
    Names,
    Noisy,
    NoisyScope,
    RowRelation,
    RowScope,
    Told,
    size_of,
)
from quinta.privacy.queries.statements.selects import Item, Parts, parts_of_select
from quinta.privacy.queries.tree import Aggregate, Column, Expression, Literal

MOST_LEVELS = 40
"""SELECTs within each other, after names of WITH were replaced by their queries."""


class Levels:
    """Analyses one statement."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._effort = Effort()
        self._depth = 0
        self._sources = Sources(catalogue, self._effort, self._select)

    def statement(self, node: exp.Select) -> Noisy:
        """What the statement puts out. InvalidInput where that would be rows, or is not understood."""
        found = self._select(node, {}, 0)
        if isinstance(found, RowRelation):
            raise refused(
                "the statement would tell rows: use aggregates such as COUNT(*), SUM(x) or AVG(x), and GROUP BY", node
            )
        return found

    def _select(self, node: exp.Select, queries: Queries, first: int) -> RowRelation | Noisy:
        if self._depth == MOST_LEVELS:
            raise refused(f"more than {MOST_LEVELS} subqueries stand within each other", node)
        self._depth += 1
        found = self._level(node, queries, first)
        self._depth -= 1
        return found

    def _level(self, node: exp.Select, queries: Queries, first: int) -> RowRelation | Noisy:
        known = _with(node, queries)
        relation = self._sources.read(node, known, first)
        if isinstance(relation, Noisy):
            return self._after(relation, parts_of_select(node, (relation.names,)))
        parts = parts_of_select(node, relation.items)
        scope = RowScope(relation, self._effort, first)
        where = Builder(scope).condition(parts.where) if parts.where is not None else None
        if parts.aggregates:
            return self._aggregated(relation, scope, where, parts)
        return self._rows(relation, scope, where, parts)

    def _rows(self, relation: RowRelation, scope: RowScope, where: Expression | None, parts: Parts) -> RowRelation:
        """A subquery about rows: its columns stand for their expressions from here on."""
        if parts.limit is not None or parts.offset or parts.order:
            raise refused("rows are not ordered, and not cut off: LIMIT and ORDER BY follow aggregates", parts.node)
        columns = []
        for item in parts.items:
            bare = isinstance(item.node, exp.Column)
            found = scope.bare(item.node) if bare else Builder(scope).build(item.node)  # type: ignore[arg-type]  # a Column
            columns.append(Named(item.name or item.title, found, size_of(found, item.node)))
        conditions = relation.conditions if where is None else (*relation.conditions, where)
        return replace(relation, conditions=conditions, items=(Names((), tuple(columns)),))

    def _aggregated(self, relation: RowRelation, scope: RowScope, where: Expression | None, parts: Parts) -> Noisy:
        """The SELECT to whose aggregates noise is added."""
        nodes = _group_nodes(parts, relation.items)
        builder = Builder(scope)
        said = {builder.build(node): node for node in nodes}
        expressions = list(said)
        keys = keys_of(expressions, list(said.values()), scope)
        columns = [Column(-1, f"k{number}", key.expression.type, None) for number, key in enumerate(keys)]
        measuring, aggregates = Measuring(scope), list[Aggregate]()

        def measure(asked: Asked) -> Column:
            made = measuring.aggregate(asked)
            return Column(-1, f"a{_place(made, aggregates, asked)}", _type(made), None)

        grouping = Grouping(scope, self._effort, expressions, columns, measure)
        items, having, order = self._said(grouping, parts)
        if not aggregates and not keys:
            raise refused("nothing is counted: use an aggregate such as COUNT(*)", parts.node)
        _label(aggregates, items, parts.items)
        conditions = both([part for part in (*relation.conditions, where) if part is not None])
        held = None if isinstance(conditions, Literal) and conditions.value is True else conditions
        core = Core(relation, held, keys, tuple(aggregates), never_holds(held))
        told: dict[str, tuple[Told, str]] = {f"k{number}": (Told.VALUE, "") for number in range(len(keys))}
        told |= {f"a{number}": (Told.WIDTH, f"e{number}") for number in range(len(aggregates))}
        never = never_holds(having) or parts.limit == 0 or (not keys and parts.offset > 0)
        level = Level(0, "noisy", tuple(column.name for column in columns), told)
        return level.select(core, items, _titles(parts), having, order, parts, never=never)

    def _after(self, inner: Noisy, parts: Parts) -> Noisy:
        """Post-processing: a SELECT over a noisy table."""
        scope = NoisyScope((inner.names,), self._effort)
        where = Builder(scope).condition(parts.where) if parts.where is not None else None
        number = inner.level + 1
        if not parts.aggregates:
            aliases: dict[str, Expression] = {}
            items = [_aliased(Builder(scope).build(item.node), item, aliases) for item in parts.items]
            order = self._order(Builder(scope, lambda node: alias_in(node, aliases)), items, parts)
            never = inner.never or never_holds(where) or parts.limit == 0
            level = Level(number, f"({inner.sql})", (inner.order,), inner.told)
            return level.select(inner.core, items, _titles(parts), where, order, parts, never=never)
        return self._aggregated_again(inner, scope, where, parts)

    def _aggregated_again(self, inner: Noisy, scope: NoisyScope, where: Expression | None, parts: Parts) -> Noisy:
        number = inner.level + 1
        nodes = _group_nodes(parts, (inner.names,))
        expressions = list(dict.fromkeys(Builder(scope).build(node) for node in nodes))
        columns = [Column(-1, f"g{number}_{place}", key.type, None) for place, key in enumerate(expressions)]
        made: list[str] = []

        def measure(asked: Asked) -> Column:
            sql, type_ = noisy_aggregate(asked, Builder(scope))
            if sql not in made:
                made.append(sql)
            return Column(-1, f"h{number}_{made.index(sql)}", type_, None)

        grouping = Grouping(scope, self._effort, expressions, columns, measure)
        items, having, order = self._said(grouping, parts)
        level = Level.grouped(number, inner, where, expressions, made)
        never = (inner.never and bool(expressions)) or never_holds(having) or parts.limit == 0
        return level.select(inner.core, items, _titles(parts), having, order, parts, never=never)

    def _said(
        self, grouping: Grouping, parts: Parts
    ) -> tuple[list[Expression], Expression | None, list[tuple[Expression, bool, bool]]]:
        aliases: dict[str, Expression] = {}
        items = [_aliased(grouping.builder().build(item.node), item, aliases) for item in parts.items]
        builder = grouping.builder(aliases)
        having = builder.condition(parts.having) if parts.having is not None else None
        return items, having, self._order(builder, items, parts)

    def _order(
        self, builder: Builder, items: Sequence[Expression], parts: Parts
    ) -> list[tuple[Expression, bool, bool]]:
        found = []
        for ordered in parts.order:
            place = _ordinal(ordered.node, len(items))
            expression = builder.build(ordered.node) if place is None else items[place]
            found.append((expression, ordered.descending, ordered.nulls_first))
        return found


def _with(node: exp.Select, queries: Queries) -> Queries:
    given = node.args.get("with_")
    if given is None:
        return queries
    only(given, "expressions")
    known: dict[str, Query] = dict(queries)
    used = {table.name.casefold() for table in node.find_all(exp.Table)}
    for query in given.expressions:
        only(query, "this", "alias")
        only(query.args["alias"], "this")
        if query.alias.casefold() not in used:
            raise refused(f"the query {shown(query.alias)!r} of WITH is not used: leave it out", query)
        known[query.alias] = Query(select_in(query.this), dict(known))
    return known


def _group_nodes(parts: Parts, names: Sequence[Names]) -> list[exp.Expr]:
    """What GROUP BY names by its place or by an alias is what SELECT says; a column of FROM goes before an alias."""
    found = []
    for node in parts.group:
        place = _ordinal(node, len(parts.items))
        if place is not None:
            found.append(parts.items[place].node)
            continue
        found.append(_alias_node(node, parts, names) or node)
    return found


def _alias_node(node: exp.Expr, parts: Parts, names: Sequence[Names]) -> exp.Expr | None:
    if not isinstance(node, exp.Column) or len(node.parts) != 1 or not isinstance(node.this, exp.Identifier):
        return None
    folded = node.name.casefold()
    if any(column.name.casefold() == folded for item in names for column in item.columns):
        return None
    quoted = node.this.args.get("quoted")
    for item in parts.items:
        if item.name == node.name or (not quoted and item.name.casefold() == folded):
            return item.node
    return None


def _ordinal(node: exp.Expr, count: int) -> int | None:
    if not isinstance(node, exp.Literal) or node.args.get("is_string"):
        return None
    if not node.name.isdecimal() or not 1 <= int(node.name[:6]) <= count:
        raise refused(f"{shown(node.name)} is not the place of a column: SELECT has {count}", node)
    return int(node.name) - 1


def _aliased(expression: Expression, item: Item, aliases: dict[str, Expression]) -> Expression:
    if isinstance(item.node.parent, exp.Alias):
        aliases.setdefault(item.name, expression)
    return expression


def _titles(parts: Parts) -> list[tuple[str, str]]:
    return [(item.name, item.title) for item in parts.items]


def _place(made: Aggregate, aggregates: list[Aggregate], asked: Asked) -> int:
    """Of an aggregate among those met before: what is asked twice is answered, and paid, once."""
    for number, known in enumerate(aggregates):
        if replace(known, label="") == replace(made, label=""):
            return number
    if len(aggregates) == MOST_AGGREGATES:
        raise refused(f"there are more than {MOST_AGGREGATES} aggregates", asked.node)
    aggregates.append(made)
    return len(aggregates) - 1


def _type(aggregate: Aggregate) -> ColumnType:
    return ColumnType.INT if aggregate.whole else ColumnType.FLOAT


def _label(aggregates: list[Aggregate], items: Sequence[Expression], said: Sequence[Item]) -> None:
    """An aggregate that is a column of the result has the column's title."""
    for expression, item in zip(items, said, strict=True):
        if isinstance(expression, Column) and expression.name.startswith("a"):
            number = int(expression.name[1:])
            aggregates[number] = replace(aggregates[number], label=item.title)
