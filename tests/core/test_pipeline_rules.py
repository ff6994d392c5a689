"""What may be attached to what (contract ubiops 5.6)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput
from quinta.core.models.model import DataType, Field, ValueType
from quinta.core.pipelines.model import START, FieldLink
from quinta.core.pipelines.rules import MOST_RUNS, Edge, Side, check_reach, complete_mapping

STRUCTURED, PLAIN = ValueType.STRUCTURED, ValueType.PLAIN
GIVES = Side("a", STRUCTURED, (Field("x", DataType.INT), Field("y", DataType.INT), Field("z", DataType.DOUBLE)))
TAKES = Side("b", STRUCTURED, (Field("p", DataType.INT), Field("q", DataType.DOUBLE)))
STORE = Side("store", STRUCTURED, (Field("blob", DataType.BLOB),), is_blob=True)
TEXT = Side("text", PLAIN)


def links(**by_destination: str) -> list[FieldLink]:
    return [FieldLink(source, destination) for destination, source in by_destination.items()]


def test_a_complete_mapping_is_taken_as_it_is() -> None:
    assert complete_mapping(GIVES, TAKES, links(p="x", q="z")) == tuple(links(p="x", q="z"))
    both = Side("b", STRUCTURED, (Field("p", DataType.INT), Field("q", DataType.INT)))
    assert complete_mapping(GIVES, both, links(p="x", q="x")) == tuple(links(p="x", q="x"))  # one source for two


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ([], "'p' of 'b' is not mapped"),
        (links(p="x"), "'q' of 'b' is not mapped"),
        ([*links(p="x", q="z"), FieldLink("y", "p")], "'p' of 'b' is mapped 2 times"),
        (links(p="x", q="never-was"), "no field 'never-was' in what 'a' gives"),
        (links(p="x", q="z", r="y"), "no field 'r' in what 'b' takes"),
        (links(p="x", q="y"), "of type int and 'q' of 'b' of type double"),
    ],
)
def test_an_incomplete_mapping_is_refused(mapping: list[FieldLink], said: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        complete_mapping(GIVES, TAKES, mapping)
    assert said in refusal.value.message


def test_plain_objects_have_nothing_to_map() -> None:
    assert complete_mapping(Side(START, PLAIN), TEXT, []) == ()
    for source, destination, mapping, said in (
        (Side(START, PLAIN), TEXT, links(p="x"), "no fields to map"),
        (TEXT, TAKES, [], "gives plain data and 'b' takes structured data"),
        (GIVES, TEXT, [], "gives structured data and 'text' takes plain data"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            complete_mapping(source, destination, mapping)
        assert said in refusal.value.message


def test_a_connector_for_files_finds_the_only_blob_by_itself() -> None:
    """Contract ubiops 10.21."""
    one = Side("a", STRUCTURED, (Field("file", DataType.BLOB), Field("n", DataType.INT)))
    assert complete_mapping(one, STORE, []) == complete_mapping(one, STORE, links(blob="file"))
    two = Side("a", STRUCTURED, (Field("file", DataType.BLOB), Field("other", DataType.BLOB)))
    for source in (two, GIVES):
        with pytest.raises(InvalidInput, match="fields of type blob"):
            complete_mapping(source, STORE, [])
    assert complete_mapping(two, STORE, links(blob="other")) == tuple(links(blob="other"))


@given(st.data())
def test_only_whole_mappings_of_equal_types_pass(data: Any) -> None:
    types = st.sampled_from(list(DataType))
    sides = [
        Side(name, STRUCTURED, tuple(Field(f"f{number}", kind) for number, kind in enumerate(kinds)))
        for name, kinds in (
            ("a", data.draw(st.lists(types, max_size=4))),
            ("b", data.draw(st.lists(types, min_size=1, max_size=4))),
        )
    ]
    names = st.sampled_from([f"f{number}" for number in range(5)])
    mapping = data.draw(st.lists(st.builds(FieldLink, names, names), max_size=6))
    source, destination = ({field.name: field.data_type for field in side.fields} for side in sides)
    whole = sorted(link.destination for link in mapping) == sorted(destination)
    right = whole and all(source.get(link.source) is destination[link.destination] for link in mapping)
    try:
        assert complete_mapping(sides[0], sides[1], mapping) == tuple(mapping)
    except InvalidInput:
        assert not right
    else:
        assert right


def try_all(edges: list[Edge]) -> list[Edge]:
    """Adds edges one by one; returns those that were taken."""
    names = {key: key for edge in edges for key in edge if key is not None}
    taken: list[Edge] = []
    for edge in edges:
        try:
            check_reach(taken, edge, names)
        except InvalidInput:
            continue
        taken.append(edge)
    return taken


def runs(edges: list[Edge]) -> int:
    """Ways from the start, counted one after the other (the graph has no circle)."""
    ways, total = [None] if edges else [], 0
    while ways:
        here = ways.pop()
        following = [destination for source, destination in edges if source == here]
        total += len(following)
        ways += following  # type: ignore[arg-type]  # str is a str or None
    return total


@given(st.lists(st.tuples(st.sampled_from([None, *"abcde"]), st.sampled_from("abcde")), max_size=20, unique=True))
def test_no_order_of_attachments_makes_a_circle_or_runs_without_end(edges: list[Edge]) -> None:
    taken = try_all(edges)
    left = set("abcde")
    while free := {node for node in left if not any(s in left and d == node for s, d in taken)}:
        left -= free
    assert left == set()  # peeled off from the front: no circle
    assert runs(taken) <= MOST_RUNS


def test_circles_and_self_attachment_are_refused_and_a_line_is_not() -> None:
    line: list[Edge] = [(None, "a"), ("a", "b"), ("b", "c")]
    assert try_all(line) == line
    for wrong in (("c", "a"), ("a", "a"), ("c", "b")):
        with pytest.raises(InvalidInput, match="circle"):
            check_reach(line, wrong, {key: key for key in "abc"})


def test_diamonds_in_a_row_end_somewhere() -> None:
    """Each doubles the runs of what follows."""
    edges: list[Edge] = [(None, "n0")]
    for number in range(8):
        middle = (f"l{number}", f"r{number}")
        edges += [(f"n{number}", side) for side in middle] + [(side, f"n{number + 1}") for side in middle]
    taken = try_all(edges)
    assert 10 < len(taken) < len(edges)
    assert runs(taken) <= MOST_RUNS
