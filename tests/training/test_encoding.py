"""Rows become numbers by what is declared, each by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dq0.makedp.encoding import Encoder, declared_encoder, declared_target, encoder_from
from dq0.makedp.errors import TrainingError
from dq0.makedp.jobs import encoded
from dq0.makedp.metadata import Column, Dataset, chosen
from dq0.makedp.table import read_columns
from quinta.core.datasets.declared import declared_json
from quinta.core.datasets.metadata import (
    ColumnMetadata,
    ColumnType,
    ConnectorMetadata,
    DatasetMetadata,
    SchemaMetadata,
    TableMetadata,
)

COLUMNS = (
    ColumnMetadata("id", ColumnType.INT, private_id=True),
    ColumnMetadata("age", ColumnType.INT, bounded=True, lower=0, upper=100, is_feature=True),
    ColumnMetadata("job", ColumnType.STRING, allowed_values=("nurse", "smith"), is_feature=True),
    ColumnMetadata("town", ColumnType.STRING, cardinality=4, is_feature=True),
    ColumnMetadata("member", ColumnType.BOOLEAN, is_feature=True),
    ColumnMetadata("weight", ColumnType.FLOAT),
    ColumnMetadata("ill", ColumnType.STRING, allowed_values=("no", "yes"), is_target=True),
)
CSV = "id,age,job,town,member,weight,ill\n1,50,nurse,Bonn,true,70.5,yes\n2,200,king,Rome,false,x,no\n3,,,,,,\n"


def dataset_of(tmp_path: Path, text: str = CSV, kind: str = "csv", **connector: Any) -> Dataset:
    """As a run finds it: a file, and what the server read in the metadata."""
    table = TableMetadata("people", COLUMNS, 1, privacy_column="id", max_ids=2, budget_delta=1e-5)
    metadata = DatasetMetadata(
        "people",
        "",
        1,
        ConnectorMetadata(kind, uri="/secret", password="hidden", **connector),
        (SchemaMetadata("s", (table,)),),
    )
    (tmp_path / "rows").write_text(text, encoding="utf-8")
    (tmp_path / "declared.json").write_text(declared_json(metadata), encoding="utf-8")
    entry = {"name": "people", "uuid": "u", "path": str(tmp_path / "rows"), "declared": str(tmp_path / "declared.json")}
    return chosen({"DQ0_DATA": json.dumps([entry])}, "")


def test_what_a_run_is_told_has_no_way_into_the_source(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    text = (tmp_path / "declared.json").read_text(encoding="utf-8")
    assert "hidden" not in text
    assert "/secret" not in text
    assert (dataset.privacy_column, dataset.most_rows_each, dataset.delta) == ("id", 2, 1e-5)


def test_rows_are_encoded_by_bounds_and_declared_values(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    encoder = declared_encoder(dataset, "classification")
    assert [feature.name for feature in encoder.features] == ["age", "job", "town", "member"]
    names = [feature.name for feature in encoder.features]
    table = read_columns(dataset, [*names, "ill"])
    inputs = encoder.inputs([table[name] for name in names], 3)
    assert inputs.shape == (3, encoder.width) == (3, 1 + 2 + 4 + 1)
    assert list(inputs[:, 0]) == [0.5, 1.0, 0.5]  # clipped to the bounds; the middle for none
    assert inputs[:, 1:3].tolist() == [[1, 0], [0, 0], [0, 0]]
    assert inputs[:, 3:7].sum(axis=1).tolist() == [1, 1, 0]
    assert inputs[:, 7].tolist() == [1, 0, 0]
    targets, known = encoder.targets(table["ill"])
    assert (targets.tolist(), known.tolist()) == ([1, 0, 0], [True, True, False])
    assert encoder_from(json.loads(json.dumps(encoder.to_json()))) == encoder


def test_a_row_is_encoded_alike_alone_and_in_company(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    encoder = declared_encoder(dataset, "classification")
    columns = [read_columns(dataset, [feature.name])[feature.name] for feature in encoder.features]
    together = encoder.inputs(columns, 3)
    for row in range(3):
        alone = encoder.inputs([[values[row]] for values in columns], 1)
        assert np.array_equal(alone[0], together[row])


def test_json_is_read_as_csv_is(tmp_path: Path) -> None:
    rows = [{"age": 50, "member": True}, {"age": None}, "no object"]
    for text in (json.dumps(rows), "\n".join(json.dumps(row) for row in rows[:2]) + "\n{broken\n"):
        table = read_columns(dataset_of(tmp_path, text, "json"), ["age", "member"])
        assert table == {"age": [50, None, None], "member": [True, None, None]}


def test_csv_is_read_as_its_connector_says(tmp_path: Path) -> None:
    text = "junk\n1; 2,5;na\n2;3;a,b\n"
    dataset = dataset_of(
        tmp_path,
        text,
        separator=";",
        decimal=",",
        header_row=(0,),
        header_columns=("id", "weight", "job"),
        use_original_header=False,
        skip_initial_space=True,
        na_values={"job": ("na",)},
    )
    assert read_columns(dataset, ["weight", "job"]) == {"weight": ["2.5", "3"], "job": [None, "a,b"]}


def test_what_a_row_holds_never_raises(tmp_path: Path) -> None:
    text = 'id,age,job,town,member,weight,ill\n1,\x00\xff,,\n\n2,1e999,"broken\n,,,,,,,,,,,\n'
    dataset = dataset_of(tmp_path, text)
    encoder = declared_encoder(dataset, "classification")
    columns = [read_columns(dataset, [feature.name])[feature.name] for feature in encoder.features]
    assert np.isfinite(encoder.inputs(columns, len(columns[0]))).all()


def test_persons_are_told_apart_and_rows_about_nobody_left_out(tmp_path: Path) -> None:
    text = "\ufeffid,age,job,town,member,weight,ill\n"
    text += "".join(f"{each},50,nurse,Bonn,true,1,yes\n" for each in ("7", " 7", "7.0", "", "8", "x" * 200_000, " "))
    rows = encoded(declared_encoder(dataset_of(tmp_path, text), "classification"), dataset_of(tmp_path, text))
    assert len(rows.persons) == 5
    assert [int(each) for each in rows.persons] == [int(rows.persons[0])] * 3 + [int(each) for each in rows.persons[3:]]
    assert len(set(rows.persons)) == 3


@pytest.mark.parametrize("given", ["1", "1.0", " 1.00 ", 1, 1.0])
def test_a_declared_number_is_found_however_it_is_written(given: Any) -> None:
    for declared in ("1", "1.0"):
        target = declared_target(Column("n", "float", None, None, (declared, 2.5), None, False, True, False), "x")
        assert Encoder((), target).targets([given, "2.5", "10"])[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("features", "target", "task", "said"),
    [
        (["weight"], None, "classification", "no declared bounds"),
        (["id"], None, "classification", "who a row is about"),
        (["height"], None, "classification", "no column 'height'"),
        ([], None, "classification", "is_feature"),
        (["age"], "town", "classification", "not declared"),
        (["age"], "ill", "regression", "is no number"),
        (["job"], "weight", "regression", "no declared bounds"),
    ],
)
def test_what_is_not_declared_is_named(
    tmp_path: Path, features: list[str], target: str | None, task: str, said: str
) -> None:
    dataset = dataset_of(tmp_path)
    assert declared_encoder(dataset, "classification", ["age"], "ill").width == 1
    with pytest.raises(TrainingError, match=said):
        declared_encoder(dataset, task, features, target)


def test_a_number_within_bounds_can_be_a_target(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    encoder = declared_encoder(dataset, "regression", ["job"], "age")
    assert encoder.targets(["25", "oops"])[0].tolist() == [0.25, 0.5]
    assert encoder.targets(["25", "oops"])[1].tolist() == [True, False]
    with pytest.raises(TrainingError, match="2 to 100 classes"):  # ages from 0 to 100 are 101
        declared_encoder(dataset, "classification", ["job"], "age")


def test_a_column_that_the_file_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no column 'age'"):
        read_columns(dataset_of(tmp_path, "id,job\n1,nurse\n"), ["age", "job"])
    with pytest.raises(TrainingError, match="cannot be trained on"):
        read_columns(dataset_of(tmp_path, CSV, "postgresql"), ["age"])
