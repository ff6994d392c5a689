"""Which tables and columns exist for who asks, and what may be done with each column (contract dq0 5.3, 5.5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType, SchemaMetadata, TableMetadata
from quinta.core.errors import InvalidInput, NotPermitted
from quinta.core.queries.model import AskedDataset, Question
from quinta.privacy.queries.statements.intervals import seconds
from quinta.privacy.queries.statements.refusals import only, refused, shown, text_of
from quinta.privacy.queries.tree import Interval

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a dataset. ``columns`` are those that exist for who asks, ``unit`` the one that says whom a row is
    about, visible or not; None where every row is somebody else."""

    dataset: int
    asked: AskedDataset
    schema: str
    metadata: TableMetadata
    columns: tuple[ColumnMetadata, ...]
    unit: ColumnMetadata | None

    def column(self, name: str) -> ColumnMetadata:
        return next(column for column in self.columns if column.name == name)

    def identifies(self, column: ColumnMetadata) -> bool:
        """Whether the column tells people apart: it may be counted and joined on, and nothing else."""
        return column.private_id or (self.unit is not None and column.name == self.unit.name)

    def may_group(self, column: ColumnMetadata) -> bool:
        """Whether the column's own values may be put out: decision 6 of issue 9, contract dq0 5.5."""
        if self.identifies(column):
            return False
        declared = column.allowed_values is not None or column.cardinality is not None
        return (
            declared or column.type is ColumnType.BOOLEAN or column.selectable or column.name in self.asked.rules.public
        )

    def may_compare(self, column: ColumnMetadata) -> bool:
        """Whether conditions may be about the column."""
        return self.may_group(column) or (not self.identifies(column) and bounds_of(column) is not None)


def matching(identifier: exp.Identifier, items: Iterable[Item], name_of: Callable[[Item], str]) -> list[Item]:
    """Those with the name: exactly, else, if it is not in quotes, whatever the case of letters."""
    found = list(items)
    exact = [item for item in found if name_of(item) == identifier.name]
    if exact or identifier.args.get("quoted"):
        return exact
    folded = identifier.name.casefold()
    return [item for item in found if name_of(item).casefold() == folded]


def bounds_of(column: ColumnMetadata) -> Interval | None:
    """The declared bounds, else those of the allowed values; None for what has none, or no finite ones."""
    if column.type not in (ColumnType.INT, ColumnType.FLOAT, ColumnType.DATETIME):
        return None
    ends = [column.lower, column.upper]
    if column.lower is None or column.upper is None:
        ends = [value for value in column.allowed_values or () if not isinstance(value, str)]
    numbers = [seconds(end) if isinstance(end, datetime) else end for end in ends if end is not None]
    if not numbers or not all(math.isfinite(number) for number in numbers):
        return None
    return Interval(min(numbers), max(numbers))


class Catalogue:
    """The tables of a question's datasets."""

    def __init__(self, question: Question) -> None:
        self._private_column = question.private_column
        self._tables = [
            (index, asked, schema, table)
            for index, asked in enumerate(question.datasets)
            for schema, table in asked.metadata.tables
        ]

    def table(self, node: exp.Table) -> Table:
        """The one that FROM names: table, schema.table, dataset.table or dataset.schema.table."""
        only(node, "this", "db", "catalog", "alias", "joins")
        if not isinstance(node.this, exp.Identifier):
            raise refused(f"{text_of(node)} is no table", node)
        found = matching(node.this, self._tables, lambda item: item[3].name)
        prefix, outer = node.args.get("db"), node.args.get("catalog")
        if outer is not None:
            found = matching(outer, found, lambda item: item[1].name)
        if prefix is not None:
            by_schema = matching(prefix, found, lambda item: item[2].name)
            found = by_schema or (matching(prefix, found, lambda item: item[1].name) if outer is None else [])
        name = shown(".".join(part.name for part in node.parts))
        if not found:
            raise refused(f"there is no table {name!r} in the datasets of this query", node)
        if len(found) > 1:
            raise refused(f"{name!r} may mean more than one table: write dataset.schema.table", node)
        return self._open(*found[0], node)

    def _open(
        self, index: int, asked: AskedDataset, schema: SchemaMetadata, table: TableMetadata, node: exp.Table
    ) -> Table:
        hidden = {name.casefold() for name in asked.rules.hidden}
        columns = tuple(column for column in table.columns if column.name.casefold() not in hidden)
        unit = self._declared(table, node)
        if self._private_column:
            unit = self._overridden(columns, unit)
        return Table(index, asked, schema.name, table, columns, unit)

    def _declared(self, table: TableMetadata, node: exp.Table) -> ColumnMetadata | None:
        found = [column for column in table.columns if column.name == table.privacy_column]
        if not found and not table.row_privacy and not self._private_column:
            raise refused(
                f"nothing says whom the rows of {shown(table.name)!r} are about, so nobody can be protected: the owner "
                "declares privacy_column, private_id or row_privacy",
                node,
            )
        return found[0] if found else None

    def _overridden(self, visible: tuple[ColumnMetadata, ...], declared: ColumnMetadata | None) -> ColumnMetadata:
        """Another column protects somebody else: only if the owner marked it (contract dq0 5.3)."""
        name = self._private_column
        found = [column for column in visible if column.name == name]
        if not found:
            raise InvalidInput(f"there is no column {shown(name)!r} to protect", field="private_column")
        column = found[0]
        if not column.private_id and (declared is None or declared.name != column.name):
            raise NotPermitted(
                f"the owner does not let queries protect the column {shown(name)!r} instead of the declared one",
                field="private_column",
            )
        return column
