"""Syntax to typed tree, for what is said about rows and for what is computed from noisy values."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements import functions
from quinta.privacy.queries.statements.building import clamped
from quinta.privacy.queries.statements.choices import CHOICES, choice_of
from quinta.privacy.queries.statements.intervals import fits
from quinta.privacy.queries.statements.literals import NOTHING, NUMBERS, converted, literal_of, written
from quinta.privacy.queries.statements.logic import both, compared, either, negation
from quinta.privacy.queries.statements.numbers import bucket_of, round_of
from quinta.privacy.queries.statements.refusals import only, refused, sql_of, text_of
from quinta.privacy.queries.statements.relations import Scope, size_of
from quinta.privacy.queries.tree import Among, Expression, Function, IsNull, Like, Literal

LONGEST_PATTERN = 256

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Add: "add",
    exp.Sub: "subtract",
    exp.Mul: "multiply",
    exp.Div: "divide",
    exp.Neg: "neg",
    exp.Abs: "absolute",
    exp.Floor: "floor",
    exp.Ceil: "ceiling",
}
_TEXT: dict[type[exp.Expr], str] = {exp.Lower: "lower", exp.Upper: "upper", exp.Trim: "trim", exp.Length: "length"}
_PARTS: dict[type[exp.Expr], str] = {
    exp.Year: "year",
    exp.Month: "month",
    exp.Day: "day",
    exp.DayOfMonth: "day",
    exp.Hour: "hour",
    exp.DayOfWeek: "weekday",
}
_EXTRACTED = {"YEAR": "year", "MONTH": "month", "DAY": "day", "HOUR": "hour", "DOW": "weekday", "DAYOFWEEK": "weekday"}
_AFTER_NOISE: dict[type[exp.Expr], str] = {exp.Sqrt: "sqrt", exp.Ln: "ln", exp.Exp: "exp", exp.Pow: "power"}
"""Not total, so that only what is noisy may go through them."""


class Builder:
    """Makes expressions out of syntax. ``special`` is asked first about each node: for aggregates and keys."""

    def __init__(self, scope: Scope, special: Callable[[exp.Expr], Expression | None] | None = None) -> None:
        self._scope = scope
        self._special = special

    @property
    def bounded(self) -> bool:
        return self._scope.bounded

    def again(self, expression: Expression, node: exp.Expr) -> Expression:
        self._scope.effort.spend(size_of(expression, node), node)
        return expression

    def build(self, node: exp.Expr) -> Expression:
        """The node's meaning. InvalidInput for what is not in the list of what is understood."""
        if self._special is not None and (found := self._special(node)) is not None:
            return found
        match node:
            case exp.Paren():
                only(node, "this")
                return self.build(node.this)
            case exp.Column():
                return self._scope.column(node)
            case exp.Literal():
                return written(node)
            case exp.Boolean():
                return literal_of(bool(node.this))
            case exp.Null():
                return NOTHING
            case exp.And() | exp.Or() | exp.Not():
                return self._logic(node)
            case exp.Is() | exp.In() | exp.Between() | exp.Like() | exp.ILike():
                return self._predicate(node)
        return choice_of(self, node) if isinstance(node, CHOICES) else self._function(node)

    def condition(self, node: exp.Expr) -> Expression:
        """What is true, false or NULL."""
        found = self.build(node)
        if found == NOTHING:
            return NOTHING
        if found.type is not ColumnType.BOOLEAN:
            raise refused(f"{text_of(node)} is no condition: compare it with something", node)
        return found

    def number(self, node: exp.Expr) -> Expression:
        """What is computed with: a number, of rows one that has bounds."""
        return self.as_a_number(self.build(node), node)

    def as_a_number(self, found: Expression, node: exp.Expr) -> Expression:
        """What was built of the node, to compute with."""
        if found == NOTHING:
            raise refused("NULL is nothing to compute with", node)
        if found.type not in NUMBERS:
            raise refused(f"{text_of(node)} is a {found.type.value}; a number is needed here", node)
        return self.held(found, node)

    def moment(self, node: exp.Expr) -> Expression:
        return self.held(converted(self.build(node), ColumnType.DATETIME, node), node)

    def held(self, found: Expression, node: exp.Expr) -> Expression:
        """Within its bounds, which it must have where it is about rows."""
        if not self._scope.bounded:
            return found
        held = clamped(found)
        if held.bounds is None:
            raise refused(unbounded(node), node)
        if not fits(held.bounds):
            raise refused(f"the numbers of {text_of(node)} may be too large to compute with", node)
        return held

    def _logic(self, node: exp.Expr) -> Expression:
        if isinstance(node, exp.Not):
            return negation(self.condition(node.this))
        join = both if isinstance(node, exp.And) else either
        return join([self.condition(part) for part in operands_of(node, type(node))])

    def _predicate(self, node: exp.Expr) -> Expression:
        match node:
            case exp.Between():
                only(node, "this", "low", "high")
                subject = self.build(node.this)
                least = self.compared(">=", (subject, node.this), node.args["low"])
                most = self.compared("<=", (self.again(subject, node), node.this), node.args["high"])
                return both([least, most])
            case exp.Is():
                found = self._is(node)
            case exp.In():
                only(node, "this", "expressions")
                return self._among(node)
            case _:
                found = self._like(node)
        return negation(found) if node.args.get("negate") else found

    def _is(self, node: exp.Is) -> Expression:
        if isinstance(node.expression, exp.Null):
            found = self.build(node.this)
            return literal_of(found.value is None) if isinstance(found, Literal) else IsNull(found)
        if not isinstance(node.expression, exp.Boolean):
            raise refused("IS is followed by NULL, NOT NULL, TRUE or FALSE", node)
        found = self.condition(node.this)
        wanted = found if node.expression.this else negation(found)
        if isinstance(wanted, Literal):
            return literal_of(wanted.value is True)
        return Function("coalesce", (wanted, literal_of(False)), ColumnType.BOOLEAN)

    def _among(self, node: exp.In) -> Expression:
        operand = self.build(node.this)
        values: list[Literal] = []
        for item in node.expressions:
            value = converted(self.build(item), operand.type, item)
            if not isinstance(value, Literal) or value.value is None:
                raise refused(f"{text_of(item)}: the list after IN has constants only, and no NULL", item)
            if value not in values:
                values.append(value)
        if not values:
            raise refused("the list after IN is empty", node)
        if isinstance(operand, Literal):
            return either([compared("=", operand, value) for value in values])
        return Among(operand, tuple(values))

    def _like(self, node: exp.Expr) -> Expression:
        operand, pattern = self.build(node.this), self.build(node.args["expression"])
        if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
            raise refused("the pattern after LIKE is a constant text", node)
        if operand.type is not ColumnType.STRING:
            raise refused(f"{text_of(node.this)} is a {operand.type.value}; LIKE is about texts", node)
        if len(pattern.value) > LONGEST_PATTERN:
            raise refused(f"the pattern after LIKE is longer than {LONGEST_PATTERN} characters", node)
        if (len(pattern.value) - len(pattern.value.rstrip("\\"))) % 2:
            raise refused("the pattern after LIKE ends in a backslash that escapes nothing", node)
        return Like(operand, pattern.value, isinstance(node, exp.ILike))

    def compared(self, operator: str, left: tuple[Expression, exp.Expr], right: exp.Expr) -> Expression:
        one, other = left[0], self.build(right)
        if isinstance(one, Literal) and (one.value is None or not isinstance(other, Literal)):
            one = converted(one, other.type, left[1])
        return compared(operator, one, converted(other, one.type, right))

    def _function(self, node: exp.Expr) -> Expression:
        kind = type(node)
        if kind in _COMPARISONS:
            only(node, "this", "expression")
            return self.compared(_COMPARISONS[kind], (self.build(node.this), node.this), node.args["expression"])
        if kind in _ARITHMETIC:
            # "typed" and "safe" say how the dialect divides; here / is a division of doubles, whatever the operands.
            only(node, "this", "expression", "typed", "safe")
            nodes = [part for part in (node.this, node.args.get("expression")) if part]
            return self.apply(_ARITHMETIC[kind], node, *map(self.number, nodes))
        if kind in _TEXT:
            only(node, "this")
            return self._of_text(_TEXT[kind], node)
        if kind in _PARTS:
            only(node, "this")
            return self._date_part(_PARTS[kind], node.this)
        if kind in _AFTER_NOISE and not self._scope.bounded:
            only(node, "this", "expression")
            nodes = [part for part in (node.this, node.args.get("expression")) if part]
            return Function(_AFTER_NOISE[kind], tuple(self.number(part) for part in nodes), ColumnType.FLOAT)
        return self._named_function(node)

    def _named_function(self, node: exp.Expr) -> Expression:
        match node:
            case exp.Round():
                return round_of(self, node)
            case exp.Least() | exp.Greatest():
                only(node, "this", "expressions", "ignore_nulls")
                name = "least" if isinstance(node, exp.Least) else "greatest"
                return self.apply(name, node, *map(self.number, [node.this, *node.expressions]))
            case exp.Extract() if (part := _EXTRACTED.get(str(node.this.name).upper())) is not None:
                only(node, "this", "expression")
                return self._date_part(part, node.expression)
            case exp.Date() if isinstance(node.this, exp.Literal):
                only(node, "this")
                return converted(self.build(node.this), ColumnType.DATETIME, node.this)
            case exp.WidthBucket():
                return bucket_of(self, node)
        raise not_understood(node)

    def apply(self, name: str, node: exp.Expr, *operands: Expression) -> Expression:
        return functions.arithmetic(name, operands, node, bounded=self._scope.bounded)

    def _of_text(self, name: str, node: exp.Expr) -> Expression:
        operand = self.build(node.this)
        if operand.type is not ColumnType.STRING:
            raise refused(f"{text_of(node.this)} is a {operand.type.value}; a text is needed here", node)
        return Function(name, (operand,), ColumnType.INT if name == "length" else ColumnType.STRING)

    def _date_part(self, name: str, node: exp.Expr) -> Expression:
        operand = self.moment(node)
        bounds = functions.DATE_PARTS[name]
        if bounds is None and operand.bounds is not None:
            bounds = functions.years(operand.bounds)
        return Function(name, (operand,), ColumnType.INT, bounds)


def operands_of(node: exp.Expr, kind: type[exp.Expr]) -> Iterable[exp.Expr]:
    """Of a chain of one operator, from left to right; chains may be longer than recursion is deep."""
    waiting, found = [node], []
    while waiting:
        part = waiting.pop()
        if type(part) is kind:
            waiting += [part.args["expression"], part.this]
        else:
            found.append(part)
    return found


def unbounded(node: exp.Expr) -> str:
    """The sentence about a number that has no bounds."""
    if isinstance(node, exp.Column):
        return (
            f"the column {text_of(node)} has no declared bounds, so it cannot be computed with: the "
            "owner can declare them (bounded, lower and upper)"
        )
    return f"{text_of(node)} has no bounds, so it cannot be computed with"


def not_understood(node: exp.Expr) -> Exception:
    """The refusal of what is in no list."""
    text = sql_of(node)
    if isinstance(node, exp.AggFunc):
        return refused(f"the aggregate {text!r} is not allowed here", node)
    if isinstance(node, exp.Star):
        return refused("* stands alone, or in COUNT(*): name the columns", node)
    if node.find(exp.Select):
        return refused(f"a subquery is allowed in FROM and WITH only, not in {text!r}", node)
    return refused(f"{text!r} is not supported", node)
