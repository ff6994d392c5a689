"""What each answer looks like: the members of contract ubiops 3.1 with the formats of 1.7."""

from __future__ import annotations

import json
import re
from typing import Any

from ubiops import CoreApi

from quinta.core.reasons import Phase

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAME = r".{1,64}"
TEXT = r"(?s).*"
MICROSECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
MILLISECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
DATE = r"\d{4}-\d\d-\d\d"
NULL = type(None)
FIELD = [{"name": NAME, "data_type": r"[a-z_]+"}]

_USER_PENDING = {"email": r".+@.+", "name": (r".+", NULL), "surname": (r".+", NULL)}
_ORGANIZATION = {"id": UUID, "name": NAME, "creation_date": MICROSECONDS}
_RESOURCES = {"models": int, "versions": int, "connectors": int, "pipelines": int}
_ROLE = {"id": UUID, "name": NAME, "default": bool}
_SERVICE_USER = {
    "id": UUID,
    "email": UUID + r"\.[a-z0-9-]+@serviceuser\.ubiops\.com",
    "name": (r".{1,256}", NULL),
    "creation_date": MILLISECONDS,
}
_CREATED = {"id": UUID, "status": r"pending|processing|completed|failed", "time_created": MILLISECONDS}
_LISTED = {**_CREATED, "success": bool, "time_last_updated": MILLISECONDS}
_USAGE = {"object_type": r"model_version|pipeline|connector", "metric": r"[a-z_]+"}
_ANY = (dict, str, NULL)
_RUN = {"request_data": _ANY, "result": _ANY, "error_message": (TEXT, NULL)}
_PARAMETER = {
    "parameter": r"[a-z_]+",
    "name": r".+",
    "description": r".+",
    "input_field": r"text|password|number|url|textarea",
    "default": (r".*", NULL),
    "protected": bool,
    "regex": r"\^\(.+\)\$",
}
_VERIFIED = {
    "id": UUID,
    "name": NAME,
    "project": NAME,
    "type": r"[a-z0-9_]{1,64}",
    "status": r"pending_verification|available|failed_verification",
    "error_message": r"(?s).{0,500}",
    "configuration": dict,
    "creation_date": MICROSECONDS,
    "last_updated": MICROSECONDS,
}
_CREDENTIALS = {**_VERIFIED, "reference_count": int}
_ATTACHMENT = {
    "id": UUID,
    "source_name": NAME,
    "destination_name": NAME,
    "mapping": [{"source_field_name": NAME, "destination_field_name": NAME}],
}

