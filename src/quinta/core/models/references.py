"""What holds on to models: the applications that run them (decision 0022)."""

from __future__ import annotations

from quinta.core.errors import StateConflict
from quinta.core.models.model import Application
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING


async def require_no_application(work: UnitOfWork, what: str, **used: str) -> None:
    """StateConflict when there is an application with these values, such as ``model_id``; ``what`` is to be deleted:
    "the model 'x'". Its clients, and all that is in them, would go with it. The caller may not know of the application,
    so its name is not told."""
    if await work.of(Application, EVERYTHING).count(**used):
        raise StateConflict(f"{what} is run as an application: an operator must remove the application first")
