"""The part of the walk about models, variables, requests, blobs and logs."""

from __future__ import annotations

from pathlib import Path

from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.ubiops.walk import Walk
from tests.dialects.ubiops.walk_administration import Ground
from tests.models import zipped

DOUBLER = {
    "name": "doubler-first",
    "description": "Doubles",
    "input_type": "structured",
    "output_type": "structured",
    "input_fields": [{"name": "number", "data_type": "double"}],
    "output_fields": [{"name": "result", "data_type": "double"}],
}


def models(walk: Walk, ground: Ground, folder: Path) -> None:
    """Leaves the model ``doubler`` with its version ``v1``, available."""
    made = walk("models_create", **ground.where, data=DOUBLER)
    at = {**ground.where, "model_name": "doubler"}
    renamed = walk("models_update", **ground.where, model_name="doubler-first", data={"name": "doubler"})
    assert renamed == made | {"name": "doubler", "last_updated": renamed["last_updated"]}
    assert walk("models_get", **at) == renamed
    assert walk("models_list", **ground.where) == [renamed]

    settings = {"memory_allocation": 256, "maximum_instances": 1, "maximum_idle_time": 3600, "language": "python3.8"}
    version = walk("model_versions_create", **at, data={"version": "v0", **settings})
    changed = walk("model_versions_update", **at, version="v0", data={"version": "v1", "description": "First"})
    expected = {"version": "v1", "description": "First", "last_updated": changed["last_updated"]}
    assert changed == version | expected
    assert walk("model_versions_list", **at) == [changed]
    archive = folder / "package.zip"
    archive.write_bytes(zipped(package("double")))
    of_version = {**at, "version": "v1"}
    assert walk("model_versions_file_upload", **of_version, file=str(archive)) == {"success": True}
    assert walk("model_versions_file_download", **of_version) == archive.read_bytes()
    wait_for(lambda: walk("model_versions_get", **of_version), lambda found: found["status"] == "available")

    ground.staff.models_create(**ground.where, data={"name": "spare", "input_type": "plain", "output_type": "plain"})
    ground.staff.model_versions_create(**ground.where, model_name="spare", data={"version": "v1"})
    walk("model_versions_delete", **ground.where, model_name="spare", version="v1")
    walk("models_delete", **ground.where, model_name="spare")


def variables(walk: Walk, ground: Ground) -> None:
    """On all three levels; the lower ones show what they inherit."""
    levels = {
        "project": ground.where,
        "model": {**ground.where, "model_name": "doubler"},
        "model_version": {**ground.where, "model_name": "doubler", "version": "v1"},
    }
    kept = []
    for level, at in levels.items():
        operation = f"{level}_environment_variables"
        made = walk(f"{operation}_create", **at, data={"name": "COLOUR", "value": level, "secret": False})
        one = {**at, "id": made["id"]}
        changed = walk(f"{operation}_update", **one, data={"value": "red", "secret": True})
        assert changed == made | {"value": changed["value"], "secret": True}
        assert walk(f"{operation}_get", **one) == changed
        shown = walk(f"{operation}_list", **at)
        assert [item["id"] for item in shown] == [made["id"]]
        kept.append((f"{operation}_delete", one))
    for operation, one in reversed(kept):
        walk(operation, **one)


def requests(walk: Walk, ground: Ground) -> None:
    at = {**ground.where, "model_name": "doubler", "version": "v1"}
    answer = walk("model_requests_create", **at, data={"number": 21}, timeout=60)
    assert (answer["success"], answer["result"]) == (True, {"result": 42})
    created = walk("batch_model_requests_create", **at, data=[{"number": number} for number in range(4)])
    ids = [item["id"] for item in created]
    collected = wait_for(
        lambda: walk("batch_model_requests_batch_collect", **at, data=ids),
        lambda found: all(item["status"] == "completed" for item in found),
    )
    assert sorted(item["result"]["result"] for item in collected) == [0, 2, 4, 6]
    assert walk("batch_model_requests_get", **at, request_id=ids[0]) in collected
    listed = walk("batch_model_requests_list", **at, status="completed", success=True, limit=3, offset=1, sort="asc")
    assert [item["id"] for item in listed] == ids[1:]
    walk("batch_model_requests_delete", **at, request_id=ids[0])
    walk("batch_model_requests_batch_delete", **at, data=ids[1:])
    lines = walk("projects_log_list", **ground.where, data={"filters": {"model_name": "doubler"}, "limit": 5})
    assert {line["model_version"] for line in lines} == {"v1"}


def blobs(walk: Walk, ground: Ground, folder: Path) -> None:
    file = folder / "blob.bin"
    file.write_bytes(b"\0\1\2")
    blob = walk("blobs_create", **ground.where, file=str(file), blob_ttl=900)
    assert walk("blobs_list", **ground.where, range=-1) == [blob]
    assert walk("blobs_get", **ground.where, blob_id=blob["id"]) == b"\0\1\2"
    walk("blobs_delete", **ground.where, blob_id=blob["id"])


def clear(walk: Walk, ground: Ground) -> None:
    """At the end: the project goes, with everything in it."""
    walk("projects_delete", **ground.where)
    assert ground.project not in [item.name for item in ground.staff.projects_list()]
