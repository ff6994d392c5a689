"""``dq0 proxy``: the servers that this computer knows."""

from __future__ import annotations

from typing import Annotated

import typer

from quinta.cli.dq0.desk import Desk, OutputOption, path, say, show_list
from quinta.cli.options import Output
from quinta.gateway.platform import DEFAULT_URI

app = typer.Typer(help="The servers that this computer knows; one of them is active.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="As 'dq0 proxy list' shows it.")]


@app.command()
def add(
    hostname: Annotated[str, typer.Option(help="Name or address of the server.")],
    port: Annotated[int, typer.Option(help="Its port.", min=1, max=65_535)],
    scheme: Annotated[str, typer.Option(help="http or https.")] = "http",
    request_uri: Annotated[str, typer.Option(help="Where its DQ0 interface begins.")] = DEFAULT_URI,
    public_key: Annotated[
        str, typer.Option(help="Its public key, if you have it from elsewhere; else the one that it shows is trusted.")
    ] = "",
) -> None:
    """Add a server and keep its key: from then on only that key's holder can read what you send."""
    values = {"hostname": hostname, "port": port, "scheme": scheme, "request_uri": request_uri}
    say(Desk().post("/proxies", {**values, "public_key": public_key}))


@app.command("list")
def list_proxies(output: OutputOption = Output.TABLE) -> None:
    """List the servers."""
    columns = ("id", "active", "scheme", "hostname", "port", "request_uri", "email_address", "fingerprint")
    show_list(Desk().get("/proxies"), columns, output)


@app.command()
def activate(proxy: Id) -> None:
    """Send everything to this server from now on."""
    say(Desk().post(path("proxies", proxy, "activate")))


@app.command()
def remove(proxy: Id) -> None:
    """Forget a server, with your session and your keys for it."""
    say(Desk().call("DELETE", path("proxies", proxy)))
