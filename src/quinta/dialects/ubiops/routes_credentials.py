"""Credentials that connectors sign in with."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.ubiops import convert_connectors as convert
from quinta.dialects.ubiops.answers import CredentialsList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import CredentialsCreate, CredentialsUpdate

router = APIRouter(prefix="/projects/{project_name}/credentials", tags=["Credentials"])


@router.post("", status_code=201, openapi_extra=takes(CredentialsCreate))
async def credentials_create(call: Authenticated, project_name: str) -> CredentialsList:
    """Makes credentials; they are verified soon after."""
    new = convert.new_credentials(await call.read(CredentialsCreate))
    return convert.credentials(await call.services.credentials.create(call.actor, project_name, new))


@router.get("")
async def credentials_list(call: Authenticated, project_name: str) -> list[CredentialsList]:
    """The credentials of the project."""
    return [convert.credentials(view) for view in await call.services.credentials.find(call.actor, project_name)]


@router.get("/{credentials_name}")
async def credentials_get(call: Authenticated, project_name: str, credentials_name: str) -> CredentialsList:
    """One set of credentials; protected values are null."""
    return convert.credentials(await call.services.credentials.get(call.actor, project_name, credentials_name))


@router.patch("/{credentials_name}", openapi_extra=takes(CredentialsUpdate))
async def credentials_update(call: Authenticated, project_name: str, credentials_name: str) -> CredentialsList:
    """Changes the name and the values given; other values are verified, with every connector that uses them."""
    change = convert.credentials_change(await call.read(CredentialsUpdate))
    return convert.credentials(
        await call.services.credentials.update(call.actor, project_name, credentials_name, change)
    )


@router.delete("/{credentials_name}", status_code=204)
async def credentials_delete(call: Authenticated, project_name: str, credentials_name: str) -> None:
    """Deletes credentials that no connector uses."""
    await call.services.credentials.delete(call.actor, project_name, credentials_name)
