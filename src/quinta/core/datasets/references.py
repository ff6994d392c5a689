"""What datasets hold on to."""

from __future__ import annotations

from quinta.core.datasets.model import Dataset
from quinta.core.errors import StateConflict
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING


async def require_no_dataset(work: UnitOfWork, user_id: str) -> None:
    """StateConflict where the user owns datasets, deleted ones included: their ledgers say what was ever told of them
    (contract dq0 9.28), and would go with the account. The caller has locked the user's row."""
    owned = await work.of(Dataset, EVERYTHING).count(owner_id=user_id)
    if owned:
        raise StateConflict(
            f"the account owns datasets ({owned}, deleted ones included), whose budgets are kept with it: it can be "
            "disabled, not deleted"
        )
