"""Projects: their folders on this computer, and what the server keeps of them (contract dq0 2.3, 3.6, 4.2)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quinta.gateway.calls import GatewayFailure, LocalCall, Reply, text
from quinta.gateway.desk import Desk
from quinta.gateway.metafile import first_meta, read_meta, write_meta
from quinta.gateway.packing import LARGEST_FILE_BYTES, pack
from quinta.gateway.state import LocalProject
from quinta.gateway.template import write_template
from quinta.kit.ids import new_id

_LONGEST_NAME = 255
_ZIP = "application/zip"


class Projects:
    """Operations that touch a folder. Those that change a project on the server do that first, then its ``.meta``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, call: LocalCall) -> Reply:
        """Makes the project on the server and its folder in ``working_dir``, which appears whole or not at all."""
        values = call.values
        name, where = text(values, "name"), _working_folder(values)
        if (
            name in (".", "..")
            or any(bad in name for bad in "/\\")
            or not name.isprintable()
            or len(name.encode()) > _LONGEST_NAME
        ):
            raise GatewayFailure(400, f"'name' must be the name of a folder, without slashes; it is {name[:80]!r}")
        folder = where / name
        if folder.is_symlink() or folder.exists():
            raise GatewayFailure(409, f"{folder} exists already")
        draft = where / f".dq0-{new_id()}"
        try:
            draft.mkdir()
        except OSError as error:
            raise GatewayFailure(409, f"no folder can be made in {where}: {error.strerror or error}") from None
        try:
            return self._create(name, folder, draft)
        except OSError as error:
            raise GatewayFailure(409, f"{folder} cannot be written: {error.strerror or error}") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)  # it is gone where it became the folder

    def _create(self, name: str, folder: Path, draft: Path) -> Reply:
        write_template(draft)
        reply = self._desk.ask("POST", "/projects", {"name": name})
        if reply.failed:
            return reply
        uuid = reply.body.get("project_uuid")
        if not isinstance(uuid, str) or not uuid:
            raise GatewayFailure(502, "the server made the project, but did not say its uuid")
        write_meta(draft, first_meta(uuid, name))
        draft.rename(folder)  # fails where somebody has put files there meanwhile
        with self._desk.memory.change() as state:
            state.projects[uuid] = LocalProject(uuid, name, str(folder))
        message = f"successfully created new project: {name}"
        return Reply(200, {**reply.body, "message": message, "project_uuid": uuid, "project_name": name})

    def unlink(self, _: LocalCall, uuid: str) -> Reply:
        """Forgets the folder; neither it nor the project goes."""
        with self._desk.memory.change() as state:
            project = state.projects.pop(uuid, None)
        if project is None:
            raise _unknown(uuid)
        return Reply(200, {"message": f"successfully removed project {project.name} from the local list"})

    def deploy(self, call: LocalCall, uuid: str) -> Reply:
        """Sends the folder; the message ends with the commit's uuid (contract dq0 1.8). ``working_dir`` (an addition)
        says where the folder is now."""
        values = call.values
        folder = self._moved(uuid, values) if values.get("working_dir") else self._folder(uuid)
        packed = pack(folder)
        reply = self._desk.ask("POST", f"/projects/{uuid}/deploy", body=packed.data, content_type=_ZIP)
        if reply.failed:
            return reply
        message = reply.body.get("message")
        commit = message.split(" ")[-1] if isinstance(message, str) else ""
        if not commit:
            raise GatewayFailure(502, "the server took the project, but did not say the commit's uuid")
        self._note(folder, uuid, commit_uuid=commit)
        if packed.left_out:
            files, limit = ", ".join(packed.left_out), LARGEST_FILE_BYTES // 2**20
            return Reply(200, {**reply.body, "message": f"left out, being over {limit} MiB: {files}; {message}"})
        return reply

    def attach(self, call: LocalCall, uuid: str) -> Reply:
        reply = self._desk.forward(call)
        if not reply.failed and (folder := self._linked(uuid)) is not None:
            name, data = self._data(call.values)
            meta = self._meta(folder, uuid)
            write_meta(folder, {**meta, "datasets": {**meta["datasets"], name: data}})
        return reply

    def detach(self, call: LocalCall, uuid: str) -> Reply:
        reply = self._desk.forward(call)
        if not reply.failed and (folder := self._linked(uuid)) is not None:
            values, meta = call.values, self._meta(folder, uuid)
            gone = {values.get("data_name"), values.get("data_uuid")} - {None, ""} or set(self._data(values))
            kept = {name: data for name, data in meta["datasets"].items() if not gone & {name, data}}
            write_meta(folder, {**meta, "datasets": kept})
        return reply

    def set_experiment_name(self, call: LocalCall, uuid: str) -> Reply:
        name = text(call.values, "experiment_name")
        reply = self._desk.forward(call)
        if not reply.failed and (folder := self._linked(uuid)) is not None:
            self._note(folder, uuid, experiment_name=name)
        return reply

    def commit_content(self, call: LocalCall, _: str) -> Reply:
        """With ``local_only``, what would be deployed now; else what the server has."""
        values = call.values
        if values.get("local_only") is not True:
            return self._desk.forward(call)
        uuid = text(values, "project_uuid")
        folder = self._folder(uuid)
        meta = self._meta(folder, uuid)
        content = [
            {"path": path, "label": path.rpartition("/")[2], "header": "", "is_dir": False, "file_size": str(size)}
            for path, size in pack(folder).files
        ]
        names = {name: meta[name] for name in ("project_uuid", "project_name", "commit_uuid", "experiment_name")}
        return Reply(200, {**names, "content": [{**node, "children": []} for node in content]})

    def _data(self, values: Mapping[str, Any]) -> tuple[str, str]:
        """The name and uuid of the dataset that a body names by one of them, or by its number."""
        wanted = {name: values[name] for name in ("data_uuid", "data_name", "data_id") if values.get(name)}
        if isinstance(wanted.get("data_uuid"), str) and isinstance(wanted.get("data_name"), str):
            return wanted["data_name"], wanted["data_uuid"]
        page = 1
        while True:
            reply = self._desk.ask("GET", "/data", query=f"page={page}&page_size=1000")
            items = [] if reply.failed else reply.body["items"]
            for item in items:
                if all(item.get(name) == value for name, value in wanted.items()):
                    return item["data_name"], item["data_uuid"]
            if len(items) < 1000:
                raise GatewayFailure(
                    502, "the server did as asked, but does not tell of the dataset: .meta is as before"
                )
            page += 1

    def _linked(self, uuid: str) -> Path | None:
        """The project's folder, or None where it is not on this computer (any more)."""
        project = self._desk.memory.read().projects.get(uuid)
        return Path(project.directory) if project is not None and Path(project.directory).is_dir() else None

    def _folder(self, uuid: str) -> Path:
        project = self._desk.memory.read().projects.get(uuid)
        if project is None:
            raise _unknown(uuid)
        folder = Path(project.directory)
        if not folder.is_dir():
            raise GatewayFailure(409, f"{folder} is gone; if it was moved, run 'dq0 project deploy' where it is now")
        return folder

    def _moved(self, uuid: str, values: Mapping[str, Any]) -> Path:
        """The folder whose ``.meta`` names the project, remembered as its place."""
        folder = _working_folder(values)
        meta = read_meta(folder)
        if meta is None or meta["project_uuid"] != uuid:
            raise GatewayFailure(400, f"{folder} is not the folder of project {uuid}: its .meta does not say so")
        with self._desk.memory.change() as state:
            known = state.projects.get(uuid)
            state.projects[uuid] = known or LocalProject(uuid, str(meta["project_name"]), str(folder))
            state.projects[uuid].directory = str(folder)
        return folder

    def _meta(self, folder: Path, uuid: str) -> dict[str, Any]:
        """The folder's, or a new one where it was lost or overwritten."""
        meta = read_meta(folder)
        if meta is None or meta["project_uuid"] != uuid:
            meta = first_meta(uuid, self._desk.memory.read().projects[uuid].name)
        return meta

    def _note(self, folder: Path, uuid: str, **values: str) -> None:
        write_meta(folder, {**self._meta(folder, uuid), **values})


def _working_folder(values: Mapping[str, Any]) -> Path:
    folder = Path(text(values, "working_dir"))
    if not folder.is_absolute() or not folder.is_dir():
        raise GatewayFailure(
            400, f"'working_dir' must be the full path of a folder on this computer, not {str(folder)!r}"
        )
    return folder


def _unknown(uuid: str) -> GatewayFailure:
    return GatewayFailure(
        404, f"project {uuid} is not on this computer: make one, or run 'dq0 project deploy' in its folder"
    )
