"""Private queries through the face, as the SDK asks them (contract dq0 3.2, 4.2, 5).

Where a value is looked at, epsilon is 40 or more: a count is then off by more than 2 once in 10**34 answers.
"""

from __future__ import annotations

import csv
import io
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.dq0.house import Door, House
from tests.metadata import AGE, UNIT, metadata_text

DEADLINE = 60.0
JOBS = ("clerk", "nurse", "pilot")
TABLE = """data: {name: people, rows: 400},
    differential_privacy: {privacy_column: id, budget_epsilon: 5000.0, budget_delta: 0.000001}"""
COLUMNS = (
    UNIT,
    AGE,
    "data: {name: job, data_type_name: string}, private_sql: {allowed_values: [clerk, nurse, pilot]}",
    "data: {name: town, data_type_name: string, selectable: true}, private_sql_and_synthesis: {cardinality: 50}",
)


class Town:
    """400 people: every second a clerk, every fourth a nurse; one lives alone in Ainsa, all others in Bern."""

    def __init__(self, owner: Door, scientist: Door, folder: Path) -> None:
        self.owner, self.scientist = owner, scientist
        self.name = f"work-{uuid.uuid4().hex[:12]}"
        file = folder / f"{self.name}.csv"
        rows = (
            (number, 20 + number % 40, JOBS[(0, 1, 0, 2)[number % 4]], "Ainsa" if number == 7 else "Bern")
            for number in range(400)
        )
        file.write_text("id,age,job,town\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
        meta = metadata_text(file, *COLUMNS, table=TABLE, name=self.name, database="work_db")
        self.data = owner.ok("POST", "/data", json={"meta": meta})
        self.project = scientist.new_project()
        attached = {"data_uuid": self.data["data_uuid"], "data_name": self.name}
        scientist.ok("POST", f"/projects/{self.project}/attach/", json=attached)

    def sent(self, statement: str, **more: Any) -> dict[str, Any]:
        """As the SDK sends it: what was not said is there too."""
        given = {"epsilon": 1.0, "tau": 0.0, "private_column": "", "permissions": None, "params": None}
        return {**given, "query": statement, "datasets": self.name, "project_uuid": self.project, **more}

    def ask(self, statement: str, **more: Any) -> dict[str, Any]:
        """The job at its end."""
        started = self.scientist.ok("POST", "/queries/", json=self.sent(statement, **more))
        assert started["job_uuid"] == started["query_uuid"] == started["message"].rpartition(" ")[2]
        return ended(self.scientist, started["job_uuid"])

    def rows(self, statement: str, **more: Any) -> list[dict[str, str]]:
        job = self.ask(statement, **more)
        assert job["job_state"] == "finished", job["job_errors"]
        return list(csv.DictReader(io.StringIO(self.text(job["job_uuid"]))))

    def text(self, query: str, path: str = "results.csv") -> str:
        params = {"run_uuid": query, "artifact_path": path}
        return str(self.scientist.ok("GET", "/artifacts/download", params=params)["data_string"])

    def left(self) -> float:
        (budget,) = self.owner.ok("GET", "/privacy/budgets", params={"data_name": self.name})["items"]
        return float(budget["current"])


def ended(door: Door, job: str) -> dict[str, Any]:
    end = time.monotonic() + DEADLINE
    while True:
        found = door.ok("GET", f"/jobs/{job}/")
        if found["job_state"] in ("finished", "error"):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.02)


