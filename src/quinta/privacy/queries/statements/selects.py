"""The parts of one SELECT as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from quinta.privacy.queries.statements.aggregates import is_aggregate
from quinta.privacy.queries.statements.refusals import only, refused, text_of
from quinta.privacy.queries.statements.relations import Names

_UNDERSTOOD = ("expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "with_")
MOST_ITEMS = 200
LONGEST_NUMBER = 15
"""Digits: what a 64 bit integer holds."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something after SELECT. ``name`` is what other parts of the statement may call it, "" where it has no name;
    ``title`` what the result calls it: an alias, a column as it is written, or col_<n> (contract dq0 9.36)."""

    node: exp.Expr
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Ordered:
    node: exp.Expr
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """``limit`` None: no limit."""

    node: exp.Select
    items: tuple[Item, ...]
    where: exp.Expr | None
    group: tuple[exp.Expr, ...]
    having: exp.Expr | None
    order: tuple[Ordered, ...]
    limit: int | None
    offset: int

    @property
    def aggregates(self) -> bool:
        """Whether the SELECT tells groups and not rows."""
        said = [item.node for item in self.items]
        said += [part for part in (self.having, *(ordered.node for ordered in self.order)) if part is not None]
        return bool(self.group) or self.having is not None or any(map(is_aggregate, _nodes(said)))


def _nodes(said: Iterable[exp.Expr]) -> Iterable[exp.Expr]:
    return (node for part in said for node in part.walk())


def parts_of_select(node: exp.Select, names: Sequence[Names]) -> Parts:
    """The parts; * is replaced by ``names``. InvalidInput for anything else that a SELECT can say."""
    if node.args.get("distinct"):
        raise refused("SELECT DISTINCT is not supported: use GROUP BY", node)
    only(node, *_UNDERSTOOD)
    items = [item for expression in node.expressions for item in _items(expression, names)]
    if not items or len(items) > MOST_ITEMS:
        raise refused(f"SELECT is followed by 1 to {MOST_ITEMS} columns", node)
    where, having = node.args.get("where"), node.args.get("having")
    return Parts(
        node,
        tuple(Item(item, name, title or f"col_{number}") for number, (item, name, title) in enumerate(items, 1)),
        where.this if where is not None else None,
        _group(node.args.get("group")),
        having.this if having is not None else None,
        _order(node.args.get("order")),
        _number(node.args.get("limit"), "LIMIT"),
        _number(node.args.get("offset"), "OFFSET") or 0,
    )


def _items(node: exp.Expr, names: Sequence[Names]) -> list[tuple[exp.Expr, str, str]]:
    if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
        return _all(node, names)
    if isinstance(node, exp.Alias):
        only(node, "this", "alias")
        return [(node.this, node.alias, node.alias.replace(".", "_"))]
    inner = node.unnest()
    if isinstance(inner, exp.Column):
        return [(node, inner.name, "_".join(part.name for part in inner.parts).replace(".", "_"))]
    return [(node, "", "")]


def _all(node: exp.Expr, names: Sequence[Names]) -> list[tuple[exp.Expr, str, str]]:
    """The columns that * stands for, each with its full name."""
    if any(node.args.get(word) for word in ("except_", "replace", "rename")):
        raise refused("* stands for all columns: EXCEPT, REPLACE and RENAME are not supported", node)
    wanted = [part.name for part in node.parts[:-1]] if isinstance(node, exp.Column) else []
    found: list[tuple[exp.Expr, str, str]] = []
    for item in names:
        if wanted and list(item.qualifier[-len(wanted) :]) != wanted:
            continue
        for column in item.columns:
            if not wanted and column.name in item.merged:
                continue
            parts = [exp.to_identifier(part, quoted=True) for part in (column.name, *reversed(item.qualifier[-3:]))]
            said = exp.Column(**dict(zip(("this", "table", "db", "catalog"), parts, strict=False)))
            found.append((said, column.name, column.name.replace(".", "_")))
    if not found:
        raise refused(f"{text_of(node)} stands for no column", node)
    return found


def _group(node: exp.Expr | None) -> tuple[exp.Expr, ...]:
    if node is None:
        return ()
    only(node, "expressions")
    for part in node.expressions:
        if isinstance(part, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
            raise refused("GROUP BY takes columns and expressions, one list of them", part)
    return tuple(node.expressions)


def _order(node: exp.Expr | None) -> tuple[Ordered, ...]:
    if node is None:
        return ()
    only(node, "expressions")
    found = []
    for part in node.expressions:
        only(part, "this", "desc", "nulls_first")
        found.append(Ordered(part.this, bool(part.args.get("desc")), bool(part.args.get("nulls_first"))))
    return tuple(found)


def _number(node: exp.Expr | None, word: str) -> int | None:
    if node is None:
        return None
    if isinstance(node, exp.Fetch):
        raise refused("FETCH is not supported: use LIMIT", node)
    only(node, "expression")
    said = node.expression
    if (
        not isinstance(said, exp.Literal)
        or said.args.get("is_string")
        or not said.name.isdecimal()
        or len(said.name) > 15
    ):
        raise refused(f"{word} is followed by a whole number", node)
    return int(said.name)
