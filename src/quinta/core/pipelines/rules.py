"""What may be attached to what: rules that need nothing but the pieces (contract ubiops 5.6)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quinta.core.errors import InvalidInput
from quinta.core.models.model import DataType, Field, ValueType
from quinta.core.pipelines.model import START, FieldLink

MOST_RUNS = 100
"""An object runs once for each message that arrives, so diamonds in a row double the runs each: somewhere is an end."""

Edge = tuple[str | None, str]
"""Ids of a source (None: the start) and a destination."""


@dataclass(frozen=True, slots=True)
class Side:
    """What an object gives, or what it takes. ``name`` is the object's. ``is_blob``: a connector for files."""

    name: str
    value_type: ValueType
    fields: tuple[Field, ...] = ()
    is_blob: bool = False


def complete_mapping(source: Side, destination: Side, links: Sequence[FieldLink]) -> tuple[FieldLink, ...]:
    """``links`` if they supply each field of the destination exactly once with a field of the same type, else
    InvalidInput.

    Between plain objects there is nothing to map. A connector for files may be attached without a mapping to a source
    with exactly one field of type blob (contract ubiops 10.21).
    """
    if source.value_type is not destination.value_type:
        raise InvalidInput(
            f"'{source.name}' gives {source.value_type} data and '{destination.name}' takes {destination.value_type} "
            "data: they cannot be attached",
            field="destination_name",
        )
    if destination.value_type is ValueType.PLAIN:
        if links:
            raise InvalidInput("there are no fields to map between plain objects: leave it out", field="mapping")
        return ()
    if not links and destination.is_blob:
        return _only_blob(source, destination)
    _check_links(source, destination, links)
    return tuple(links)


def check_reach(edges: Iterable[Edge], new: Edge, names: dict[str, str]) -> None:
    """InvalidInput when the edge ``new`` would close a circle, or make one request run objects more than MOST_RUNS
    times in all. ``names`` has the object's name by id."""
    following: dict[str | None, list[str]] = defaultdict(list)
    for source, destination in (*edges, new):
        following[source].append(destination)
    if new[0] is not None and new[0] in _reached(following, new[1]):
        raise InvalidInput(
            f"'{names[new[1]]}' leads to '{names[new[0]]}' already: attached this way round they would make a circle",
            field="destination_name",
        )
    if _runs(following) > MOST_RUNS:
        raise InvalidInput(
            f"with this attachment one request would run objects more than {MOST_RUNS} times: an object runs once for "
            "each message that arrives at it",
            field="destination_name",
        )


def _only_blob(source: Side, destination: Side) -> tuple[FieldLink, ...]:
    blobs = [field.name for field in source.fields if field.data_type is DataType.BLOB]
    if len(blobs) != 1:
        raise InvalidInput(
            f"'{source.name}' has {len(blobs)} fields of type blob: map the one to store to the field "
            f"'{destination.fields[0].name}'",
            field="mapping",
        )
    return (FieldLink(blobs[0], destination.fields[0].name),)


def _check_links(source: Side, destination: Side, links: Sequence[FieldLink]) -> None:
    given = {field.name: field.data_type for field in source.fields}
    wanted = {field.name: field.data_type for field in destination.fields}
    for link in links:
        if link.source not in given:
            known = "the pipeline" if source.name == START else f"'{source.name}'"
            raise InvalidInput(f"there is no field '{link.source[:80]}' in what {known} gives", field="mapping")
        if link.destination not in wanted:
            raise InvalidInput(
                f"there is no field '{link.destination[:80]}' in what '{destination.name}' takes", field="mapping"
            )
        if given[link.source] is not wanted[link.destination]:
            raise InvalidInput(
                f"the field '{link.source}' of '{source.name}' is of type {given[link.source]} and "
                f"'{link.destination}' of '{destination.name}' of type {wanted[link.destination]}",
                field="mapping",
            )
    counts = Counter(link.destination for link in links)
    for name in wanted:
        if counts[name] != 1:
            how = "is not mapped" if name not in counts else f"is mapped {counts[name]} times"
            raise InvalidInput(
                f"the field '{name}' of '{destination.name}' {how}: each needs exactly one source field",
                field="mapping",
            )


def _reached(following: dict[str | None, list[str]], start: str) -> set[str]:
    found, left = {start}, [start]
    while left:
        for item in following.get(left.pop(), ()):
            if item not in found:
                found.add(item)
                left.append(item)
    return found


def _runs(following: dict[str | None, list[str]]) -> int:
    """How often objects run for one request: the ways from the start to each. Counting ends above MOST_RUNS."""
    total, left = 0, list(following.get(None, ()))
    while left and total <= MOST_RUNS:
        total += 1
        left.extend(following.get(left.pop(), ()))
    return total