@pytest.fixture(scope="module")
def town(owner: Door, scientist: Door, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(owner, scientist, tmp_path_factory.mktemp("work"))


def test_a_count_and_an_average(town: Town) -> None:
    (row,) = town.rows("SELECT COUNT(*) AS n, AVG(age) AS mean FROM LR.people WHERE job = 'clerk'", epsilon=100.0)
    assert abs(int(row["n"]) - 200) <= 2
    assert abs(float(row["mean"]) - 39) < 1


def test_declared_groups_are_all_there(town: Town) -> None:
    rows = town.rows("SELECT job, COUNT(*) AS n FROM LR.people WHERE age < 0 GROUP BY job ORDER BY job", epsilon=40.0)
    assert [row["job"] for row in rows] == sorted(JOBS)
    assert all(abs(int(row["n"])) <= 2 for row in rows)


def test_a_group_of_one_is_not_told(town: Town) -> None:
    rows = town.rows("SELECT town, COUNT(*) AS n FROM LR.people GROUP BY town", epsilon=4.0)
    assert [row["town"] for row in rows] == ["Bern"]


def test_an_answer_says_what_it_cost(town: Town) -> None:
    before = town.left()
    job = town.ask("SELECT SUM(age) FROM LR.people", epsilon=0.3)
    assert round(before - town.left(), 9) == 0.3
    params = {"include_result": "true", "include_run": "true"}
    query = town.scientist.ok("GET", f"/queries/{job['job_uuid']}", params=params)
    assert query["query_result_data"] == town.text(job["job_uuid"])
    assert query["query_accuracy_data"] == town.text(job["job_uuid"], "accuracy.csv")
    assert "0.3" in query["query_result_message"]
    assert "left" not in query["query_result_message"].replace("left out", "")
    owners = town.owner.ok("GET", f"/queries/{job['job_uuid']}", params=params)["query_result_message"]
    assert owners == f"{query['query_result_message']} Of the budget of {town.name} epsilon {town.left():.12g} is left."
    assert query["run_status"] == "FINISHED"
    assert query["query_datasets"] == {town.name: town.data["data_uuid"]}
    assert query["query_statement"] == "SELECT SUM(age) FROM LR.people"
    bare = town.scientist.ok("GET", f"/queries/{job['job_uuid']}/")
    assert bare.keys() == query.keys() - {
        key for key in query if key.startswith(("run_", "experiment_", "query_r", "query_a"))
    }
    (listed, *_) = town.scientist.ok("GET", "/queries", params={"project_uuid": town.project})["items"]
    assert listed["query_uuid"] == job["job_uuid"]


def test_a_cost_is_said_for_nothing(town: Town) -> None:
    before = town.left()
    cost = town.scientist.ok(
        "POST", "/queries/cost", json=town.sent("SELECT COUNT(*) AS n FROM LR.people", epsilon=0.5)
    )
    assert cost["epsilon"] == 0.5
    assert cost["delta"] == 0
    grouped = "SELECT town, COUNT(*) FROM LR.people GROUP BY town"
    unknown = town.scientist.ok("POST", "/queries/cost", json=town.sent(grouped))
    assert (unknown["delta"], unknown["tau"]) == (1e-6, 15)
    (column,) = cost["columns"]
    assert column["name"] == "n"
    assert column["scale"] == pytest.approx(2.0, rel=1e-6)
    assert town.scientist.refused("POST", "/queries/cost", json=town.sent("SELECT foo FROM LR.people"))[0] == 400
    assert town.left() == before


def test_an_error_of_sql_is_the_jobs_and_costs_nothing(town: Town) -> None:
    before = town.left()
    for statement in ("foo", "SELECT * FROM LR.people", "SELECT SUM(nothing) FROM LR.people", "SELECT 1; SELECT 2"):
        job = town.ask(statement)
        assert job["job_state"] == "error"
        assert job["job_errors"]
        assert (
            town.scientist.refused(
                "GET", "/artifacts/download", params={"run_uuid": job["job_uuid"], "artifact_path": "results.csv"}
            )[0]
            == 404
        )
    assert town.left() == before


def test_what_is_the_same_for_all_data_costs_nothing(town: Town) -> None:
    before = town.left()
    assert town.rows("SELECT COUNT(*) AS n FROM LR.people WHERE 1 = 0") == [{"n": "0"}]
    assert town.left() == before


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"query": ""}, 400),
        ({"query": None}, 400),
        ({"epsilon": 0}, 400),
        ({"epsilon": -1}, 400),
        ({"epsilon": "1"}, 400),
        ({"tau": -1}, 400),
        ({"permissions": "age"}, 400),
        ({"permissions": "nothing<5"}, 400),
        ({"params": "p1"}, 400),
        ({"params": "p1=1"}, 400),
        ({"datasets": "nothing"}, 404),
        ({"project_uuid": str(uuid.UUID(int=4))}, 404),
        ({"epsilon": 1e8}, 403),
    ],
)
def test_what_is_refused_at_once(town: Town, change: dict[str, Any], status: int) -> None:
    before, queries = town.left(), town.scientist.ok("GET", "/queries")["total"]
    sent = town.sent("SELECT COUNT(*) FROM LR.people") | change
    assert town.scientist.refused("POST", "/queries/", json=sent)[0] == status
    assert town.left() == before
    assert town.scientist.ok("GET", "/queries")["total"] == queries


def test_parameters_are_values(town: Town) -> None:
    statement = "SELECT COUNT(*) AS n FROM LR.people WHERE job = :job AND age >= {least}"
    (row,) = town.rows(statement, epsilon=40.0, params="job=nurse;least=0")
    assert abs(int(row["n"]) - 100) <= 2
    (row,) = town.rows(statement, epsilon=40.0, params="job=' OR 1=1 --;least=0")
    assert abs(int(row["n"])) <= 2


def test_a_project_that_is_not_said_is_found(town: Town) -> None:
    sent = town.sent("SELECT COUNT(*) AS n FROM LR.people", datasets=town.data["data_uuid"])
    del sent["project_uuid"]
    job = ended(town.scientist, town.scientist.ok("POST", "/queries", json=sent)["job_uuid"])
    assert (job["job_state"], job["project_uuid"]) == ("finished", town.project)
    assert town.scientist.refused("POST", "/queries", json=sent | {"datasets": "nothing"})[0] == 400


def test_limits_leave_small_groups_out(town: Town) -> None:
    statement = "SELECT job, COUNT(*) AS n FROM LR.people GROUP BY job ORDER BY job"
    assert [row["job"] for row in town.rows(statement, epsilon=80.0, permissions="id<150")] == ["clerk"]
    assert [row["job"] for row in town.rows(statement, epsilon=80.0, permissions="id<50")] == sorted(JOBS)
    assert [row["job"] for row in town.rows(statement, epsilon=80.0, tau=150.0)] == ["clerk"]


