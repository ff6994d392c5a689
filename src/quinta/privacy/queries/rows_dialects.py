"""How the two engines that rows are in, DuckDB and PostgreSQL, say the same thing. All else of the SQL is one text.

Where they differ by nature one meaning is chosen, and both are made to have it: rounding of halves away from zero in
ROUND and to the even one in steps, text compared by its bytes, NULL left out by LEAST and GREATEST, Sunday as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from quinta.core.datasets.metadata import ColumnType


@dataclass(frozen=True, slots=True)
class Dialect:
    """``types`` are the types that values are computed in. ``functions`` are templates by the name of
    ``tree.Function``. ``text`` is put behind each text that is compared. ``wide`` is a type for integers of any size
    that occurs. ``order`` is what the rows of a unit are ordered by to draw some of them: it is made of a row's
    ``{tag}``, of how many rows with the same tag come before, ``{alike}``, where rows share tags, and of the draw's
    ``{salt}``."""

    name: str
    types: Mapping[ColumnType, str]
    functions: Mapping[str, str]
    text: str
    wide: str
    order: str


_EITHER: Final[Mapping[str, str]] = {
    "floor": "floor({0})",
    "ceiling": "ceil({0})",
    "absolute": "abs({0})",
    "upper": "upper({0})",
    "lower": "lower({0})",
    "length": "CAST(length({0}) AS BIGINT)",
    "trim": "trim({0}, ' ')",
    "year": "CAST(date_part('year', {0}) AS BIGINT)",
    "month": "CAST(date_part('month', {0}) AS BIGINT)",
    "day": "CAST(date_part('day', {0}) AS BIGINT)",
    "hour": "CAST(date_part('hour', {0}) AS BIGINT)",
    "weekday": "CAST(date_part('dow', {0}) AS BIGINT)",
}

DUCKDB: Final = Dialect(
    name="duckdb",
    types={
        ColumnType.BOOLEAN: "BOOLEAN",
        ColumnType.DATETIME: "TIMESTAMP",
        ColumnType.FLOAT: "DOUBLE",
        ColumnType.INT: "BIGINT",
        ColumnType.STRING: "VARCHAR",
    },
    functions={
        **_EITHER,
        "round": "round({0})",
        "seconds": "(CAST(epoch_us({0}) AS DOUBLE) / 1e6)",
    },
    text="",
    wide="HUGEINT",
    order="hash(xor({tag}, CAST({salt} AS UBIGINT)))",
)

POSTGRESQL: Final = Dialect(
    name="postgresql",
    types={
        ColumnType.BOOLEAN: "boolean",
        ColumnType.DATETIME: "timestamp",
        ColumnType.FLOAT: "float8",
        ColumnType.INT: "int8",
        ColumnType.STRING: "text",
    },
    functions={
        **_EITHER,
        "trim": "btrim({0}, ' ')",
        "lower": '(lower({0} COLLATE "und-x-icu") COLLATE "C")',
        "upper": '(upper({0} COLLATE "und-x-icu") COLLATE "C")',
        # round() of float8 takes halves to the even one. With the greatest number below a half, not a half itself,
        # 0.49999999999999994 stays below 1 and odd numbers above 2^52 stay what they are.
        "round": "trunc({0} + CASE WHEN {0} < 0 THEN -0.49999999999999994 ELSE 0.49999999999999994 END::float8)",
        "seconds": "date_part('epoch', {0})",
    },
    text=' COLLATE "C"',
    wide="numeric",
    # A hash of 64 bits is of 32 of its argument's: of rows with the same one the tag decides, not what is beside them.
    order="hashint8extended(hashint8extended({tag}, {alike}), {salt}), {tag}, {alike}",
)


def quoted(name: str) -> str:
    """An identifier, whatever is in the name."""
    return '"' + name.replace('"', '""') + '"'
