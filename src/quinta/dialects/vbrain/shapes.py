"""What answers look like (contract vbrain 4, 5)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class Error(BaseModel):
    """Every refusal, whatever its status."""

    error: str


class Message(BaseModel):
    message: str


class Interface(BaseModel):
    """What is served here."""

    name: str
    interface: str
    documentation: str


class RepositoryCreated(BaseModel):
    message: str
    repository_id: str


class RepositoryInfo(BaseModel):
    repository_id: str
    name: str | None
    input: list[str]
    created_on: str
    created_by: str
    params: bool
    jobs: list[str]
    metadata: dict[str, Any]


class JobCreated(BaseModel):
    message: str
    job_id: str


class JobInfo(BaseModel):
    job_id: str
    repository_id: str
    job_status: Literal["queued", "started", "finished", "failed"]
    status: Literal["queued", "started", "finished", "failed"]
    name: str | None
    created_on: str
    created_by: str
    started_on: str | None
    finished_on: str | None
    params: bool
    metadata: dict[str, Any]
    error: str | None


class JobResult(BaseModel):
    output: Any
