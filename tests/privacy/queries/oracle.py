"""The exact answers to ``grammar``'s statements: DuckDB reads a statement's own words, about a table whose values are
held within bounds and where no unit has more rows than count; what is made of the values is worked out in Python."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from quinta.core.datasets.metadata import ColumnType
from quinta.core.queries.model import QueryCost
from quinta.privacy.queries.allocation import allocate
from quinta.privacy.queries.tree import Aggregate, Key, Plan
from tests.privacy.queries.grammar import Asked, Statement
from tests.privacy.queries.grounds import ALLOWED, FIRST, LAST, STARS, Ground

TYPES = {"id": "BIGINT", "n": "BIGINT", "x": "DOUBLE", "k": "VARCHAR", "t": "VARCHAR", "b": "BOOLEAN", "j": "BIGINT"}

Cells = tuple[Any, ...]


class Oracle:
    """A ground, and its rows as they count. Units that have too many rows have rows that are all alike."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._database = duckdb.connect(config={"threads": 1})
        columns = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
        self._database.execute(f"CREATE TABLE people ({columns}, d TIMESTAMP)")
        self._database.execute("CREATE VIEW visits AS SELECT * FROM people")
        seen: Counter[Any] = Counter()
        for row in ground.rows:
            seen[row["id"]] += 1
            if not ground.has_units or (row["id"] is not None and seen[row["id"]] <= ground.table.max_ids):
                moment = _held(row["d"], FIRST, LAST)
                cells = [row["id"], _held(row["n"], *ground.whole), _held(row["x"], *ground.fractions)]
                cells += [*(row[name] for name in "ktbj"), moment and moment.replace(tzinfo=None)]
                self._database.execute(f"INSERT INTO people VALUES ({', '.join('?' * len(cells))})", cells)

    def close(self) -> None:
        self._database.close()

    def groups(self, statement: Statement) -> dict[Cells, Group]:
        """The groups that have rows; without keys there is one."""
        items = [*statement.keys, "COUNT(*)", f"COUNT(DISTINCT {statement.unit})", f"COUNT(DISTINCT {statement.text})"]
        for asked in statement.asked:
            held = f" FILTER (WHERE {asked.held})" if asked.held else ""
            items.append(f"LIST({asked.operand or '1'}){held}")
        rows = self._database.execute(f"SELECT {', '.join(items)} {statement.tail}").fetchall()
        count = len(statement.keys)
        return {
            row[:count]: Group(*row[count : count + 3], [_present(found) for found in row[count + 3 :]]) for row in rows
        }


