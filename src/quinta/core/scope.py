"""The part of the data that a piece of work may touch. A repository cannot be had without one (decision 0002)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Rows whose ``column`` equals ``value``; no column means every row."""

    column: str | None
    value: str | None


def in_project(project_id: str) -> Scope:
    return Scope("project_id", project_id)


def in_organization(organization_id: str) -> Scope:
    return Scope("organization_id", organization_id)


def of_user(user_id: str) -> Scope:
    return Scope("user_id", user_id)


EVERYTHING = Scope(None, None)
"""For the server's own work, and for look-ups by globally unique names that core.access checks right after."""
