"""A column's attributes (contract dq0 6.2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from quinta.core.datasets.metadata import Bound, ColumnMetadata, ColumnType
from quinta.privacy.masking import mask_fault
from quinta.privacy.metadata.group import Group, as_float, as_moment, as_whole, kind_of, list_of, refused
from quinta.privacy.metadata.node import Node

_BOUNDED = frozenset({ColumnType.INT, ColumnType.FLOAT, ColumnType.DATETIME})


def column_of(node: Node) -> ColumnMetadata:
    """The column; InvalidInput for what its type does not have: bounds of a string, a mask of a number."""
    if node.children:
        raise refused(node.where, "a column has no child nodes")
    data = node.group("data")
    name, type_ = data.name(), _type(data)
    description, public, selectable = (
        data.text("description"),
        data.flag("metadata_is_public"),
        data.flag("selectable"),
    )
    data.end()
    sql = node.group("private_sql")
    values: dict[str, Any] = {"private_id": sql.flag("private_id")}
    if type_ in _BOUNDED:
        values |= {
            "use_auto_bounds": sql.flag("use_auto_bounds"),
            "auto_bounds_prob": sql.number("auto_bounds_prob", least=0),
            **_bounds(sql, type_, "auto_lower", "auto_upper"),
        }
    if type_ is not ColumnType.BOOLEAN:
        values["allowed_values"] = _allowed_values(sql, type_)
    if type_ is ColumnType.STRING:
        values["mask"] = _mask(sql)
    sql.end()
    both = node.group("private_sql_and_synthesis")
    if type_ is not ColumnType.BOOLEAN:
        values["cardinality"] = both.whole("cardinality", least=0)
    if type_ in _BOUNDED:
        values |= {"bounded": both.flag("bounded"), **_bounds(both, type_, "lower", "upper")}
    both.end()
    values |= _synthesis(node.group("private_synthesis"), type_)
    learning = node.group("machine_learning")
    values |= {"is_feature": learning.flag("is_feature"), "is_target": learning.flag("is_target")}
    learning.end()
    node.end()
    return ColumnMetadata(
        name=name, type=type_, description=description, is_public=public, selectable=selectable, **values
    )


def _type(data: Group) -> ColumnType:
    said = data.text("data_type_name")
    try:
        return ColumnType(said)
    except ValueError:
        names = ", ".join(sorted(ColumnType))
        raise refused(f"{data.where}.data_type_name", f"is needed: one of {names}") from None


def _bounds(group: Group, type_: ColumnType, lower: str, upper: str) -> dict[str, Bound | None]:
    """Both bounds by their keys, of the column's own type."""
    found: dict[str, Bound | None] = {}
    for key in (lower, upper):
        value = group.take(key)
        found[key] = None if value is None else _of_type(value, type_, f"{group.where}.{key}")
    low, high = found[lower], found[upper]
    if low is not None and high is not None and low > high:  # type: ignore[operator]  # both are of the column's type
        raise refused(f"{group.where}.{lower}", f"is above {upper}")
    return found


def _of_type(value: Any, type_: ColumnType, where: str) -> int | float | datetime:
    if type_ is ColumnType.FLOAT:
        return as_float(value, where)
    if type_ is ColumnType.DATETIME:
        return as_moment(value, where)
    return as_whole(value, where)


def _allowed_values(group: Group, type_: ColumnType) -> tuple[str | int | float | datetime, ...] | None:
    given = group.take("allowed_values")
    if given is None:
        return None
    where = f"{group.where}.allowed_values"
    values: list[str | int | float | datetime] = []
    for index, value in enumerate(list_of(given, where)):
        at = f"{where}[{index}]"
        if type_ is not ColumnType.STRING:
            values.append(_of_type(value, type_, at))
        elif isinstance(value, str):
            values.append(value)
        else:
            raise refused(at, f"must be a text, not {kind_of(value)}: put it in quotes")
    if len(set(values)) < len(values):
        raise refused(where, "has a value twice")
    return tuple(values)


def _mask(group: Group) -> str | None:
    mask = group.text("mask")
    if mask and (fault := mask_fault(mask)) is not None:
        raise refused(f"{group.where}.mask", fault)
    return mask or None


def _synthesis(group: Group, type_: ColumnType) -> dict[str, Any]:
    values: dict[str, Any] = {"synthesizable": group.flag("synthesizable")}
    if type_ is ColumnType.FLOAT:
        values |= {"discrete": group.flag("discrete"), "min_step": group.number("min_step", least=0)}
    elif type_ is ColumnType.INT:
        step = group.whole("min_step", least=0)
        values["min_step"] = None if step is None else float(step)
    group.end()
    return values
