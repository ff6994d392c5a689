"""Random statements about ``grounds``, small ones of every shape. Constants of conditions lie within bounds, never on
them: there it is the same whether a value is compared as it is or held within its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.privacy.queries.grounds import Ground

COUNTS = ("rows", "values", "units")
WORDS = {
    "sum": "SUM",
    "avg": "AVG",
    "var": "VAR_SAMP",
    "var of all": "VAR_POP",
    "deviation": "STDDEV_SAMP",
    "deviation of all": "STDDEV_POP",
}
PLAIN = "FROM people"
JOINS = (
    "FROM people AS p JOIN visits AS v ON p.id = v.id",
    "FROM people AS p LEFT JOIN visits AS v ON p.id = v.id AND v.b",
)
ALL = "id, n, x, k, t, b, j, d"


@dataclass(frozen=True)
class Asked:
    """An aggregate: its kind, operand in SQL ("" for none) and condition; ``place`` of a quantile."""

    kind: str
    operand: str = ""
    held: str = ""
    place: float = 0.0
    written: str = ""

    @property
    def sql(self) -> str:
        return self.written + (f" FILTER (WHERE {self.held})" if self.held else "")

    @property
    def is_exact(self) -> bool:
        """Whether it is a whole number without any rounding."""
        return self.kind in COUNTS or (self.kind == "sum" and self.operand.endswith("n") and " " not in self.operand)


@dataclass(frozen=True)
class Statement:
    """``having`` and ``order``: the number of the aggregate, and a number it is above or whether it descends."""

    source: str
    unit: str
    keys: tuple[str, ...]
    asked: tuple[Asked, ...]
    where: str = ""
    having: tuple[int, int] | None = None
    order: tuple[int, bool] | None = None
    limit: int | None = None
    is_inner: bool = False
    """Within a SELECT that asks for the largest first aggregate and the number of rows."""

    @property
    def text(self) -> str:
        return "p.t" if " AS p " in self.source else "t"

    @property
    def tail(self) -> str:
        """From FROM to GROUP BY."""
        where = f" WHERE {self.where}" if self.where else ""
        by = f" GROUP BY {', '.join(self.keys)}" if self.keys else ""
        return f"{self.source}{where}{by}"

    @property
    def sql(self) -> str:
        items = [f"{key} AS g{number}" for number, key in enumerate(self.keys)]
        items += [f"{asked.sql} AS c{number}" for number, asked in enumerate(self.asked)]
        having = f" HAVING {self.asked[self.having[0]].sql} > {self.having[1]}" if self.having else ""
        order = f" ORDER BY c{self.order[0]}{' DESC' if self.order[1] else ''}" if self.order else ""
        limit = f" LIMIT {self.limit}" if self.limit is not None else ""
        found = f"SELECT {', '.join(items)} {self.tail}{having}{order}{limit}"
        return f"SELECT MAX(c0) AS m, COUNT(*) AS r FROM ({found}) AS q" if self.is_inner else found


Names = Mapping[str, str]


def numbers(ground: Ground, names: Names) -> st.SearchStrategy[str]:
    n, x = names["n"], names["x"]
    low, high = ground.whole
    middle = (low + high) // 2
    leaves = st.sampled_from([n, n, x, x, *([names["w"]] if "w" in names else ())])
    return st.one_of(
        leaves,
        leaves,
        st.sampled_from(
            [
                *(f"{n} + 3", f"{n} - {x}", f"{n} * 2 - 1", f"{x} * {x}", f"{n} / 4", f"ABS({n})", f"-{x}"),
                *(f"FLOOR({n} / 7)", f"CEIL({x})", f"LEAST({n}, {middle})", f"GREATEST({x}, 0.5)"),
                *(f"COALESCE({n}, {middle})", f"NULLIF({n}, {low})", f"COALESCE({x}, {n})"),
                f"CASE WHEN {names['b']} THEN {n} WHEN {names['t']} = 'a' THEN {x} ELSE 1 END",
                f"CASE WHEN {n} > {middle} THEN {x} END",
                f"EXTRACT(MONTH FROM {names['d']})",
                f"{x} / {n}",  # refused where n may be 0
            ]
        ),
    )


def conditions(ground: Ground, names: Names) -> st.SearchStrategy[str]:
    low, high = ground.whole
    least, most = ground.fractions
    whole = st.integers(low + 1, high - 1)
    simple = st.one_of(
        st.builds(lambda op, c: f"{names['n']} {op} {c}", st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]), whole),
        st.builds(lambda op, c: f"{names['x']} {op} {c!r}", st.sampled_from("<>"), st.floats(least, most).map(
            lambda value: min(max(value, least + (most - least) / 64), most - (most - least) / 64))),
        st.sampled_from(
            [
                *(f"{names['t']} = 'a'", f"{names['t']} LIKE 'a%'", f"{names['t']} IS NULL", f"{names['k']} <> 'u'"),
                *(f"{names['k']} IN ('u', 'solo')", names["b"], f"{names['b']} IS NOT TRUE", f"{names['x']} IS NULL"),
                *(f"{names['j']} BETWEEN 2 AND 4", f"{names['n']} IS NOT NULL", f"{names['t']} LIKE '%solo%'"),
                f"EXTRACT(YEAR FROM {names['d']}) >= 2021",
                f"{names['d']} < CAST('2021-06-01' AS TIMESTAMP)",
                f"{names['n']} + 1 > {(low + high) // 2}",
            ]
        ),
    )  # fmt: skip
    return st.one_of(
        simple,
        simple,
        st.builds(lambda a, b: f"({a} AND {b})", simple, simple),
        st.builds(lambda a, b: f"({a} OR NOT {b})", simple, simple),
    )


def keys(ground: Ground, names: Names) -> st.SearchStrategy[str]:
    low, high = ground.whole
    width = max(1, (high - low) // 3)
    return st.sampled_from(
        [
            *(names["k"], names["k"], names["t"], names["t"], names["b"], names["j"]),
            *(f"FLOOR({names['n']} / {width})", f"EXTRACT(YEAR FROM {names['d']})"),
            f"CASE WHEN {names['n']} > {(low + high) // 2} THEN 'high' ELSE 'low' END",
            f"COALESCE({names['t']}, 'none')",
        ]
    )


@st.composite
def aggregates(draw: st.DrawFn, ground: Ground, names: Names) -> Asked:
    kind = draw(st.sampled_from(["rows", "rows", "values", "units", "quantile", "sum", "sum", *WORDS]))
    held = draw(conditions(ground, names)) if kind != "units" and draw(st.integers(0, 5)) == 0 else ""
    if kind == "rows":
        return Asked(kind, "", held, written="COUNT(*)")
    if kind == "units":
        return Asked(kind, written=f"COUNT(DISTINCT {names['id']})")
    if kind == "values":
        operand = draw(st.one_of(numbers(ground, names), st.sampled_from([names["t"], names["b"], names["d"]])))
        return Asked(kind, operand, held, written=f"COUNT({operand})")
    operand = draw(numbers(ground, names))
    if kind in WORDS:
        return Asked(kind, operand, held, written=f"{WORDS[kind]}({operand})")
    place = draw(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
    named = {0.0: "MIN({})", 0.5: "MEDIAN({})", 1.0: "MAX({})"}.get(place, f"QUANTILE_CONT({{}}, {place})")
    return Asked(kind, operand, held, place, named.format(operand))


@st.composite
def statements(draw: st.DrawFn, ground: Ground, *, searches: bool = False) -> Statement:
    """``searches``: also about the column w, whose bounds are found with noise first."""
    every = f"{ALL}, w" if searches else ALL
    plain = {name: name for name in every.split(", ")}
    prefixed = {name: f"p.{name}" for name in plain} | {"x": "v.x", "t": "v.t"}
    which = draw(st.sampled_from(["plain", "plain", "plain", "plain", "rows", "join"]))
    names, source = plain, PLAIN
    if which == "rows":
        source = f"FROM (SELECT {every} FROM people WHERE {draw(conditions(ground, plain))}) AS q"
    elif which == "join":
        names, source = prefixed, draw(st.sampled_from(JOINS))
    asked = tuple(draw(st.lists(aggregates(ground, names), min_size=1, max_size=3)))
    by = tuple(dict.fromkeys(draw(st.lists(keys(ground, names), max_size=2))))
    where = draw(conditions(ground, names)) if draw(st.booleans()) else ""
    exact = [number for number, one in enumerate(asked) if one.is_exact]
    after: dict[str, Any] = {}
    if exact and by:
        if draw(st.integers(0, 3)) == 0:
            after["having"] = draw(st.sampled_from(exact)), draw(st.integers(0, 12))
        if draw(st.integers(0, 3)) == 0:
            after["order"] = draw(st.sampled_from(exact)), draw(st.booleans())
            after["limit"] = draw(st.sampled_from([None, 1, 2, 5]))
        after["is_inner"] = exact[0] == 0 and draw(st.integers(0, 5)) == 0
    return Statement(source, names["id"], by, asked, where, **after)


REFUSED = st.sampled_from(
    [
        "SELECT SUM(raw) FROM people",
        "SELECT * FROM people",
        "SELECT note, COUNT(*) FROM people GROUP BY note",
        "SELECT id, COUNT(*) FROM people GROUP BY id",
        "SELECT n, COUNT(*) FROM people",
        "SELECT SUM(n / (n - n)) FROM people",
        "SELECT COUNT(DISTINCT t) FROM people",
        "SELECT COUNT(*) FROM people AS p JOIN visits AS v ON p.n = v.n",
        "SELECT COUNT(*) FROM nothing",
        "SELECT SUM(nothing) FROM people",
        "SELECT COUNT(*) FROM people WHERE note = 'victim'",
        "SELECT SUM(EXP(n)) FROM people",
        "SELECT MAX(t) FROM people",
        "SELECT COUNT(*) FROM people WHERE CAST(t AS INT) = 1",
        "SELECT COUNT(*) FROM people UNION SELECT COUNT(*) FROM people",
        "DELETE FROM people",
    ]
)
