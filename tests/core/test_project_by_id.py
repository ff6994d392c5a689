"""A project by its id on both databases: the same rules as by its name (decision 0010)."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from quinta.core.access.decide import project_by_id, project_for
from quinta.core.access.model import Permission
from quinta.core.access.roles import DEFAULT_BY_NAME, ObjectType, RoleAssignment
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.metering import add_user
from tests.core.test_clients import service_user
from tests.storage.rows import add_tenant


async def ending(call: Awaitable[Project]) -> str:
    try:
        return (await call).id
    except (NotFound, NotPermitted) as error:
        return f"{error.code} {error.is_refusal}"


async def test_an_id_opens_what_the_name_opens(database: Database) -> None:
    tenant, other = await add_tenant(database), await add_tenant(database, "other")
    editor, viewer, of_a_model = [await add_user(database, tenant, is_admin=False) for _ in range(3)]
    for actor, role, kind, target in (
        (editor, "project-editor", ObjectType.PROJECT, tenant.project.id),
        (viewer, "project-viewer", ObjectType.PROJECT, tenant.project.id),
        (of_a_model, "project-editor", ObjectType.MODEL, tenant.model.id),
    ):
        role_id = DEFAULT_BY_NAME[role].id
        given = RoleAssignment(new_id(), tenant.project.id, actor.user_id, role_id, kind, target)
        async with database.begin() as work:
            await work.of(RoleAssignment, in_project(tenant.project.id)).add(given)
    actors = [
        await add_user(database, tenant),
        await add_user(database, tenant, is_admin=False),
        await add_user(database, other),
        await add_user(database),
        await service_user(database, tenant.project.id, "project-admin"),
        await service_user(database, other.project.id, "project-admin"),
        editor,
        viewer,
        of_a_model,
    ]
    for status in OrganizationStatus:
        async with database.begin() as work:
            await work.of(Organization, EVERYTHING).change(tenant.organization.id, status=status)
        endings = set()
        async with database.read() as work:
            for actor in actors:
                for permission in Permission:
                    by_id = await ending(project_by_id(work, actor, tenant.project.id, permission))
                    assert by_id == await ending(project_for(work, actor, tenant.project.name, permission))
                    endings.add(by_id)
        assert endings == {tenant.project.id, "not_found True", "not_permitted True"}


async def test_a_project_of_others_is_like_none(database: Database) -> None:
    tenant, stranger = await add_tenant(database), await add_user(database)
    async with database.read() as work:
        with pytest.raises(NotFound) as hidden:
            await project_by_id(work, stranger, tenant.project.id, Permission.PROJECTS_GET)
        with pytest.raises(NotFound) as missing:
            await project_by_id(work, stranger, new_id(), Permission.PROJECTS_GET)
    assert hidden.value.message == missing.value.message
    assert (hidden.value.is_refusal, missing.value.is_refusal) == (True, False)
