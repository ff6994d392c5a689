"""FROM: tables, subqueries and names of WITH, joined on the privacy unit.

Only tables of one dataset whose rows are about the same units are joined: then all that one unit adds to the result is
bounded by the product of what it adds to each table (contract dq0, decisions on top; brief, decision 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from quinta.privacy.queries.statements.catalogue import Catalogue, Table, bounds_of, matching
from quinta.privacy.queries.statements.expressions import Builder, operands_of
from quinta.privacy.queries.statements.logic import both, compared
from quinta.privacy.queries.statements.parsing import select_in
from quinta.privacy.queries.statements.refusals import only, refused, shown, text_of
from quinta.privacy.queries.statements.relations import Effort, Named, Names, Noisy, RowRelation, RowScope, look_up
from quinta.privacy.queries.tree import Column, Expression, Join, JoinKind

MOST_SCANS = 4


@dataclass(frozen=True, slots=True)
class Query:
    """A query of WITH, and the ones that it may name itself."""

    node: exp.Select
    known: Mapping[str, Query]


Queries = Mapping[str, Query]
Select = Callable[[exp.Select, Queries, int], RowRelation | Noisy]


class Sources:
    """Reads FROM. ``select`` reads the SELECT of a subquery."""

    def __init__(self, catalogue: Catalogue, effort: Effort, select: Select) -> None:
        self._catalogue = catalogue
        self._effort = effort
        self._select = select

    def read(self, node: exp.Select, queries: Queries, first: int) -> RowRelation | Noisy:
        """What the FROM of a SELECT yields; ``first`` is the number of its first scan."""
        start = node.args.get("from_")
        if start is None:
            raise refused("the statement reads no table: FROM is missing", node)
        joins = node.args.get("joins") or []
        relation = self._item(start.this, queries, first)
        for join in joins:
            if isinstance(relation, Noisy):
                raise refused("what is already aggregated cannot be joined: join the tables first", join)
            relation = self._joined(relation, join, queries, first)
        return relation

    def _item(self, node: exp.Expr, queries: Queries, number: int) -> RowRelation | Noisy:
        alias = node.args.get("alias")
        if alias is not None:
            only(alias, "this")
        name = alias.name if alias is not None else ""
        if isinstance(node, exp.Subquery):
            only(node, "this", "alias")
            return _called(self._select(select_in(node.this), queries, number), (name,) if name else ())
        if not isinstance(node, exp.Table) or node.args.get("joins"):
            raise refused(f"{text_of(node)}: FROM takes tables, subqueries and JOIN … ON", node)
        if isinstance(node.this, exp.Identifier) and not node.args.get("db"):
            found = matching(node.this, queries, str)
            if len(found) == 1:
                query = queries[found[0]]
                return _called(self._select(query.node, query.known, number), (name or found[0],))
        table = self._catalogue.table(node)
        qualifier = (name,) if name else (table.asked.name, table.schema, table.metadata.name)
        return RowRelation((table,), (), (), (Names(qualifier, _columns(table, number)),))

    def _joined(self, left: RowRelation, join: exp.Join, queries: Queries, first: int) -> RowRelation:
        only(join, "this", "on", "using", "side", "kind")
        kind = _kind(join)
        number = first + len(left.scans)
        if len(left.scans) == MOST_SCANS:
            raise refused(f"more than {MOST_SCANS} tables are joined", join)
        right = self._item(join.this, queries, number)
        if isinstance(right, Noisy):
            raise refused("what is already aggregated cannot be joined: join the tables first", join)
        if len(right.scans) > 1:
            raise refused("a subquery that joins tables can only come first in FROM", join)
        if kind is JoinKind.LEFT and not all(isinstance(item.expression, Column) for item in right.items[0].columns):
            raise refused("a subquery that computes columns cannot be LEFT JOINed: compute them outside", join)
        _check_joinable(left.scans[0], right.scans[0], join)
        items = (*left.items, *right.items)
        together = RowRelation((*left.scans, *right.scans), left.joins, left.conditions, items)
        condition, merged = self._condition(together, left, right, join, first)
        extra = both([condition, *right.conditions])
        joined = Join(kind, None if getattr(extra, "value", None) is True else extra)
        if merged:
            items = (*left.items, replace(right.items[0], merged=merged))
        return replace(together, joins=(*left.joins, joined), items=items)

    def _condition(
        self, together: RowRelation, left: RowRelation, right: RowRelation, join: exp.Join, first: int
    ) -> tuple[Expression, frozenset[str]]:
        """What must hold besides the equality of the units, and the columns that USING merged."""
        pairs: list[tuple[Expression, Expression]] = []
        merged: set[str] = set()
        rest: list[Expression] = []
        scope = RowScope(together, self._effort, first)
        for identifier in join.args.get("using") or []:
            named = exp.Column(this=identifier.copy())
            one, other = look_up(named, left.items), look_up(named, right.items)
            pairs.append((one.expression, other.expression))
            merged.add(other.name)
        on = join.args.get("on")
        builder = Builder(scope)
        for part in operands_of(on, exp.And) if on is not None else ():
            bare = _equality(part, scope)
            if bare is not None and _is_unit(bare[0], scope) and _is_unit(bare[1], scope):
                pairs.append(bare)
            else:
                rest.append(builder.condition(part))
        units = [pair for pair in pairs if self._matches_units(pair, scope, first, together)]
        if not units:
            raise refused(
                "tables are joined on the privacy column of the first one: JOIN … ON first.id = other.id", join
            )
        for pair in pairs:
            if pair not in units:
                rest.append(self._equal(pair, scope, join))
        return both(rest), frozenset(merged)

    def _equal(self, pair: tuple[Expression, Expression], scope: RowScope, join: exp.Join) -> Expression:
        for side in pair:
            if isinstance(side, Column):
                table, facts = scope.facts(side)
                if not table.may_compare(facts):
                    raise refused(
                        f"the tables cannot be joined on {shown(side.name)!r} besides the privacy column", join
                    )
        if pair[0].type != pair[1].type:
            raise refused("columns that are joined on are of one type", join)
        return compared("=", *pair)

    def _matches_units(
        self, pair: tuple[Expression, Expression], scope: RowScope, first: int, together: RowRelation
    ) -> bool:
        """Whether the pair says that the new scan's unit is that of the scans before it."""
        new = first + len(together.scans) - 1
        if not all(_is_unit(side, scope) for side in pair):
            return False
        numbers = {side.scan for side in pair if isinstance(side, Column)}
        others = numbers - {new}
        if new not in numbers or len(others) != 1:
            return False
        other = others.pop()
        # A scan that was LEFT JOINed has no unit in rows without a match, where its equality never holds.
        return other == first or together.joins[other - first - 1].kind is JoinKind.INNER


