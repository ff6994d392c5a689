"""Every operation of the slice by the real client: status, members, formats, and the rules of contract ubiops 0."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import BODIES, check_last, misfits
from tests.dialects.ubiops.conftest import core_api, package
from tests.dialects.ubiops.fields import GOOD
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, zipped
from tests.serving import RunningServer


def status_of(api: CoreApi) -> int:
    return int(api.api_client.last_response.status)


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def test_status(api: CoreApi) -> None:
    api.service_status()
    assert check_last(api, "Status") == {"status": "ok"}


def test_user(server: RunningServer) -> None:
    email, password = f"{unique('U')}@Example.com", "short but long enough"
    anyone = CoreApi(ubiops.ApiClient(ubiops.Configuration(host=f"{server.url}/v2.1")))
    anyone.user_create(data=ubiops.UserPendingCreate(email=email, password=password, terms_conditions=True, name="Ada"))
    assert check_last(anyone, "UserPendingDetail") == {"email": email.lower(), "name": "Ada", "surname": None}
    assert status_of(anyone) == 201

    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        signed_in = client.post("/v2.1/authorize", json={"email": email, "password": password})
        refused = client.post("/v2.1/authorize", json={"email": email, "password": password + "?"})
    assert sorted(signed_in.json()) == ["access", "refresh"]
    assert (refused.status_code, list(refused.json())) == (401, ["error"])

    api = core_api(server, signed_in.json()["access"])
    assert api.user_get().email == email.lower()
    check_last(api, "UserDetail")
    api.user_update(data={"surname": "Lovelace"})
    assert check_last(api, "UserDetail")["surname"] == "Lovelace"
    new = ubiops.UserUpdate(email=f"{unique('v')}@example.com", password="Better-1", previous_password=password)
    assert api.user_update(data=new).email == new.email
    api.user_delete()
    assert status_of(api) == 204
    with pytest.raises(ubiops.ApiException) as gone:
        api.user_get()
    assert gone.value.status == 401


def test_organizations_and_projects(api: CoreApi) -> None:
    name, project = unique("o"), unique("p")
    api.organizations_create(
        data=ubiops.OrganizationCreate(name=name, subscription="professional", subscription_agreed=True)
    )
    organization = check_last(api, "OrganizationList")
    assert status_of(api) == 201
    api.organizations_list()
    assert organization in check_last(api, "OrganizationList")
    api.organizations_get(organization_name=name)
    assert check_last(api, "OrganizationDetail") == organization | {"subscription": "professional", "status": "active"}

    api.projects_create(data=ubiops.ProjectCreate(name=project, organization_name=name))
    created = check_last(api, "ProjectList")
    assert (status_of(api), created["organization_name"]) == (201, name)
    api.projects_list()
    assert created in check_last(api, "ProjectList")
    api.projects_get(project_name=project)
    assert check_last(api, "ProjectList") == created
    api.projects_update(project_name=project, data=ubiops.ProjectUpdate(name=f"{project}-new"))
    assert check_last(api, "ProjectList") == created | {"name": f"{project}-new"}
    api.projects_delete(project_name=f"{project}-new")
    assert status_of(api) == 204
    api.projects_list()
    assert created["id"] not in {item["id"] for item in check_last(api, "ProjectList")}


def test_subscription_dates(api: CoreApi) -> None:
    """A date, null (by a plain dict) and nothing are all taken (contract ubiops 1.3)."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    for more in ({"subscription_end_date": tomorrow}, {"subscription_end_date": None}, {}):
        data = {"name": unique("o"), "subscription": "starter", "subscription_agreed": True, **more}
        assert api.organizations_create(data=data).name == data["name"]


def test_models_and_versions(api: CoreApi, project: str, tmp_path: Path) -> None:
    fields = [{"name": "number", "data_type": "double"}]
    model = {"name": "m", "input_type": "structured", "output_type": "plain", "input_fields": fields}
    api.models_create(project_name=project, data=model)
    created = check_last(api, "ModelList")
    assert status_of(api) == 201
    expected = model | {"output_fields": [], "description": "", "project": project, "number_of_versions": 0}
    assert {name: created[name] for name in expected} == expected
    api.models_update(project_name=project, model_name="m", data=ubiops.ModelUpdate(name="n", description="new"))
    changed = check_last(api, "ModelList")
    assert (changed["name"], changed["description"]) == ("n", "new")
    api.models_get(project_name=project, model_name="n")
    assert check_last(api, "ModelList") == changed
    api.models_list(project_name=project)
    assert check_last(api, "ModelList") == [changed]

    where = {"project_name": project, "model_name": "n"}
    api.model_versions_create(**where, data=ubiops.ModelVersionCreate(version="v1"))
    version = check_last(api, "ModelVersionList")
    defaults = {"memory_allocation": 2048, "maximum_instances": 5, "minimum_instances": 0, "maximum_idle_time": 300}
    expected = {**defaults, "language": "python3.7", "status": "initialised", "error_message": "", "model": "n"}
    assert {name: version[name] for name in expected} == expected
    assert status_of(api) == 201
    api.model_versions_update(**where, version="v1", data={"version": "v2.a_b", "language": "python3.8"})
    changed = check_last(api, "ModelVersionList")
    assert (changed["version"], changed["language"], changed["status"]) == ("v2.a_b", "python3.8", "initialised")
    api.model_versions_list(**where)
    assert check_last(api, "ModelVersionList") == [changed]

    archive = tmp_path / "päckage.zip"
    archive.write_bytes(zipped(package("double")))
    api.model_versions_file_upload(**where, version="v2.a_b", file=str(archive))
    assert check_last(api, "Success") == {"success": True}
    assert api.model_versions_get(**where, version="v2.a_b").status != "initialised"
    check_last(api, "ModelVersionList")
    got = api.model_versions_file_download(**where, version="v2.a_b")
    assert got.read() == archive.read_bytes()
    assert got.headers["Content-Type"] == "application/zip"
    assert got.headers["Content-Disposition"].encode("latin-1").decode() == 'attachment; filename="päckage.zip"'
    assert int(got.headers["Content-Length"]) == archive.stat().st_size
    assert api.models_get(project_name=project, model_name="n").number_of_versions == "1"
    api.model_versions_delete(**where, version="v2.a_b")
    assert (status_of(api), api.model_versions_list(**where)) == (204, [])


