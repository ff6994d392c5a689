"""What of a dataset's metadata is its owner's alone leaves by no answer to anybody else (contract dq0 6.2): a value
that stands nowhere else is put into each such attribute, and looked for in everything that others are told."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.dq0.house import Door, House
from tests.dialects.dq0.operations import OPERATIONS
from tests.dialects.dq0.test_queries import ended
from tests.dialects.dq0.test_reference import filled
from tests.dialects.dq0.town import Town

CANARIES = {
    "uri": "canary-of-uri",
    "host": "canary-of-host",
    "port": "61979",
    "username": "canary-of-username",
    "password": "canary-of-password",
    "rows": "7919001",
    "budget_epsilon": "7919002.5",
    "budget_delta": "0.07919003",
    "private_id": "canary_of_privacy_column",
    "tau": "7919004",
    "max_ids": "7919005",
    "lower": "7919006",
    "upper": "7919007",
    "auto_lower": "7919008",
    "auto_upper": "7919009",
    "cardinality": "7919010",
    "allowed_values": "canary-of-allowed-values",
    "mask": "canary-of-mask",
}
FILE = """
privacy_budget: 100
meta_dataset:
  specification: dataset_v1
  node:
    dataset:
      attributes:
        data: {{name: {name}, description: people who buy}}
        differential_privacy: {{privacy_level: 2}}
      child_nodes:
        database:
          attributes:
            data: {{name: people_db}}
            connector: {{type_name: csv, uri: {file}}}
          child_nodes:
            schema:
              attributes: {{data: {{name: LR}}}}
              child_nodes:
                table:
                  attributes:
                    data: {{name: people, rows: 7919001}}
                    differential_privacy:
                      {{privacy_column: canary_of_privacy_column, budget_epsilon: 7919002.5, budget_delta: 0.07919003}}
                    private_sql: {{tau: 7919004.0, max_ids: 7919005}}
                  child_nodes:
                    column_0:
                      attributes:
                        data: {{name: canary_of_privacy_column, data_type_name: int}}
                        private_sql: {{private_id: true}}
                    column_1:
                      attributes:
                        data: {{name: age, data_type_name: int}}
                        private_sql: {{use_auto_bounds: true, auto_lower: 7919008, auto_upper: 7919009}}
                        private_sql_and_synthesis: {{lower: 7919006, upper: 7919007, cardinality: 7919010}}
                    column_2:
                      attributes:
                        data: {{name: job, data_type_name: string}}
                        private_sql: {{allowed_values: [canary-of-allowed-values, clerk], mask: "(canary-of-mask)"}}
"""
DATABASE = """
name: {name}
type: postgresql
connection: postgresql://canary-of-username:canary-of-password@canary-of-host:61979/shop
privacy_level: 1
privacy_budget: 100
LR:
  people:
    id: {{type: int, private_id: true}}
"""
GETS = [operation for operation in OPERATIONS if operation.method == "GET"]


def told(text: str) -> list[str]:
    """The attributes whose values stand in a text."""
    return [name for name, value in CANARIES.items() if value in text]


@pytest.fixture(scope="module")
def town(house: House, owner: Door, scientist: Door, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Its datasets ``secret`` and ``database`` hold the values, and its project uses them."""
    made = Town(house, owner, scientist, tmp_path_factory.mktemp("canaries"))
    made.values["metas"] = metas(made.folder)
    for kind, meta in made.values["metas"].items():
        body = owner.ok("POST", "/data", json={"meta": meta})
        made.values[kind] = {name: body[name] for name in ("data_id", "data_name", "data_uuid")}
        project = made.values["project_uuid"]
        scientist.ok("POST", f"/projects/{project}/attach", json={"data_uuid": body["data_uuid"]})
    return made


@pytest.fixture(scope="module")
def others(house: House, town: Town) -> list[Door]:
    """A user, another owner, one without a role."""
    return [town.scientist, house.person("owner"), house.person()]


def metas(folder: Path) -> dict[str, str]:
    file = folder / "canary-of-uri.csv"
    file.write_text("canary_of_privacy_column,age,job\n1,33,clerk\n")
    name = uuid.uuid4().hex[:12]
    return {"secret": FILE.format(name=f"secret-{name}", file=file), "database": DATABASE.format(name=f"db-{name}")}


def test_the_owner_gets_all_of_it_back(town: Town) -> None:
    """Or nothing would be looked for below."""
    shown = ""
    for kind in ("secret", "database"):
        answer = town.owner.ok("GET", f"/data/{town.values[kind]['data_uuid']}")
        shown += base64.b64decode(answer["data_meta"]).decode()
    assert told(shown) == list(CANARIES)


