"""Which environment variables reach a version, and what they make of it (contract ubiops 4.2, 4.5)."""

from __future__ import annotations

from collections.abc import Iterable

from quinta.core.errors import StateConflict
from quinta.core.models.model import EnvironmentVariable, VariableLevel
from quinta.core.ports import Secrets, Store, UnitOfWork
from quinta.core.reasons import Reason
from quinta.core.resealing import Anew, seal_rows_again, text_anew
from quinta.core.scope import in_project

MODEL_FILE_VARIABLE = "ML_MODEL_FILE_NAME"
DEFAULT_MODEL_FILE = "model"

_LEVELS = tuple(VariableLevel)


async def variables_reaching(
    work: UnitOfWork, project_id: str, model_id: str | None = None, version_id: str | None = None
) -> list[EnvironmentVariable]:
    """The variables of a project, of a model with its project, or of a version with both, by name. Of several with
    the same name the one of the lowest level is there, for it shadows the others."""
    owners = [owner for owner in (project_id, model_id, version_id) if owner is not None]
    return shadowed(await work.of(EnvironmentVariable, in_project(project_id)).find(owner_id=owners))


def shadowed(variables: Iterable[EnvironmentVariable]) -> list[EnvironmentVariable]:
    """One variable for each name, that of the lowest level, by name."""
    highest_first = sorted(variables, key=lambda variable: _LEVELS.index(variable.level), reverse=True)
    by_name = {variable.name: variable for variable in highest_first}
    return [by_name[name] for name in sorted(by_name)]


async def environment_of(
    work: UnitOfWork, secrets: Secrets, project_id: str, model_id: str, version_id: str
) -> dict[str, str]:
    """What the code of a version finds in its environment, secrets in the clear, by name.

    StateConflict when a secret does not open: code must not run on without it.
    """
    values = {}
    for variable in await variables_reaching(work, project_id, model_id, version_id):
        value = value_of(secrets, variable)
        if value is None:
            raise StateConflict(
                f"the secret environment variable '{variable.name}' cannot be opened with the server's keys: "
                "set its value again, or have the key put back",
                reason=Reason.SECRET_UNREADABLE,
            )
        values[variable.name] = value
    return values


def value_of(secrets: Secrets, variable: EnvironmentVariable) -> str | None:
    """The value in the clear; None for a secret that does not open."""
    return secrets.open(variable.value, variable.id) if variable.secret else variable.value


async def seal_again(store: Store, secrets: Secrets) -> int:
    """Seals every secret value with the newest key that was sealed with another; returns how many do not open."""

    def anew(variable: EnvironmentVariable) -> Anew:
        return text_anew(secrets, "value", variable.value, variable.id)

    return await seal_rows_again(store, EnvironmentVariable, anew, secret=True)


async def model_file_of(work: UnitOfWork, project_id: str, model_id: str, version_id: str) -> str:
    """The name of the module to build a version with, with or without ``.py``."""
    for variable in await variables_reaching(work, project_id, model_id, version_id):
        if variable.name == MODEL_FILE_VARIABLE:
            return variable.value or DEFAULT_MODEL_FILE  # never a secret: core.models.variables
    return DEFAULT_MODEL_FILE
