"""What a job that waited may read, asked anew when it starts: what datasets' owners said meanwhile holds."""

from __future__ import annotations

from collections.abc import Sequence

from quinta.core.access.levels import level_in_project
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import DataJob
from quinta.core.commits.sight import dataset_ids_of
from quinta.core.datasets.attachments import attached_ids
from quinta.core.datasets.model import DataPermission, Dataset
from quinta.core.datasets.sight import Sight, sight_of
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project, User


async def datasets_of(work: UnitOfWork, job: DataJob) -> list[Dataset]:
    """What was attached when the job was made, in its order. NotFound where one is not there any more."""
    ids = dataset_ids_of(job)
    found = {each.id: each for each in await work.of(Dataset, EVERYTHING).find(id=ids, deleted_at=None)} if ids else {}
    if len(found) < len(set(ids)):
        raise NotFound("a dataset of the job is not there any more", reason=Reason.INPUT_UNAVAILABLE)
    return [found[each] for each in ids]


async def check_starter(work: UnitOfWork, job: DataJob, datasets: Sequence[Dataset]) -> Sight:
    """The sight of whoever started the job. NotFound where a dataset was detached from the project, NotPermitted where
    the starter could not start it any more."""
    if not {dataset.id for dataset in datasets}.issubset(await attached_ids(work, job.project_id)):
        raise NotFound("a dataset of the job was detached from its project", reason=Reason.INPUT_UNAVAILABLE)
    user = None if job.created_by is None else await work.of(User, EVERYTHING).get(id=job.created_by)
    if user is None or not user.is_active:
        raise NotPermitted("whoever started the job has no account any more that is active")
    actor = Actor(user.id, user.email, user.is_staff, key_id="", expires_at=None, project_id=user.project_id)
    project = await work.of(Project, EVERYTHING).get(id=job.project_id)
    if project is None or await level_in_project(work, actor, project) < PermissionLevel.WRITE:
        raise NotPermitted("whoever started the job may not start jobs in its project any more")
    sight = await sight_of(work, actor)
    if any(DataPermission.READ not in sight.permissions(dataset) for dataset in datasets):
        raise NotPermitted("whoever started the job may not read one of its datasets any more")
    return sight
