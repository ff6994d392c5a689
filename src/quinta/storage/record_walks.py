"""Walks on SQLite through an index of all data records, of which a second reader takes one half at the same time.

To compare 100,000 texts takes a processor 30 to 60 ms, and sqlite3 holds no lock of Python's while it does. Where a
second processor is idle, two halves at once take little longer than one.
"""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, bindparam, func, literal, literal_column, select, tuple_

from quinta.storage.columns import ESTIMATE
from quinta.storage.observation_tables import outbox
from quinta.storage.record_filters import ROW
from quinta.storage.record_tables import data_records
from quinta.storage.session import Session

DIGITS: Final = 10
_FIRST: Final = 10 ** (DIGITS - 1)
"""Added to the number of each row, so that all have as many digits and the page can be cut out of the text."""
_NOTHING: Final = literal_column("''", String)
"""Between numbers, where a parameter took 17 ms of 48 for 100,000 of them."""
_WORTH_IT: Final = 20_000
"""With fewer rows, what a second reader costs, 2 ms, is most of what it saves."""
_SAMPLES: Final = 100
"""Rows at even distances, whose median stands for that of all: it is off by 5 % of them, and found in 0.5 ms."""
_STATE: Final = select(func.max(outbox.c.sequence)).scalar_subquery()
"""The same in two transactions that see the same records: who changes one writes an event with it."""
_INDEXES: Final = [
    list(index.columns)
    for index in sorted(
        (index for index in data_records.indexes if ESTIMATE in index.info),
        key=lambda index: int(index.info[ESTIMATE].rpartition("=")[2]),
    )
]
"""What is in them, the smallest first: the first that has all that is looked at is the one that SQLite takes."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Through all records for which ``where`` holds. ``by``: the columns by which the index is ordered that is walked
    through, or the first of them; none is nullable. Empty: the walk is short, and no other reader is asked."""

    session: Session
    where: Sequence[ColumnElement[bool]]
    by: Sequence[ColumnElement[Any]]

    async def count(self) -> int:
        return sum(
            await self._answers(lambda *half: select(func.count()).select_from(data_records).where(*self.where, *half))
        )

    async def numbers(self, order: Sequence[ColumnElement[Any]] = (), *, descending: bool = False) -> str:
        """The numbers of their rows, each of ``DIGITS``: in ``order``, which is that of ``by``, or its reverse if
        ``descending``."""
        texts = await self._answers(lambda *half: _listed(self._rows(*half).order_by(*order)))
        return "".join(text or "" for text in (reversed(texts) if descending else texts))

    async def first(self, order: Sequence[ColumnElement[Any]], count: int) -> str:
        """The numbers of the first rows in any order, and maybe of some that come after them."""
        texts = await self._answers(lambda *half: _listed(self._rows(*half).order_by(*order).limit(count)))
        return "".join(text or "" for text in texts)

    def _rows(self, *half: ColumnElement[bool]) -> Select[Any]:
        return select(ROW.label("number")).select_from(data_records).where(*self.where, *half)

    async def _answers(self, statement: Callable[..., Select[Any]]) -> list[Any]:
        """The one value that the statement has for all rows, or those for the lower and for the upper half."""
        halves = await _halves(self.session, self.by) if self.by else ()
        if halves:
            async with self.session.beside() as other:
                if other is not None:
                    lower, upper = (statement(half).add_columns(_STATE) for half in halves)
                    (mine,), (theirs,) = await asyncio.gather(self.session.fetch(lower), other.fetch(upper))
                    if mine[1] != theirs[1]:  # a record may have been changed after this transaction began
                        (theirs,) = await self.session.fetch(upper)
                    return [mine[0], theirs[0]]
        return [(await self.session.fetch(statement()))[0][0]]


def order_of_walk(names: Collection[str]) -> list[ColumnElement[Any]]:
    """By what a walk that looks at these columns is ordered (Walk.by)."""
    for columns in _INDEXES:
        if {column.name for column in columns}.issuperset(names):
            return [*columns[:2]]
    return [ROW]


async def _halves(session: Session, by: Sequence[ColumnElement[Any]]) -> tuple[ColumnElement[bool], ...]:
    """Conditions for the lower and for the upper half of all rows; none where that is not worth it."""
    last = select(func.max(ROW)).select_from(data_records).scalar_subquery()
    places = func.json_each(bindparam(None, json.dumps(list(range(_SAMPLES))), String)).table_valued("value")
    numbers = select(last * places.c.value // _SAMPLES)
    rows = await session.fetch(select(*by).select_from(data_records).where(ROW.in_(numbers), last >= _WORTH_IT))
    samples = sorted(tuple(row) for row in rows)
    if not samples:
        return ()
    middle = len(samples) // 2
    at = bisect_left(samples, samples[middle])
    after = bisect_right(samples, samples[middle])
    if middle - at > after - middle and after < len(samples):  # many are equal: the nearer end of those
        at = after
    if at == 0:
        return ()
    whole = tuple_(*by)
    value = tuple_(*(literal(its, column.type) for its, column in zip(samples[at], by, strict=True)))
    return whole < value, whole >= value


def cut(numbers: str, start: int, end: int) -> list[int]:
    """The numbers of the rows from one place to another, of which there may be fewer."""
    end = min(len(numbers), end * DIGITS)
    return [int(numbers[at : at + DIGITS]) - _FIRST for at in range(start * DIGITS, end, DIGITS)]


def _listed(rows: Select[Any]) -> Select[Any]:
    matching = rows.subquery()
    return select(func.group_concat(matching.c.number + _FIRST, _NOTHING))
