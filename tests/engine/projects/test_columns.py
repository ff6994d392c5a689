"""Files without some of their columns: exactly these are gone, and what cannot be told apart is refused."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.datasets.metadata import ConnectorMetadata
from quinta.core.errors import StateConflict
from quinta.engine.projects.columns import drop_columns

DECLARED = ("id", "age", "name")


def dropped(folder: Path, text: str, *hidden: str, **more: Any) -> tuple[str, tuple[int, ...]]:
    connector = ConnectorMetadata("csv", **more)
    source, target = folder / "source", folder / "target"
    source.write_bytes(text.encode("utf-8", "surrogateescape"))
    places = drop_columns(source, target, connector, DECLARED, frozenset(hidden))
    return target.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n"), places


@pytest.mark.parametrize(
    ("text", "more", "expected", "places"),
    [
        ("id,age,name\n1,2,x\n", {}, "id,age\n1,2\n", (2,)),
        ("id,name,age\r\n1,x,2\r\n", {}, "id,age\n1,2\n", (1,)),
        ('id,age,name\n1,2,"a, ""b""\nc"\n"3,3",4,x\n', {}, 'id,age\n1,2\n"3,3",4\n', (2,)),
        ("id;age;name\n1;2,5;x\n", {"separator": ";"}, "id;age\n1;2,5\n", (2,)),
        ("id, age, name\n1, 2, x\n", {"skip_initial_space": True}, "id,age\n1,2\n", (2,)),
        ("\ufeffname,id,age\nx,1,2\n", {}, "id,age\n1,2\n", (0,)),
        (' name ,id\n"x",1\n', {}, "id\n1\n", (0,)),
        ("name,id,name\nx,1,y\n", {}, "id\n1\n", (0, 2)),
        ("id,age,name\n\n1,2,x\n", {}, "id,age\n\n1,2\n", (2,)),
        ("1,2,x\n", {"use_original_header": False}, "1,2\n", (2,)),
        ("x,1\n", {"use_original_header": False, "header_columns": ("name", "id")}, "1\n", (0,)),
        ("names of all: x\nid,age,name\n1,2,x\n", {"header_row": (1,)}, '""\nid,age\n1,2\n', (2,)),
        ("a,a,name\nid,age,b\n1,2,x\n", {"header_row": (0, 1)}, "a,a\nid,age\n1,2\n", (2,)),
        ("id,age,name\n\udcff,2,x\n", {}, "id,age\n\udcff,2\n", (2,)),
    ],
)
def test_the_column_is_gone_and_all_else_stays(
    tmp_path: Path, text: str, more: dict[str, Any], expected: str, places: tuple[int, ...]
) -> None:
    assert dropped(tmp_path, text, "name", **more) == (expected, places)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("id,age,Name\n1,2,x\n", {}),
        ("", {}),
        ("id,age,name\n0,1,2,x\n", {}),
        ("id,age,name\n1,x\n", {}),
        ('id,age,name\n1,"2,x\n', {}),
        ("id||age||name\n1||2||x\n", {"separator": "||"}),
        ("1,2,x\n", {"use_original_header": False, "header_columns": ("id", "age", "other")}),
        ("a,b\nid,age,name\n1,2,x\n", {"header_row": (0, 1)}),
    ],
)
def test_what_cannot_be_told_apart_is_refused(tmp_path: Path, text: str, more: dict[str, Any]) -> None:
    with pytest.raises(StateConflict) as caught:
        dropped(tmp_path, text, "name", **more)
    assert "ask its owner" in caught.value.message
    assert "'name'" not in caught.value.message


@given(
    st.lists(
        st.tuples(*(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6) for _ in range(3))),
        max_size=6,
    )
)
def test_whatever_is_in_the_rows(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]) -> None:
    folder = tmp_path_factory.mktemp("columns")
    source, target = folder / "source", folder / "target"
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([DECLARED, *rows])
    drop_columns(source, target, ConnectorMetadata("csv"), DECLARED, frozenset({"age"}))
    with target.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found == [["id", "name"], *([row[0], row[2]] for row in rows)]
