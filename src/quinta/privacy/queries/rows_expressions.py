"""Expressions of the tree in SQL that never raises, for DuckDB and PostgreSQL.

Numbers with fractions are computed in double precision, integers in 64 bits as long as the bounds say that they fit,
else in double precision as well. PostgreSQL raises for a product or quotient that is too small to be told from 0: so
what is multiplied or divided is rounded to multiples of about 1e-146 first, in both engines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from quinta.core.datasets.metadata import ColumnType
from quinta.core.errors import InvalidInput
from quinta.privacy.queries.rows_dialects import DUCKDB, Dialect
from quinta.privacy.queries.tree import (
    Among,
    Bins,
    Case,
    Column,
    Comparison,
    Expression,
    Function,
    Grid,
    Interval,
    IsNull,
    Like,
    Literal,
    Logic,
    Value,
)

_LARGEST_WHOLE: Final = 2.0**62
_SMALLEST_INT, _LARGEST_INT = -(2**63), 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ARITHMETIC: Final = {"add": "+", "subtract": "-", "multiply": "*"}


@dataclass(frozen=True, slots=True)
class Emitted:
    """SQL, in brackets where it needs them, and the type that it has in the engine: an INT that is computed in double
    precision is a FLOAT."""

    sql: str
    type: ColumnType


ColumnSql = Callable[[int, str], str]
"""The SQL for a column of a scan, by the scan's number and the column's name."""


class Emitter:
    """Makes SQL of one dialect; ``column`` says what the columns are called."""

    def __init__(self, dialect: Dialect, column: ColumnSql) -> None:
        self.dialect = dialect
        self._column = column

    def emit(self, expression: Expression) -> Emitted:
        match expression:
            case Column():
                return self._column_of(expression)
            case Literal():
                return self.literal(expression.value, expression.type)
            case Function():
                return self._function(expression)
            case Comparison():
                left, right = self._alike([expression.left, expression.right])
                return _truth(f"({left.sql} {expression.operator} {right.sql})")
            case Logic():
                return self._logic(expression)
            case IsNull():
                return _truth(f"({self.emit(expression.operand).sql} IS NULL)")
            case Among():
                return self._among(expression)
            case Like():
                return self._like(expression)
            case Case():
                return self._case(expression)

    def condition(self, expression: Expression) -> str:
        return self.emit(expression).sql

    def number(self, expression: Expression) -> str:
        """In double precision; a moment is its seconds since 1970."""
        return self._number(self.emit(expression))

    def step(self, operand: Expression, grid: Grid) -> str:
        """``Grid.step_of``: halves are rounded to the even integer."""
        shifted = f"({self.number(operand)} - {self._float(grid.centre)})" if grid.centre else self.number(operand)
        if grid.grain != 1.0:
            shifted = f"({_coarse(shifted, grid.grain)} / {self._float(grid.grain)})"
        within = _between(shifted, self._float(-float(grid.most)), self._float(float(grid.most)))
        return f"CAST({within} AS {self._type(ColumnType.INT)})"

    def square(self, operand: Expression, grid: Grid, offset: int) -> str:
        """The square of the step, less the offset."""
        step = self.step(operand, grid)
        if max(grid.most**2, offset) > _LARGEST_WHOLE:
            step = f"CAST({step} AS {self.dialect.wide})"
        return f"({step} * {step} - {offset})"

    def bin(self, number: str, bins: Bins) -> str:
        """The number of the bin, from 0, of ``number``: a column in double precision, named many times, never NULL."""
        if bins.edges:
            return self._between_edges(number, bins.edges, 0)
        lower, upper = bins.bounds.lower, bins.bounds.upper
        width = (upper - lower) / bins.count
        if width <= 0:
            return "0"
        within = _within(number, self._float(lower), self._float(upper))
        position = f"floor({_coarse(f'({within} - {self._float(lower)})', width)} / {self._float(width)})"
        place = _within(position, self._float(0.0), self._float(bins.count - 1.0))
        return f"CAST({place} AS {self._type(ColumnType.INT)})"

    def _between_edges(self, number: str, edges: Sequence[float], first: int) -> str:
        """How many of the edges are not above the number, and ``first``: a tree of comparisons."""
        if not edges:
            return str(first)
        middle = len(edges) // 2
        below = self._between_edges(number, edges[:middle], first)
        above = self._between_edges(number, edges[middle + 1 :], first + middle + 1)
        return f"(CASE WHEN {number} < {self._float(edges[middle])} THEN {below} ELSE {above} END)"

    def literal(self, value: Value, type_: ColumnType) -> Emitted:
        """Typed, so that no engine guesses. InvalidInput for a text that not every engine can hold."""
        if value is None:
            return Emitted(f"CAST(NULL AS {self._type(type_)})", type_)
        if type_ is ColumnType.BOOLEAN:
            return _truth("TRUE" if value else "FALSE")
        if isinstance(value, datetime):
            return Emitted(f"{self._type(ColumnType.DATETIME)} '{_moment(value)}'", ColumnType.DATETIME)
        if isinstance(value, str):
            return Emitted(self._text(value), ColumnType.STRING)
        if type_ is ColumnType.INT and _SMALLEST_INT < value <= _LARGEST_INT:
            return Emitted(f"CAST({int(value)} AS {self._type(ColumnType.INT)})", ColumnType.INT)
        return Emitted(self._float(float(value)), ColumnType.FLOAT)

    def _type(self, type_: ColumnType) -> str:
        return self.dialect.types[type_]

    def _float(self, value: float) -> str:
        return f"CAST('{value!r}' AS {self._type(ColumnType.FLOAT)})"

    def _text(self, value: str) -> str:
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidInput("A text of the query holds a character that no table can hold: NUL or half a surrogate.")
        return f"(CAST('{value.replace(chr(39), chr(39) * 2)}' AS {self._type(ColumnType.STRING)}){self.dialect.text})"

    def _column_of(self, column: Column) -> Emitted:
        raw = self._column(column.scan, column.name)
        if not column.clamped or column.bounds is None:
            return Emitted(raw, column.type)
        lower, upper = self._bounds(column.type, column.bounds)
        return Emitted(_between(raw, lower, upper), column.type)

    def _bounds(self, type_: ColumnType, bounds: Interval) -> tuple[str, str]:
        """In the column's own type, and never wider than they are: an integer's are rounded inwards."""
        if type_ is ColumnType.INT:
            lower, upper = -(-bounds.lower // 1), bounds.upper // 1
            ends = [min(max(int(end), _SMALLEST_INT + 1), _LARGEST_INT) for end in (lower, upper)]
            return self.literal(ends[0], type_).sql, self.literal(ends[1], type_).sql
        if type_ is ColumnType.DATETIME:
            moments = [_EPOCH + timedelta(seconds=end) for end in (bounds.lower, bounds.upper)]
            return self.literal(moments[0], type_).sql, self.literal(moments[1], type_).sql
        return self._float(bounds.lower), self._float(bounds.upper)

    def _number(self, emitted: Emitted) -> str:
        if emitted.type is ColumnType.DATETIME:
            return self.dialect.functions["seconds"].format(emitted.sql)
        if emitted.type is ColumnType.FLOAT:
            return emitted.sql
        return f"CAST({emitted.sql} AS {self._type(ColumnType.FLOAT)})"

    def _alike(self, expressions: Sequence[Expression]) -> list[Emitted]:
        """Of one type: integers beside numbers with fractions become such, and NULL is of the others' type."""
        emitted = [self.emit(expression) for expression in expressions]
        nulls = [isinstance(expression, Literal) and expression.value is None for expression in expressions]
        types = {item.type for item, is_null in zip(emitted, nulls, strict=True) if not is_null}
        kind = ColumnType.FLOAT if ColumnType.FLOAT in types else next(iter(types), emitted[0].type)
        found = []
        for item, is_null in zip(emitted, nulls, strict=True):
            if is_null:
                found.append(self.literal(None, kind))
            elif kind is ColumnType.FLOAT:
                found.append(Emitted(self._number(item), kind))
            else:
                found.append(item)
        return found

    def _function(self, function: Function) -> Emitted:
        name = function.name
        if name in ("least", "greatest", "coalesce"):
            alike = self._alike(function.operands)
            return Emitted(f"{name}({', '.join(operand.sql for operand in alike)})", alike[0].type)
        operands = [self.emit(operand) for operand in function.operands]
        if name in ("neg", "absolute") or name in _ARITHMETIC:
            return self._arithmetic(function, operands)
        if name == "divide":
            divisor = function.operands[1].bounds
            largest = max(abs(divisor.lower), abs(divisor.upper)) if divisor else 1.0
            dividend = _coarse(self._number(operands[0]), largest)
            return Emitted(f"({dividend} / {self._number(operands[1])})", ColumnType.FLOAT)
        if name in ("floor", "ceiling", "round"):
            return self._rounded(function, operands)
        kind = ColumnType.STRING if name in ("lower", "upper", "trim") else ColumnType.INT
        return Emitted(self.dialect.functions[name].format(operands[0].sql), kind)

    def _arithmetic(self, function: Function, operands: Sequence[Emitted]) -> Emitted:
        kinds = {operand.type for operand in operands}
        bounds = [function.bounds, *(operand.bounds for operand in function.operands)]
        whole = kinds == {ColumnType.INT} and all(
            item is not None and item.lower >= -_LARGEST_WHOLE and item.upper <= _LARGEST_WHOLE for item in bounds
        )
        kind = ColumnType.INT if whole else ColumnType.FLOAT
        terms = [operand.sql if whole else self._number(operand) for operand in operands]
        if function.name == "neg":
            return Emitted(f"(- {terms[0]})", kind)
        if function.name == "absolute":
            return Emitted(self.dialect.functions["absolute"].format(terms[0]), kind)
        if function.name == "multiply" and not whole:
            terms = [_coarse(term, 1.0) for term in terms]
        return Emitted(f"({terms[0]} {_ARITHMETIC[function.name]} {terms[1]})", kind)

    def _rounded(self, function: Function, operands: Sequence[Emitted]) -> Emitted:
        """Integers stay what they are, except for rounding to tens; digits are a constant."""
        template, number = self.dialect.functions[function.name], self._number(operands[0])
        digits = function.operands[1].value if len(function.operands) > 1 else 0  # type: ignore[union-attr]
        if not isinstance(digits, int) or isinstance(digits, bool):
            raise ValueError("the digits of a rounding are a constant integer")
        if operands[0].type is ColumnType.INT and digits >= 0:
            return operands[0]
        if digits == 0:
            return Emitted(template.format(number), ColumnType.FLOAT)
        bounds = function.operands[0].bounds
        largest = max(abs(bounds.lower), abs(bounds.upper)) if bounds else 1.0
        if digits > 0 and largest >= 2.0**53 / 10.0**digits:  # it has no digits behind those
            return Emitted(number, ColumnType.FLOAT)
        power = self._float(10.0 ** abs(digits))
        if digits > 0:
            return Emitted(f"({template.format(f'({_coarse(number, 1.0)} * {power})')} / {power})", ColumnType.FLOAT)
        scaled = f"({_coarse(number, 10.0 ** abs(digits))} / {power})"
        return Emitted(f"({template.format(scaled)} * {power})", ColumnType.FLOAT)

    def _logic(self, logic: Logic) -> Emitted:
        terms = [self.emit(operand).sql for operand in logic.operands]
        if logic.operator == "not":
            return _truth(f"(NOT {terms[0]})")
        return _truth("(" + f" {logic.operator.upper()} ".join(terms) + ")")

    def _among(self, among: Among) -> Emitted:
        operand, *values = self._alike([among.operand, *among.values])
        if not values:
            return _truth(f"({operand.sql} IS NULL AND CAST(NULL AS {self._type(ColumnType.BOOLEAN)}))")
        return _truth(f"({operand.sql} IN ({', '.join(value.sql for value in values)}))")

    def _like(self, like: Like) -> Emitted:
        """The pattern in its plainest form. A final backslash stands for itself: engines raise for it, in some rows."""
        fold = self.dialect.functions["lower"].format if like.ignores_case else str
        tokens = _tokens(like.pattern)
        operand = fold(self.emit(like.operand).sql)
        if self.dialect is DUCKDB and any(not is_wild and text in "%_" for text, is_wild in tokens):
            pattern = "".join(
                {"%": ".*", "_": "."}[text] if is_wild else f"\\x{{{ord(text):x}}}" for text, is_wild in tokens
            )
            flags = "si" if like.ignores_case else "s"
            return _truth(f"regexp_full_match({operand}, '{pattern}', '{flags}')")
        pattern = "".join(text if is_wild else self._plain(text) for text, is_wild in tokens)
        return _truth(f"({operand} LIKE {fold(self._text(pattern))})")

    def _plain(self, character: str) -> str:
        """DuckDB's LIKE has no escapes without the word ESCAPE, PostgreSQL's has backslashes."""
        return character if self.dialect is DUCKDB or character not in "%_\\" else "\\" + character

    def _case(self, case: Case) -> Emitted:
        conditions = [self.condition(condition) for condition, _ in case.branches]
        values = self._alike([*(value for _, value in case.branches), case.otherwise])
        branches = "".join(
            f" WHEN {condition} THEN {value.sql}" for condition, value in zip(conditions, values, strict=False)
        )
        return Emitted(f"(CASE{branches} ELSE {values[-1].sql} END)", values[-1].type)