def _kind(join: exp.Join) -> JoinKind:
    side, kind = str(join.side).upper(), str(join.kind).upper()
    if (side, kind) in (("", ""), ("", "INNER")):
        if join.args.get("on") is None and not join.args.get("using"):
            raise refused("tables are joined on the privacy column: write JOIN … ON a.id = b.id", join)
        return JoinKind.INNER
    if side == "LEFT" and kind in ("", "OUTER"):
        return JoinKind.LEFT
    said = " ".join(word for word in (side, kind) if word)
    raise refused(f"{said} JOIN is not supported: use JOIN or LEFT JOIN on the privacy column", join)


def _check_joinable(left: Table, right: Table, join: exp.Join) -> None:
    if left.dataset != right.dataset:
        raise refused("only tables of one dataset can be joined", join)
    if left.unit is None or right.unit is None:
        raise refused("tables in which every row is one individual cannot be joined: they have no privacy column", join)
    if left.unit.type is not right.unit.type:
        raise refused("the privacy columns of the tables are of different types, so they cannot be joined", join)


def _equality(node: exp.Expr, scope: RowScope) -> tuple[Expression, Expression] | None:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.EQ) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column):
        return scope.bare(node.this), scope.bare(node.expression)
    return None


def _is_unit(expression: Expression, scope: RowScope) -> bool:
    if not isinstance(expression, Column):
        return False
    table, facts = scope.facts(expression)
    return table.unit is not None and table.unit.name == facts.name


def _columns(table: Table, number: int) -> tuple[Named, ...]:
    return tuple(
        Named(column.name, Column(number, column.name, column.type, bounds_of(column))) for column in table.columns
    )


def _called(relation: RowRelation | Noisy, qualifier: tuple[str, ...]) -> RowRelation | Noisy:
    """A subquery's result by the name that FROM gives it."""
    if isinstance(relation, Noisy):
        return replace(relation, names=replace(relation.names, qualifier=qualifier))
    return replace(relation, items=(replace(relation.items[0], qualifier=qualifier),))
