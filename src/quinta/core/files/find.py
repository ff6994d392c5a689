"""Repositories by their numbers."""

from __future__ import annotations

from quinta.core.errors import NotFound
from quinta.core.files.model import Repository
from quinta.core.ports import UnitOfWork
from quinta.core.scope import in_project


async def repository_named(work: UnitOfWork, project_id: str, number: str) -> Repository:
    """The project's repository with that number, any text; NotFound (field ``repository_id``) when there is none."""
    repository = None
    if number.isascii() and number.isdecimal():
        repository = await work.of(Repository, in_project(project_id)).get(number=number)
    if repository is None:
        raise NotFound(f"there is no repository '{number[:80]}'", field="repository_id")
    return repository
