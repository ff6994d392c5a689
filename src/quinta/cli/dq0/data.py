"""``dq0 data``: datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quinta.cli.dq0.desk import Desk, OutputOption, path, say, show, show_list
from quinta.cli.options import Output
from quinta.gateway.calls import GatewayFailure
from quinta.gateway.predictions import read_input

app = typer.Typer(help="Datasets: what there is, and what a project may use.", no_args_is_help=True)
Source = Annotated[str, typer.Option("--data-source-uuid", help="As 'dq0 data list' shows it.")]


@app.command("list")
def list_data(output: OutputOption = Output.TABLE) -> None:
    """List the datasets that you may know of."""
    columns = ("data_uuid", "data_name", "data_type", "data_description", "data_permissions", "privacy_budget")
    show_list(Desk().get("/data"), columns, output)


@app.command()
def info(data_source_uuid: Source, output: OutputOption = Output.TABLE) -> None:
    """Show a dataset."""
    _show(Desk().get(path("data", data_source_uuid)), output)


@app.command()
def attach(data_source_uuid: Source) -> None:
    """Let the project in this folder use a dataset."""
    desk = Desk()
    say(desk.post(path("projects", desk.project(), "attach"), {"data_uuid": data_source_uuid}))


@app.command()
def detach(data_source_uuid: Source) -> None:
    """Take a dataset out of the project in this folder."""
    desk = Desk()
    say(desk.post(path("projects", desk.project(), "detach"), {"data_uuid": data_source_uuid}))


@app.command()
def create(
    meta: Annotated[Path, typer.Option(help="The dataset's metadata, YAML.")], output: OutputOption = Output.TABLE
) -> None:
    """Register a dataset; for data owners."""
    try:
        text = read_input(meta)
    except GatewayFailure as failure:
        raise typer.BadParameter(failure.message) from None
    _show(Desk().post("/data", {"meta": text}), output)


def _show(dataset: dict[str, Any], output: Output) -> None:
    """Without the metadata in base64, which are for programs: ``--output json`` has them."""
    shown = dataset if output is Output.JSON else {name: dataset[name] for name in dataset if name != "data_meta"}
    show(shown, output)
