"""What answers look like (contract brainstem 6, 7, 8, 9.4)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Detail(BaseModel):
    """A refusal that is about no field."""

    detail: str


class Record(BaseModel):
    """A data repository. Which members there are is for ``include[]``, ``exclude[]`` and the path to say."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    is_public: bool | None = None
    data_organization_json: Any = None
    data_protocols_json: Any = None
    data_organization: Any = None
    data_protocols: Any = None
    location: str | None = None
    authgroups: list[int] | None = None


class GroupName(BaseModel):
    id: int
    name: str


class Target(BaseModel):
    """Data of this server that a record points at: ``size`` in bytes, ``changed`` the moment of its last change."""

    path: str
    protocol: str
    size: int
    checksum: str
    changed: str


class DataRepository(BaseModel):
    """Under ``datastorage`` on the path of that name."""

    data_repository: Record | None = None
    datastorage: Record | None = None
    groups: list[GroupName] | None = None
    targets: list[Target] | None = None


class Meta(BaseModel):
    page: int
    per_page: int
    total_results: int
    total_pages: int


class Paged(BaseModel):
    """The end of every list."""

    count: int
    next: str | None
    previous: str | None
    meta: Meta


class DataRepositories(Paged):
    """Under ``datastorages`` on the path of that name."""

    data_repositories: list[Record] | None = None
    datastorages: list[Record] | None = None
    groups: list[GroupName] | None = None


class GroupNames(BaseModel):
    groups: list[GroupName]
