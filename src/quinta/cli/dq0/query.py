"""``dq0 query``: private SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from quinta.cli.dq0.desk import Desk, say
from quinta.cli.tables import table
from quinta.cli.version2.render import cell

RESULTS = "results.csv"


def query(
    statement: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT.")],
    datasets: Annotated[str, typer.Option(help="Their names, apart by commas.")],
    epsilon: Annotated[float, typer.Option(help="How much of the budget it may take.")] = 1.0,
    tau: Annotated[float, typer.Option(help="Groups below it are not told; 0: as the dataset says.")] = 0.0,
    private_column: Annotated[str, typer.Option(help="Whom it protects; else as the dataset says.")] = "",
    cost: Annotated[bool, typer.Option("--cost", help="Only say what it would cost.")] = False,
    wait: Annotated[bool, typer.Option(help="Print the result once it is there.")] = True,
) -> None:
    """Ask the project's datasets; the answer has noise that hides single people.

    The result is printed as CSV; what it cost, and how noisy it is, stands on standard error.
    """
    desk = Desk()
    values = {"query": statement, "datasets": datasets, "epsilon": epsilon, "tau": tau}
    sent = {**values, "private_column": private_column, "project_uuid": desk.project()}
    if cost:
        _say_cost(desk.post("/queries/cost", sent))
        return
    answer = desk.post("/queries", sent)
    if not wait:
        say(answer)
        return
    job = desk.wait(answer["job_uuid"])
    result = desk.get("/artifacts/download", run_uuid=job["job_uuid"], artifact_path=RESULTS)
    typer.echo(result["data_string"], nl=False)
    if told := json.loads(job.get("job_results") or "{}").get("message"):
        typer.echo(cell(told), err=True)


def _say_cost(answer: Mapping[str, Any]) -> None:
    say(answer)
    rows = [[cell(column[name]) for name in ("name", "mechanism", "epsilon", "scale")] for column in answer["columns"]]
    if rows:
        typer.echo("\n" + table(["COLUMN", "MECHANISM", "EPSILON", "SCALE OF NOISE"], rows))
    for note in answer["notes"]:
        typer.echo(f"\n{cell(note)}")
