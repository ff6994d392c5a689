"""Files of datasets: what their cells mean, whatever is in them, and how their imports are kept."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import (
    ColumnMetadata,
    ColumnType,
    ConnectorMetadata,
    DatasetMetadata,
    SchemaMetadata,
    TableMetadata,
)
from quinta.core.errors import StateConflict
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.sources import Sources
from quinta.privacy.queries.tree import Column, Key, Measure, MeasureKind, Scan, Source

BOOLEAN, DATETIME, FLOAT, INT, STRING = ColumnType
ROWS = Measure(MeasureKind.ROWS)
EVERY_ROW = 1_000_000


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    opened = Sources(tmp_path_factory.mktemp("sources") / "imports", memory_megabytes=200, threads=2)
    yield opened
    opened.close()


def dataset(path: Path, types: Mapping[str, ColumnType], unit: str | None = None, **connector: Any) -> AskedDataset:
    columns = tuple(ColumnMetadata(name, type_) for name, type_ in types.items())
    table = TableMetadata("t", columns, privacy_level=1, privacy_column=unit)
    said = ConnectorMetadata(path.suffix[1:], str(path), **connector)
    return AskedDataset(
        "1",
        "people",
        DatasetMetadata("people", "", 1, said, (SchemaMetadata("s", (table,)),)),
        MaskRules(),
        path=str(path),
    )


def counts(sources: Sources, asked: AskedDataset) -> dict[tuple[Any, ...], Any]:
    """How often each row is there."""
    table = asked.metadata.schemas[0].tables[0]
    keys = [Key(Column(0, column.name, column.type, None), None) for column in table.columns]
    source = Source((Scan(0, "s", "t", None, EVERY_ROW),), (), None, EVERY_ROW)
    with sources.open([asked]) as opened:
        return {key: count for key, (count,) in opened.measure(source, keys, [ROWS]).groups.items()}


def cells(sources: Sources, path: Path, type_: ColumnType, texts: list[str], **connector: Any) -> dict[Any, Any]:
    path.write_text("a;x\n" + "".join(f"1;{text}\n" for text in texts), encoding="utf-8")
    return {key[0]: n for key, n in counts(sources, dataset(path, {"x": type_}, separator=";", **connector)).items()}


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (INT, "12", 12),
        (INT, " 12 ", 12),
        (INT, "12.0", 12),
        (INT, "9223372036854775807", 2**63 - 1),
        (INT, "9223372036854775808", None),
        (INT, "twelve", None),
        (INT, "", None),
        (FLOAT, "1.5", 1.5),
        (FLOAT, "-0.0", 0.0),
        (FLOAT, "nan", None),
        (FLOAT, "inf", float("inf")),
        (FLOAT, "-1e999", -float("inf")),
        (FLOAT, "1,5", None),
        (BOOLEAN, "True", True),
        (BOOLEAN, "0", False),
        (BOOLEAN, "perhaps", None),
        (DATETIME, "2020-02-29", datetime(2020, 2, 29, tzinfo=UTC)),
        (DATETIME, "2020-02-29T23:30:00-01:00", datetime(2020, 3, 1, 0, 30, tzinfo=UTC)),
        (DATETIME, "2021-02-29", None),
        (DATETIME, "infinity", None),
        (DATETIME, "12000-01-01", None),
        (STRING, "ä'\\N", "ä'\\N"),
        (STRING, "\x1b\x1fn", "\x1b\x1fn"),
        (STRING, "a\0b", "a\0b"),
        (STRING, '"x;""y"', 'x;"y'),
        (STRING, '"two\nlines"', "two\nlines"),
        (STRING, "NA", "NA"),
        (STRING, "", None),
    ],
)
def test_a_cell_is_what_its_declared_type_makes_of_it(
    sources: Sources, tmp_path: Path, type_: ColumnType, text: str, value: object
) -> None:
    assert cells(sources, tmp_path / "t.csv", type_, [text, text]) == {value: 2}


def test_the_connector_says_how_a_file_is_read(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("\ufefftitle\nname|  size\nx|1,5\nNA|NA\ny|1.5\n".encode())
    said: dict[str, Any] = {"separator": "|", "decimal": ",", "header_row": (1,), "na_values": {"name": ("NA",)}}
    asked = dataset(path, {"size": FLOAT, "name": STRING}, **said)
    assert counts(sources, asked) == {(1.5, "x"): 1, (None, None): 1, (None, "y"): 1}
    renamed = dataset(path, {"b": FLOAT, "a": STRING}, **said, header_columns=("a", "b"))
    assert counts(sources, renamed) == {(1.5, "x"): 1, (None, "NA"): 1, (None, "y"): 1}


def test_without_a_header_columns_are_those_of_the_metadata(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1, a\r\n2, b\r\n")
    asked = dataset(path, {"n": INT, "s": STRING}, use_original_header=False, skip_initial_space=True)
    assert counts(sources, asked) == {(1, "a"): 1, (2, "b"): 1}


@pytest.mark.parametrize("plain", [True, False])
def test_what_is_none_of_the_declared_type_is_null(sources: Sources, tmp_path: Path, plain: bool) -> None:
    """Also in tables without a privacy column, whose rows are not sorted on their way."""
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\nx,1,0.5\ny,one,half\n" + ("" if plain else '"z",2,"\n"\n'))
    found = {("x", 1, 0.5): 1, ("y", None, None): 1} | ({} if plain else {("z", 2, None): 1})
    assert counts(sources, dataset(path, {"a": STRING, "b": INT, "c": FLOAT})) == found


def test_a_missing_column_is_said(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    assert counts(sources, dataset(path, {"a": INT})) == {(1,): 1}
    with pytest.raises(StateConflict, match="no column 'c'"):
        counts(sources, dataset(path, {"c": INT}))


lines = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.text(st.sampled_from("ab,;\"' \t\x1f\x1b\x00\r\\é"), max_size=8).map(str.encode),
        st.sampled_from([b"1,2,3,4,5", b"", b"\xff\xfe", b"1", b'"', b'a"b,"c"d', b"x" * (2**20 + 5), b"," * 40]),
    ).filter(lambda line: b"\n" not in line and line.count(b'"') % 2 == 0 and b"\r" not in line.strip(b"\r")),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=lines, after=lines, ends=st.sampled_from([b"\n", b"\r\n"]))
def test_a_line_is_the_same_row_whatever_the_others_are(
    sources: Sources, tmp_path_factory: pytest.TempPathFactory, before: list[bytes], after: list[bytes], ends: bytes
) -> None:
    """Each line alone, and all of them together: with and without what only one of the two readers takes."""
    path = tmp_path_factory.mktemp("lines") / "t.csv"
    types = {"a": STRING, "b": INT, "c": FLOAT}

    def read(content: list[bytes]) -> dict[tuple[Any, ...], Any]:
        path.write_bytes(ends.join([b"a,b,c", *content, b""]))
        return counts(sources, dataset(path, types))

    middle = b"plain,2,1.5"
    together = read([*before, middle, *after])
    alone: dict[tuple[Any, ...], int] = {}
    for line in [*before, middle, *after]:
        for key, count in read([line]).items():
            alone[key] = alone.get(key, 0) + count
    assert together == alone
    assert together["plain", 2, 1.5] >= 1


def test_a_parquet_file_has_the_declared_types(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with duckdb.connect() as database:
        database.execute(
            "COPY (SELECT 1::TINYINT AS i, 'nan'::FLOAT AS f, '12' AS t, DATE '2020-01-01' AS d, [1] AS l UNION ALL"
            f" SELECT NULL, 0.5, 'x', DATE 'infinity', NULL) TO '{path}'"
        )
    asked = dataset(path, {"i": INT, "f": FLOAT, "t": INT, "d": DATETIME, "l": STRING})
    assert counts(sources, asked) == {
        (1, None, 12, datetime(2020, 1, 1, tzinfo=UTC), "[1]"): 1,
        (None, 0.5, None, None, None): 1,
    }


def test_a_json_file_is_an_array_or_lines(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    types = {"n": INT, "s": STRING}
    path.write_text('[{"n": 1, "s": ""}, {"s": {"a": null}}, 7]')
    assert counts(sources, dataset(path, types)) == {(1, ""): 1, (None, '{"a": null}'): 1}
    path.write_text('{"n": 1e400, "s": "\\ud800"}\nnot json\n{"n": NaN}\n')
    assert counts(sources, dataset(path, types)) == {(None, "?"): 1, (None, None): 1}
    path.write_text("[1, 2")
    with pytest.raises(StateConflict, match="no JSON"):
        counts(sources, dataset(path, types))


def test_a_changed_file_is_imported_anew_and_the_older_import_removed(sources: Sources, tmp_path: Path) -> None:
    own = Sources(tmp_path / "imports", memory_megabytes=100, threads=1)
    path = tmp_path / "t.csv"
    asked = dataset(path, {"x": INT})
    for content in ("1", "2\n2"):
        path.write_text(f"x\n{content}\n")
        assert counts(own, asked) == {(int(content[0]),): len(content.split())}
        (kept,) = (tmp_path / "imports").iterdir()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "imports").stat().st_mode) == 0o700
    path.unlink()
    with pytest.raises(StateConflict, match="cannot be read"):
        counts(own, asked)
    own.close()


def test_workers_import_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "1\n" * 50_000)
    start, found = threading.Barrier(3), []

    def work() -> None:
        own = Sources(tmp_path / "imports", memory_megabytes=100, threads=1)
        start.wait(30)
        found.append(counts(own, dataset(path, {"x": INT})))
        own.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [{(1,): 50_000}] * 3
    assert len(os.listdir(tmp_path / "imports")) == 1


def test_a_file_may_be_larger_than_memory(tmp_path: Path) -> None:
    """140 MB of rows with units, sorted and counted in 128."""
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("u,s\n")
        file.writelines(f"{n * 7919 % 600_000},{n:0100}\n" for n in range(1_300_000))
    own = Sources(tmp_path / "imports", memory_megabytes=128, threads=2)
    asked = dataset(path, {"u": INT, "s": STRING}, "u")
    source = Source((Scan(0, "s", "t", "u", 1),), (), None, 1)
    with own.open([asked]) as opened:
        distinct = Measure(MeasureKind.DISTINCT, Column(0, "u", INT, None))
        assert opened.measure(source, [], [ROWS, distinct]).groups == {(): (600_000, 600_000)}
    own.close()


def test_duckdb_reads_nothing_but_imports(sources: Sources, tmp_path: Path) -> None:
    database = sources._files._database
    for statement in (
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY (SELECT 1) TO '{tmp_path}/x.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "LOAD httpfs",
    ):
        with pytest.raises(duckdb.Error):
            database.execute(statement)
