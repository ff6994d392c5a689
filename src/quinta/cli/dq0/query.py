"""``dq0 query``: private SQL."""

from __future__ import annotations

from typing import Annotated

import typer

from quinta.cli.dq0.desk import Desk, say

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
    """Ask the project's datasets; the answer has noise that hides single people."""
    desk = Desk()
    values = {"query": statement, "datasets": datasets, "epsilon": epsilon, "tau": tau}
    sent = {**values, "private_column": private_column, "project_uuid": desk.project()}
    if cost:
        say(desk.post("/queries/cost", sent))
        return
    answer = desk.post("/queries", sent)
    if not wait:
        say(answer)
        return
    job = desk.wait(answer["job_uuid"])["job_uuid"]
    result = desk.get("/artifacts/download", run_uuid=job, artifact_path=RESULTS)
    typer.echo(result["data_string"], nl=False)
