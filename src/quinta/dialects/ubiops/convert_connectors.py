"""From bodies to the core's types and back, for connectors and credentials."""

from __future__ import annotations

from collections.abc import Iterable

from quinta.core.connectors.catalogue import KINDS, ParameterRule
from quinta.core.connectors.connectors import ConnectorChange, ConnectorView, NewConnector
from quinta.core.connectors.credentials import CredentialsChange, CredentialsView, NewCredentials
from quinta.core.connectors.verification import MAXIMUM_ERROR_MESSAGE
from quinta.dialects.ubiops import answers, shapes
from quinta.dialects.ubiops.convert import field_bodies, fields
from quinta.dialects.ubiops.convert_failures import failure_members
from quinta.dialects.ubiops.dates import microseconds


def configurations() -> list[answers.ConfigurationList]:
    return [
        answers.ConfigurationList(
            connector=name,
            connector_type=kind.input_type,
            connector_configuration=_parameters(kind.configuration),
            credentials_configuration=_parameters(kind.credentials),
        )
        for name, kind in KINDS.items()
    ]


def new_credentials(body: shapes.CredentialsCreate) -> NewCredentials:
    return NewCredentials(body.name, body.type, body.configuration)


def credentials_change(body: shapes.CredentialsUpdate) -> CredentialsChange:
    return CredentialsChange(body.name, body.type, body.configuration)


def credentials(view: CredentialsView) -> answers.CredentialsList:
    item = view.credentials
    return answers.CredentialsList(
        id=item.id,
        name=item.name,
        project=view.project,
        type=item.type,
        status=item.status,
        error_message=item.error_message[:MAXIMUM_ERROR_MESSAGE],
        **failure_members(item.reason),
        reference_count=view.reference_count,
        configuration=view.configuration,
        creation_date=microseconds(item.created_at),
        last_updated=microseconds(item.updated_at),
    )


def new_connector(body: shapes.ConnectorCreate) -> NewConnector:
    return NewConnector(body.name, body.type, body.credentials, body.configuration, fields(body.input_fields or ()))


def connector_change(body: shapes.ConnectorUpdate) -> ConnectorChange:
    return ConnectorChange(
        name=body.name,
        type=body.type,
        credentials=body.credentials,
        configuration=body.configuration,
        input_fields=None if body.input_fields is None else fields(body.input_fields),
    )


def connector(view: ConnectorView) -> answers.ConnectorList:
    item = view.connector
    return answers.ConnectorList(
        id=item.id,
        name=item.name,
        type=item.type,
        input_type=item.input_type,
        status=item.status,
        error_message=item.error_message[:MAXIMUM_ERROR_MESSAGE],
        **failure_members(item.reason),
        project=view.project,
        credentials=view.credentials,
        configuration=view.configuration,
        input_fields=field_bodies(item.input_fields),
        creation_date=microseconds(item.created_at),
        last_updated=microseconds(item.updated_at),
    )


def _parameters(rules: Iterable[ParameterRule]) -> list[answers.ConfigurationParameter]:
    return [
        answers.ConfigurationParameter(
            parameter=rule.name,
            name=rule.title,
            description=rule.description,
            input_field=rule.input_field,
            default=rule.default,
            protected=rule.protected,
            regex=f"^({rule.pattern})$",
        )
        for rule in rules
    ]