def _truth(sql: str) -> Emitted:
    return Emitted(sql, ColumnType.BOOLEAN)


def _between(sql: str, lower: str, upper: str) -> str:
    """NULL stays NULL, which LEAST and GREATEST of both engines would make a bound."""
    return f"(CASE WHEN {sql} IS NOT NULL THEN {_within(sql, lower, upper)} END)"


def _within(sql: str, lower: str, upper: str) -> str:
    return f"least(greatest({sql}, {lower}), {upper})"


def _coarse(sql: str, divisor: float) -> str:
    """A number rounded so that dividing it by up to ``divisor``, or multiplying it with another such number, gives 0
    only for 0: PostgreSQL raises where a result is too small."""
    grain = repr(max(1e-130, 1e-280 * divisor))
    return f"(({sql} + {grain}) - {grain})"


def _tokens(pattern: str) -> list[tuple[str, bool]]:
    """Characters of a pattern of LIKE, and whether each is a wild card."""
    found: list[tuple[str, bool]] = []
    rest = iter(pattern)
    for character in rest:
        if character == "\\":
            found.append((next(rest, "\\"), False))
        else:
            found.append((character, character in "%_"))
    return found


def _moment(value: datetime) -> str:
    """In UTC; a moment without a zone is."""
    return (value if value.tzinfo is None else value.astimezone(UTC)).replace(tzinfo=None).isoformat(sep=" ")
