"""Logged models: there are none, which MLflow 3's clients ask for wherever they list artifacts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from quinta.dialects.mlflow.calls import Looking
from quinta.dialects.mlflow.shapes import INTEGER, OBJECTS, TEXT, TEXTS, takes

router = APIRouter(prefix="/api/2.0/mlflow/logged-models", tags=["Logged models"])


@router.post(
    "/search",
    openapi_extra=takes(
        experiment_ids=TEXTS, filter=TEXT, datasets=OBJECTS, max_results=INTEGER, order_by=OBJECTS, page_token=TEXT
    ),
)
async def logged_model_search(call: Looking) -> dict[str, Any]:
    """None, in experiments that the caller may read."""
    for number in (await call.members()).numbers("experiment_ids"):
        await call.tracking.outside.get(call.actor, number)
    return {"models": []}
