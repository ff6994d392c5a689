"""The SDK's notebook of queries on a real server (contract dq0 3.7, 10.3), as a program in an empty folder:
``python -m tests.gateway.sdk_queries SOCKET``, where SOCKET leads to the server.

Standard input is JSON: ``email`` and ``password`` of an account, and two datasets such as ``dialects.dq0.test_queries``
has: ``plain`` with 150 of epsilon left, ``masked`` without the column ``town`` and with a threshold of 150 people. What
is looked at was asked with an epsilon at which noise of 3 or more comes once in 10**20 times.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from dq0.sdk.cli import Data, Project, Query  # type: ignore[import-not-found]
from dq0.sdk.cli.api import routes  # type: ignore[import-not-found]
from dq0.sdk.errors import checkSDKResponse  # type: ignore[import-not-found]

from quinta.gateway.app import create_app
from quinta.gateway.gateway import Gateway
from quinta.kit.clock import SystemClock
from tests.gateway.quarantine import listening
from tests.gateway.relays import inner_half
from tests.gateway.sdk_session import hurry, post, raise_loopback, refused

COUNT = "SELECT COUNT(*) AS n FROM LR.people"
JOBS = "SELECT job, COUNT(*) AS n FROM LR.people GROUP BY job ORDER BY job"


def main() -> None:
    """Fails with an AssertionError, or with what the SDK raises."""
    if "--loopback" in sys.argv:
        raise_loopback()
    given = json.load(sys.stdin)
    hurry()
    gateway = Gateway(Path("state").resolve(), SystemClock())
    with (
        listening(lambda own: create_app(gateway, own), 9000),
        inner_half(Path(sys.argv[1])) as port,
    ):
        post(gateway, "/proxies", {"hostname": "127.0.0.1", "port": port})
        post(gateway, "/auth/login", {"email": given["email"], "password": given["password"]})
        Project(name="queries")
        project = Project.load()
        sources = {source.name: source for source in Data.get_available_data_sources()}
        for name in (given["plain"], given["masked"]):
            project.attach_data_source(sources[name])
        _notebook(project, sources[given["plain"]])
        _groups(project, sources[given["plain"]])
        _masked(project, sources[given["masked"]])
        _spent(project, sources[given["plain"]])


def _asked(project: Any, data: Any, statement: str, **more: Any) -> Any:
    run = Query(project).for_data(data).execute(statement, **more)
    run.wait_for_completion(verbose=True)
    return run


def _rows(project: Any, data: Any, statement: str, **more: Any) -> list[dict[str, str]]:
    run = _asked(project, data, statement, **more)
    assert run.get_results(), run.state.error
    assert not run.state.error
    return list(csv.DictReader(io.StringIO(run.state.results)))


def _left(data: Any) -> float:
    return float(data.client.get("privacy/budgets/", data={"data_name": data.name})["items"][0]["current"])


def _notebook(project: Any, data: Any) -> None:
    run = Query(project).for_data(data).execute(COUNT)
    assert run.get_state() in ("created", "running", "finished")
    run.wait_for_completion()
    assert run.get_state() == "finished"
    head, count = run.get_results().splitlines()
    assert (head, abs(int(count) - 400) < 60) == ("n", True)
    assert _left(data) == 149
    wrong = _asked(project, data, "foo")
    assert wrong.get_state() == "error"
    with redirect_stdout(io.StringIO()) as said:
        wrong.get_error()
    assert "foo" in said.getvalue()
    assert "Traceback" not in said.getvalue()
    assert wrong.get_results() is None
    assert _left(data) == 149
    (row,) = _rows(project, data, COUNT, epsilon=1.5, private_column="id")
    assert abs(int(row["n"]) - 400) < 40
    with refused("to protect"):
        _asked(project, data, COUNT, private_column="nothing")
    assert _left(data) == 147.5


def _groups(project: Any, data: Any) -> None:
    assert [row["job"] for row in _rows(project, data, JOBS, epsilon=40.0)] == ["clerk", "nurse", "pilot"]
    assert [row["job"] for row in _rows(project, data, JOBS, epsilon=40.0, tau=150)] == ["clerk"]
    assert [row["job"] for row in _rows(project, data, JOBS, epsilon=40.0, permissions="id<150")] == ["clerk"]
    statement = COUNT + " WHERE job = :job"
    (row,) = _rows(project, data, statement, epsilon=20.0, params="job=nurse")
    assert abs(int(row["n"]) - 100) <= 3
    assert _left(data) == 7.5


def _masked(project: Any, data: Any) -> None:
    assert [row["job"] for row in _rows(project, data, JOBS, epsilon=80.0)] == ["clerk"]
    errors = []
    for column in ("town", "twin"):
        run = _asked(project, data, f"SELECT {column}, COUNT(*) FROM LR.people GROUP BY {column}")
        assert run.get_results() is None
        errors.append(run.state.error.replace(column, "COLUMN"))
    assert errors[0] == errors[1]


def _spent(project: Any, data: Any) -> None:
    for epsilon in (8.0, 1e6):
        with refused("budget"):
            _asked(project, data, COUNT, epsilon=epsilon)
    with refused("epsilon"):
        _asked(project, data, COUNT, epsilon=0)
    run = Query(project).for_data(data).execute(COUNT, epsilon=7.0)
    answer = project.client.post(routes.query.cancel, uuid=run.query_uuid)
    assert answer["message"]
    run.wait_for_completion()
    assert run.get_state() in ("finished", "error")
    if (left := _left(data)) == 7.5:  # it waited still
        assert "cancelled" in run.state.error
        _asked(project, data, COUNT, epsilon=7.0)
    else:
        assert left == 0.5
    with refused("budget"):
        _asked(project, data, COUNT, epsilon=0.6)
    assert _left(data) == 0.5
    with refused("no such query"):
        _missing(project)


def _missing(project: Any) -> None:

    checkSDKResponse(project.client.post(routes.query.cancel, uuid="00000000-0000-4000-8000-000000000000"))


if __name__ == "__main__":
    main()