BODIES: dict[str, dict[str, Any]] = {
    "Status": {"status": r"ok"},
    "Success": {"success": bool},
    "UserPendingDetail": _USER_PENDING,
    "UserDetail": {
        **_USER_PENDING,
        "id": UUID,
        "registration_date": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+00:00",
    },
    "OrganizationList": _ORGANIZATION,
    "OrganizationDetail": {
        **_ORGANIZATION,
        "subscription": NAME,
        "status": r"active|suspended|cancelled",
    },
    "OrganizationUserDetail": {
        "id": UUID,
        "email": r".+@.+",
        "name": TEXT,
        "surname": TEXT,
        "status": r"active|pending",
        "admin": bool,
    },
    "OrganizationSubscriptionList": {
        "id": UUID,
        "subscription": NAME,
        "start_date": DATE,
        "subscription_agreement_user": r".{0,128}",
        "subscription_update_user": r".{0,128}",
    },
    "ProjectResourceUsage": _RESOURCES,
    "ResourceUsage": {**_RESOURCES, "projects": int, "users": int},
    "SubscriptionList": {"id": UUID, "name": NAME},
    "SubscriptionDetail": {
        "id": UUID,
        "name": NAME,
        "max_projects": (int, NULL),
        "max_users": (int, NULL),
        "gb_seconds": (int, NULL),
        "resources": (int, NULL),
        "agreement": r".{0,1024}",
        "terms_conditions": r".{0,1024}",
    },
    "PermissionList": {"name": r"[a-z_.]+"},
    "RoleList": _ROLE,
    "RoleDetailList": {**_ROLE, "permissions": list},
    "RoleAssignmentList": {
        "id": UUID,
        "user_id": UUID,
        "role": NAME,
        "object_name": NAME,
        "object_type": r"project|model|credentials|connector|pipeline",
    },
    "ServiceUserList": _SERVICE_USER,
    "ServiceUserDetail": {**_SERVICE_USER, "token": r"[0-9a-f]{40}"},
    "ServiceUserTokenList": {"token": r"[0-9a-f]{40}"},
    "ProjectList": {"id": UUID, "name": NAME, "creation_date": DATE, "organization_name": NAME},
    "ModelList": {
        "id": UUID,
        "name": NAME,
        "project": NAME,
        "description": r".{0,200}",
        "input_type": r"structured|plain",
        "output_type": r"structured|plain",
        "input_fields": FIELD,
        "output_fields": FIELD,
        "creation_date": MICROSECONDS,
        "last_updated": MICROSECONDS,
        "number_of_versions": int,
    },
    "ModelVersionList": {
        "id": UUID,
        "model": NAME,
        "version": NAME,
        "description": r".{0,200}",
        "language": r"python3\.[5678]",
        "status": r"initialised|available(_building(_failed)?)?|(building|deploying)(_failed)?",
        "error_message": r"(?s).{0,500}",
        "memory_allocation": int,
        "maximum_instances": int,
        "minimum_instances": int,
        "maximum_idle_time": int,
        "creation_date": MICROSECONDS,
        "last_updated": MICROSECONDS,
        "file_last_updated": MICROSECONDS,
    },
    "ModelRequestList": {
        "request_id": UUID,
        "success": bool,
        "result": (dict, str, NULL),
        "error_message": (TEXT, NULL),
    },
    "BatchModelRequestCreateResponse": _CREATED,
    "BatchModelRequestListResponse": _LISTED,
    "BatchModelRequestResultList": {
        **_LISTED,
        "request_data": (dict, str),
        "result": (dict, str, NULL),
        "error_message": (TEXT, NULL),
    },
    "EnvironmentVariableList": {"id": UUID, "name": NAME, "value": (TEXT, NULL), "secret": bool},
    "InheritedEnvironmentVariableList": {
        "id": UUID,
        "name": NAME,
        "value": (r"(?s).+", NULL),
        "secret": bool,
        "inheritance_type": (r"project|model|model_version", NULL),
        "inheritance_name": (NAME, NULL),
    },
    "ConfigurationList": {
        "connector": r"[a-z0-9_]+",
        "connector_type": r"structured|blob",
        "connector_configuration": [_PARAMETER],
        "credentials_configuration": [_PARAMETER],
    },
    "CredentialsList": _CREDENTIALS,
    "CredentialsListWithConfig": _CREDENTIALS,
    "ConnectorList": {**_VERIFIED, "credentials": NAME, "input_type": r"structured|blob", "input_fields": FIELD},
    "ScheduleList": {
        "id": UUID,
        "name": NAME,
        "object_type": r"model|pipeline",
        "object_name": NAME,
        "version": (NAME, NULL),
        "schedule": r".+",
        "request_data": (dict, str),
        "batch": bool,
        "timeout": int,
        "enabled": bool,
        "creation_date": MICROSECONDS,
    },
    "BlobList": {"id": UUID, "creation_date": MILLISECONDS, "filename": r".+", "size": int, "ttl": int},
    "Metrics": {"value": (int, float), "start_time": SECONDS + r"\+00:00", "end_time": SECONDS + r"\+00:00"},
    "UsagePerMonth": _USAGE | {"usage": [{"month": SECONDS + "Z", "value": (int, float)}]},
    "UsagePerDay": _USAGE | {"usage": [{"day": SECONDS + "Z", "value": (int, float)}]},
    "PipelineList": {
        "id": UUID,
        "name": NAME,
        "project": NAME,
        "description": r"(?s).{0,200}",
        "input_type": r"structured|plain",
        "input_fields": FIELD,
        "creation_date": MICROSECONDS,
        "last_updated": MICROSECONDS,
    },
    "PipelineObjectList": {
        "id": UUID,
        "name": NAME,
        "reference_type": r"model|connector",
        "reference_name": NAME,
        "version": (NAME, NULL),
        "input_type": r"structured|plain|blob",
        "output_type": (r"structured|plain", NULL),
        "input_fields": (FIELD, NULL),
        "output_fields": (FIELD, NULL),
    },
    "Attachments": _ATTACHMENT,
    "AttachmentsList": _ATTACHMENT,
    "PipelineRequestList": {
        "project": NAME,
        "pipeline": NAME,
        "pipeline_request_id": UUID,
        "model_requests": [
            {"request_id": UUID, "pipeline_object": NAME, "success": bool, **_RUN},
        ],
    },
    "BatchPipelineRequestCreateResponse": _CREATED,
    "BatchPipelineRequestListResponse": _LISTED,
    "BatchPipelineRequestResultList": {
        **_LISTED,
        "request_data": (dict, NULL),
        "error_message": (TEXT, NULL),
        "model_requests": [
            {
                "id": UUID,
                "pipeline_object": NAME,
                "success": bool,
                "time_created": MILLISECONDS,
                "time_last_updated": MILLISECONDS,
                **_RUN,
            }
        ],
    },
    "Error": {"error": r"(?s).+"},
}


FAILURE = {"error_code": r"[a-z_]+", "error_phase": "|".join(Phase)}
"""Additions of ours, where something failed."""


def fits(value: object, wanted: object) -> bool:
    """Whether ``value`` is as ``wanted`` says: a pattern, a type, one of several, members, or a list of such."""
    if isinstance(wanted, str):
        return isinstance(value, str) and re.fullmatch(wanted, value) is not None
    if isinstance(wanted, tuple):
        return any(fits(value, one) for one in wanted)
    if isinstance(wanted, dict):
        return isinstance(value, dict) and not misfits(value, wanted)
    if isinstance(wanted, list):
        return isinstance(value, list) and all(fits(item, wanted[0]) for item in value)
    return type(value) is wanted


def misfits(body: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Members that lack, are too many, or are not as they should be."""
    if "error_message" in wanted and body.get("error_message"):
        wanted = {**wanted, **FAILURE}
    names = sorted(body.keys() ^ wanted.keys())
    return names + [
        f"{name}: {body[name]!r}" for name in body.keys() & wanted.keys() if not fits(body[name], wanted[name])
    ]


def raw(api: CoreApi) -> Any:
    """The body of the real client's last answer, as it was on the wire."""
    return json.loads(api.api_client.last_response.data)


def check_last(api: CoreApi, kind: str) -> Any:
    """Every member of the last answer (or of each of its items) is as the contract says; returns the answer."""
    body = raw(api)
    for item in body if isinstance(body, list) else [body]:
        assert misfits(item, BODIES[kind]) == [], kind
    return body
