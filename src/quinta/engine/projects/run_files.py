"""The files of a job on datasets: what it is given, and what it left."""

from __future__ import annotations

import asyncio
import json
import shutil
import zipfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from quinta.core.commits.model import DataJob
from quinta.core.datasets.declared import declared_json, metadata_without
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.metadata import DatasetMetadata
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.errors import StateConflict
from quinta.core.files.keys import artifact_key, data_job_key
from quinta.core.files.model import InputFile
from quinta.core.files.stored import EMPTY_ZIP
from quinta.core.models.model import JobFolders
from quinta.core.ports import Archives, ObjectStore
from quinta.core.tracking.model import Artifact, Source
from quinta.engine.projects.columns import drop_columns
from quinta.engine.projects.grants import Grant
from quinta.engine.projects.journal import Journal
from quinta.engine.projects.logged import Logged, read_logged
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.supervisor.folders import read_file
from quinta.engine.threads import in_thread
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id
from quinta.wire.messages import STOP_FILE

TRAINING: Final = Path(__file__).parents[2] / "training"
"""Our own code that runs import, on their import path (contract dq0 7.3); what a run may read of the server."""
MODEL_FOLDER: Final = "model"
INPUT_FILE: Final = "input"
DEFINITION_FOLDER: Final = "definition"
DEFINITION_FILE: Final = "definition.json"
_MOST_DEFINITION_BYTES: Final = 1 << 20
_COPY_SECONDS: Final = 3_600.0
"""For a copy without the hidden columns: of some 30 GB."""


@dataclass(slots=True)
class Given:
    """A job's folders, the mounts in these, and what the members ``data`` and ``libraries`` of its task say of them."""

    folders: JobFolders
    mounts: dict[str, Path]
    data: list[dict[str, str]] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)


