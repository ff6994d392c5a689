"""``.meta`` in a project's folder: what the SDK knows of the project (contract dq0 1.15, 3.6)."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from quinta.gateway.calls import GatewayFailure

NAME = ".meta"
DEFAULT_EXPERIMENT = "Default"
_LARGEST_BYTES = 1024 * 1024
_MODE = 0o644
_PLAIN = frozenset({"project_uuid", "project_name", "commit_uuid", "experiment_name", "datasets"})


def first_meta(project_uuid: str, project_name: str) -> dict[str, Any]:
    """Of a new project. ``Project.load`` needs every key, and a mapping as ``datasets`` (contract dq0 1.15)."""
    return {
        "project_uuid": project_uuid,
        "project_name": project_name,
        "commit_uuid": "",
        "experiment_name": DEFAULT_EXPERIMENT,
        "datasets": {},
    }


def read_meta(folder: Path) -> dict[str, Any] | None:
    """What stands in the folder's ``.meta``, completed; None where there is none, or none that names a project."""
    try:
        with open(folder / NAME, encoding="utf-8") as file:
            content = YAML(typ="safe", pure=True).load(file.read(_LARGEST_BYTES))
    except (OSError, UnicodeDecodeError, YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(content, Mapping) or not isinstance(content.get("project_uuid"), str):
        return None
    meta = {**first_meta(content["project_uuid"], folder.name), **content}
    if not isinstance(meta["datasets"], Mapping):
        meta["datasets"] = {}
    return meta


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    """Replaces the file in one step: the SDK may read it at any moment. GatewayFailure 500 where it cannot be.

    It is a line for each key, so that people can add theirs, and behind it JSON, with texts in quotes: the SDK reads
    YAML 1.1, in which ``yes`` and ``12:30`` are no texts.
    """
    text = "".join(
        f"{_key(key)}: {json.dumps(value, ensure_ascii=False, default=str)}\n" for key, value in meta.items()
    )
    text = "".join(each if each.isprintable() or each == "\n" else f"\\U{ord(each):08x}" for each in text)
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=f"{NAME}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(handle, _MODE)
            os.replace(name, folder / NAME)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise GatewayFailure(500, f"{folder / NAME} cannot be written: {error.strerror or error}") from None


def _key(key: object) -> str:
    name = str(key)
    return name if name in _PLAIN else json.dumps(name, ensure_ascii=False)
