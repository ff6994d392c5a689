"""A dataset's file without some of its columns (contract dq0 5.5).

What cannot be told apart for sure is refused: a row of another length than the header could have its values in other
places than the reader of the copy believes. What is said of that names no column, since who reads it may know of none.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from quinta.core.datasets.metadata import ConnectorMetadata
from quinta.core.errors import StateConflict

_LONGEST_FIELD: Final = (1 << 31) - 1


def drop_columns(
    source: Path, target: Path, connector: ConnectorMetadata, declared: tuple[str, ...], hidden: frozenset[str]
) -> tuple[int, ...]:
    """Writes ``target``, and answers at which places of ``source`` the columns were; of JSON none.

    ``declared`` are the names in the metadata, in their order. StateConflict where the columns cannot be left out for
    sure. It takes a second for some 10 MB: call it in another process.
    """
    if connector.type_name == "csv":
        return _csv(source, target, connector, declared, hidden)
    if connector.type_name == "json":
        return _json(source, target, hidden)
    raise cannot_be_masked(f"its kind is {connector.type_name}, and columns are left out of csv and json")


def cannot_be_masked(why: str) -> StateConflict:
    return StateConflict(f"it has columns that you may not see, which cannot be left out: {why}; ask its owner")


def _csv(
    source: Path, target: Path, connector: ConnectorMetadata, declared: tuple[str, ...], hidden: frozenset[str]
) -> tuple[int, ...]:
    if len(connector.separator) != 1:
        raise cannot_be_masked("its separator is not one character")
    csv.field_size_limit(_LONGEST_FIELD)
    # Bytes that are no UTF-8 are carried over as they are.
    with (
        source.open(newline="", encoding="utf-8", errors="surrogateescape") as rows,
        target.open("w", newline="", encoding="utf-8", errors="surrogateescape") as sink,
    ):
        style: Any = {"delimiter": connector.separator, "skipinitialspace": connector.skip_initial_space}
        reader = csv.reader(rows, strict=True, **style)
        # Its line ends are \r\n: with others it leaves a \r in a value without quotes.
        writer = csv.writer(sink, delimiter=connector.separator)
        try:
            head, names = _header(reader, connector, declared)
            dropped = tuple(at for at, said in enumerate(names) if not said.isdisjoint(hidden))
            if not hidden.issubset(set().union(*names)):
                raise cannot_be_masked("its file does not name them")
            kept = [at for at in range(len(names)) if at not in dropped]
            for row in chain(head, reader):
                if row and row != [""] and len(row) != len(names):
                    raise cannot_be_masked("its file has rows of other lengths than its header")
                writer.writerow([row[at] for at in kept] if len(row) == len(names) else row)
        except csv.Error:
            raise cannot_be_masked("its file is not CSV that can be read strictly") from None
    return dropped


def _header(
    reader: Iterator[list[str]], connector: ConnectorMetadata, declared: tuple[str, ...]
) -> tuple[list[list[str]], list[frozenset[str]]]:
    """The rows up to the last of the header, those before it emptied, and by place the names of a column."""
    places = connector.header_row or ((0,) if connector.use_original_header else ())
    head = [next(reader, []) for _ in range(max(places, default=-1) + 1)]
    head = [row if at in places else [""] for at, row in enumerate(head)]
    if not connector.use_original_header:
        return head, [frozenset({name}) for name in connector.header_columns or declared]
    said = [head[at] for at in places]
    width = len(said[-1])
    if any(len(row) != width for row in said):
        raise cannot_be_masked("the rows of its header are of different lengths")
    return head, [frozenset(row[at].strip().lstrip("\ufeff").strip('"') for row in said) for at in range(width)]


def _json(source: Path, target: Path, hidden: frozenset[str]) -> tuple[int, ...]:
    """A list of objects, or an object a line."""
    seen: set[str] = set()
    try:
        with source.open(encoding="utf-8") as rows, target.open("w", encoding="utf-8") as sink:
            is_list = rows.read(1) == "["
            rows.seek(0)
            if is_list:
                json.dump([_without(row, hidden, seen) for row in json.load(rows)], sink)
            else:
                for line in rows:
                    if line.strip():
                        sink.write(json.dumps(_without(json.loads(line), hidden, seen)) + "\n")
    except (ValueError, RecursionError):  # no UTF-8 is a ValueError too
        raise cannot_be_masked("its file is not a list of objects, or an object a line") from None
    if not hidden.issubset(seen):
        raise cannot_be_masked("its file does not name them")
    return ()


def _without(row: Any, hidden: frozenset[str], seen: set[str]) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError(type(row).__name__)
    seen.update(hidden.intersection(row))
    return {name: value for name, value in row.items() if name not in hidden}
