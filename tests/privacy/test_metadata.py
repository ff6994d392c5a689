"""The reader of metadata: three formats, one answer; what it does not know is refused by name."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from quinta.core.datasets.metadata import ColumnType, DatasetMetadata
from quinta.core.datasets.model import DEFAULT_PERMISSIONS, DataPermission
from quinta.core.errors import InvalidInput
from quinta.privacy.metadata.loading import MAXIMUM_BYTES
from quinta.privacy.metadata.reader import YamlMetadataReader
from tests.privacy.files import OLD, SIMPLE, full_text


def read(text: str) -> DatasetMetadata:
    return YamlMetadataReader().read(text)


def refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    assert caught.value.field == "meta"
    return caught.value.message


def tree() -> dict[str, Any]:
    node: dict[str, Any] = YAML(typ="safe", pure=True).load(SIMPLE)["meta_dataset"]["node"]["dataset"]
    return node


def node_at(dataset: dict[str, Any], *names: str) -> Any:
    """A node below the dataset, by the names of its ancestors and itself."""
    node = dataset
    for name in names:
        node = node["child_nodes"][name]
    return node


def simple_text(dataset: dict[str, Any], **top: Any) -> str:
    meta = {"format": "simple", "specification": "dataset_v1", "node": {"dataset": dataset}}
    return json.dumps({"meta_dataset": meta, **top})


TABLE = ("database", "schema", "table")
COLUMN = (*TABLE, "column_1")


def test_the_three_formats_say_the_same() -> None:
    simple = read(SIMPLE)
    assert read(full_text(tree())) == simple
    assert read(OLD) == replace(simple, database_name="people")
    assert pickle.loads(pickle.dumps(simple)) == simple  # noqa: S301  # as it comes out of another process


def test_a_protection_is_given_up_in_words_only() -> None:
    """The old parser took silence about censor_dims for no (contract dq0 5.2)."""
    said = OLD.replace("    censor_dims: true\n", "")
    assert said != OLD
    for declared, effective, text in (
        (None, True, said),
        (False, False, OLD.replace("censor_dims: true", "censor_dims: false")),
        (True, True, OLD),
        (None, True, SIMPLE.replace("censor_dims: true, ", "")),
        (False, False, SIMPLE.replace("censor_dims: true", "censor_dims: false")),
        (True, True, SIMPLE),
    ):
        [(_, table)] = read(text).tables
        assert (table.censor_dims_declared, table.censor_dims) == (declared, effective), text


@pytest.mark.parametrize("level", [-1, 3, 5, 2**63, 1.0, True, "1"])
@pytest.mark.parametrize("where", ["dataset", "schema", "table"])
def test_a_privacy_level_is_0_1_or_2_in_all_formats(level: object, where: str) -> None:
    places: dict[str, tuple[str, ...]] = {"dataset": (), "schema": TABLE[:2], "table": TABLE}
    dataset = tree()
    for allowed in (0, 1, 2):
        node_at(dataset, *places[where])["attributes"].setdefault("differential_privacy", {})["privacy_level"] = allowed
        assert read(simple_text(dataset)) == read(full_text(dataset))
    node_at(dataset, *places[where])["attributes"]["differential_privacy"]["privacy_level"] = level
    assert "privacy_level" in refusal(simple_text(dataset))
    assert "privacy_level" in refusal(full_text(dataset))
    before = {"dataset": "privacy_level: 1\n", "schema": "LR:\n", "table": "    rows: 1000\n"}[where]
    after = {
        "dataset": f"privacy_level: {json.dumps(level)}\n",
        "schema": f"LR:\n  privacy_level: {json.dumps(level)}\n",
        "table": f"    rows: 1000\n    privacy_level: {json.dumps(level)}\n",
    }[where]
    assert read(OLD.replace(before, after.replace(json.dumps(level), "2"))).tables[0][1].privacy_level in (1, 2)
    assert "privacy_level" in refusal(OLD.replace(before, after))


@pytest.mark.parametrize("place", [(), TABLE[:1], TABLE[:2], TABLE, COLUMN])
def test_an_unknown_key_is_refused_at_every_node(place: tuple[str, ...]) -> None:
    for extra in ({"data": {"hint": "x"}}, {"private_query": {"x": 1}}):
        dataset = tree()
        attributes = node_at(dataset, *place)["attributes"]
        for group, values in extra.items():
            attributes[group] = {**attributes.get(group, {}), **values}
        for text in (simple_text(dataset), full_text(dataset)):
            assert "is not known" in refusal(text)


@pytest.mark.parametrize("line", ["hint: x", "  hint: x", "    hint: x", "    age: {type: int, hint: x}"])
def test_an_unknown_key_is_refused_at_every_node_of_the_old_format(line: str) -> None:
    old = OLD.replace("    age: {type: int, bounded: true, lower: 0, upper: 100, is_feature: true}\n", "")
    assert read(old).name
    assert "the key 'hint' is not known" in refusal(old + line)


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]",
        "base: &base {name: x}\nother: {<<: *base}",
        "[" * (MAXIMUM_BYTES - 1),
        "{a: " * 200_000,
        "\n".join(" " * depth + "- " for depth in range(500)),
        "".join(f"{' ' * depth}a:\n" for depth in range(500)),
        "? " * 400_000,
        "a" * (MAXIMUM_BYTES // 2) + ": " + "é" * (MAXIMUM_BYTES // 2),
        "!!set {a, b}",
        "a: !!binary aGVsbG8=",
    ],
)
def test_bombs_are_refused(bomb: str) -> None:
    assert refusal(bomb)


def test_what_the_example_says() -> None:
    metadata = read(SIMPLE)
    assert (metadata.name, metadata.description, metadata.privacy_level) == ("people", "demo", 1)
    assert metadata.connector is not None
    assert (metadata.connector.type_name, metadata.connector.uri) == ("csv", "/srv/data/people.csv")
    assert metadata.permissions == DEFAULT_PERMISSIONS
    [(schema, table)] = metadata.tables
    assert (schema.name, table.name, table.rows, table.privacy_level) == ("LR", "people", 1000, 1)
    assert (table.privacy_column, table.budget_epsilon, table.tau) == ("id", 100.0, 10.0)
    age = table.columns[1]
    assert (age.name, age.type, age.lower, age.upper, age.bounded) == ("age", ColumnType.INT, 0, 100, True)


def test_format_may_be_left_out() -> None:
    text = full_text(tree()).replace('"format": "full", ', "")
    assert read(text) == read(SIMPLE) == read(SIMPLE.replace("format: simple", "format:"))


def test_a_dataset_with_only_a_database() -> None:
    dataset = tree()
    del node_at(dataset, "database")["child_nodes"]
    assert read(simple_text(dataset)).tables == ()


@pytest.mark.parametrize(
    ("where", "group", "key", "value", "told"),
    [
        ((), "data", "names", "x", "dataset.data: the key 'names' is not known; did you mean 'name'?"),
        ((), "data", "name", None, "dataset.data.name: is needed"),
        ((), "data", "tags", "a", "dataset.data.tags: must be a list of texts"),
        ((), "differential_privacy", "privacy_level", 5, "must be from 0 to 2"),
        ((), "differential_privacy", "privacy_level", None, "privacy_level: is needed"),
        ((), "differential_privcy", "x", 1, "dataset: the group 'differential_privcy' is not known"),
        (("database",), "connector", "type_name", "mysql", "must be one of csv, json, parquet, postgresql"),
        (("database",), "connector", "uri", "", "uri: is needed"),
        (("database",), "connector", "sep", ";;", "sep: must be one character"),
        (("database",), "connector", "password", "x", "the key 'password' is not known"),
        (TABLE, "differential_privacy", "budget_epilon", 1.0, "did you mean 'budget_epsilon'?"),
        (TABLE, "differential_privacy", "budget_epsilon", -1, "must be a finite number, 0 or more"),
        (TABLE, "differential_privacy", "privacy_column", "ids", "'ids' is no column of the table"),
        (TABLE, "differential_privacy", "privacy_column", "age", "but private_id is at 'id'"),
        (TABLE, "private_sql", "max_ids", 0, "must be from 1"),
        (TABLE, "private_sql", "max_ids", True, "must be an int, not a boolean"),
        (TABLE, "private_sql", "row_privacy", True, "says that every row is somebody else"),
        (TABLE, "private_sql", "clamp_counts", "yes", "must be true or false, not a text"),
        (COLUMN, "data", "name", "id", "has 'id' 2 times"),
        (COLUMN, "data", "data_type_name", "integer", "is needed: one of boolean, datetime, float, int, string"),
        (COLUMN, "private_sql", "private_id", True, "several columns with private_id (id, age)"),
        (COLUMN, "private_sql", "mask", "(a)", "the key 'mask' is not known"),
        (COLUMN, "private_sql_and_synthesis", "lower", 0.5, "lower: must be an int, not a float"),
        (COLUMN, "private_sql_and_synthesis", "lower", 101, "lower: is above upper"),
        (COLUMN, "private_sql_and_synthesis", "upper", 2**70, "upper: must be an int"),
        (COLUMN, "private_sql", "allowed_values", [1, 1], "has a value twice"),
        ((*TABLE, "column_2"), "private_sql_and_synthesis", "lower", "a", "the key 'lower' is not known"),
        ((*TABLE, "column_2"), "private_sql", "mask", "(", "is no regular expression"),
        ((*TABLE, "column_2"), "private_sql", "mask", "a+", "must have a group"),
    ],
)
def test_what_is_refused_by_both_formats(where: tuple[str, ...], group: str, key: str, value: Any, told: str) -> None:
    dataset = tree()
    read(simple_text(dataset))  # taken but for the one change
    groups = node_at(dataset, *where)["attributes"]
    groups.setdefault(group, {})[key] = value
    if value is None:
        del groups[group][key]
    if value == 2**70:
        told = "must be from -"
    assert told in refusal(simple_text(dataset))
    message = refusal(full_text(dataset))
    assert told in message.replace("_0.", ".").replace("database_0", "database")


def test_an_int_does_for_a_float() -> None:
    dataset = tree()
    node_at(dataset, *TABLE)["attributes"]["private_sql"]["tau"] = 10
    assert read(simple_text(dataset)) == read(SIMPLE)


def test_the_levels_of_nodes_go_before_those_above() -> None:
    dataset = tree()
    node_at(dataset, "database")["attributes"]["differential_privacy"] = {"privacy_level": 2}
    assert [table.privacy_level for _, table in read(simple_text(dataset)).tables] == [2]
    node_at(dataset, *TABLE)["attributes"]["differential_privacy"]["privacy_level"] = 0
    assert [table.privacy_level for _, table in read(simple_text(dataset)).tables] == [0]


def test_children_are_numbered_without_gaps() -> None:
    dataset = tree()
    children = node_at(dataset, *TABLE)["child_nodes"]
    children["column_4"] = children.pop("column_2")
    assert "'column_2' is missing" in refusal(simple_text(dataset))


def test_a_full_attribute_is_of_the_type_it_says() -> None:
    text = full_text(tree())
    assert "must be a string, as its type_name says, not an int" in refusal(
        text.replace(
            '{"type_name": "int", "value": 1000, "key": "rows"}',
            '{"type_name": "string", "value": 1000, "key": "rows"}',
        )
    )
    assert "the key 'keys' is not known" in refusal(text.replace('"key": "rows"', '"key": "rows", "keys": 1'))


def test_dates_bounds_and_values() -> None:
    dataset = tree()
    column = node_at(dataset, *COLUMN)["attributes"]
    column["data"]["data_type_name"] = "datetime"
    column["private_sql_and_synthesis"] = {"bounded": True, "lower": "2020-01-01", "upper": "2020-01-31T12:00:00+02:00"}
    age = read(simple_text(dataset)).tables[0][1].columns[1]
    assert (age.lower, age.upper) == (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 31, 10, tzinfo=UTC))
    column["private_sql_and_synthesis"]["lower"] = "last year"
    assert "must be a date or a time such as" in refusal(simple_text(dataset))


def test_what_is_said_of_a_csv_file() -> None:
    dataset = tree()
    node_at(dataset, "database")["attributes"]["connector"] |= {
        "sep": ";",
        "decimal": ",",
        "header_row": [0, 1],
        "header_columns": ["id", "age", "job"],
        "skipinitialspace": True,
        "index_col": 0,
        "na_values": {"job": "?", "age": [999, 99]},
    }
    connector = read(simple_text(dataset)).connector
    assert connector is not None
    assert (connector.separator, connector.decimal, connector.header_row) == (";", ",", (0, 1))
    assert (connector.header_columns, connector.index_column) == (("id", "age", "job"), 0)
    assert connector.na_values == {"job": ("?",), "age": ("999", "99")}
    assert read(full_text(dataset)).connector == connector


def test_a_password_is_not_told_again() -> None:
    dataset = tree()
    group = {"type_name": "postgresql", "host": "db", "username": "reader", "password": "hunter2"}
    node_at(dataset, "database")["attributes"]["connector"] = group
    connector = read(simple_text(dataset)).connector
    assert connector is not None
    assert connector.password == "hunter2"
    assert "hunter2" not in repr(connector)
    for wrong in ({"port": "hunter2"}, {"password": ["hunter2"]}, {"uri": "hunter2"}):
        node_at(dataset, "database")["attributes"]["connector"] = group | wrong
        assert "hunter2" not in refusal(simple_text(dataset))
    assert "hunter2" not in refusal("a: hunter2\na: hunter2")


def test_a_connection_of_the_old_format_may_be_a_url() -> None:
    old = OLD.replace("type: CSV", "type: postgresql").replace(
        "/srv/data/people.csv", "postgresql://me:p%40ss@db:5433/x"
    )
    connector = read(old).connector
    assert connector is not None
    assert (connector.host, connector.port, connector.username, connector.password) == ("db", 5433, "me", "p@ss")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the key"),
        ("[]", "must be a mapping, not a list"),
        ("just text", "must be a mapping, not a text"),
        ("1: 2", "the key '1' must be a text"),
        ("a: &x 1\nb: *x", "line 2: aliases (*name) are not taken"),
        ("a: [1", "this is not YAML that can be read"),
        ("a: 1\na: 2", "a key stands there twice"),
        ("a: 1\n---\nb: 2", "this is not YAML that can be read"),
        ("a: !!python/object:os.system x", "this is not YAML that can be read"),
        ("a: \x07", "characters that YAML does not take"),
        ("a: 2020-13-45", "a number, a date or a key that cannot be read"),
        (f"a: {'9' * 5000}", "a number, a date or a key that cannot be read"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper than"),
        ("a: " + "x" * MAXIMUM_BYTES, "is over the limit"),
        ("name: x\nunknown: 1", "the key 'unknown' is not known"),
        ("name: x\nLR:\n  people:\n    age: {type: number}", "is needed: one of boolean"),
        ("name: x\nLR:\n  people:\n    age: {type: int, lowr: 1}", "did you mean 'lower'?"),
        (
            "name: x\nprivacy_column: z\nLR:\n  people:\n    age: {type: int}",
            "privacy_column: is no column of any table",
        ),
        ("name: x\nconnection: /a\nLR: {connection: /b}", "register a dataset for each"),
        ("meta_dataset: {format: other}", "must be full or simple"),
        ("meta_dataset: {specification: dataset_v2}", "must be dataset_v1"),
        ("meta_dataset: {specification: dataset_v1, node: {table: {}}}", "must have the one key 'dataset'"),
    ],
)
def test_what_is_no_metadata(text: str, told: str) -> None:
    if not text:
        told = "name: is needed"
    assert told in refusal(text)


def test_old_values_with_commas() -> None:
    old = OLD.replace("cardinality: 3,", "cardinality: 3, allowed_values: 'a, b',")
    assert read(old).tables[0][1].columns[2].allowed_values == ("a", "b")
    old = OLD.replace("is_feature: true", "is_feature: true, allowed_values: '1, 2'")
    assert read(old).tables[0][1].columns[1].allowed_values == (1, 2)
    assert "has a value that is no int" in refusal(old.replace("1, 2", "1, x"))


def test_what_the_owner_lets_others_see() -> None:
    told = {
        "data_permissions": ["sample", "read"],
        "data_mean": 1.5,
        "data_std": "(1, 2)",
        "data_stats": {"age": {"mean": 40}},
        "data_sample": [{"id": 1, "job": "clerk"}],
        "privacy_budget": 7,
        "privacy_budget_interval_days": 30,
    }
    metadata = read(simple_text(tree(), **told))
    assert metadata.permissions == (DataPermission.READ, DataPermission.SAMPLE)
    assert (metadata.mean, metadata.deviation) == ("1.5", "(1, 2)")
    assert json.loads(metadata.statistics) == {"age": {"mean": 40}}
    assert json.loads(metadata.sample) == [{"id": 1, "job": "clerk"}]
    assert (metadata.privacy_budget, metadata.privacy_budget_interval_days) == (7.0, 30)
    assert read(OLD + json.dumps({"a": told["data_stats"]}).replace('{"a": ', "data_stats: ")[:-1]).statistics
    assert "must be a list of some of read, meta" in refusal(simple_text(tree(), data_permissions=["rows"]))
    assert "is no column of the dataset" in refusal(simple_text(tree(), data_sample=[{"name": "x"}]))
    assert "must be a list of mappings" in refusal(simple_text(tree(), data_sample=["x"]))


def test_metadata_that_are_not_public_show_nothing() -> None:
    dataset = tree()
    dataset["attributes"]["data"]["metadata_is_public"] = False
    assert read(simple_text(dataset)).permissions == (DataPermission.READ,)
    assert read(simple_text(dataset, data_permissions=[])).permissions == ()


def test_a_sample_is_masked() -> None:
    dataset = tree()
    node_at(dataset, *TABLE, "column_2")["attributes"]["private_sql"] = {"mask": "(.*)@|(secret)"}
    rows = [{"job": "ann@example.com"}, {"job": "no secret here"}, {"job": "plain"}, {"job": None}]
    metadata = read(simple_text(dataset, data_sample=rows))
    assert [row["job"] for row in json.loads(metadata.sample)] == ["***@example.com", "no *** here", "plain", None]


SDK = os.environ.get("DQ0_SDK_PATH")


@pytest.mark.skipif(
    SDK is None, reason="DQ0_SDK_PATH names no checkout of the SDK, which cannot be part of this project"
)
def test_the_examples_of_the_sdk_are_taken() -> None:
    files = sorted(file for file in Path(str(SDK)).glob("dq0/examples/*/**/*_*.yaml") if file.stat().st_size < 100_000)
    files = [file for file in files if file.stem.rsplit("_", 1)[1] in ("full", "simple", "old")]
    broken = {"adult_with_rand_names_datatopredict_simple.yaml"}  # column_8 is missing in it (contract dq0 6.1)
    assert len(files) > 20
    for file in files:
        if file.name in broken:
            assert "'column_8' is missing" in refusal(file.read_text())
        else:
            assert read(file.read_text()).name