def test_the_command_line_clients_patch_right_after_an_upload(api: CoreApi, project: str, tmp_path: Path) -> None:
    """The whole set with equal values changes nothing and builds nothing anew (contract ubiops 3.4, 8.3)."""
    where = {"project_name": project, "model_name": "m"}
    api.models_create(project_name=project, data={"name": "m", "input_type": "plain", "output_type": "plain"})
    settings = {"language": "python3.6", "memory_allocation": 256, "maximum_instances": 1}
    settings |= {"minimum_instances": 0, "maximum_idle_time": 10}
    api.model_versions_create(**where, data={"version": "v1", **settings})
    archive = tmp_path / "package.zip"
    archive.write_bytes(zipped(package("echo")))
    api.model_versions_file_upload(**where, version="v1", file=str(archive))
    before = api.model_versions_update(**where, version="v1", data={"version": "v1", **settings})
    ended = wait_for(
        lambda: api.model_versions_get(**where, version="v1"), lambda found: found.status in ("available", "failed")
    )
    assert (ended.file_last_updated, ended.last_updated) == (before.file_last_updated, before.last_updated)


def test_requests(api: CoreApi, echo: ModelDoor) -> None:
    where = {"project_name": echo.project, "model_name": echo.model, "version": echo.version}
    answer = api.model_requests_create(**where, data=GOOD, timeout=30)
    check_last(api, "ModelRequestList")
    assert (answer.success, answer.result) == (True, GOOD)

    api.batch_model_requests_create(**where, data=[GOOD, GOOD, GOOD])
    created = check_last(api, "BatchModelRequestCreateResponse")
    assert (status_of(api), len(created)) == (200, 3)
    ids = [item["id"] for item in created]
    wait_for(
        lambda: api.batch_model_requests_batch_collect(**where, data=ids),
        lambda found: all(item.status == "completed" for item in found),
    )
    collected = check_last(api, "BatchModelRequestResultList")
    assert {item["id"] for item in collected} == set(ids)
    assert all(item["success"] and item["result"] == GOOD and item["error_message"] is None for item in collected)
    api.batch_model_requests_get(**where, request_id=ids[0])
    assert check_last(api, "BatchModelRequestResultList") in collected

    api.batch_model_requests_list(**where, status="completed", success=True, limit=2, offset=1, sort="desc")
    page = check_last(api, "BatchModelRequestListResponse")
    assert len(page) == 2
    assert page[0]["id"] > page[1]["id"]
    assert api.batch_model_requests_list(**where, status="completed", success=False) == []

    api.batch_model_requests_delete(**where, request_id=ids[0])
    assert status_of(api) == 204
    api.batch_model_requests_batch_delete(**where, data=ids[1:])
    assert status_of(api) == 201
    with pytest.raises(ubiops.ApiException) as gone:
        api.batch_model_requests_batch_collect(**where, data=ids)
    assert gone.value.status == 404


def test_blobs(api: CoreApi, project: str, tmp_path: Path) -> None:
    file = tmp_path / "te\\aching ü.bin"
    file.write_bytes(b"\x00\x01" * 100)
    ids = []
    for more in ({}, {"blob_ttl": 900}, {"blob_ttl": 259_200}):
        api.blobs_create(project_name=project, file=str(file), **more)
        blob = check_last(api, "BlobList")
        assert (status_of(api), blob["filename"], blob["size"]) == (201, file.name, 200)
        assert blob["ttl"] == more.get("blob_ttl", 259_200)
        ids.append(blob["id"])
    listed = api.blobs_list(project_name=project)
    assert [item.id for item in listed] == ids
    check_last(api, "BlobList")
    assert [item.id for item in api.blobs_list(project_name=project, range=-2)] == ids[1:]
    since = listed[0].creation_date.astimezone(UTC) - timedelta(seconds=1)
    since_text = since.strftime("%Y-%m-%d %H:%M:%S")
    assert [item.id for item in api.blobs_list(project_name=project, range=2, creation_date=since_text)] == ids[:2]
    got = api.blobs_get(project_name=project, blob_id=ids[0])
    assert got.read() == file.read_bytes()
    assert got.headers["Content-Disposition"].encode("latin-1").decode() == 'attachment; filename="te_aching ü.bin"'
    api.blobs_delete(project_name=project, blob_id=ids[0])
    assert status_of(api) == 204
    assert [item.id for item in api.blobs_list(project_name=project)] == ids[1:]


def test_error_bodies(api: CoreApi, project: str, stranger: httpx2.Client) -> None:
    with pytest.raises(ubiops.ApiException) as caught:
        api.models_get(project_name=project, model_name="nothing-here")
    assert caught.value.status == 404
    for method, path, status in (
        ("GET", f"/v2.1/projects/{project}", 404),
        ("GET", "/v2.1/nothing", 404),
        ("PUT", "/v2.1/user", 405),
        ("POST", "/v2.1/organizations", 400),
    ):
        answer = stranger.request(method, path)
        assert answer.status_code == status
        assert misfits(answer.json(), BODIES["Error"]) == []
        assert "retry-after" not in answer.headers
