"""Artifacts, through this server: MLflow's clients find them at ``mlflow-artifacts:/EXPERIMENT/RUN/artifacts/PATH``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.errors import NotFound
from quinta.core.tracking.artifacts import Entry
from quinta.dialects.base.downloads import file_response
from quinta.dialects.base.uploads import uploaded_body
from quinta.dialects.mlflow.calls import Authenticated, Call
from quinta.dialects.mlflow.convert import artifact_root
from quinta.dialects.mlflow.routes_runs import run_id_in
from quinta.dialects.mlflow.shapes import asked

router = APIRouter(prefix="/api/2.0", tags=["Artifacts"])


@router.get("/mlflow/artifacts/list", openapi_extra=asked("run_id", "path"))
async def artifact_list(call: Authenticated) -> dict[str, Any]:
    """What is in a folder of a run's artifacts, each with its path from their root."""
    run_id, path = run_id_in(call.query), call.query.text("path")
    view = await call.tracking.runs.get(call.actor, run_id)
    files = [_file(entry, entry.path) for entry in await _in_folder(call, run_id, path)]
    return {"root_uri": f"mlflow-artifacts:/{artifact_root(view.experiment.number, run_id)}", "files": files}


@router.get("/mlflow-artifacts/artifacts", openapi_extra=asked("path"))
async def stored_list(call: Authenticated) -> dict[str, Any]:
    """What is in a folder, each with its own name."""
    run_id, path = await _place(call, call.query.required("path"))
    return {"files": [_file(entry, entry.path.rpartition("/")[2]) for entry in await _in_folder(call, run_id, path)]}


@router.get("/mlflow-artifacts/artifacts/{path:path}")
async def stored_get(call: Authenticated, path: str) -> Response:
    """A file."""
    run_id, own = await _place(call, path)
    return await file_response(await call.tracking.artifacts.open(call.actor, run_id, own))


@router.put("/mlflow-artifacts/artifacts/{path:path}")
async def stored_put(call: Authenticated, path: str) -> dict[str, Any]:
    """Keeps the body as a file, in place of what was there."""
    run_id, own = await _place(call, path)
    await call.tracking.artifacts.check_upload(call.actor, run_id, own)
    limits = call.limits
    receive = call.request.receive
    async with uploaded_body(receive, call.headers, folder=limits.staging, limit=limits.maximum_upload_bytes) as file:
        await call.tracking.artifacts.upload(call.actor, run_id, own, file)
    return {}


async def _place(call: Call, path: str) -> tuple[str, str]:
    """The run, and the path below its artifacts. NotFound for a path that is of no run."""
    parts = path.strip("/").split("/")
    if len(parts) < 3 or parts[2] != "artifacts":
        raise NotFound("there are no artifacts but those of runs: EXPERIMENT/RUN/artifacts/PATH")
    view = await call.tracking.runs.get(call.actor, parts[1])
    if parts[0] != str(view.experiment.number):
        raise NotFound("there is no such run in this experiment")
    return parts[1], "/".join(parts[3:])


async def _in_folder(call: Call, run_id: str, path: str) -> list[Entry]:
    tree = await call.tracking.artifacts.tree(call.actor, run_id, path.strip("/"))
    depth = path.strip("/").count("/") + 1 if path.strip("/") else 0
    return [entry for entry in tree.entries if entry.path.count("/") == depth]


def _file(entry: Entry, path: str) -> dict[str, Any]:
    return {"path": path, "is_dir": entry.is_folder, **({} if entry.is_folder else {"file_size": entry.size})}
