"""Files that runs left (contract dq0 4.2)."""

from __future__ import annotations

import base64

from fastapi import APIRouter

from quinta.core.errors import InvalidInput, TooLarge
from quinta.core.models.packages import Download
from quinta.core.tracking.artifacts import Tree
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.documentation import TEXT, asks
from quinta.dialects.dq0.references import uuid_of
from quinta.dialects.dq0.surroundings import around_runs
from quinta.dialects.dq0.trees import level_in, tree_of

_MOST_BYTES = 32 << 20
"""Of a file in one answer, which is whole in memory, and whole again sealed."""

router = APIRouter(prefix="/artifacts", tags=["artifacts"])


@router.get("/download", name="ArtifactDownload", openapi_extra=asks(run_uuid=TEXT, artifact_path=TEXT))
async def artifact_download(call: Authenticated) -> shapes.ArtifactData:
    """One file: as text, or in base64 where it is none."""
    path = _needed(call.query.get("artifact_path", ""), "artifact_path")
    run_id = uuid_of(_needed(call.query.get("run_uuid", ""), "run_uuid"), "run")
    content = await _content(await call.quarantine.tracking.artifacts.open(call.actor, run_id, path))
    try:
        text, encoding = content.decode("utf-8"), ""
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(content).decode("ascii"), "base64"
    return shapes.ArtifactData(data_path=path, data_string=text, data_encoding=encoding)


@router.get("/tree_structure", name="ArtifactTreeStructure", openapi_extra=asks(run_uuid=TEXT, path=TEXT, level=TEXT))
async def artifact_tree_structure(call: Authenticated) -> shapes.ArtifactTree:
    """What a run left, as a tree of folders."""
    level, path = level_in(call.query.get("level", "")), call.query.get("path", "").strip("/")
    run_id = uuid_of(_needed(call.query.get("run_uuid", ""), "run_uuid"), "run")
    tree = await call.quarantine.tracking.artifacts.tree(call.actor, run_id, path)
    view = await call.quarantine.tracking.runs.get(call.actor, run_id)
    around = await around_runs(call, [view])
    commit_id = None if view.job is None else view.job.commit_id
    number, email = around.user(view.run.created_by)
    return shapes.ArtifactTree(
        run_id=run_id,
        commit_uuid=commit_id or "",
        commit_name=around.commit(commit_id),
        experiment_uuid=view.experiment.id,
        experiment_name=view.experiment.name,
        job_uuid=run_id,
        job_name=view.run.name,
        project_uuid=view.run.project_id,
        project_name=around.project(view.run.project_id),
        user_id=number,
        user_name=email,
        artifact_next_page_token="",
        artifact_files=tree_of(files_in(tree), level, path),
    )


def files_in(tree: Tree) -> list[tuple[str, int]]:
    """The paths and sizes of its files."""
    return [(entry.path, entry.size) for entry in tree.entries if not entry.is_folder]


async def text_of(download: Download) -> str:
    """The text of a file that the platform wrote."""
    return (await _content(download)).decode()


async def _content(download: Download) -> bytes:
    if download.size > _MOST_BYTES:
        raise TooLarge(f"the artifact has {download.size} bytes, and at most {_MOST_BYTES} fit into an answer")
    return b"".join([piece async for piece in download.content])


def _needed(text: str, name: str) -> str:
    if not text:
        raise InvalidInput(f"'{name}' is missing", field=name)
    if "\0" in text:
        raise InvalidInput(f"'{name}' has a character that cannot be stored", field=name)
    return text