def test_masks_and_thresholds_of_owners(house: House, owner: Door, tmp_path: Path) -> None:
    analyst = house.person("user")
    town = Town(owner, analyst, tmp_path)
    statement = "SELECT job, COUNT(*) AS n FROM LR.people GROUP BY job"
    assert len(town.rows(statement, epsilon=40.0)) == 3
    threshold = {"data_name": town.name, "field": "id", "threshold": 150, "user_email": analyst.email}
    owner.ok("POST", "/privacy/thresholds", json=threshold)
    assert [row["job"] for row in town.rows(statement, epsilon=80.0)] == ["clerk"]
    assert [row["job"] for row in town.rows(statement, epsilon=80.0, permissions="id<2")] == ["clerk"]
    mask = {"data_name": town.name, "mask_data": {"hidden": ["job"]}, "user_email": analyst.email}
    owner.ok("POST", "/privacy/masks", json=mask)
    hidden = town.ask(statement)["job_errors"]
    unknown = town.ask(statement.replace("job", "jib"))["job_errors"]
    assert hidden.replace("job", "jib") == unknown


def test_whose_queries_they_are(town: Town, house: House) -> None:
    job = town.ask("SELECT COUNT(*) AS n FROM LR.people")["job_uuid"]
    stranger = house.person("user")
    assert stranger.refused("GET", f"/queries/{job}")[0] == 404
    assert stranger.refused("POST", f"/queries/{job}/cancel")[0] == 404
    assert stranger.refused("POST", "/queries", json=town.sent("SELECT COUNT(*) FROM LR.people"))[0] == 404
    assert (
        stranger.refused("GET", "/artifacts/download", params={"run_uuid": job, "artifact_path": "results.csv"})[0]
        == 404
    )
    assert town.scientist.ok("POST", f"/queries/{job}/cancel", json={"query_uuid": job, "force": True})["message"]


def test_what_owners_keep_is_not_told(town: Town) -> None:
    """Bounds, allowed values and numbers of rows appear in no text for analysts."""
    statements = (
        "SELECT SUM(town) FROM LR.people",
        "SELECT SUM(id) FROM LR.people",
        "SELECT job FROM LR.people",
        "SELECT COUNT(*) FROM LR.people WHERE job = 'sailor' GROUP BY id",
        "SELECT AVG(age / (age - 50)) FROM LR.people",
    )
    for statement in statements:
        error = town.ask(statement)["job_errors"]
        assert error
        assert not [word for word in ("clerk", "nurse", "pilot", "400", "work_db", ".csv") if word in error], error


def test_owners_see_what_was_spent_and_what_it_comes_to(house: House, owner: Door, tmp_path: Path) -> None:
    town = Town(owner, house.person("user"), tmp_path)
    asked = {"data_name": town.name}
    (fresh,) = owner.ok("GET", "/privacy/budgets", params=asked)["items"]
    assert (fresh["spent"], fresh["spent_tightly"], fresh["tight_delta"]) == (0, 0, 1e-6)
    for _ in range(30):
        town.scientist.ok("POST", "/queries", json=town.sent("SELECT COUNT(*) FROM LR.people", epsilon=0.1))
    (item,) = owner.ok("GET", "/privacy/budgets", params=asked)["items"]
    assert (item["spent"], item["tight_delta"]) == (3.0, 1e-6)
    assert round(item["initial"] - item["current"], 9) == 3.0
    assert 0.1 < item["spent_tightly"] < 2.9
    assert owner.ok("GET", "/privacy/budgets", params=asked)["items"] == [item]
    (others,) = town.scientist.ok("GET", "/privacy/budgets", params=asked)["items"]
    everything = owner.ok("GET", "/privacy/budgets", params={"page_size": "1000"})["items"]
    for less in (others, *everything):
        assert not {"spent", "spent_tightly", "tight_delta"} & less.keys()
    owner.ok("POST", "/privacy/budgets", json={**asked, "current": 1.0})
    (again,) = owner.ok("GET", "/privacy/budgets", params=asked)["items"]
    assert (again["current"], again["spent"], again["spent_tightly"]) == (1.0, 0, 0)


def test_a_budget_that_is_used_up(house: House, owner: Door, tmp_path: Path) -> None:
    town = Town(owner, house.person("user"), tmp_path)
    owner.ok("POST", "/privacy/budgets", json={"data_name": town.name, "current": 1.0})
    town.rows("SELECT COUNT(*) FROM LR.people", epsilon=0.75)
    status, text = town.scientist.refused(
        "POST", "/queries", json=town.sent("SELECT COUNT(*) FROM LR.people", epsilon=0.3)
    )
    assert status == 403
    assert "0.25" not in text
    town.rows("SELECT COUNT(*) FROM LR.people", epsilon=0.25)
    assert town.left() == 0
