"""Records of text files, csv and json, written out plainly: the same columns in each line, without quotes.

A record becomes the same line whatever the others are:
- bytes that are no UTF-8 become U+FFFD each, a byte order mark in front is left out;
- a record with fewer fields than the header has NULL in the others; more fields are left out;
- empty lines are no records; a field, a line or an object in its line of more than ``LARGEST_FIELD`` characters makes
  its record be left out, and so do columns of more than ``LARGEST_RECORD`` together;
- csv has quotes as RFC 4180 says, and as Python's csv module reads what RFC 4180 does not; an empty field is NULL,
  and so are ``na_values`` of its column; json has NULL, and empty texts are texts.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType, ConnectorMetadata
from quinta.core.errors import StateConflict

SEPARATOR: Final = "\x1f"
"""Between two fields of a line."""
ESCAPE: Final = "\x1b"
ESCAPED: Final = {
    "": f"{ESCAPE}z",
    "\n": f"{ESCAPE}n",
    "\r": f"{ESCAPE}r",
    SEPARATOR: f"{ESCAPE}s",
    ESCAPE: f"{ESCAPE}e",
}
"""What stands for an empty text, since an empty field is NULL, and for characters that have a meaning."""
LARGEST_FIELD: Final = 2**20
LARGEST_RECORD: Final = 2**20
LARGEST_LINE_BYTES: Final = 2 * 4 * LARGEST_RECORD
"""Each character may be escaped, and has four bytes at most."""
_LINES_AT_ONCE: Final = 2_000

Record = Sequence[str | None]


def write_records(path: str, connector: ConnectorMetadata, columns: Sequence[ColumnMetadata], to: Path) -> None:
    """Writes the columns of the file's records. StateConflict where the header does not have one of the columns, or
    the whole is no JSON."""
    records = _csv_records if connector.type_name == "csv" else _json_records
    with (
        open(path, encoding="utf-8-sig", errors="replace", newline=None) as source,
        open(to, "w", encoding="utf-8", errors="replace", newline="") as out,
    ):
        lines: list[str] = []
        for record in records(source, connector, columns):
            if sum(map(len, filter(None, record))) > LARGEST_RECORD:
                continue
            lines.append(_line(record))
            if len(lines) == _LINES_AT_ONCE:
                out.write("".join(lines))
                lines.clear()
        out.write("".join(lines))


def _line(record: Record) -> str:
    line = SEPARATOR.join([item if item else ("" if item is None else ESCAPED[""]) for item in record])
    if ESCAPE in line or "\n" in line or "\r" in line or line.count(SEPARATOR) >= len(record):
        return SEPARATOR.join(map(_escaped, record)) + "\n"
    return line + "\n"


def _escaped(item: str | None) -> str:
    if item is None:
        return ""
    return ESCAPED[""] if item == "" else "".join(ESCAPED.get(character, character) for character in item)


def _short_lines(source: IO[str]) -> Iterator[str]:
    """Lines, those that are too long left out."""
    is_rest = False
    while line := source.readline(LARGEST_FIELD + 1):
        is_whole = line.endswith("\n") or len(line) <= LARGEST_FIELD
        if is_whole and not is_rest:
            yield line
        is_rest = not is_whole


# --- csv ---


def header_places(
    path: str, connector: ConnectorMetadata, columns: Sequence[ColumnMetadata]
) -> tuple[int, Sequence[int]]:
    """How many lines come before the records of a csv file, and where in a record each column is."""
    with open(path, encoding="utf-8-sig", errors="replace", newline=None) as source:
        reader = _reader(source, connector)
        places = _places(_records_of(reader), connector, columns)
        return reader.line_num, places


def _reader(source: IO[str], connector: ConnectorMetadata) -> Any:
    csv.field_size_limit(LARGEST_FIELD)
    return csv.reader(
        _short_lines(source), delimiter=connector.separator, skipinitialspace=connector.skip_initial_space
    )


def _csv_records(source: IO[str], connector: ConnectorMetadata, columns: Sequence[ColumnMetadata]) -> Iterator[Record]:
    records = _records_of(_reader(source, connector))
    places = _places(records, connector, columns)
    missing = [frozenset(connector.na_values.get(column.name, ())) for column in columns]
    if any(missing):
        for record in records:
            yield [
                None if (item := record[place] if place < len(record) else "") == "" or item in absent else item
                for place, absent in zip(places, missing, strict=True)
            ]
        return
    width = max(places, default=-1) + 1
    for record in records:
        if len(record) < width:
            record = [*record, *[""] * (width - len(record))]
        yield [record[place] or None for place in places]


def _records_of(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Without empty lines and records with a field that is too long."""
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if record:
            yield record


def _places(
    records: Iterator[list[str]], connector: ConnectorMetadata, columns: Sequence[ColumnMetadata]
) -> Sequence[int]:
    """Where in a record each column is.

    The header is the last of ``header_row`` (the first record where nothing is said, none where
    ``use_original_header`` is false and nothing is said); what is before it is left out. ``header_columns`` are names
    in place of the header's. Without any names the columns are those of the metadata in their order.
    """
    rows = connector.header_row
    if rows is None:
        rows = (0,) if connector.use_original_header else ()
    header: list[str] | None = None
    for _ in range(max(rows) + 1 if rows else 0):
        header = next(records, [])
    if connector.header_columns is not None:
        header = list(connector.header_columns)
    elif not connector.use_original_header:
        header = None
    if header is None:
        return range(len(columns))
    names = {name.strip(): place for place, name in reversed(list(enumerate(header)))}
    places = []
    for column in columns:
        if column.name not in names:
            raise StateConflict(f"The file of the dataset has no column {column.name!r}: its owner must correct it.")
        places.append(names[column.name])
    return places


# --- json ---


def _json_records(source: IO[str], _: ConnectorMetadata, columns: Sequence[ColumnMetadata]) -> Iterator[Record]:
    """Of objects in lines of their own, or of one array of them. What is no object in a line is no record."""
    first = source.read(1)
    while first.isspace():
        first = source.read(1)
    source.seek(0)
    names = [column.name for column in columns]
    texts = [column.type is ColumnType.STRING for column in columns]
    objects = _array(source) if first == "[" else _objects(_short_lines(source))
    for item in objects:
        yield [_text(item.get(name), is_text=is_text) for name, is_text in zip(names, texts, strict=True)]


def _objects(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _array(source: IO[str]) -> Iterator[dict[str, Any]]:
    try:
        found = json.load(source)
    except (ValueError, RecursionError):
        raise StateConflict("The file of the dataset is no JSON: its owner must correct it.") from None
    for item in found:
        if isinstance(item, dict):
            yield item


def _text(value: Any, *, is_text: bool) -> str | None:
    """As csv would have it: an empty text counts as nothing, but in columns of texts."""
    if isinstance(value, str):
        return value if value or is_text else None
    shape: Callable[[Any], str] = json.dumps
    return None if value is None else shape(value)
