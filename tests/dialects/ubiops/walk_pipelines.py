"""The part of the walk about connectors, pipelines and schedules: they stand on the model ``doubler``."""

from __future__ import annotations

from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.ubiops.walk import Walk
from tests.dialects.ubiops.walk_administration import Ground

NUMBER = [{"name": "number", "data_type": "double"}]
PIPELINE = {"name": "twice-first", "input_type": "structured", "input_fields": NUMBER}
# Nobody listens there: verification ends, and what is sent ends in the log (contract ubiops 7.3).
SIGN_IN = {"username": "ann", "password": "secret-word", "host": "127.0.0.1", "port": "1"}


def connectors(walk: Walk, ground: Ground) -> None:
    """Leaves the connector ``table`` with its credentials ``keys``, verified in vain."""
    assert "postgresql" in {item["connector"] for item in walk("configurations_list")}
    new = {"name": "keys-first", "type": "postgresql", "configuration": SIGN_IN}
    keys = walk("credentials_create", **ground.where, data=new)
    renamed = walk("credentials_update", **ground.where, credentials_name="keys-first", data={"name": "keys"})
    assert (renamed["id"], renamed["name"]) == (keys["id"], "keys")

    place = {"database": "d", "table": "t"}
    table = {"name": "table-first", "type": "postgresql", "credentials": "keys", "configuration": place}
    made = walk("connectors_create", **ground.where, data={**table, "input_fields": NUMBER})
    at = {**ground.where, "connector_name": "table"}
    walk("connectors_update", **ground.where, connector_name="table-first", data={"name": "table"})
    ended = wait_for(lambda: walk("connectors_get", **at), lambda found: found["status"] == "failed_verification")
    assert (ended["id"], ended["credentials"], ended["input_fields"]) == (made["id"], "keys", NUMBER)
    assert walk("connectors_list", **ground.where) == [ended]
    ended = wait_for(
        lambda: walk("credentials_get", **ground.where, credentials_name="keys"),
        lambda found: found["status"] == "failed_verification",
    )
    assert (ended["reference_count"], ended["configuration"]) == (1, SIGN_IN | {"password": None})
    assert walk("credentials_list", **ground.where) == [ended]


def pipelines(walk: Walk, ground: Ground) -> None:
    """Leaves the pipeline ``twice``: start to ``first`` to ``second``, and from there to the connector."""
    made = walk("pipelines_create", **ground.where, data=PIPELINE)
    at = {**ground.where, "pipeline_name": "twice"}
    renamed = walk("pipelines_update", **ground.where, pipeline_name="twice-first", data={"name": "twice"})
    assert renamed == made | {"name": "twice", "last_updated": renamed["last_updated"]}
    assert walk("pipelines_get", **at) == renamed
    assert walk("pipelines_list", **ground.where) == [renamed]

    of_model = {"reference_type": "model", "reference_name": "doubler", "version": "v1"}
    for name in ("first", "other"):
        walk("pipeline_objects_create", **at, data={"name": name, **of_model})
    second = walk("pipeline_objects_update", **at, name="other", data={"name": "second"})
    of_connector = {"name": "kept", "reference_type": "connector", "reference_name": "table"}
    kept = walk("pipeline_objects_create", **at, data=of_connector)
    assert kept["version"] is None
    assert walk("pipeline_objects_get", **at, name="second") == second
    assert sorted(item["name"] for item in walk("pipeline_objects_list", **at)) == ["first", "kept", "second"]
    ground.staff.project_environment_variables_create(
        **ground.where, data={"name": "COLOUR", "value": "red", "secret": False}
    )
    (variable,) = walk("pipeline_object_environment_variables_list", **at, name="first")
    assert (variable["inheritance_type"], variable["inheritance_name"]) == ("project", ground.project)

    for source, destination, field in (("pipeline_start", "first", "number"), ("first", "second", "result")):
        attach(walk, at, source, destination, field)
    last = attach(walk, at, "second", "kept", "result")
    where = {**at, "source_name": "second", "destination_name": "kept"}
    assert walk("pipeline_object_attachments_get", **where) == last
    assert walk("pipeline_object_attachments_source_get", **at, source_name="second") == [last]
    assert len(walk("pipeline_object_attachments_list", **at)) == 3
    walk("pipeline_object_attachments_delete", **where)
    assert attach(walk, at, "second", "kept", "result")["id"] != last["id"]


