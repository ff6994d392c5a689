"""The audit trail for those who answer for data: owners and administrators of the quarantine (contract dq0 5.6)."""

from __future__ import annotations

from typing import Any

from quinta.core.access.levels import is_administrator, is_owner_role
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import GrantKind, RoleGrant
from quinta.core.datasets.model import Dataset, DatasetAttachment
from quinta.core.errors import NotPermitted
from quinta.core.observation.audit_entry import AuditEntry
from quinta.core.pages import Page, Paging, check_page
from quinta.core.ports import Repository, Store, UnitOfWork
from quinta.core.scope import EVERYTHING

MOST_BACK = 100_000
"""Entries of an owner's that can be paged through; the whole is the administrators'."""


class OwnersAudit:
    """Use case: reading, newest first. The rest is core.observation.audit."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, actor: Actor, paging: Paging) -> Page[AuditEntry]:
        """Administrators see the whole server. Who has the role owner sees what was done with its datasets, deleted
        ones included, and in the projects that they are attached to; other tenants' doings are nothing to it.

        NotPermitted for everybody else.
        """
        check_page(paging)
        async with self._store.read() as work:
            entries = work.of(AuditEntry, EVERYTHING)
            if await is_administrator(work, actor):
                found = await entries.find(order=("-sequence",), limit=paging.limit, offset=paging.offset)
                return Page(tuple(found), await entries.count())
            if not await is_owner_role(work, actor):
                raise NotPermitted(
                    "the audit trail is for administrators and owners of data: the role 'owner' is needed"
                )
            return await _concerning(entries, paging, *await _of_owner(work, actor))


async def _of_owner(work: UnitOfWork, actor: Actor) -> tuple[list[str], list[str]]:
    """The ids of its datasets with those of the grants on them, and of the projects that they are attached to."""
    datasets = await work.of(Dataset, EVERYTHING).values("id", owner_id=actor.user_id)
    grants = await work.of(RoleGrant, EVERYTHING).values("id", kind=GrantKind.DATASET, object_id=datasets)
    projects = await work.of(DatasetAttachment, EVERYTHING).distinct("project_id", dataset_id=datasets)
    return datasets + grants, projects


async def _concerning(
    entries: Repository[AuditEntry], paging: Paging, subjects: list[str], projects: list[str]
) -> Page[AuditEntry]:
    of_datasets: dict[str, Any] = {"subject_id": subjects}
    in_projects: dict[str, Any] = {"project_id": projects}
    wanted = min(paging.offset + paging.limit, MOST_BACK)
    numbers: set[int] = set()
    for conditions in (of_datasets, in_projects):
        numbers |= set(await entries.values("sequence", order=("-sequence",), limit=wanted, **conditions))
    page = sorted(numbers, reverse=True)[paging.offset : paging.offset + paging.limit]
    found = await entries.find(order=("-sequence",), sequence=page) if page else []
    both = await entries.count(**of_datasets, **in_projects)
    total = await entries.count(**of_datasets) + await entries.count(**in_projects) - both
    return Page(tuple(found), total)
