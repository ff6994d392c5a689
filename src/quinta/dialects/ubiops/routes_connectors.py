"""Connectors, and what each type of them asks for."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.ubiops import convert_connectors as convert
from quinta.dialects.ubiops.answers import ConfigurationList, ConnectorList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import ConnectorCreate, ConnectorUpdate

router = APIRouter(tags=["Connectors"])
_CONNECTORS = "/projects/{project_name}/connectors"


@router.get("/config/connectors")
async def configurations_list(call: Authenticated) -> list[ConfigurationList]:
    """The types of connectors, with the parameters of each and of its credentials."""
    return convert.configurations()


@router.post(_CONNECTORS, status_code=201, openapi_extra=takes(ConnectorCreate))
async def connectors_create(call: Authenticated, project_name: str) -> ConnectorList:
    """Makes a connector; it is verified soon after."""
    new = convert.new_connector(await call.read(ConnectorCreate))
    return convert.connector(await call.services.connectors.create(call.actor, project_name, new))


@router.get(_CONNECTORS)
async def connectors_list(call: Authenticated, project_name: str) -> list[ConnectorList]:
    """The connectors of the project."""
    return [convert.connector(view) for view in await call.services.connectors.find(call.actor, project_name)]


@router.get(_CONNECTORS + "/{connector_name}")
async def connectors_get(call: Authenticated, project_name: str, connector_name: str) -> ConnectorList:
    """One connector."""
    return convert.connector(await call.services.connectors.get(call.actor, project_name, connector_name))


@router.patch(_CONNECTORS + "/{connector_name}", openapi_extra=takes(ConnectorUpdate))
async def connectors_update(call: Authenticated, project_name: str, connector_name: str) -> ConnectorList:
    """Changes what is given; anything but another name is verified."""
    change = convert.connector_change(await call.read(ConnectorUpdate))
    return convert.connector(await call.services.connectors.update(call.actor, project_name, connector_name, change))


@router.delete(_CONNECTORS + "/{connector_name}", status_code=204)
async def connectors_delete(call: Authenticated, project_name: str, connector_name: str) -> None:
    """Deletes the connector; what it has written stays."""
    await call.services.connectors.delete(call.actor, project_name, connector_name)
