"""What a job on datasets may read, asked anew when it starts: what its datasets' owners said meanwhile holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.commits.sight import dataset_ids_of
from quinta.core.datasets.attachments import attached_ids
from quinta.core.datasets.model import DataPermission, Dataset
from quinta.core.datasets.sight import hidden_columns, sight_of
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import User

_STARTED: Final = frozenset({DataJobKind.RUN, DataJobKind.TRANSFORM})
"""Jobs of the project's own code. Others read what a model learnt from, by the platform's code alone."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A dataset for one job: without its ``hidden`` columns, and with the owner's own words only where ``owned``."""

    dataset: Dataset
    hidden: frozenset[str] = frozenset()
    owned: bool = False


async def grants_of(work: UnitOfWork, job: DataJob) -> list[Grant] | Failure:
    """The job's datasets as whoever started it may see them now."""
    ids = dataset_ids_of(job)
    if not ids:
        return []
    found = {each.id: each for each in await work.of(Dataset, EVERYTHING).find(id=ids, deleted_at=None)}
    if len(found) < len(ids):
        return Failure(Reason.INPUT_UNAVAILABLE, "a dataset of the job is not there any more")
    datasets = [found[each] for each in ids]
    if job.kind not in _STARTED:
        return [Grant(dataset) for dataset in datasets]
    if not set(ids).issubset(await attached_ids(work, job.project_id)):
        return Failure(Reason.INPUT_UNAVAILABLE, "a dataset of the job was detached from its project")
    user = None if job.created_by is None else await work.of(User, EVERYTHING).get(id=job.created_by)
    if user is None or not user.is_active:
        return Failure(Reason.REQUEST_REFUSED, "whoever started the job has no account any more that is active")
    return await _granted(work, user, datasets)


async def _granted(work: UnitOfWork, user: User, datasets: list[Dataset]) -> list[Grant] | Failure:
    actor = Actor(user.id, user.email, user.is_staff, key_id="", expires_at=None, project_id=user.project_id)
    sight = await sight_of(work, actor)
    if any(DataPermission.READ not in sight.permissions(dataset) for dataset in datasets):
        return Failure(Reason.REQUEST_REFUSED, "whoever started the job may not read one of its datasets any more")
    hidden = await hidden_columns(work, sight, datasets)
    return [
        Grant(
            dataset,
            hidden[dataset.id],
            owned=sight.level(dataset.id, dataset.owner_id) >= PermissionLevel.MANAGE,
        )
        for dataset in datasets
    ]