@pytest.mark.parametrize("operation", GETS, ids=lambda operation: operation.name)
def test_no_answer_to_others_has_it(town: Town, others: list[Door], operation: Any) -> None:
    for kind in ("secret", "database"):
        values = town.values | town.values[kind]
        path = operation.path.format(**values)
        query = {"page_size": "1000"} | (filled(operation.query, values) if operation.query else {})
        for door in (*others, town.house.nobody):
            answer = door.call("GET", path, params=query)
            assert told(answer.text) == [], (door.email, answer.text)
            assert told(str(answer.headers)) == []


@pytest.mark.parametrize("kind", ["secret", "database"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT COUNT(*) AS n FROM LR.people",
        "SELECT SUM(age) AS n FROM LR.people",
        "SELECT COUNT(DISTINCT age) FROM LR.people",
        "SELECT age, COUNT(*) FROM LR.people GROUP BY age",
        "SELECT job FROM LR.people",
        "SELECT SUM(job) FROM LR.people",
        "SELECT SUM(1 / age) FROM LR.people",
        "SELECT COUNT(*) FROM LR.people WHERE job = 'sailor' GROUP BY nothing",
        "SELECT COUNT(*) FROM people_db.LR.people",
        "SELECT COUNT(*) FROM LR.nobody",
        "foo",
    ],
)
def test_no_query_has_it(town: Town, kind: str, statement: str) -> None:
    """Neither what is said beside an answer nor why there is none; tau and delta are told, as docs/privacy.md says."""
    sent = {
        "query": statement,
        "datasets": town.values[kind]["data_name"],
        "epsilon": 0.1,
        "project_uuid": town.values["project_uuid"],
    }
    text = town.scientist.call("POST", "/queries/cost", json=sent).text
    job = ended(town.scientist, town.scientist.ok("POST", "/queries", json=sent)["job_uuid"])
    assert kind == "secret" or job["job_state"] == "error"
    query = town.scientist.ok("GET", f"/queries/{job['job_uuid']}", params={"include_result": "true"})
    query.pop("query_result_data")  # noise between bounds
    query.pop("query_accuracy_data")
    text += str(job) + str(query)
    assert not set(told(text)) - {"tau", "budget_delta"}, text


@pytest.mark.parametrize("kind", ["secret", "database"])
def test_no_refusal_has_it(town: Town, others: list[Door], kind: str) -> None:
    """Whatever others try with it: reading, changing, guessing at values, using it where that cannot be done."""
    data = town.values[kind]
    path, reference = f"/data/{data['data_uuid']}", {"data_uuid": data["data_uuid"]}
    taken = town.values["metas"][kind].replace("7919", "1").replace("canary", "bird")
    guesses: list[tuple[str, str, Any]] = [
        ("GET", f"{path}/sample", None),
        ("PATCH", path, {"meta": taken}),
        ("PATCH", path, {"meta": "a: [b"}),
        ("DELETE", path, None),
        ("POST", f"{path}/permissions", {"role_name": "user", "permission": 4}),
        ("POST", "/privacy/budgets", {**reference, "current": 1}),
        ("POST", "/privacy/masks", {**reference, "mask_data": {"public": ["job", "no such column"]}}),
        ("POST", "/privacy/thresholds", {**reference, "field": "no such column", "threshold": 1}),
        ("POST", "/privacy/budgets", {**reference, "data_name": "another", "current": 1}),
        ("POST", "/runs", {"project_uuid": town.values["project_uuid"], "ml_project_entry_point": "main", "args": ""}),
    ]
    for door in others:
        for method, where, body in guesses:
            answer = door.call(method, where, json=body)
            assert answer.status_code != 200, (method, where, answer.text)
            assert told(answer.text) == [], answer.text
    named = town.owner.call("POST", "/data", json={"meta": town.values["metas"][kind]})
    assert (named.status_code, told(named.text)) == (409, [])


@pytest.mark.parametrize(
    ("kind", "wrong", "by"),
    [
        ("secret", "lower: 7919006", "lower: 7919006.5"),
        ("secret", "rows: 7919001", "rows: '7919001'"),
        ("secret", "canary-of-uri.csv", "canary-of-uri.none"),
        ("secret", "budget_delta: 0.07919003", "budget_delta: -0.07919003"),
        ("secret", "canary-of-allowed-values, clerk", "canary-of-allowed-values, canary-of-allowed-values"),
        ("secret", "lower: 7919006, upper: 7919007", "lower: 7919007, upper: 7919006"),
        ("secret", "(canary-of-mask)", "(canary-of-mask"),
        ("database", ":61979/", ":canary-of-password/"),
        ("database", "privacy_level: 1", "privacy_level: 1\npassword: canary-of-password"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(town: Town, kind: str, wrong: str, by: str) -> None:
    """Texts of errors end up in logs and on screens: values are not in them, not even for who wrote them."""
    meta = metas(town.folder)[kind]
    answer = town.owner.call("POST", "/data", json={"meta": meta.replace(wrong, by)})
    assert answer.status_code == 422, answer.text
    assert told(answer.text) == [], answer.text
    assert town.owner.call("POST", "/data", json={"meta": meta}).status_code == 200