def _held(value: Any, lower: Any, upper: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return min(max(value, lower), upper)


def _present(found: Sequence[Any] | None) -> list[Any]:
    return [value for value in found or [] if value is not None]


@dataclass
class Group:
    """What counts in a group: rows, units, different texts, and the values of each aggregate."""

    rows: int = 0
    units: int = 0
    texts: int = 0
    values: list[list[Any]] = field(default_factory=list)

    def exact(self, asked: Asked, number: int) -> float | None:
        """The aggregate with that number; None where it has none. Of a deviation its square."""
        values = self.values[number]
        if asked.kind == "units":
            return self.units
        if asked.kind in ("rows", "values"):
            return len(values)
        if asked.kind == "sum":
            return math.fsum(values) if any(isinstance(value, float) for value in values) else sum(values)
        least = 2 if asked.kind in ("var", "deviation") else 1
        if len(values) < least:
            return None
        mean = math.fsum(values) / len(values)
        if asked.kind == "avg":
            return mean
        return math.fsum((value - mean) ** 2 for value in values) / (len(values) - least + 1)


def told(oracle: Oracle, statement: Statement, plan: Plan, cost: QueryCost, least_texts: int) -> dict[Cells, Group]:
    """The groups that an answer without noise has, by what its cost says of thresholds."""
    found = {
        group: counted
        for group, counted in oracle.groups(statement).items()
        if all(_counts(oracle, *each) for each in zip(statement.keys, plan.keys, group, strict=True))
    }
    if all(key.values is not None for key in plan.keys):
        nothing = Group(values=[[] for _ in statement.asked])
        known = {tuple(map(text_of, group)): group for group in found}
        for group in itertools.product(*(key.values or () for key in plan.keys)):
            if tuple(map(text_of, group)) not in known:
                found[group] = nothing
    kept = {group: counted for group, counted in found.items() if counted.texts >= least_texts}
    if cost.tau is None:
        return kept
    size = _size(oracle, statement, plan, cost)
    return {group: counted for group, counted in kept.items() if size(counted) >= cost.tau}


def _size(oracle: Oracle, statement: Statement, plan: Plan, cost: QueryCost) -> Callable[[Group], int]:
    """What tau is about, in the words of the notes; if values, those of the first aggregate that counts some."""
    (said,) = re.findall(r"fewer than tau = [0-9.]+ (.+?), counted with noise", " ".join(cost.notes))
    if said.endswith("with a value"):
        selected = allocate(plan, cost.epsilon).selection
        assert selected is not None
        operands = [aggregate_of(plan, statement, number).operand for number in range(len(statement.asked))]
        number = operands.index(selected.operand)
        return lambda group: len(group.values[number])
    is_units = said == "individuals" and oracle.ground.has_units
    return lambda group: group.units if is_units else group.rows


def _counts(oracle: Oracle, written: str, key: Key, value: Any) -> bool:
    """Whether rows with that value of the key are in a group. What is left out for any other reason is a fault."""
    if key.values is None:
        return True
    column = written.removeprefix("p.")
    if column == "k":
        return value in ALLOWED
    if column == "j":
        return value in STARS
    assert value is None or text_of(value) in map(text_of, key.values), f"{written} has no group for {value}"
    return value is not None


def text_of(value: Any) -> str:
    """As results.csv has it, whole numbers of any type alike."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return "" if value is None else str(value)


def in_order(statement: Statement, groups: dict[Cells, Group]) -> list[Cells]:
    """After HAVING, ORDER BY and LIMIT; by their keys where nothing else decides, NULL last."""
    kept = sorted(groups, key=lambda group: [(value is None, 0 if value is None else value) for value in group])

    def value_of(group: Cells, number: int) -> float:
        found = groups[group].exact(statement.asked[number], number)
        assert found is not None
        return found

    if statement.having is not None:
        number, least = statement.having
        kept = [group for group in kept if value_of(group, number) > least]
    if statement.order is not None:
        number, descends = statement.order
        kept.sort(key=lambda group: -value_of(group, number) if descends else value_of(group, number))
    return kept[: statement.limit]


def aggregate_of(plan: Plan, statement: Statement, number: int) -> Aggregate:
    """What the column of results is made of: of aggregates that say the same there is one."""
    (place,) = re.findall(rf"\ba(\d+) AS v0_{len(statement.keys) + number}\b", plan.shape.statement)
    return plan.aggregates[int(place)]


def is_near(found: str, asked: Asked, group: Group, number: int, aggregate: Aggregate) -> bool:
    """Within the grid that sums are taken on: 2^-28 of the bounds a row, 2^-12 of their square for what is squared."""
    right = group.exact(asked, number)
    if right is None:
        return found != ""
    if asked.is_exact:
        return int(found) == right
    assert aggregate.operand is not None
    assert aggregate.operand.bounds is not None
    bounds = aggregate.operand.bounds
    reach, width = max(abs(bounds.lower), abs(bounds.upper)), bounds.upper - bounds.lower
    if asked.kind in ("sum", "avg"):
        rows = len(group.values[number]) if asked.kind == "sum" else 1
        return abs(float(found) - right) <= (rows + 1) * reach * 2.0**-28
    square = float(found) ** 2 if asked.kind.startswith("deviation") else float(found)
    return abs(square - right) <= width**2 * 2.0**-12


def is_in_place(
    found: str, asked: Asked, values: Sequence[float], aggregate: Aggregate, plan: Plan, ranks: int
) -> bool:
    """Whether a quantile's bin lies where it was asked for, MIN and MAX within so many ``ranks``."""
    assert aggregate.operand is not None
    assert aggregate.operand.bounds is not None
    bounds, is_whole = aggregate.operand.bounds, aggregate.operand.type is ColumnType.INT
    width = (bounds.upper - bounds.lower + is_whole) / (256 if plan.keys else 1024)
    half = max(width, 1) / 2 + 0.5 if is_whole else width / 2
    half += 1e-9 * max(abs(bounds.lower), abs(bounds.upper))
    below = sum(value < float(found) - half for value in values)
    upto = sum(value <= float(found) + half for value in values)
    place = asked.place * len(values)
    allowed = ranks if asked.place in (0.0, 1.0) else 0
    return below - allowed <= place <= upto + allowed
