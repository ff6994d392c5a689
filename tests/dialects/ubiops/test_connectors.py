"""Connectors and credentials by the real client: members, merging, refusals, roles (contract ubiops 3.4, 7.3, 9.1).

The server here lets connectors reach public addresses only, so that verification ends without any: what stores do is
tested in tests/connectors.
"""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import check_last, raw
from tests.dialects.ubiops.people import People, assign, refusal_of
from tests.models import new_project

SIGN_IN = {"username": "ann", "password": "secret-word", "host": "127.0.0.1", "port": "1"}
PLACE = {"database": "d", "table": "t"}
FIELD = {"name": "field-1", "data_type": "int"}
S3 = {"access_key": "AKIA", "secret_key": "secret-word", "region": "eu-central-1"}
_SECONDS = 60


def path(project: str, *parts: str) -> str:
    return "/".join((f"/v2.1/projects/{project}", *parts))


def new_credentials(door: httpx2.Client, project: str, name: str = "keys", type_: str = "postgresql") -> dict[str, Any]:
    body = {"name": name, "type": type_, "configuration": SIGN_IN if type_ == "postgresql" else S3}
    answer = door.post(path(project, "credentials"), json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def connector(**changes: Any) -> dict[str, Any]:
    new = {"name": "c", "type": "postgresql", "credentials": "keys", "configuration": PLACE, "input_fields": [FIELD]}
    return new | changes


def verified(door: httpx2.Client, where: str) -> dict[str, Any]:
    deadline = time.monotonic() + _SECONDS
    while (found := door.get(where).json())["status"] == "pending_verification":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return dict(found)


def test_the_catalogue(api: CoreApi) -> None:
    api.configurations_list()
    catalogue = {item["connector"]: item for item in check_last(api, "ConfigurationList")}
    assert {name: item["connector_type"] for name, item in catalogue.items()} == {
        "aws_kinesis": "structured",
        "aws_s3": "blob",
        "azure_blob_storage": "blob",
        "gcp_bigquery": "structured",
        "gcp_cloud_storage": "blob",
        "mysql": "structured",
        "postgresql": "structured",
    }
    postgresql = catalogue["postgresql"]
    assert [(item["parameter"], item["default"]) for item in postgresql["connector_configuration"]] == [
        ("database", None), ("schema", "public"), ("table", None),
    ]  # fmt: skip
    assert {
        name: [item["parameter"] for item in entry["credentials_configuration"] if item["protected"]]
        for name, entry in catalogue.items()
    } == {
        "aws_kinesis": ["access_key", "secret_key"],
        "aws_s3": ["access_key", "secret_key"],
        "azure_blob_storage": ["connection_string"],
        "gcp_bigquery": ["json_key_file"],
        "gcp_cloud_storage": ["json_key_file"],
        "mysql": ["password"],
        "postgresql": ["password"],
    }
    assert not any(item["protected"] for entry in catalogue.values() for item in entry["connector_configuration"])


def test_every_operation(api: CoreApi, door: httpx2.Client, project: str) -> None:
    where = {"project_name": project}
    new = ubiops.CredentialsCreate(name="keys", type="postgresql", configuration=SIGN_IN)
    api.credentials_create(**where, data=new)
    keys = check_last(api, "CredentialsList")
    assert api.api_client.last_response.status == 201
    assert (keys["status"], keys["reference_count"]) == ("pending_verification", 0)
    assert keys["configuration"] == SIGN_IN | {"password": None}

    made = ubiops.ConnectorCreate(**connector(input_fields=[ubiops.ConnectorFieldCreate(**FIELD)]))
    api.connectors_create(**where, data=made)
    item = check_last(api, "ConnectorList")
    assert (api.api_client.last_response.status, item["status"]) == (201, "pending_verification")
    assert item["configuration"] == {"database": "d", "schema": "public", "table": "t"}
    assert (item["credentials"], item["input_type"], item["input_fields"]) == ("keys", "structured", [FIELD])

    for place in ("credentials/keys", "connectors/c"):
        failed = verified(door, path(project, place))
        assert failed["status"] == "failed_verification"
        assert "QUINTA_CONNECTOR_NETWORKS" in failed["error_message"]
        assert failed["last_updated"] == failed["creation_date"]
    api.connectors_get(**where, connector_name="c")
    assert check_last(api, "ConnectorList")["id"] == item["id"]
    api.connectors_list(**where)
    assert [each["name"] for each in check_last(api, "ConnectorList")] == ["c"]
    api.credentials_get(**where, credentials_name="keys")
    assert check_last(api, "CredentialsList")["reference_count"] == 1
    api.credentials_list(**where)
    assert [each["reference_count"] for each in check_last(api, "CredentialsList")] == [1]

    api.credentials_update(**where, credentials_name="keys", data=ubiops.CredentialsUpdate(name="renamed"))
    assert check_last(api, "CredentialsList")["status"] == "failed_verification"
    api.connectors_update(**where, connector_name="c", data=ubiops.ConnectorUpdate(name="d"))
    renamed = check_last(api, "ConnectorList")
    assert (renamed["status"], renamed["credentials"], renamed["id"]) == ("failed_verification", "renamed", item["id"])
    api.connectors_update(**where, connector_name="d", data={"configuration": {"table": "u"}})
    changed = check_last(api, "ConnectorList")
    assert (changed["status"], changed["error_message"]) == ("pending_verification", "")
    assert changed["configuration"] == {"database": "d", "schema": "public", "table": "u"}

    counts = api.projects_resource_usage(**where)
    assert int(counts.connectors) == 1
    for call in (api.credentials_delete, api.connectors_delete, api.credentials_delete):
        name = {"connector_name": "d"} if call == api.connectors_delete else {"credentials_name": "renamed"}
        used = call == api.credentials_delete and bool(api.connectors_list(**where))
        if used:
            with pytest.raises(ubiops.ApiException) as refused:
                call(**where, **name)
            assert (refused.value.status, "used by 1 connectors" in refused.value.body) == (400, True)
        else:
            call(**where, **name)
            assert api.api_client.last_response.status == 204
    assert raw_list(door, project) == ([], [])


def raw_list(door: httpx2.Client, project: str) -> tuple[Any, Any]:
    return door.get(path(project, "connectors")).json(), door.get(path(project, "credentials")).json()


def test_a_blob_connector_has_one_field(api: CoreApi, door: httpx2.Client, project: str) -> None:
    new_credentials(door, project, type_="aws_s3")
    bucket = {"configuration": {"bucket": "bucket", "path_prefix": "a/b"}, "type": "aws_s3"}
    blob = [{"name": "blob", "data_type": "blob"}]
    status, error = refusal_of(door.post(path(project, "connectors"), json=connector(**bucket, input_fields=blob)))
    assert (status, "leave input_fields out" in error) == (400, True)
    made = door.post(path(project, "connectors"), json=connector(**bucket, input_fields=[]))
    assert (made.status_code, made.json()["input_type"], made.json()["input_fields"]) == (201, "blob", blob)
    again = door.patch(path(project, "connectors/c"), json={"input_fields": blob})  # as it was shown
    assert (again.status_code, again.json()["input_fields"]) == (200, blob)
    api.connectors_list(project_name=project)
    assert raw(api)[0]["configuration"] == {"bucket": "bucket", "path_prefix": "a/b"}


def test_changed_credentials_are_verified_with_every_connector(door: httpx2.Client, project: str) -> None:
    new_credentials(door, project)
    new_credentials(door, project, "others")
    for name, keys in (("a", "keys"), ("b", "keys"), ("c", "others")):
        assert door.post(path(project, "connectors"), json=connector(name=name, credentials=keys)).status_code == 201
        verified(door, path(project, "connectors", name))
    for name in ("keys", "others"):
        verified(door, path(project, "credentials", name))
    # Null is how a protected value is shown: sent back, it stays; and what failed is looked at again.
    shown = door.get(path(project, "credentials/keys")).json()["configuration"]
    changed = door.patch(path(project, "credentials/keys"), json={"configuration": shown | {"host": "10.0.0.1"}})
    assert (changed.status_code, changed.json()["status"]) == (200, "pending_verification")
    for name in ("a", "b"):
        assert "'10.0.0.1'" in verified(door, path(project, "connectors", name))["error_message"]
    assert "'127.0.0.1'" in door.get(path(project, "connectors/c")).json()["error_message"]
    moved = door.patch(path(project, "connectors/c"), json={"credentials": "keys"})
    assert (moved.status_code, moved.json()["status"]) == (200, "pending_verification")
    assert "'10.0.0.1'" in verified(door, path(project, "connectors/c"))["error_message"]


BAD_CREDENTIALS: list[tuple[dict[str, Any], str]] = [
    ({"name": "Keys"}, "cannot be the name of credentials"),
    ({"name": "taken"}, "exist already"),
    ({"type": "oracle"}, "there is no type of connector 'oracle'"),
    ({"type": None}, "null"),
    ({"configuration": []}, "must be an object"),
    ({"configuration": {**SIGN_IN, "password": None}}, "must be a string"),
    ({"configuration": {k: v for k, v in SIGN_IN.items() if k != "host"}}, "needs the parameter 'host'"),
    ({"configuration": SIGN_IN | {"colour": "red"}}, "no parameter 'colour'"),
    ({"configuration": SIGN_IN | {"port": "65536"}}, "'port' does not match"),
    ({"configuration": SIGN_IN | {"port": True}}, "'port' must be a string"),
    ({"configuration": SIGN_IN | {"host": "/var/run/postgresql"}}, "'host' does not match"),
    ({"configuration": SIGN_IN | {"host": "a b"}}, "'host' does not match"),
    ({"configuration": SIGN_IN | {"username": "\x00"}}, "'username' does not match"),
    ({"configuration": SIGN_IN | {"username": "\ud800"}}, "'username' does not match"),
    ({"owner": "me"}, "no member"),
]


@pytest.mark.parametrize(("change", "text"), BAD_CREDENTIALS, ids=[text for _, text in BAD_CREDENTIALS])
def test_credentials_that_are_refused(door: httpx2.Client, project: str, change: dict[str, Any], text: str) -> None:
    new_credentials(door, project, "taken")
    good = {"name": "keys", "type": "postgresql", "configuration": SIGN_IN}
    headers = {"Content-Type": "application/json"}  # httpx2's own JSON cannot spell half a surrogate pair
    sent = door.post(path(project, "credentials"), content=json.dumps(good | change), headers=headers)
    status, error = refusal_of(sent)
    assert (status, text in error) == (400, True), error
    assert "secret-word" not in error
    assert [item["name"] for item in raw_list(door, project)[1]] == ["taken"]
    assert door.post(path(project, "credentials"), json=good).status_code == 201


BAD_CONNECTORS: list[tuple[dict[str, Any], str]] = [
    ({"name": "C"}, "cannot be the name of a connector"),
    ({"name": "taken"}, "exists already"),
    ({"credentials": "never-was"}, "there are no credentials named 'never-was'"),
    ({"credentials": "bucket-keys"}, "are of type aws_s3, not postgresql"),
    ({"configuration": {"database": "d"}}, "needs the parameter 'table'"),
    ({"configuration": PLACE | {"bucket": "b"}}, "no parameter 'bucket'"),
    ({"configuration": PLACE | {"table": ""}}, "'table' does not match"),
    ({"configuration": PLACE | {"schema": None}}, "'schema' must be a string"),
    ({"input_fields": []}, "at least one field"),
    ({"input_fields": [FIELD, FIELD]}, "2 times"),
    ({"input_fields": [{"name": "1", "data_type": "int"}]}, "cannot be the name of a field"),
    ({"input_fields": [{"name": "a", "data_type": "float"}]}, "must be one of"),
]


@pytest.mark.parametrize(("change", "text"), BAD_CONNECTORS, ids=[text for _, text in BAD_CONNECTORS])
def test_connectors_that_are_refused(door: httpx2.Client, project: str, change: dict[str, Any], text: str) -> None:
    new_credentials(door, project)
    new_credentials(door, project, "bucket-keys", "aws_s3")
    assert door.post(path(project, "connectors"), json=connector(name="taken")).status_code == 201
    status, error = refusal_of(door.post(path(project, "connectors"), json=connector() | change))
    assert (status, text in error) == (400, True), error
    assert [item["name"] for item in raw_list(door, project)[0]] == ["taken"]
    assert door.post(path(project, "connectors"), json=connector()).status_code == 201
    if "configuration" not in change or "table" in change["configuration"]:
        status, error = refusal_of(door.patch(path(project, "connectors/c"), json=change))
        assert (status, text in error) == (400, True), error


def test_the_type_stays(door: httpx2.Client, project: str) -> None:
    new_credentials(door, project)
    assert door.post(path(project, "connectors"), json=connector()).status_code == 201
    for place in ("credentials/keys", "connectors/c"):
        status, error = refusal_of(door.patch(path(project, place), json={"type": "mysql"}))
        assert (status, "the type cannot change" in error) == (400, True)
        assert door.patch(path(project, place), json={"type": "postgresql"}).status_code == 200


@pytest.mark.parametrize("noun", ["connector", "credentials"])
def test_a_role_on_one_object(door: httpx2.Client, project: str, people: People, noun: str) -> None:
    plural = "connectors" if noun == "connector" else noun
    for name in ("keys", "other-keys"):
        new_credentials(door, project, name)
    if noun == "connector":
        for name in ("keys", "other-keys"):
            assert door.post(path(project, plural), json=connector(name=name, credentials=name)).status_code == 201
    person = people.member(project)
    own, other = path(project, plural, "keys"), path(project, plural, "other-keys")
    assert person.client.get(own).status_code == 403
    given = assign(door, project, person.id, f"{noun}-viewer", object_name="keys", object_type=noun)
    assert person.client.get(own).status_code == 200
    assert [item["name"] for item in person.client.get(path(project, plural)).json()] == ["keys"]
    for refused in (person.client.get(other), person.client.patch(own, json={}), person.client.delete(own)):
        assert refused.status_code == 403
    assert door.patch(own, json={"name": "renamed"}).status_code == 200
    assert door.get(path(project, "role-assignments", given)).json()["object_name"] == "renamed"
    assign(door, project, person.id, f"{noun}-admin", object_name="renamed", object_type=noun)
    assert person.client.delete(path(project, plural, "renamed")).status_code == 204
    assert door.get(path(project, "role-assignments", given)).status_code == 404


def test_another_project_sees_nothing(door: httpx2.Client, project: str, stranger: httpx2.Client) -> None:
    new_credentials(door, project)
    assert door.post(path(project, "connectors"), json=connector()).status_code == 201
    theirs = new_project(stranger)
    for place in ("credentials/keys", "connectors/c"):
        assert stranger.get(path(project, place)).status_code == 404
        assert stranger.get(path(theirs, place)).status_code == 404
        assert door.get(path(project, place)).status_code == 200
    status, error = refusal_of(stranger.post(path(theirs, "connectors"), json=connector()))
    assert (status, "there are no credentials named 'keys'" in error) == (400, True)


def test_connectors_count_as_resources_of_the_plan(door: httpx2.Client, project: str) -> None:
    plan = {"max_projects": 1, "max_users": 1, "logs_retention_days": 1, "gb_seconds": 1, "resources": 1}
    assert door.post("/v2.1/subscriptions", json={"name": f"one-{project}", **plan}).status_code == 201
    change = {"subscription": f"one-{project}", "subscription_agreed": True}
    assert door.patch(f"/v2.1/organizations/o-{project}", json=change).status_code == 200
    new_credentials(door, project)
    assert door.post(path(project, "connectors"), json=connector()).status_code == 201
    status, error = refusal_of(door.post(path(project, "connectors"), json=connector(name="d")))
    assert (status, "allows 1 model versions, connectors and pipelines" in error) == (403, True)
