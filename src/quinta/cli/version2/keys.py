"""``version2 keys``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from quinta.cli.version2.api import path
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.settings import Output
from quinta.cli.version2.words import Yes, word

app = typer.Typer(help="API keys of the account that the key in use belongs to.")


@word(app, "list")
def list_(desk: Desk) -> None:
    """List the keys, without their secrets."""
    items = desk.api.pages("/api-keys", "api_keys")
    columns = ("id", "name", "prefix", "permissions", "created_at", "last_used_at")
    desk.show_list("api_keys", items, columns, "there are no keys")


@word(
    app,
    "generate",
    "version2 keys generate --name laptop",
    "KEY=$(version2 keys generate --name ci --permissions deploy)",
)
def generate(
    desk: Desk,
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "version2",
    permissions: Annotated[
        str, typer.Option(help="Some of read, write, deploy and *, with commas between; no more than your own key has.")
    ] = "read,write",
) -> None:
    """Make a key and show it, this once.

    Piped, it prints the key alone."""
    wanted = [each.strip() for each in permissions.split(",") if each.strip()]
    made = desk.api.post("/api-keys", {"name": name, "permissions": wanted})
    if desk.output is Output.TABLE and not sys.stdout.isatty():
        typer.echo(made["key"])
    else:
        desk.show(made)
        desk.say("keep the key now: it is not shown again")


@word(app, "revoke")
def revoke(
    desk: Desk,
    key_id: Annotated[str, typer.Argument(help="Its id, as in 'version2 keys list'.", metavar="KEY_ID")],
    yes: Yes = False,
) -> None:
    """End a key at once.

    At a terminal it asks first."""
    desk.confirm(f"Revoke {key_id}? What uses it fails from then on.", yes, scripts=True)
    desk.api.delete(path("api-keys", key_id))
    desk.say(f"revoked {key_id}")
