"""``dq0 user``: your account on the active proxy's server."""

from __future__ import annotations

from typing import Annotated

import typer

from quinta.cli.dq0.desk import Desk, asked, say

app = typer.Typer(help="Your account on the active proxy's server.", no_args_is_help=True)
Email = Annotated[str | None, typer.Option(help="Asked for when absent.")]
Password = Annotated[
    str | None, typer.Option(help="Asked for when absent; others on this computer may see it in the list of processes.")
]


@app.command()
def register(email: Email = None, password: Password = None) -> None:
    """Open an account, bound to this computer; an administrator has to confirm it."""
    say(Desk().post("/auth/register", _credentials(email, password, new=True)))


@app.command()
def login(email: Email = None, password: Password = None) -> None:
    """Begin a session of 30 days."""
    credentials = _credentials(email, password)
    Desk().post("/auth/login", credentials)
    typer.echo(f"logged in as {credentials['email']}")


@app.command()
def logout() -> None:
    """End the session."""
    say(Desk().post("/auth/logout"))


def _credentials(email: str | None, password: str | None, *, new: bool = False) -> dict[str, str]:
    return {"email": asked("E-mail", email).strip(), "password": asked("Password", password, hidden=True, twice=new)}