def attach(walk: Walk, at: dict[str, str], source: str, destination: str, field: str) -> dict[str, object]:
    mapping = [{"source_field_name": field, "destination_field_name": "number"}]
    new = {"source_name": source, "destination_name": destination, "mapping": mapping}
    made: dict[str, object] = walk("pipeline_object_attachments_create", **at, data=new)
    assert made == {"id": made["id"], **new}
    return made


def requests(walk: Walk, ground: Ground) -> None:
    at = {**ground.where, "pipeline_name": "twice"}
    answer = walk("pipelines_request", **at, data={"number": 21}, pipeline_timeout=60, model_timeout=30)
    assert [(run["pipeline_object"], run["result"]) for run in answer["model_requests"]] == [
        ("first", {"result": 42}),
        ("second", {"result": 84}),
    ]
    created = walk("batch_pipeline_requests_create", **at, data=[{"number": number} for number in range(3)])
    ids = [item["id"] for item in created]
    collected = wait_for(
        lambda: walk("batch_pipeline_requests_batch_collect", **at, data=ids),
        lambda found: all(item["status"] == "completed" for item in found),
    )
    assert sorted(item["model_requests"][1]["result"]["result"] for item in collected) == [0, 4, 8]
    assert walk("batch_pipeline_request_get", **at, pipeline_request_id=ids[0]) in collected
    listed = walk("batch_pipeline_requests_list", **at, status="completed", success=True, limit=3, offset=1, sort="asc")
    assert [item["id"] for item in listed] == ids[1:]
    walk("batch_pipeline_request_delete", **at, pipeline_request_id=ids[0])
    walk("batch_pipeline_requests_batch_delete", **at, data=ids[1:])


def schedules(walk: Walk, ground: Ground) -> None:
    """One of the model, one of the pipeline; the latter stays, to go with the pipeline."""
    new = {"schedule": "0 0 1 1 *", "request_data": {"number": 1}}
    of_model = {"name": "model-first", "object_type": "model", "object_name": "doubler", "version": "v1", **new}
    made = walk("scheduled_requests_create", **ground.where, data=of_model)
    at = {**ground.where, "schedule_name": "of-model"}
    changed = walk(
        "scheduled_requests_update", **ground.where, schedule_name="model-first",
        data={"name": "of-model", "enabled": False},
    )  # fmt: skip
    assert changed == made | {"name": "of-model", "enabled": False}
    assert walk("scheduled_requests_get", **at) == changed
    of_pipeline = {"name": "of-pipeline", "object_type": "pipeline", "object_name": "twice", **new}
    other = walk("scheduled_requests_create", **ground.where, data=of_pipeline)
    assert other["version"] is None
    listed = walk("scheduled_requests_list", **ground.where)
    assert sorted(item["name"] for item in listed) == ["of-model", "of-pipeline"]
    walk("scheduled_requests_delete", **at)


def away(walk: Walk, ground: Ground) -> None:
    """What is referred to goes last; the pipeline takes its schedule along."""
    walk("pipeline_objects_delete", **ground.where, pipeline_name="twice", name="kept")
    walk("pipelines_delete", **ground.where, pipeline_name="twice")
    assert ground.staff.scheduled_requests_list(**ground.where) == []
    walk("connectors_delete", **ground.where, connector_name="table")
    walk("credentials_delete", **ground.where, credentials_name="keys")
