"""``quinta audit``, also ``quinta admin audit``: the trail of every state change and every refusal (decision 0024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from quinta.cli.admin_desk import Desk, Form, print_row, print_rows, run
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.core.observation.audit import AuditQuery, AuditTrail, Verification
from quinta.core.observation.audit_entry import AuditEntry

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The audit trail: who did what, and who was refused."
)


@app.command("list")
def audit_list(
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Only in this project, be it gone.")] = None,
    actor: Annotated[str | None, typer.Option(metavar="EMAIL", help="Only by this one, system or anonymous.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as model.created or access.refused.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most, 1 to 500.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only entries with a smaller number.")] = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Show entries, newest first."""
    query = AuditQuery(limit, before, action, actor)

    async def work(desk: Desk) -> list[Mapping[str, Any]]:
        return [_row(entry) for entry in await AuditTrail(desk.database).find_all(query, project_name=project)]

    print_rows(("sequence", "time", "action", "description"), run(data, work), output)


@app.command("verify")
def audit_verify(
    head: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="A digest told earlier, which must still be in the chain.")
    ] = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Check that no entry was changed, taken out or put in. Exits with 1, and says where, if one was."""

    async def work(desk: Desk) -> Verification:
        return await AuditTrail(desk.database).verify(head)

    found = run(data, work)
    print_row({"entries": found.entries, "head": found.head}, output)
    if found.fault is not None:
        typer.echo(f"quinta: the audit trail is not whole: {found.fault}", err=True)
        raise typer.Exit(1)


def _row(entry: AuditEntry) -> Mapping[str, Any]:
    return {
        "sequence": entry.sequence,
        "time": entry.time.isoformat(timespec="microseconds"),
        "actor_id": entry.actor_id,
        "actor": entry.actor,
        "action": entry.action,
        "subject_id": entry.subject_id,
        "subject": entry.subject,
        "project_id": entry.project_id,
        "organization_id": entry.organization_id,
        "description": entry.description,
        "digest": entry.digest,
    }
