"""Commits: a project's code as it was deployed (contract dq0 4.2, 9.7)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.commits.commits import CommitQuery
from quinta.core.commits.entry_points import arguments_of
from quinta.core.commits.model import Commit
from quinta.core.errors import InvalidInput
from quinta.core.tracking.overviews import Subject
from quinta.dialects.base.bodies import headers_of, media_type
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated, Call
from quinta.dialects.dq0.convert import seconds
from quinta.dialects.dq0.convert_projects import project_members
from quinta.dialects.dq0.documentation import FLAG, INTEGER, TEXT, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.members import Members
from quinta.dialects.dq0.references import uuid_asked, uuid_of
from quinta.dialects.dq0.routes_runs import ARGUMENTS, DEFAULT_ENTRY_POINT
from quinta.dialects.dq0.trees import tree_of
from quinta.kit.ids import parse_id

_ORDER = {"commit_uuid": "id", "commit_name": "name", "created_at": "created_at"}
_RUN = {"project_uuid": TEXT, "ml_project_entry_point": TEXT, "args": ARGUMENTS, "experiment_name": TEXT}
ZIP = "application/zip"
_ARCHIVE = {"requestBody": {"required": True, "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}}

router = APIRouter(tags=["commits"])


@router.post("/projects/{project_uuid}/deploy", name="ProjectDeploy", openapi_extra=_ARCHIVE)
async def project_deploy(call: Authenticated, project_uuid: str) -> shapes.Message:
    """Keeps the project's files, a zip, as a commit; unchanged ones are the commit that is there already."""
    project_id = uuid_of(project_uuid, "project")
    if media_type(headers_of(call.request.scope)) != ZIP:
        await call.members()
        raise InvalidInput(f"the project's files are missing: a gateway sends them, as a body of the type {ZIP}")
    async with call.upload() as archive:
        deployed = await call.quarantine.commits.deploy(call.actor, project_id, archive)
    return shapes.Message(message=f"successfully deployed project with commit uuid: {deployed.commit.id}")


@router.get("/commits", name="CommitList", openapi_extra=paged(user_id=INTEGER, project_uuid=TEXT))
async def commit_list(call: Authenticated) -> shapes.Commits:
    """Commits of the projects that the caller may read, newest first."""
    listing = listing_of(call.query, _ORDER)
    query = CommitQuery(listing.paging, uuid_asked(call.query, "project_uuid"), await call.user_asked())
    found = await call.quarantine.commits.find(call.actor, query)
    return shapes.Commits(**listing.body(found, await _bodies(call, *found.items)))


@router.get("/commits/{commit_uuid}", name="CommitInfo")
async def commit_info(call: Authenticated, commit_uuid: str) -> shapes.Commit:
    """One commit."""
    return (await _bodies(call, await call.quarantine.commits.get(call.actor, uuid_of(commit_uuid, "commit"))))[0]


@router.post(
    "/commits/{commit_uuid}/content",
    name="CommitContent",
    openapi_extra=takes({"project_uuid": TEXT, "local_only": FLAG, "path": TEXT}),
)
async def commit_content(call: Authenticated, commit_uuid: str) -> shapes.CommitContent:
    """A commit with its files, and the text of the one at ``path``, where that is given."""
    members = await call.members()
    commit = await _commit(call, commit_uuid, members)
    path = members.text("path")
    content = await call.quarantine.commits.content(call.actor, commit.id, path) if path else b""
    return shapes.CommitContent(
        **(await _bodies(call, commit))[0].model_dump(),
        content=tree_of((file.path, file.size) for file in commit.files),
        file_path=path,
        file_string=content.decode("utf-8", "replace"),
    )


@router.post("/commits/{commit_uuid}/run", name="CommitRun", openapi_extra=takes(_RUN))
async def commit_run(call: Authenticated, commit_uuid: str) -> shapes.Started:
    """Starts a run of an entry point of the commit."""
    members = await call.members()
    commit = await _commit(call, commit_uuid, members)
    job = await call.quarantine.jobs.run(
        call.actor,
        commit.project_id,
        commit.id,
        members.text("ml_project_entry_point") or DEFAULT_ENTRY_POINT,
        arguments_of(members.value("args")),
        experiment_name=members.text("experiment_name"),
    )
    return shapes.Started(message=f"run started by job with uuid: {job.number}", job_uuid=job.number)


@router.post("/commits/{commit_uuid}/transform", name="CommitTransform", openapi_extra=takes({"project_uuid": TEXT}))
async def commit_transform(call: Authenticated, commit_uuid: str) -> shapes.Started:
    """Starts a run of the commit's entry point ``transform``."""
    commit = await _commit(call, commit_uuid, await call.members())
    job = await call.quarantine.jobs.transform(call.actor, commit.id)
    return shapes.Started(message=f"transform started by job with uuid: {job.number}", job_uuid=job.number)


async def _commit(call: Call, commit_uuid: str, members: Members) -> Commit:
    """The commit of the path, which the body may say the project of."""
    commit = await call.quarantine.commits.get(call.actor, uuid_of(commit_uuid, "commit"))
    given = members.text("project_uuid")
    if given and parse_id(given) != commit.project_id:
        raise InvalidInput("the commit is of another project", field="project_uuid")
    return commit


async def _bodies(call: Call, *commits: Commit) -> list[shapes.Commit]:
    subjects = [Subject(commit.project_id, commit_id=commit.id) for commit in commits]
    overviews = await call.quarantine.overviews.of(call.actor, subjects)
    return [
        shapes.Commit(
            **project_members(overview),
            commit_uuid=commit.id,
            commit_name=commit.name,
            created_at=seconds(commit.created_at),
            updated_at=seconds(commit.created_at),
        )
        for commit, overview in zip(commits, overviews, strict=True)
    ]