class RunFiles:
    """Keeps one folder below ``root`` for each job that is under way on this server."""

    def __init__(
        self,
        root: Path,
        objects: ObjectStore,
        archives: Archives,
        keeper: MetadataKeeper,
        rules: FileRules,
        clock: Clock,
    ) -> None:
        self._root = root
        self._objects = objects
        self._archives = archives
        self._keeper = keeper
        self._rules = rules
        self._clock = clock

    async def code(self, job: DataJob, archive_key: str | None) -> Path:
        """The zip of the job's commit; an empty one for a job without."""
        archive = self._folder(job) / "code.zip"
        await in_thread(remove_tree, self._folder(job))
        archive.parent.mkdir()
        if archive_key is None:
            archive.write_bytes(EMPTY_ZIP)
        else:
            await self._objects.fetch(archive_key, archive)
        return archive

    async def prepare(
        self, job: DataJob, grants: Sequence[Grant], model: Mapping[str, Artifact], definition: bytes | None
    ) -> Given:
        """Folders with the datasets, the job's own input, the files of ``model`` by their paths, and a definition:
        with one, no code but the platform's reads them, which needs to know whose each row is.

        Raises what core.datasets.files and the object store raise when something is not there any more, StateConflict
        for a dataset whose hidden columns cannot be left out.
        """
        folder = self._folder(job)
        inputs, results = folder / "inputs", folder / "results"
        for path in (inputs, results):
            path.mkdir()
        mounts: dict[str, Path] = {}
        given = Given(JobFolders(inputs, results, runs_command=True, mounts=mounts), mounts)
        for number, grant in enumerate(grants):
            await self._give(given, grant, number, folder, keeps_identifiers=definition is not None)
        if TRAINING.is_dir():
            mounts["training"] = TRAINING
            given.libraries.append("training")
        if job.input_key is not None:
            await self._fetch(job.input_key, inputs / INPUT_FILE)
        for name, artifact in model.items():
            await self._fetch(artifact.key, inputs / MODEL_FOLDER / name)
        if definition is not None:
            (inputs / DEFINITION_FOLDER).mkdir()
            await asyncio.to_thread((inputs / DEFINITION_FOLDER / DEFINITION_FILE).write_bytes, definition)
        await in_thread(_let_read, inputs)
        return given

    async def _give(self, given: Given, grant: Grant, number: int, folder: Path, *, keeps_identifiers: bool) -> None:
        """Adds a dataset: its file, its metadata, and what the server read in that."""
        dataset = grant.dataset
        full = await self._keeper.of(dataset)
        hidden = grant.hidden - _identifiers(full) if keeps_identifiers else grant.hidden
        try:
            path, dropped = await self._readable(full, hidden, folder / f"data-{number}")
        except OSError:
            raise StateConflict(f"the file of the dataset '{dataset.name}' cannot be read any more") from None
        # Two datasets of one file share a mount: it can be in one place only.
        mount = next((known for known, place in given.mounts.items() if place == path), f"data-{number}")
        given.mounts[mount] = path
        text = self._keeper.text(dataset) if grant.owned else await self._keeper.redacted(dataset, hidden, dropped)
        files = {"metadata": f"metadata-{number}.yaml", "declared": f"declared-{number}.json"}
        inputs = given.folders.inputs
        await asyncio.to_thread(_write, inputs / files["metadata"], text or "")
        declared = declared_json(metadata_without(full, hidden, dropped))
        await asyncio.to_thread(_write, inputs / files["declared"], declared)
        given.data.append({"name": dataset.name, "uuid": dataset.id, "mount": mount, **files})

    async def _readable(
        self, metadata: DatasetMetadata, hidden: frozenset[str], copy: Path
    ) -> tuple[Path, tuple[int, ...]]:
        """The dataset's file, and where the columns ``hidden`` were in it: a copy where it has such, or where only the
        server's own user may read it, since the job's is another."""
        connector = metadata.connector
        place = await in_thread(self._rules.place, "" if connector is None else connector.uri)
        copy = copy.with_suffix(place.suffix)
        if connector is not None and hidden:
            names = tuple(column.name for _, table in metadata.tables for column in table.columns)
            apart = ReadingProcess()
            apart.limit_seconds = _COPY_SECONDS
            try:
                dropped = await apart.call(drop_columns, place, copy, connector, names, hidden)
            finally:
                await asyncio.to_thread(apart.close)
            copy.chmod(0o644)
            return copy, dropped
        if place.stat().st_mode & 0o004:
            return place, ()
        await in_thread(_copy, place, copy)
        return copy, ()

    async def _fetch(self, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        await self._objects.fetch(key, path)

    async def ask_to_stop(self, job: DataJob) -> None:
        """Has the job's command sent SIGTERM, if it runs."""
        inputs = self._folder(job) / "inputs"
        if inputs.is_dir():
            await asyncio.to_thread((inputs / STOP_FILE).touch)

    async def keep_log(self, job: DataJob, journal: Journal) -> str:
        """Stores what is in the journal so far; the key."""
        key, copy = data_job_key(job.project_id, job.id, "log"), self._root / f"{job.id}.log"
        try:
            await asyncio.to_thread(_write, copy, journal.text())
            await self._objects.put_file(key, copy)
        finally:
            copy.unlink(missing_ok=True)
        return key

    async def definition(self, job: DataJob) -> bytes:
        """The definition that the job has left; ExchangeError where it left none."""
        output = self._folder(job) / "results" / "output"
        return await in_thread(read_file, output, (DEFINITION_FILE,), _MOST_DEFINITION_BYTES)

    async def logged(self, job: DataJob) -> Logged:
        """What the job logged to its run."""
        folder = self._folder(job)
        return await in_thread(read_logged, folder / "results" / "logs", folder / "tracking.jsonl")

    async def pack(self, job: DataJob) -> tuple[InputFile, ...]:
        """Packs what the job left in its output folder. TooLarge beyond the limits of archives."""
        folder = self._folder(job)
        return await self._archives.pack(folder / "results" / "output", folder / "output.zip")

    async def keep_artifacts(
        self, job: DataJob, files: Sequence[InputFile], platform: Collection[str]
    ) -> AsyncIterator[Artifact]:
        """Stores each of the files that ``pack`` has packed; those whose paths are in ``platform`` are its own."""
        folder = self._folder(job)
        packed = folder / "output.zip"
        for file in files:
            artifact_id, copy = new_id(), folder / "artifact"
            key = artifact_key(job.project_id, job.number, artifact_id)
            await in_thread(_extract, packed, file.path, copy)
            await self._objects.put_file(key, copy)
            source = Source.PLATFORM if file.path in platform else Source.USER
            yield Artifact(artifact_id, job.number, file.path, key, file.size, source, self._clock.now())

    async def left(self, job: DataJob, name: str, most: int) -> Any:
        """The JSON value of a file that ``pack`` has packed; None where there is none that can be read."""
        return await in_thread(_value_in, self._folder(job) / "output.zip", name, most)

    async def remove(self, job: DataJob) -> None:
        """Removes the job's folder, if it has one."""
        await in_thread(remove_tree, self._folder(job))

    def _folder(self, job: DataJob) -> Path:
        return self._root / job.id


def _identifiers(metadata: DatasetMetadata) -> frozenset[str]:
    """The columns that say whose a row is."""
    tables = [table for _, table in metadata.tables]
    named = {table.privacy_column for table in tables if table.privacy_column is not None}
    return frozenset(named.union(column.name for table in tables for column in table.columns if column.private_id))


def _let_read(folder: Path) -> None:
    """The job runs as a user of its own."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o644)


def _extract(archive: Path, path: str, target: Path) -> None:
    with zipfile.ZipFile(archive) as packed, packed.open(path) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def _value_in(archive: Path, name: str, most: int) -> Any:
    with zipfile.ZipFile(archive) as packed:
        if name not in packed.namelist() or packed.getinfo(name).file_size > most:
            return None
        try:
            return json.loads(packed.read(name))
        except (ValueError, RecursionError):
            return None
