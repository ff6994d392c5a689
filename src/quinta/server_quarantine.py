"""The part of server.py that is about data which nobody may see: what the quarantine stands on, and its loops."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from quinta.core.datasets.files import FileRules, local_files
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import NANO
from quinta.core.observation.failures import FailureCounts
from quinta.core.ports import Apart, JobRunner, ObjectStore, Passwords, Secrets, Store
from quinta.core.quarantine import Ground, Quarantine
from quinta.core.queries.questions import Questions
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.builds.build import PackageBuilder
from quinta.engine.data_folder import DataFolder
from quinta.engine.loops.data_jobs import DataJobLoop, RunSettings
from quinta.engine.loops.queries import QueryLoop
from quinta.engine.own_process import OwnFunction
from quinta.engine.projects.run_files import RunFiles
from quinta.engine.projects.snapshots import ProjectSnapshots
from quinta.engine.query_processes import QueryFunctions, QueryProcesses
from quinta.kit.clock import Clock
from quinta.privacy.metadata.reader import YamlMetadataReader
from quinta.settings import Settings

_LIBRARIES = "the server has no libraries for private SQL: its operator installs quinta with the extra 'privacy'"


@dataclass(frozen=True, slots=True)
class QuarantineParts:
    keeper: MetadataKeeper
    files: FileRules
    questions: Questions
    queries: QueryProcesses


def quarantine_parts(settings: Settings, folders: DataFolder, secrets: Secrets, apart: Apart) -> QuarantineParts:
    keeper = MetadataKeeper(YamlMetadataReader(), apart, secrets)
    own = (settings.data, *local_files(settings.storage_url, settings.database_url))
    files = FileRules(settings.dataset_folders, own)
    functions = query_functions(folders.queries, settings.query_memory_megabytes, os.cpu_count() or 1)
    limit = float(settings.query_time_limit_seconds)
    queries = QueryProcesses(functions, apart, settings.query_processes, settings.query_memory_megabytes, limit)
    return QuarantineParts(keeper, files, Questions(keeper, files), queries)


def query_functions(folder: Path, memory_megabytes: int, threads: int) -> QueryFunctions:
    """What ``quinta.privacy`` has, which nothing else of the server imports; imported files are kept in ``folder``."""
    process, place = "quinta.privacy.queries.process", (folder, memory_megabytes, threads)
    return QueryFunctions(
        cost=OwnFunction("quinta.privacy.queries.answering", "cost", missing=_LIBRARIES),
        answer=OwnFunction(process, "answer", *place, missing=_LIBRARIES),
        load=OwnFunction(process, "load", missing=_LIBRARIES),
        warm=OwnFunction(process, "warm", *place, missing=_LIBRARIES),
        together=OwnFunction("quinta.privacy.queries.composition", "tighter_epsilon", missing=_LIBRARIES),
    )


def quarantine_ground(
    settings: Settings,
    folders: DataFolder,
    parts: QuarantineParts,
    store: Store,
    objects: ObjectStore,
    passwords: Passwords,
    secrets: Secrets,
    apart: Apart,
    clock: Clock,
) -> Ground:
    return Ground(
        store=store,
        clock=clock,
        objects=objects,
        archives=ZipArchives(),
        snapshots=ProjectSnapshots(apart),
        passwords=passwords,
        secrets=secrets,
        metadata=parts.keeper,
        files=parts.files,
        questions=parts.questions,
        queries=parts.queries,
        staging=folders.uploads,
        default_budget=settings.dataset_budget * NANO,
    )


def quarantine_loops(
    settings: Settings,
    folders: DataFolder,
    parts: QuarantineParts,
    quarantine: Quarantine,
    store: Store,
    objects: ObjectStore,
    runner: JobRunner,
    builder: PackageBuilder,
    failures: FailureCounts,
    clock: Clock,
) -> tuple[DataJobLoop, QueryLoop]:
    files = RunFiles(folders.data_jobs, objects, ZipArchives(), parts.keeper, parts.files, clock)
    models, budgets, limits = quarantine.tracking.models, quarantine.budgets, _run_settings(settings)
    queries = QueryLoop(
        store,
        objects,
        parts.questions,
        parts.queries,
        budgets,
        failures,
        clock,
        folders.uploads,
        settings.query_processes,
    )
    return DataJobLoop(store, runner, builder, files, models, budgets, failures, clock, limits), queries


def _run_settings(settings: Settings) -> RunSettings:
    """Runs have the interpreter that is nearest to the server's own."""
    return RunSettings(
        requirements=settings.run_requirements,
        language="python" + ".".join(platform.python_version_tuple()[:2]),
        memory_megabytes=settings.run_memory_megabytes,
        time_limit_seconds=float(settings.run_time_limit_seconds),
    )
