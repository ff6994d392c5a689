"""That the jobs of a project may use a dataset (contract dq0 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from quinta.core.access.model import Actor
from quinta.core.datasets.model import DataPermission, Dataset, DatasetAttachment
from quinta.core.datasets.sight import DatasetReference, ids_referred, sight_of
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.kit.ids import new_id


async def attach_dataset(work: UnitOfWork, project_id: str, dataset: Dataset, now: datetime) -> bool:
    """Writes the attachment; False if there is one."""
    await work.of(Project, EVERYTHING).lock(project_id)  # two at once write one row
    attachments = work.of(DatasetAttachment, in_project(project_id))
    if await attachments.count(dataset_id=dataset.id):
        return False
    await attachments.add(DatasetAttachment(new_id(), project_id, dataset.id, now))
    return True


async def detach_dataset(work: UnitOfWork, project_id: str, reference: DatasetReference) -> Dataset | None:
    """Removes the attachment and answers its dataset; None if there is none, of that dataset or of any."""
    try:
        ids = await ids_referred(work, reference)
    except NotFound:
        return None
    if len(ids) > 1 or not await work.of(DatasetAttachment, in_project(project_id)).remove(dataset_id=ids[0]):
        return None
    return await work.of(Dataset, EVERYTHING).get(id=ids[0])


async def attached_ids(work: UnitOfWork, project_id: str) -> list[str]:
    """The ids of the project's datasets, in the order that they were attached in."""
    ids: list[str] = await work.of(DatasetAttachment, in_project(project_id)).values("dataset_id", order=("id",))
    return ids


async def attached_datasets(work: UnitOfWork, project_id: str) -> list[Dataset]:
    """The project's datasets that are not deleted, in the order that they were attached in."""
    ids = await attached_ids(work, project_id)
    rows = {dataset.id: dataset for dataset in await work.of(Dataset, EVERYTHING).find(id=ids, deleted_at=None)}
    return [rows[item] for item in ids if item in rows]


async def check_readable(work: UnitOfWork, actor: Actor, project_id: str, datasets: Sequence[Dataset]) -> None:
    """NotPermitted while one of them is there that the actor may not use, or that its owner lets nobody read any
    more."""
    sight = await sight_of(work, actor)
    for dataset in datasets:
        seen = sight.permissions(dataset)
        if DataPermission.READ not in seen:
            which = f"the dataset '{dataset.name}'" if seen else "a dataset that is attached to the project"
            raise NotPermitted(
                f"you may not read {which}: its owner gives that, or it is detached", project_id=project_id
            )


async def datasets_for_job(work: UnitOfWork, actor: Actor, project_id: str) -> list[Dataset]:
    """The datasets that a job which the actor starts in the project reads: all that are attached. Raises as
    ``check_readable``."""
    datasets = await attached_datasets(work, project_id)
    await check_readable(work, actor, project_id, datasets)
    return datasets
