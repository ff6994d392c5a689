"""``version2 auth``: the key of this machine's user."""

from __future__ import annotations

import sys

import typer

from quinta.cli.version2.api import Query
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.failures import ExitCode, Failure
from quinta.cli.version2.settings import DEFAULT_ENDPOINT, Scope, masked
from quinta.cli.version2.words import word

app = typer.Typer(help="Sign in with an API key, look at it, sign out.")

CHECK: Query = {"limit": 1}
"""Of ``GET /projects``: the cheapest call that needs a key and is allowed to every key."""
LONGEST_KEY = 1_000


@word(
    app,
    "login",
    "version2 auth login --api-url https://quinta.example.com",
    "version2 auth login < key.txt",
)
def login(desk: Desk) -> None:
    """Check an API key and keep it in the global file, which only you can read.

    Asks for the key; where there is no terminal, it is the first line of standard input. Without a key yet: the server
    printed one at its first start, and 'quinta admin key create' on its machine makes more.
    """
    endpoint = desk.setting("api.endpoint")
    key = _asked(endpoint)
    desk.api_with(key).get("/projects", CHECK)
    account = desk.files[Scope.GLOBAL]
    account.set("api.key", key)
    if endpoint != DEFAULT_ENDPOINT or account.get("api.endpoint") is not None:
        account.set("api.endpoint", endpoint)
    desk.save_account()
    desk.say(f"signed in to {endpoint}; the key is kept in {account.path}")
    if desk.given.api_key is not None:
        desk.say("VERSION2_API_KEY is set and goes before it")


@word(app, "status")
def status(desk: Desk) -> None:
    """Show which key is used for which server, and whether the server takes it."""
    key = desk.setting("api.key")
    api = desk.api
    api.get("/projects", CHECK)
    desk.show(
        {
            "endpoint": api.endpoint,
            "endpoint_from": desk.settings["api.endpoint"].source,
            "key": masked(key),
            "key_from": desk.settings["api.key"].source,
            "valid": True,
        }
    )


@word(app, "logout")
def logout(desk: Desk) -> None:
    """Forget the key. It stays valid: 'version2 keys revoke' ends it."""
    account = desk.files[Scope.GLOBAL]
    if account.unset("api.key"):
        desk.save_account()
        desk.say(f"the key is no longer in {account.path}; it is still valid until it is revoked")
    else:
        desk.say("there was no key")


def _asked(endpoint: str) -> str:
    if sys.stdin.isatty():
        key = str(typer.prompt(f"API key for {endpoint}", hide_input=True, err=True))
    else:
        key = sys.stdin.readline(LONGEST_KEY)
    if not key.strip():
        raise Failure(ExitCode.USAGE, "no key was given; pipe one in, as in: version2 auth login < key.txt")
    return key.strip()
