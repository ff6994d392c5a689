"""Projects (contract dq0 4.2, 4.3). Their folders are the gateway's."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.core.tenancy.quarantine_projects import ProjectQuery
from quinta.core.tracking.overviews import Subject
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.convert_projects import project_body, title_of
from quinta.dialects.dq0.documentation import DATA, INTEGER, PERMISSION, ROLE, TEXT, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.members import Members
from quinta.dialects.dq0.references import dataset_in, role_in, uuid_of
from quinta.kit.ids import parse_id

_ORDER = {"project_uuid": "id", "project_name": "name", "created_at": "created_at", "updated_at": "updated_at"}
_LEVEL = takes({"project_name": TEXT, "project_uuid": TEXT, **ROLE}, "permission", permission=PERMISSION)
_DATA = takes({**DATA})

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("", name="ProjectList", openapi_extra=paged(user_id=INTEGER))
async def project_list(call: Authenticated) -> shapes.Projects:
    """The projects that the caller may know of."""
    listing = listing_of(call.query, _ORDER)
    query = ProjectQuery(listing.paging, user_id=await call.user_asked())
    found = await call.quarantine.projects.find(call.actor, query)
    overviews = await call.quarantine.overviews.of(call.actor, [Subject(project.id) for project in found.items])
    return shapes.Projects(**listing.body(found, [project_body(overview) for overview in overviews]))


@router.post("", name="ProjectCreate", openapi_extra=takes({"name": TEXT, "working_dir": TEXT}, "name"))
async def project_create(call: Authenticated) -> shapes.ProjectMade:
    """Makes a project; its folder, of which ``working_dir`` speaks, is for the gateway to make."""
    members = await call.members()
    project = await call.quarantine.projects.create(call.actor, members.needed_text("name"))
    name = title_of(project)
    return shapes.ProjectMade(
        message=f"successfully created new project: {name}", project_uuid=project.id, project_name=name
    )


@router.post("/permissions", name="ProjectSetPermission", include_in_schema=False)
@router.post("/{project_uuid}/permissions", name="ProjectSetPermission", openapi_extra=_LEVEL)
async def project_set_permission(call: Authenticated, project_uuid: str = "") -> shapes.Nothing:
    """Grants a role a level on a project; for who manages it."""
    members = await call.members()
    level = members.needed_integer("permission")
    await call.quarantine.project_grants.set_permission(
        call.actor,
        role_in(members),
        level,
        project_id=_project_id(members, project_uuid),
        project_name=members.text("project_name"),
    )
    return shapes.Nothing()


@router.get("/{project_uuid}", name="ProjectInfo")
async def project_info(call: Authenticated, project_uuid: str) -> shapes.Project:
    """One project."""
    project = await call.quarantine.projects.get(call.actor, uuid_of(project_uuid, "project"))
    return project_body((await call.quarantine.overviews.of(call.actor, [Subject(project.id)]))[0])


@router.post("/{project_uuid}/attach", name="ProjectAttach", openapi_extra=_DATA)
async def project_attach(call: Authenticated, project_uuid: str) -> shapes.Message:
    """Lets the project's jobs use a dataset."""
    project_id, members = uuid_of(project_uuid, "project"), await call.members()
    new = await call.quarantine.datasets.attach(call.actor, project_id, dataset_in(members))
    return shapes.Message(
        message="successfully attached data to project" if new else "data is already attached to project"
    )


@router.post("/{project_uuid}/detach", name="ProjectDetach", openapi_extra=_DATA)
async def project_detach(call: Authenticated, project_uuid: str) -> shapes.Message:
    """Takes a dataset out of the project."""
    project_id, members = uuid_of(project_uuid, "project"), await call.members()
    gone = await call.quarantine.datasets.detach(call.actor, project_id, dataset_in(members))
    return shapes.Message(
        message="successfully detached data from project" if gone else "data is not attached to project"
    )


def _project_id(members: Members, path: str) -> str:
    if members.integer("project_id"):
        raise InvalidInput(
            "projects have no numbers here: say which by project_uuid or project_name", field="project_id"
        )
    given = members.text("project_uuid")
    if path and given and parse_id(given) != parse_id(path):
        raise InvalidInput("project_uuid is of another project than the path", field="project_uuid")
    text = path or given
    return uuid_of(text, "project") if text else ""
