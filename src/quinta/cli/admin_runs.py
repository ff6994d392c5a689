"""``quinta admin run``: what jobs on private data withhold (contract dq0 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from quinta.cli.admin_desk import Desk, Form, print_row
from quinta.cli.admin_desk import run as at_desk
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.core.commits.approvals import approve_as_operator

run = typer.Typer(no_args_is_help=True, help="Runs on private data.")

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's uuid, which is its job's.")]


@run.command("approve")
def run_approve(number: Run, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Release what a run withholds to everybody who may read its project, in the owners' stead."""

    async def work(desk: Desk) -> Mapping[str, str]:
        job = await approve_as_operator(desk.database, desk.clock, number)
        return {"approved": job.number}

    print_row(at_desk(data, work), output)
