"""Datasets (contract dq0 4.2)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.datasets.datasets import DatasetQuery
from quinta.core.datasets.sight import DatasetView
from quinta.core.errors import InvalidInput
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated, Call
from quinta.dialects.dq0.convert_data import data_body
from quinta.dialects.dq0.documentation import DATA, INTEGER, PERMISSION, ROLE, TEXT, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.members import Members
from quinta.dialects.dq0.references import dataset_in, role_in, uuid_asked, uuid_of

_ORDER = {
    "data_id": "number",
    "data_uuid": "id",
    "data_name": "name",
    "data_type": "kind",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
_META = takes({"meta": TEXT}, "meta")
_LEVEL = takes({**DATA, **ROLE}, "permission", permission=PERMISSION)

router = APIRouter(prefix="/data", tags=["data"])


@router.get("", name="DataList", openapi_extra=paged(user_id=INTEGER, project_uuid=TEXT, commit_uuid=TEXT))
async def data_list(call: Authenticated) -> shapes.DataList:
    """The datasets that the caller may know of."""
    listing = listing_of(call.query, _ORDER)
    query = DatasetQuery(
        listing.paging,
        project_id=uuid_asked(call.query, "project_uuid"),
        commit_id=uuid_asked(call.query, "commit_uuid"),
        owner_id=await call.user_asked(),
    )
    found = await call.quarantine.datasets.find(call.actor, query)
    return shapes.DataList(**listing.body(found, await _bodies(call, *found.items)))


@router.post("", name="DataCreate", openapi_extra=_META)
async def data_create(call: Authenticated) -> shapes.Data:
    """Registers the dataset that the metadata, YAML, describe; for data owners."""
    members = await call.members()
    return await _body(call, await call.quarantine.datasets.create(call.actor, _meta(members)))


@router.get("/{data_uuid}", name="DataGet")
async def data_get(call: Authenticated, data_uuid: str) -> shapes.Data:
    """One dataset."""
    return await _body(call, await call.quarantine.datasets.get(call.actor, uuid_of(data_uuid, "dataset")))


@router.patch("/{data_uuid}", name="DataPatch", openapi_extra=_META)
async def data_patch(call: Authenticated, data_uuid: str) -> shapes.Data:
    """Replaces a dataset's metadata."""
    dataset_id, members = uuid_of(data_uuid, "dataset"), await call.members()
    return await _body(call, await call.quarantine.datasets.change(call.actor, dataset_id, _meta(members)))


@router.delete("/{data_uuid}", name="DataDelete")
async def data_delete(call: Authenticated, data_uuid: str) -> shapes.Data:
    """Takes a dataset out of use; the answer is what it was."""
    return await _body(call, await call.quarantine.datasets.delete(call.actor, uuid_of(data_uuid, "dataset")))


@router.get("/{data_uuid}/sample", name="DataGetSample")
async def data_sample(call: Authenticated, data_uuid: str) -> shapes.Sample:
    """The sample that the dataset's owner has supplied."""
    dataset = (await call.quarantine.datasets.sample(call.actor, uuid_of(data_uuid, "dataset"))).dataset
    return shapes.Sample(uuid=dataset.id, name=dataset.name, type=dataset.kind, sample=dataset.sample)


@router.post("/{data_uuid}/permissions", name="DataPermissionSet", openapi_extra=_LEVEL)
async def data_permission_set(call: Authenticated, data_uuid: str) -> shapes.Nothing:
    """Grants a role a level on a dataset; for who manages it."""
    members = await call.members()
    level = members.needed_integer("permission")
    await call.quarantine.datasets.set_permission(call.actor, dataset_in(members, data_uuid), role_in(members), level)
    return shapes.Nothing()


def _meta(members: Members) -> str:
    """What is missing is no metadata that cannot be taken: it is not about ``meta`` for the table of errors."""
    if not (meta := members.text("meta")):
        raise InvalidInput("'meta' is missing: the metadata as a YAML text")
    return meta


async def _body(call: Call, view: DatasetView) -> shapes.Data:
    return (await _bodies(call, view))[0]


async def _bodies(call: Call, *views: DatasetView) -> list[shapes.Data]:
    around = await call.quarantine.overviews.around(
        projects=[view.dataset.project_id for view in views], commits=[view.dataset.commit_id for view in views]
    )
    return [data_body(view, around) for view in views]
