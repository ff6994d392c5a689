"""What registering a dataset, or changing its metadata, writes (contract dq0 5.4, 5.6, 9.32)."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import uuid4

from quinta.core.access.base_roles import base_role
from quinta.core.access.grants import set_grant
from quinta.core.access.levels import is_administrator, is_owner_role
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel
from quinta.core.datasets.epsilon import budget_of
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.metadata import DatasetMetadata
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import Dataset, PrivacyBudget
from quinta.core.errors import AlreadyExists, InvalidInput, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

_NOT_IN_NAMES = frozenset(",\"'`")
"""Clients join names with commas, and a statement has names in quotes."""


async def require_registrar(work: UnitOfWork, actor: Actor) -> None:
    """NotPermitted for who may not bring data: a file that the server can read is read in its name."""
    if not await is_owner_role(work, actor) and not await is_administrator(work, actor):
        raise NotPermitted("only data owners may register or change datasets: the role 'owner' is needed")


async def check_metadata(metadata: DatasetMetadata, files: FileRules) -> None:
    """InvalidInput, field ``meta``: a name that no dataset can have, a file that may not be registered."""
    name = metadata.name
    if name != name.strip() or _NOT_IN_NAMES & set(name) or parse_id(name) is not None:
        raise InvalidInput(
            "metadata: the name of a dataset has no commas, no quotes and no blanks at its ends, and does not look "
            "like a UUID",
            field="meta",
        )
    if metadata.connector is not None and metadata.connector.uri:
        await asyncio.to_thread(files.place, metadata.connector.uri)


async def require_free(work: UnitOfWork, name: str) -> None:
    if await work.of(Dataset, EVERYTHING).count(name=name, deleted_at=None):
        raise AlreadyExists(f"there is a dataset named '{name}' already", field="name")


async def add_dataset(
    work: UnitOfWork, actor: Actor, metadata: DatasetMetadata, text: str, keeper: MetadataKeeper, clock: Clock
) -> Dataset:
    """Writes the row, and lets everybody with one of the base roles use it, which the owner may take back.

    AlreadyExists (``name``): a name that is taken.
    """
    dataset_id, now = str(uuid4()), clock.now()  # clients tell ids from names by their version, 4 (contract dq0 1.19)
    number = await work.next_number(Dataset)  # from here on nobody else registers one
    await require_free(work, metadata.name)
    dataset = Dataset(
        id=dataset_id,
        number=number,
        owner_id=actor.user_id,
        meta=keeper.sealed(text, dataset_id),
        created_at=now,
        updated_at=now,
        **described(metadata),
    )
    await work.of(Dataset, EVERYTHING).add(dataset)
    for name in (BaseRole.USER, BaseRole.OWNER):
        role = await base_role(work, name, clock)
        await set_grant(work, clock, actor, role, GrantKind.DATASET, dataset.id, PermissionLevel.USE)
    return dataset


def described(metadata: DatasetMetadata) -> dict[str, Any]:
    """The fields of a Dataset that its metadata say. Its privacy level is the highest of its tables."""
    tables = [table for _, table in metadata.tables]
    return {
        "name": metadata.name,
        "kind": "" if metadata.connector is None else metadata.connector.type_name,
        "description": metadata.description,
        "privacy_level": max((table.privacy_level for table in tables), default=metadata.privacy_level),
        "size": tables[0].rows if tables else 0,
        "permissions": metadata.permissions,
        "mean": metadata.mean,
        "deviation": metadata.deviation,
        "statistics": metadata.statistics,
        "sample": metadata.sample,
    }


def new_budget(dataset: Dataset, metadata: DatasetMetadata, default: int, now: datetime) -> PrivacyBudget:
    """What a new dataset's users may spend: what its metadata declare, else ``default``, in 1e-9 epsilon."""
    initial = declared_budget(metadata, default)
    days = metadata.privacy_budget_interval_days
    return PrivacyBudget(new_id(), dataset.id, initial, initial, days, now, now, now)


def declared_budget(metadata: DatasetMetadata, default: int) -> int:
    """In 1e-9 epsilon: of the dataset, else the sum over its tables, else ``default``."""
    if metadata.privacy_budget is not None:
        return budget_of(metadata.privacy_budget, "meta")
    of_tables = [table.budget_epsilon for _, table in metadata.tables if table.budget_epsilon is not None]
    return budget_of(sum(of_tables), "meta") if of_tables else default
