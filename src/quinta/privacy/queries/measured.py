"""What a source answers in the query worker: exact, bounded integers, which nobody ever sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from quinta.privacy.queries.tree import Key, Measure, Source, Value

Count = int | Mapping[int, int]
"""Of a measure: a number, of any size; of a histogram the rows by the number of their bin, those with none left out."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures, in their order, of each group that has rows, by the values of its keys, in the types of
    ``ColumnType``; of a question without keys there is one group (), even without rows."""

    groups: Mapping[tuple[Value, ...], tuple[Count, ...]]


class Rows(Protocol):
    """An open source. It may be asked more than once about the same draw of rows: which rows of a unit count is
    decided when it is opened."""

    def measure(self, source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> Measured:
        """Raises StateConflict, in words that are the same whatever the rows, where the source cannot be read."""
        ...
