"""Which aggregates there are, how they are written, and over what they may go (issue 9: Analysis)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType
from quinta.privacy.queries.statements import functions
from quinta.privacy.queries.statements.building import as_number
from quinta.privacy.queries.statements.expressions import Builder
from quinta.privacy.queries.statements.intervals import fits, seconds
from quinta.privacy.queries.statements.literals import literal_of
from quinta.privacy.queries.statements.logic import both, negation
from quinta.privacy.queries.statements.refusals import only, refused, sql_of, text_of
from quinta.privacy.queries.statements.relations import RowScope
from quinta.privacy.queries.tree import (
    Aggregate,
    AggregateKind,
    AutomaticBounds,
    Column,
    Expression,
    Interval,
    IsNull,
    Literal,
)

DEFAULT_WITHIN = 1e9
"""Automatic bounds are looked for between minus and plus this where the metadata name no range."""
DEFAULT_PROBABILITY = 0.9

_PLAIN: dict[type[exp.Expr], AggregateKind] = {
    exp.Sum: AggregateKind.SUM,
    exp.Avg: AggregateKind.AVERAGE,
    exp.Variance: AggregateKind.VARIANCE,
    exp.VariancePop: AggregateKind.VARIANCE_OF_ALL,
    exp.Stddev: AggregateKind.DEVIATION,
    exp.StddevSamp: AggregateKind.DEVIATION,
    exp.StddevPop: AggregateKind.DEVIATION_OF_ALL,
}
_QUANTILES: dict[type[exp.Expr], float] = {exp.Min: 0.0, exp.Max: 1.0, exp.Median: 0.5}
_NAMED = {"VAR": AggregateKind.VARIANCE, "STDEV": AggregateKind.DEVIATION, "STD": AggregateKind.DEVIATION}
_NAMED_QUANTILES = frozenset({"QUANTILE_CONT", "QUANTILE_DISC", "APPROX_PERCENTILE", "PERCENTILE", "APPROX_QUANTILE"})


@dataclass(frozen=True, slots=True)
class Asked:
    """An aggregate as it is written. ``operand`` is None for COUNT(*)."""

    node: exp.Expr
    kind: AggregateKind
    operand: exp.Expr | None = None
    quantile: float | None = None
    condition: exp.Expr | None = None


def is_aggregate(node: exp.Expr) -> bool:
    """Whether the node asks about many rows at once."""
    if isinstance(node, exp.Anonymous):
        return node.name.upper() in _NAMED or node.name.upper() in _NAMED_QUANTILES
    return isinstance(node, exp.AggFunc | exp.Filter | exp.WithinGroup)


def asked_by(node: exp.Expr) -> Asked:
    """What an aggregate asks. InvalidInput for those that there are not."""
    if isinstance(node, exp.Filter):
        only(node, "this", "expression")
        inner = asked_by(node.this)
        return Asked(node, inner.kind, inner.operand, inner.quantile, node.expression.this)
    if isinstance(node, exp.WithinGroup):
        return _within_group(node)
    if isinstance(node, exp.Count):
        return _count(node)
    kind = type(node)
    if kind in _PLAIN or kind in _QUANTILES:
        only(node, "this")
        if isinstance(node.this, exp.Distinct):
            raise refused("DISTINCT is supported in COUNT of the privacy column only", node)
        if kind in _PLAIN:
            return Asked(node, _PLAIN[kind], node.this)
        return Asked(node, AggregateKind.QUANTILE, node.this, _QUANTILES[kind])
    return _two_operands(node)


def _two_operands(node: exp.Expr) -> Asked:
    if isinstance(node, exp.Quantile | exp.ApproxQuantile):
        only(node, "this", "quantile")
        return Asked(node, AggregateKind.QUANTILE, node.this, _share(node.args["quantile"]))
    if isinstance(node, exp.PercentileCont | exp.PercentileDisc) and node.args.get("expression") is not None:
        only(node, "this", "expression")
        return Asked(node, AggregateKind.QUANTILE, node.this, _share(node.args["expression"]))
    if isinstance(node, exp.Anonymous):
        name = node.name.upper()
        if name in _NAMED and len(node.expressions) == 1:
            return Asked(node, _NAMED[name], node.expressions[0])
        if name in _NAMED_QUANTILES and len(node.expressions) == 2:
            return Asked(node, AggregateKind.QUANTILE, node.expressions[0], _share(node.expressions[1]))
    raise refused(
        f"the aggregate {text_of(node)} is not supported: there are COUNT, SUM, AVG, VARIANCE, STDDEV, "
        "MIN, MAX, MEDIAN and QUANTILE_CONT(x, 0.25)",
        node,
    )


def _within_group(node: exp.WithinGroup) -> Asked:
    only(node, "this", "expression")
    order = node.expression
    if not isinstance(node.this, exp.PercentileCont | exp.PercentileDisc) or len(order.expressions) != 1:
        raise refused("WITHIN GROUP is supported as PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x)", node)
    only(node.this, "this")
    ordered, share = order.expressions[0], _share(node.this.this)
    return Asked(node, AggregateKind.QUANTILE, ordered.this, 1 - share if ordered.args.get("desc") else share)


def _share(node: exp.Expr) -> float:
    value = float(node.name) if isinstance(node, exp.Literal) and not node.args.get("is_string") else None
    if value is None or not 0 <= value <= 1:
        raise refused("which quantile is a constant from 0 to 1", node)
    return value


def _count(node: exp.Count) -> Asked:
    only(node, "this", "big_int")
    if isinstance(node.this, exp.Star):
        return Asked(node, AggregateKind.COUNT_ROWS)
    if isinstance(node.this, exp.Distinct):
        if len(node.this.expressions) != 1 or node.this.args.get("on"):
            raise refused("COUNT(DISTINCT …) takes one column", node)
        return Asked(node, AggregateKind.COUNT_UNITS, node.this.expressions[0])
    if node.this is None:
        raise refused("COUNT needs * or a column", node)
    if isinstance(node.this, exp.Literal):
        return Asked(node, AggregateKind.COUNT_ROWS)
    return Asked(node, AggregateKind.COUNT, node.this)


class Measuring:
    """Makes aggregates over people's rows."""

    def __init__(self, scope: RowScope) -> None:
        self._scope = scope
        self._builder = Builder(scope)

    def aggregate(self, asked: Asked) -> Aggregate:
        """The aggregate over bounded operands. InvalidInput names a column that lacks bounds."""
        label = sql_of(asked.node)
        condition = None if asked.condition is None else self._filter(asked.condition)
        if asked.kind is AggregateKind.COUNT_UNITS:
            return self._units(asked, label)
        if asked.kind in (AggregateKind.COUNT_ROWS, AggregateKind.COUNT):
            return self._count(asked, condition, label)
        assert asked.operand is not None
        operand, automatic = self._operand(asked.operand)
        if condition is not None:
            operand = functions.case([(condition, operand)], Literal(None, operand.type))
        whole = operand.type is ColumnType.INT and asked.kind in (AggregateKind.SUM, AggregateKind.QUANTILE)
        return Aggregate(asked.kind, label, operand, asked.quantile, whole, automatic)

    def _filter(self, node: exp.Expr) -> Expression | None:
        condition = self._builder.condition(node)
        if not isinstance(condition, Literal):
            return condition
        if condition.value is not True:
            raise refused("the condition of FILTER is never true", node)
        return None

    def _units(self, asked: Asked, label: str) -> Aggregate:
        node, relation = asked.operand, self._scope.relation
        found = self._scope.bare(node) if isinstance(node, exp.Column) else None
        if relation.scans[0].unit is None:
            raise refused(
                "every row is one individual here, so nothing is counted distinctly: use COUNT(*)", asked.node
            )
        is_unit = False
        if isinstance(found, Column):
            table, facts = self._scope.facts(found)
            is_unit = table.unit is not None and table.unit.name == facts.name
        if not is_unit:
            raise refused("COUNT(DISTINCT …) counts the privacy column only", asked.node)
        if asked.condition is not None:
            raise refused("FILTER is not supported with COUNT(DISTINCT …): use WHERE", asked.node)
        if isinstance(found, Column) and not self._always_there(found):
            raise refused("after LEFT JOIN, count the privacy column of the first table", asked.node)
        return Aggregate(AggregateKind.COUNT_UNITS, label, whole=True)

    def _always_there(self, column: Column) -> bool:
        """Whether each row has a unit of that scan: not where it was LEFT JOINed."""
        index = column.scan - self._scope.first
        return index == 0 or self._scope.relation.joins[index - 1].kind.value == "inner"

    def _count(self, asked: Asked, condition: Expression | None, label: str) -> Aggregate:
        """Conditions of FILTER become values that are NULL where they do not hold."""
        if asked.operand is None:
            counted: Expression | None = None
        elif isinstance(asked.operand, exp.Column):
            counted = self._scope.bare(asked.operand)
        else:
            counted = self._builder.build(asked.operand)
        if isinstance(counted, Literal):
            raise refused("a constant is nothing to count: use COUNT(*)", asked.node)
        if condition is not None:
            holds = condition if counted is None else both([condition, negation(IsNull(counted))])
            counted = functions.case([(holds, literal_of(1))], Literal(None, ColumnType.INT))
        if counted is None:
            return Aggregate(AggregateKind.COUNT_ROWS, label, whole=True)
        return Aggregate(AggregateKind.COUNT, label, counted, whole=True)

    def _operand(self, node: exp.Expr) -> tuple[Expression, AutomaticBounds | None]:
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Column):
            found = self._scope.bare(node)
            if isinstance(found, Column):
                table, facts = self._scope.facts(found)
                automatic = _automatic(facts) if found.bounds is None and not table.identifies(facts) else None
                if automatic is not None:
                    held = Column(found.scan, found.name, found.type, automatic.within, clamped=True)
                    return held, automatic
        found = self._builder.build(node)
        if found.type is ColumnType.BOOLEAN and not isinstance(found, Literal):
            return as_number(self._builder, found, node), None
        return self._builder.as_a_number(found, node), None


def _automatic(facts: ColumnMetadata) -> AutomaticBounds | None:
    """Only where no bounds are declared: those cost nothing (contract dq0 6.3)."""
    if not facts.use_auto_bounds or facts.type not in (ColumnType.INT, ColumnType.FLOAT):
        return None
    ends = [
        default if end is None else seconds(end) if isinstance(end, datetime) else float(end)
        for end, default in ((facts.auto_lower, -DEFAULT_WITHIN), (facts.auto_upper, DEFAULT_WITHIN))
    ]
    within = Interval(ends[0], ends[1])
    if not fits(within) or within.lower >= within.upper:
        return None
    given = facts.auto_bounds_prob
    return AutomaticBounds(within, given if given is not None and 0 < given < 1 else DEFAULT_PROBABILITY)
